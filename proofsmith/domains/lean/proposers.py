"""Candidates by rule: a disproof by small values, else for each open theorem the first script that elaborates."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from proofsmith.domains.lean import portfolio, refutation, shape, source
from proofsmith.domains.lean.checker import Checker, Statement
from proofsmith.types import Candidate, Problem

ATTEMPT_WALL_S = 10.0
_HEAD = re.compile(r"(?:theorem|lemma)\s+\S+\s*", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A whole theorem command that elaborates, and the script that made it."""

    script: str
    text: str


async def propose(
    problem: Problem, tried: frozenset[str], checker: Checker
) -> AsyncIterator[Candidate]:
    """Yield a disproof of a lone statement that small values refute, else files with all theorems proved."""
    document = source.document_of(problem)
    name = problem.editable[0]
    if len(document.targets) == 1:
        refuted = await _first(_disproofs(document.targets[0].statement), checker, negate=True)
        if refuted is not None:
            yield Candidate(
                files={name: refuted.text}, settings={"disproof": True}, move="rule:refute"
            )
            return
    text, scripts = problem.text, []
    for target in reversed(document.targets):  # from the end: places before it stay where they are
        proof = await _first(_proofs(target.statement), checker)
        if proof is None:
            return
        rest = source.Document(text=text, imports=document.imports, body=document.body, targets=())
        text = source.with_proof(rest, target, proof.text)
        scripts.append(proof.script.partition("\n")[0])
    candidate = Candidate(files={name: text}, move=f"rule:{'; '.join(reversed(scripts))[:80]}")
    if candidate.id not in tried:
        yield candidate


def _proofs(statement: Statement) -> Iterator[tuple[Statement, Proof]]:
    prelude, claim = statement.context.prelude, claim_of(statement)
    for script in portfolio.scripts(shape.read(prelude, claim), prelude, claim):
        yield statement, Proof(script=script, text=source.with_script(statement, script))


def _disproofs(statement: Statement) -> Iterator[tuple[Statement, Proof]]:
    prelude, claim = statement.context.prelude, claim_of(statement)
    name = statement.name
    for script in refutation.scripts(shape.read(prelude, claim), prelude, claim):
        lines = [f"unfold {name}_claim", *script.splitlines()]
        body = "\n".join(f"  {line}" for line in lines)
        text = f"theorem {name}_disproof : ¬ {name}_claim := by\n{body}\n"
        yield statement, Proof(script=script, text=text)


def claim_of(statement: Statement) -> str:
    """Return what follows the name in a statement's command, without its proof."""
    text = statement.text.removesuffix(source.SORRY).rstrip()
    head = _HEAD.search(text)
    return text[head.end() :] if head else text


async def _first(
    tries: Iterator[tuple[Statement, Proof]], checker: Checker, *, negate: bool = False
) -> Proof | None:
    """Return the first proof that the elaborator takes."""
    for statement, proof in tries:
        found = await checker.elaborate(
            statement.context,
            proof.text,
            wall_s=ATTEMPT_WALL_S,
            negate=statement if negate else None,
        )
        if found.ok:
            return proof
    return None
