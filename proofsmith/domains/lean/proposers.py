"""Proofs by rule: an ordered list of one-line scripts, each a whole file with the theorem proved."""

from collections.abc import AsyncIterator

from proofsmith.domains.lean import source
from proofsmith.domains.lean.checker import Checker
from proofsmith.types import Candidate, Problem

SCRIPTS = (
    "rfl",
    "decide",
    "omega",
    "simp",
    "grind",
    "simp_all",
    "intros; omega",
    "simp_all; omega",
    "intros; simp_all",
)


async def propose(
    problem: Problem, tried: frozenset[str], checker: Checker
) -> AsyncIterator[Candidate]:
    """Yield files in which every open theorem has a proof that the elaborator takes, cheapest script first."""
    document = source.document_of(problem)
    text = problem.text
    names: list[str] = []
    for target in reversed(document.targets):
        for script in SCRIPTS:
            proof = source.with_script(target.statement, script)
            if (await checker.elaborate(target.statement.context, proof)).ok:
                text = source.with_proof(
                    source.Document(
                        text=text, imports=document.imports, body=document.body, targets=()
                    ),
                    target,
                    proof,
                )
                names.append(script)
                break
        else:
            return
    candidate = Candidate(files={problem.editable[0]: text}, move=f"rule:{', '.join(names)}")
    if candidate.id not in tried:
        yield candidate
