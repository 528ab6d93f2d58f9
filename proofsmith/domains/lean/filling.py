"""Files with open definitions, filled in by rule: small values that nothing refutes, then proofs of the theorems."""

import itertools
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from proofsmith.domains.lean import fillings, goals, holes, shape, source
from proofsmith.domains.lean.checker import Checker, Statement
from proofsmith.domains.lean.outline import Misfilled
from proofsmith.domains.lean.proposers import complete, is_refuted, shortened, within
from proofsmith.domains.lean.prover import Proof, prove
from proofsmith.domains.lean.source import Document, Target
from proofsmith.errors import SandboxError
from proofsmith.types import Candidate, Problem

CLOSERS = (("decide", 1200), ("first | (simp; done) | omega", 160))
"""How values for open constants are tried, and how many: closed claims are cheap."""
TOGETHER = 40
"""Values for all open constants that one text tries in turn."""
PATIENCE_S = (5.0, 30.0, float("inf"))
"""For all theorems about one guess, in turn: the right one may be hard to prove, and most are wrong."""


async def propose(
    problem: Problem, tried: frozenset[str], checker: Checker
) -> AsyncIterator[Candidate]:
    """Yield the file with definitions for which all of its theorems could be proved."""
    document = source.document_of(problem)
    known = await evaluated(document, checker)
    known = await _witnesses(document, known, checker) or known
    for hole in source.holes_of(document):
        if hole.given:
            contexts = await checker.gaps(document.before(hole.start), hole.given)
            known[hole.name] = list(fillings.in_part(hole, contexts))
    waiting: list[Problem] = []
    for values in fillings.guesses(document, known):
        guess = await _standing(problem, fillings.written(document, values), checker)
        found = await _proved(guess, checker, PATIENCE_S[0]) if guess else None
        if found is not None and found.id not in tried:
            yield found
        elif guess is not None:
            waiting.append(guess)
    for patience_s in PATIENCE_S[1:]:
        for guess in waiting:
            found = await _proved(guess, checker, patience_s)
            if found is not None and found.id not in tried:
                yield found


async def go_on(
    problem: Problem, parent: Candidate, tried: frozenset[str], checker: Checker
) -> AsyncIterator[Candidate]:
    """Yield the file with the definitions of `parent`, whose proofs had gaps, and proofs by rule of what was left."""
    guess = await _standing(problem, parent.files.get(problem.editable[0], ""), checker)
    found = await _proved(guess, checker, PATIENCE_S[1]) if guess else None
    if found is not None and found.id not in tried:
        yield found


async def _standing(problem: Problem, text: str, checker: Checker) -> Problem | None:
    """Return the problem with a guess in it; None where that does not elaborate or a theorem about it is false."""
    try:
        document = holes.filled(problem, text).document
    except Misfilled:
        return None
    context = document.targets[-1].statement.context
    if not (await checker.elaborate(context, "example : True := trivial")).ok:
        return None
    for target in document.targets:
        if await is_refuted(target.statement, checker):
            return None
    return replace(problem, text=document.text)


async def _proved(problem: Problem, checker: Checker, patience_s: float) -> Candidate | None:
    document = source.document_of(problem)
    more = within(patience_s)
    proofs: dict[str, Proof] = {}
    for target in document.targets:
        proof = await prove(target.statement, checker, more=more)
        if proof is None:
            return None
        proofs[target.statement.name] = await shortened(proof, target.statement, checker)
    return complete(problem, document, proofs)


async def evaluated(document: Document, checker: Checker) -> dict[str, list[str]]:
    """Return by hole what the other side of an equation `TERM = HOLE` computes to, without variables in it."""
    found: dict[str, list[str]] = {}
    for hole in filter(fillings.is_constant, source.holes_of(document)):
        own = hole.name.rpartition(".")[2]
        for target in document.targets:
            claim = shape.read("", source.claim_of(target.statement))
            sides = goals.top_level(claim.conclusion, "=")
            if len(sides) != 2 or own not in sides or claim.binders:
                continue
            term = sides[1 - sides.index(own)]
            for value in await _computed(term, fillings.type_of(hole), target, checker):
                found.setdefault(hole.name, []).append(f":= {value}")
    return found


async def _witnesses(
    document: Document, known: Mapping[str, Sequence[str]], checker: Checker
) -> dict[str, list[str]]:
    """Return values of open constants for which all theorems hold by evaluation; empty when there are none such.

    Many are tried at once: `∃ a b, CLAIMS` has the names of the constants for variables, which hide them.
    """
    open_ = source.holes_of(document)
    if not all(map(fillings.is_constant, open_)):
        return {}
    claims = [shape.read("", source.claim_of(t.statement)).closed for t in document.targets]
    binders = " ".join(f"({h.name.rpartition('.')[2]} : {fillings.type_of(h)})" for h in open_)
    head = f"theorem witness_ : ∃ {binders}, {' ∧ '.join(f'({c})' for c in claims)} := by\n"
    context = document.targets[-1].statement.context

    async def holds(some: Sequence[Mapping[str, str]], close: str) -> bool:
        tuples = [
            ", ".join(f"({values[h.name].removeprefix(':=')})" for h in open_) for values in some
        ]
        tries = "".join(f"\n  | exact ⟨{values}, by {close}⟩" for values in tuples)
        return (await checker.elaborate(context, f"{head}  first{tries}\n")).ok

    for close, most in CLOSERS:
        guesses = fillings.guesses(document, known, most=most)
        while some := list(itertools.islice(guesses, TOGETHER)):
            if await holds(some, close):
                while len(some) > 1:
                    half = some[: len(some) // 2]
                    some = half if await holds(half, close) else some[len(half) :]
                return {name: [value] for name, value in some[0].items()}
    return {}


async def _computed(term: str, kind: str, target: Target, checker: Checker) -> list[str]:
    """Return what Lean makes of a term by evaluating and by simplifying it, as it prints it."""
    text = f"theorem value_ (value_is : {kind}) (h : {term} = value_is) : False := by sorry"
    context = target.statement.context
    statement = Statement(context=context, name="value_", text=text)
    try:
        root = await checker.root(statement)
    except SandboxError:
        return []
    names = shape.read(context.prelude, f": {term} = 0").given("simp")
    values = []
    for tactic in (f"simp{names} at h", f"simp +decide{names} at h", "conv at h => lhs; whnf"):
        state = await checker.run_tactic(root, tactic)
        if isinstance(state, str) or not state.goals:
            continue
        said = dict(goals.read(state.goals[0]).hypotheses).get("h", "")
        sides = [s for s in goals.top_level(said, "=") if s != "value_is"]
        if len(sides) == 1 and re.search(r"\d|\[\]|true|false|True|False", sides[0]):
            values.append(sides[0])
    return list(dict.fromkeys(values))
