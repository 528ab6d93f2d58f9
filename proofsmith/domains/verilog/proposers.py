"""What the rules propose for a problem: better texts first, then better recipes for the best of them."""

from collections.abc import AsyncIterator

from proofsmith.domains.verilog.climb import Climb, Judge
from proofsmith.domains.verilog.measure import Meter, goal_of, library_of, version_of
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Problem


async def optimised(
    problem: Problem,
    parent: Candidate | None,
    tried: frozenset[str],
    sandbox: Sandbox,
    meter: Meter,
    judge: Judge,
) -> AsyncIterator[Candidate]:
    """Yield candidates that improve the goal's metric, each better than those before it."""
    start = parent or Candidate(files=dict(problem.files))
    version = version_of(problem, start)
    climb = Climb(problem, goal_of(problem), library_of(problem), meter, sandbox, judge)
    async for candidate in climb.steps(version, parent):
        if candidate.id not in tried:
            yield candidate
