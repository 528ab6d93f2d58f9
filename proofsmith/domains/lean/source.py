"""Turn a Lean file into a problem: imports, text before each open theorem, statements; cut proofs out again."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofsmith.domains.lean import folder, repetition
from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.checker import CORE_IMPORTS, Context, Statement
from proofsmith.errors import UsageError
from proofsmith.types import JSON, Goal, Problem, Status, digest

LARGEST_BYTES = 4 * 1024 * 1024
SORRY = ":= by sorry"
MATHLIB = re.compile(
    r"[ℝℂℚℤℕ∑∏√‖]|\b(?:Finset|Set|Real|Complex|Polynomial|Matrix|ZMod|Nat\.Prime|Prime|IsLeast|IsGreatest|NNReal)\b"
)
"""What a file that imports it would miss without it."""
_HEAD = re.compile(r"(?:theorem|lemma)\s+\S+\s*", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A theorem of the file to prove: where its command is, and its statement."""

    statement: Statement
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A definition that is left open: where its command is, and what stands before its body."""

    name: str
    head: str
    start: int
    end: int
    given: str = ""
    """The whole command where only a part of the body is `sorry`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file taken apart."""

    text: str
    imports: tuple[str, ...]
    body: int
    """Where the text after the imports begins."""
    targets: tuple[Target, ...]
    ground: Context = field(default_factory=Context)
    """What stands before the text: imports, and modules of the user's folder as text."""

    def before(self, place: int) -> Context:
        """Return what the command at `place` is elaborated on."""
        text = self.text[self.body : place].strip("\n")
        return replace(self.ground, prelude=self.ground.prelude + text)


def read(
    source: Path,
    goal: Goal,
    options: Mapping[str, JSON],
    as_text: Path | None = None,
    *,
    question: Callable[[str], str] = str,
) -> Problem:
    """Return the problem in `source`, its imports read as text from the folder `as_text` where that is given.

    `question` turns the file's text into the one with something left open.

    Raises:
        UsageError: what the user can correct.
    """
    whole = text_of(source)
    text = question(whole)
    theorem = str(options.get("theorem") or "")
    document = take_apart(text, theorem)
    if not document.targets:
        raise UsageError(
            f"{source} leaves no theorem open", hint="write `theorem NAME : STATEMENT := sorry`"
        )
    _check_imports(document, options)
    _check_holes(document, wanted=bool(options.get("holes")))
    modules = folder.modules(as_text, document.imports) if as_text else {}
    kept = {name: options[name] for name in sorted(options)}
    return Problem(
        id=digest("lean", text, theorem, repr(kept), *modules.values())[:16],
        domain="lean",
        goal=goal,
        text=text,
        files={source.name: whole, **modules},
        editable=(source.name,),
        options={**kept, "path": source.name},
        required=Status.PROVED,
    )


def document_of(problem: Problem) -> Document:
    """Take the problem's file apart again."""
    return take_apart(problem.text, str(problem.options.get("theorem") or ""), problem.files)


def line_of(document: Document, target: Target, line: int, *, in_prelude: bool) -> int:
    """Return the line of the file, from 1, where Lean saw an error; 0 when that is in a module before it."""
    if not in_prelude:
        return document.text.count("\n", 0, target.start) + line
    before = document.text[document.body : target.start]
    skipped = document.body + len(before) - len(before.lstrip("\n"))
    prelude = target.statement.context.prelude
    above = prelude.count("\n") - before.strip("\n").count("\n")
    return max(0, line - above) and document.text.count("\n", 0, skipped) + line - above


