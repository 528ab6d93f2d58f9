"""Candidates by rule: a disproof by small values, else for each open theorem the first script that elaborates."""

import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace

from proofsmith.domains.lean import refutation, source
from proofsmith.domains.lean.checker import Checker, Statement
from proofsmith.domains.lean.minimise import minimised
from proofsmith.domains.lean.prover import ATTEMPT_WALL_S, More, Proof, always, attempts, shape_of
from proofsmith.domains.lean.shape import Shape
from proofsmith.types import Candidate, Goal, Problem

SCREENS = 3
PATIENCE_S = (6.0, 20.0, float("inf"))
"""What one of several theorems gets in turn, so that a hard one does not keep what the others have earned."""


async def propose(
    problem: Problem, tried: frozenset[str], checker: Checker
) -> AsyncIterator[Candidate]:
    """Yield a disproof of the first statement that small values refute, else the file with what could be proved."""
    document = source.document_of(problem)
    name = problem.editable[0]
    if not any(source.is_open(problem.text[t.start : t.end]) for t in document.targets):
        yield Candidate(files={name: problem.text}, move="rule:as it is written")
    for target in document.targets:
        refuted = await refute(target.statement, checker)
        if refuted is not None:
            settings = {"disproof": target.statement.name}
            move = f"rule:refute {refuted.script}".rstrip()
            yield Candidate(files={name: refuted.text}, settings=settings, move=move)
            return
    if problem.goal is Goal.REFUTE:
        return
    async for proofs in _proofs(document, checker):
        candidate = complete(problem, document, proofs)
        if candidate.id not in tried:
            yield candidate


async def _proofs(
    document: source.Document, checker: Checker
) -> AsyncIterator[Mapping[str, Proof]]:
    """Yield by theorem what is proved so far, each time that a round over the open ones has added to it.

    On the way to the proof of a single theorem come sketches, each after a part of the search that found no proof.
    """
    proofs: dict[str, Proof] = {}
    for patience_s in PATIENCE_S if len(document.targets) > 1 else PATIENCE_S[-1:]:
        known = len(proofs)
        for statement in (t.statement for t in document.targets if t.statement.name not in proofs):
            async for proof in attempts(statement, checker, more=within(patience_s)):
                if not proof.sketch:
                    proofs[statement.name] = await shortened(proof, statement, checker)
                elif len(document.targets) == 1:
                    yield {statement.name: proof}
        if len(proofs) > known:
            yield proofs
        if len(proofs) == len(document.targets):
            return


def within(patience_s: float) -> More:
    """Say yes for so many seconds from now."""
    end_s = time.monotonic() + patience_s
    return lambda: time.monotonic() < end_s


def complete(problem: Problem, document: source.Document, proofs: Mapping[str, Proof]) -> Candidate:
    """Return the file with these proofs in it."""
    text = problem.text
    scripts = [proof.script.partition("\n")[0] for proof in proofs.values()]
    for target in reversed(document.targets):  # from the end: places before it stay where they are
        proof = proofs.get(target.statement.name)
        if proof is not None:
            rest = source.Document(
                text=text, imports=document.imports, body=document.body, targets=()
            )
            text = source.with_proof(rest, target, proof.text)
    return Candidate(files={problem.editable[0]: text}, move=f"rule:{'; '.join(scripts)[:80]}")


async def shortened(proof: Proof, statement: Statement, checker: Checker) -> Proof:
    """Return the proof without what it does not need."""

    async def holds(script: str) -> bool:
        text = source.with_script(statement, script)
        found = await checker.elaborate(statement.context, text, wall_s=ATTEMPT_WALL_S)
        return found.ok

    script = await minimised(proof.script, holds)
    return Proof(script=script, text=source.with_script(statement, script))


async def refute(statement: Statement, checker: Checker, *, more: More = always) -> Proof | None:
    """Return a disproof by small values, or of the negation as a whole; its script names the counter-example."""
    claim = await shape_of(statement, checker)
    found, evaluated = None, False
    for script in refutation.decided(claim, statement.context.prelude) if more() else ():
        _, proof = _disproof(statement, script)
        tried = await checker.elaborate(
            statement.context, proof.text, wall_s=ATTEMPT_WALL_S, negate=statement
        )
        evaluated = refutation.DECIDED_FALSE in tried.first_error
        found = proof if tried.ok else None
        if not evaluated or not more():
            break
    if found is None:
        tries = refutation.rest(claim) if evaluated else _scripts(statement, claim)
        others = (_disproof(statement, script) for script in tries)
        found = await _first(others, checker, more, negate=True)
    if found is None:
        return None
    options = refutation.alternatives(found.script)
    for script, values in options:
        single = await _first(iter([_disproof(statement, script)]), checker, more, negate=True)
        if single is not None:
            return replace(single, script=refutation.told(claim, values))
    return replace(found, script="")


async def is_refuted(statement: Statement, checker: Checker) -> bool:
    """Say whether the first small values refute a statement: enough to pass over most wrong guesses."""
    claim = await shape_of(statement, checker)
    scripts = itertools.islice(_scripts(statement, claim), SCREENS)
    tries = (_disproof(statement, script) for script in scripts)
    return await _first(tries, checker, always, negate=True) is not None


def _scripts(statement: Statement, form: Shape) -> Iterator[str]:
    return refutation.scripts(form, statement.context.prelude, source.claim_of(statement))


def _disproof(statement: Statement, script: str) -> tuple[Statement, Proof]:
    name = statement.name
    body = "\n".join(f"  {line}" for line in (f"unfold {name}_claim", *script.splitlines()))
    root = "_root_." if "." in name else ""  # a namespace may be open
    text = f"theorem {root}{name}_disproof : ¬ {name}_claim := by\n{body}\n"
    return statement, Proof(script=script, text=text)


async def _first(
    tries: Iterator[tuple[Statement, Proof]],
    checker: Checker,
    more: More,
    *,
    negate: bool = False,
) -> Proof | None:
    """Return the first proof that the elaborator takes."""
    for statement, proof in tries:
        if not more():
            return None
        found = await checker.elaborate(
            statement.context,
            proof.text,
            wall_s=ATTEMPT_WALL_S,
            negate=statement if negate else None,
        )
        if found.ok:
            return proof
        if found.in_context:
            return None
    return None
