"""Definitions that a file leaves open: a candidate's text fills them, and only its export reaches the replay checker.

The replay checker declares each export through the kernel under the type that the file gave, hides every other name
that came with it, and elaborates the rest of the file, statements included, on top of that. So a candidate can change
neither what its definition is, nor what notation, instances or names the theorems about it mean.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from proofsmith.domains.lean import gate, repetition, source
from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.checker import (
    CONFIRM_HEARTBEATS,
    ELABORATION_WALL_S,
    Checker,
    Context,
    Filled,
    Statement,
)
from proofsmith.domains.lean.outline import Misfilled, Outline, law_of, outline_of
from proofsmith.domains.lean.source import Document, Hole, Target
from proofsmith.domains.lean.trusted import Referee
from proofsmith.types import Problem

ANSWER = re.compile(r"(?:^|[._])(?:answer|solution)\Z", re.IGNORECASE)
"""Names of definitions that are the answer to a question: their values must be closed forms."""
_SECTION = re.compile(r"^noncomputable section\b", re.M)
GAP = 2
_PROPOSITION = re.compile(r":\s*Prop\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The file with a candidate's definitions in it, as text: what the elaborator is told, never the replay checker."""

    document: Document
    places: tuple[tuple[int, int], ...]
    """Of each hole's filling, helper definitions included, in the text."""


def filled(problem: Problem, candidate: str) -> Filling:
    """Put what `candidate` writes up to each definition, but for the file's own text, in the hole's place.

    Raises:
        Misfilled: a definition is missing, or says what no candidate may.
    """
    document = source.document_of(problem)
    text = candidate.replace("\r\n", "\n").removeprefix("\ufeff")
    _, at = source.imports_of(text)
    own = {c.name: (at + c.start, at + c.end) for c in lean_text.commands(text[at:]) if c.name}
    whole, behind = document.text[: document.body], document.body
    places = []
    for hole in source.holes_of(document):
        start, end = own.get(hole.name, (-1, -1))
        if start < at:
            raise Misfilled(f"there is no definition of {hole.name} where the file has it")
        before = document.text[behind : hole.start]
        beside = repetition.cut_front(before, text[at:start]).strip("\n")
        value = f"{beside}\n\n{text[start:end]}".strip("\n")
        refused = gate.refusal(value)
        if refused:
            raise Misfilled(f"{hole.name}: {refused}")
        whole += before
        places.append((len(whole), len(whole) + len(value)))
        whole += value + "\n" * GAP
        at, behind = end, hole.end
    whole += document.text[behind:]
    filling = replace(document, text=whole, targets=())
    targets = []
    for target in document.targets:  # by place: a candidate may have theorems of like names
        by = _shift(target, source.holes_of(document), places)
        statement = replace(target.statement, context=filling.before(target.start + by))
        targets.append(Target(statement=statement, start=target.start + by, end=target.end + by))
    return Filling(document=replace(filling, targets=tuple(targets)), places=tuple(places))


def _shift(target: Target, holes: Sequence[Hole], places: Sequence[tuple[int, int]]) -> int:
    """Return how much further on a theorem stands when the holes before it are filled."""
    return sum(
        (end - start + GAP) - (hole.end - hole.start)
        for hole, (start, end) in zip(holes, places, strict=True)
        if hole.start < target.start
    )


async def asked(
    problem: Problem, filling: Filling, checker: Checker, referee: Referee
) -> dict[str, Statement]:
    """Return by theorem the statement for the replay checker: on exports of the definitions, without their text.

    Raises:
        Misfilled: a definition does not elaborate, or the replay checker does not take it.
    """
    document = source.document_of(problem)
    holes = source.holes_of(document)
    outlines = await outlined(document, referee)
    exports: list[str] = []
    for hole, (start, end) in zip(holes, filling.places, strict=True):
        text = filling.document.text[start:end]
        if hole.name in outlines:
            text += f"\n\n{outlines[hole.name].proved(_command(text, hole))}"
        found = await checker.elaborate(
            filling.document.before(start),
            text,
            name=hole.name,
            heartbeats=CONFIRM_HEARTBEATS,
            wall_s=ELABORATION_WALL_S,
            export=True,
            whole=True,
        )
        if not found.ok or not found.export:
            raise Misfilled(f"{hole.name}: {found.first_error or 'it declares nothing'}")
        exports.append(found.export)
    statements = {
        target.statement.name: replace(
            target.statement, context=context_of(document, target.start, exports, outlines)
        )
        for target in document.targets
    }
    reading = await referee.read(statements[document.targets[-1].statement.name])
    if not reading.ok:
        raise Misfilled(reading.error)
    return statements


def _command(text: str, hole: Hole) -> str:
    """Return the definition's own command among what a candidate writes for it."""
    found = [text[c.start : c.end] for c in lean_text.commands(text) if c.kind in ("def", "abbrev")]
    return found[-1] if found else text


async def outlined(document: Document, reader: Checker | Referee) -> dict[str, Outline]:
    """Return by name what the file gives of definitions that are open in part.

    Raises:
        Misfilled: a definition's form is not understood.
    """
    found: dict[str, Outline] = {}
    for hole in source.holes_of(document):
        if hole.given:
            contexts = await reader.gaps(document.before(hole.start), hole.given)
            try:
                found[hole.name] = outline_of(hole, contexts)
            except Misfilled as error:
                raise Misfilled(f"{hole.name} is open in part: {error}") from None
    return found


def context_of(
    document: Document, place: int, exports: Sequence[str], outlines: Mapping[str, Outline]
) -> Context:
    """Return what stands before `place`: the file's own text, in which exports stand where definitions are open."""
    holes = source.holes_of(document)
    pairs = [(h, e) for h, e in zip(holes, exports, strict=True) if h.start < place]
    if not pairs:
        return document.before(place)
    ends = [*(hole.start for hole, _ in pairs[1:]), place]
    items = [
        replace(
            _filled(hole, export, document),
            after=document.text[hole.end : end],
            law=outlines[hole.name].text if hole.name in outlines else "",
            law_name=law_of(hole) if hole.name in outlines else "",
        )
        for (hole, export), end in zip(pairs, ends, strict=True)
    ]
    return replace(document.before(pairs[0][0].start), filled=tuple(items))


def _filled(hole: Hole, export: str, document: Document) -> Filled:
    modifiers = lean_text.code(hole.head).split(hole.name.rpartition(".")[2])[0]
    return Filled(
        name=hole.name,
        text=hole.head + " := sorry",
        export=export,
        after="",
        closed=bool(ANSWER.search(hole.name) or _PROPOSITION.search(hole.head)),
        noncomputable="noncomputable" in modifiers.split()
        or bool(_SECTION.search(lean_text.code(document.text[: hole.start]))),
        reducible=bool(re.search(r"\b(?:abbrev|reducible)\b", modifiers)),
    )