def text_of(path: Path) -> str:
    """Return the text in `path`; raises UsageError when it is no text."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{path} is larger than 4 MiB", hint="name a file with one statement")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check its name") from None
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not valid UTF-8", hint="save it as UTF-8") from None
    if "\0" in text or not text.strip():
        raise UsageError(
            f"{path} is {'empty' if not text.strip() else 'not text'}", hint="name a Lean file"
        )
    return text


def take_apart(text: str, theorem: str = "", files: Mapping[str, str] | None = None) -> Document:
    """Find imports and targets: the theorem named, else all that are open, else the last one.

    `files` may hold modules of the user's folder, which then stand before the text instead of being imported.

    Raises:
        UsageError: there is no theorem of that name, or a comment goes on from the imports into the body.
    """
    imports, body = imports_of(text)
    if lean_text.code(text)[body:] != lean_text.code(text[body:]):
        raise UsageError(
            "a comment that begins beside an import goes on below it", hint="end it on its line"
        )
    found = lean_text.commands(text[body:])
    theorems = [c for c in found if c.kind in ("theorem", "lemma")]
    if theorem:
        chosen = [c for c in theorems if c.name == theorem or c.name.endswith(f".{theorem}")]
        if not chosen:
            names = ", ".join(c.name for c in theorems[:20]) or "none"
            raise UsageError(f"no theorem '{theorem}'", hint=f"theorems: {names}")
        chosen = chosen[:1]
    else:
        chosen = [c for c in theorems if is_open(text[body + c.start : body + c.end])]
        chosen = chosen or theorems[-1:]
    modules = {
        name: given for name, given in (files or {}).items() if name.startswith(folder.PLACE)
    }
    library = folder.joined(modules)
    context_imports = imports or CORE_IMPORTS
    if modules:
        own = {
            name.removeprefix(folder.PLACE).removesuffix(".lean").replace("/", ".")
            for name in modules
        }
        wanted = (*context_imports, *folder.core_imports(modules.values()))
        context_imports = tuple(dict.fromkeys(name for name in wanted if name not in own))
        context_imports = context_imports if len(context_imports) > 1 else CORE_IMPORTS
    ground = Context(imports=context_imports, prelude=library)
    document = Document(text=text, imports=imports, body=body, targets=(), ground=ground)
    targets = []
    for command in chosen:
        start, end = body + command.start, body + command.end
        whole = text[start:end]
        head = whole[: lean_text.statement_end(whole)].rstrip()
        statement = Statement(
            context=document.before(start), name=command.name, text=f"{head} {SORRY}"
        )
        targets.append(Target(statement=statement, start=start, end=end))
    return replace(document, targets=tuple(targets))


def imports_of(text: str) -> tuple[tuple[str, ...], int]:
    """Return the imported modules, `Init` first, and where the rest begins; empty when there are none."""
    found, at = folder.imports_of(text)
    return (tuple(dict.fromkeys(["Init", *found])) if found else ()), at


def proof_of(document: Document, target: Target, candidate: str) -> str:
    """Return what `candidate` writes for `target`: the file's own text before and after it is compared and cut.

    The text that is left is elaborated on the problem's own prelude, never on the candidate's copy of it.
    """
    candidate = candidate.replace("\r\n", "\n").removeprefix("\ufeff")
    rest = repetition.cut_front(document.text[: target.start], candidate)
    return repetition.cut_back(document.text[target.end :], rest)


def proofs_of(document: Document, candidate: str) -> dict[str, str]:
    """Return by theorem what `candidate` writes for it, when it proves several: its lemmas so far, then the theorem.

    The file's own text between the theorems is compared and cut, as `proof_of` does before and after one.
    """
    if len(document.targets) < 2:
        return {}
    text = candidate.replace("\r\n", "\n").removeprefix("\ufeff")
    _, at = imports_of(text)
    found = [
        (command.name, at + command.start, at + command.end)
        for command in lean_text.commands(text[at:])
        if command.kind in ("theorem", "lemma")
    ]
    proofs: dict[str, str] = {}
    lemmas, behind = "", document.body
    for target in document.targets:
        name = target.statement.name
        places = [p for p in found if p[0] == name or name.endswith(f".{p[0]}")]
        if not places or places[0][1] < at:
            return {}
        _, start, end = places[0]
        lemmas += repetition.cut_front(document.text[behind : target.start], text[at:start])
        proofs[name] = lemmas + text[start:end]
        at, behind = end, target.end
    return proofs


def with_proof(document: Document, target: Target, proof: str) -> str:
    """Return the whole file with `proof`, a complete theorem command and lemmas before it, in the target's place."""
    rest = document.text[target.end :]
    gap = "\n\n" if rest.strip() else "\n"
    return document.text[: target.start] + proof.strip("\n") + gap + rest.lstrip("\n")


def with_script(statement: Statement, script: str) -> str:
    """Return the theorem with a tactic script for its proof."""
    head = statement.text.removesuffix(SORRY)
    return head + ":= by\n" + "\n".join(f"  {line}" for line in script.splitlines())


def claim_of(statement: Statement) -> str:
    """Return what follows the name in a statement's command, without its proof."""
    text = statement.text.removesuffix(SORRY).rstrip()
    head = _HEAD.search(text)
    return text[head.end() :] if head else text


def is_open(text: str) -> bool:
    """Say whether a theorem's command leaves something to prove."""
    return lean_text.is_open(text) or lean_text.statement_end(text) == len(text.rstrip())


def _check_imports(document: Document, options: Mapping[str, JSON]) -> None:
    foreign = [name for name in document.imports if not folder.CORE.match(name)]
    if foreign and not options.get("project"):
        words = dict.fromkeys(MATHLIB.findall(lean_text.code(document.text[document.body :])))
        speaks = f"; the file speaks of {', '.join(list(words)[:8])}" if words else ""
        raise UsageError(
            f"`import {foreign[0]}` needs --project",
            hint=f"--project DIR names your Lake project{speaks}",
        )


def holes_of(document: Document) -> tuple[Hole, ...]:
    """Return the definitions before the last target that are left open, in order."""
    last = max(target.start for target in document.targets)
    found = []
    for command in lean_text.commands(document.text[document.body : last]):
        start, end = document.body + command.start, document.body + command.end
        whole = document.text[start:end]
        if command.kind in ("def", "abbrev") and lean_text.is_open(whole):
            head = whole[: lean_text.body_start(whole)].rstrip()
            body = lean_text.code(whole[len(head) :]).split()
            given = "" if body in ([":=", "sorry"], [":=", "by", "sorry"]) else whole.rstrip()
            hole = Hole(name=command.name, head=head, start=start, end=end, given=given)
            found.append(hole)
    return tuple(found)


def _check_holes(document: Document, *, wanted: bool) -> None:
    holes = holes_of(document)
    if holes and not wanted:
        raise UsageError(
            f"the definition '{holes[0].name}' is left open",
            hint="give its value, or add --holes to have it filled in",
        )
    if wanted and not holes:
        raise UsageError("no definition is left open", hint="leave out --holes")
