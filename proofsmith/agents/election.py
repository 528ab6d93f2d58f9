"""Choose among versions that nobody can call right: by the tests that they brought along, or not at all."""

import asyncio
from collections.abc import Mapping, Sequence

from proofsmith.agents.confirm import Confirmed
from proofsmith.agents.run import Run
from proofsmith.planners.select import Ballot, Choice, Trust, select
from proofsmith.protocols import Poll, Polled
from proofsmith.types import Outcome, Status


async def elected(run: Run, outcomes: Sequence[Outcome]) -> Confirmed | None:
    """Return what a vote over the undecided versions gives; None where something else says what is right."""
    try:
        async with asyncio.timeout(run.budget.left.wall_s):
            return await _elected(run, outcomes)
    except TimeoutError:
        return Confirmed(notes=("the time budget ended before the vote",), cut_off=True)


async def _elected(run: Run, outcomes: Sequence[Outcome]) -> Confirmed | None:
    if not isinstance(run.domain, Polled) or any(run.right(o.verdict) for o in outcomes):
        return None
    waiting = [o for o in outcomes if o.verdict.status is Status.UNDECIDED]
    versions = [o.candidate for o in waiting]
    poll = await run.domain.poll(run.problem, versions, run.fresh())
    if poll is None:
        return None
    if poll.reason:
        return Confirmed(notes=(poll.reason,))
    made = {o.candidate.id: o.candidate.parents for o in outcomes}
    choice = chosen(poll, {version.id: _origin(version.id, made) for version in versions})
    if choice.abstained:
        return Confirmed(notes=(f"the vote abstains: {choice.reason}",))
    winner = next(c for c in versions if c.id == choice.ids[0])
    run.tell("confirm", f"{winner.move} wins the vote: {choice.reason}")
    verdict = await run.domain.elect(run.problem, winner, poll, choice.reason, run.fresh())
    outcome = Outcome(candidate=winner, verdict=verdict)
    notes = () if run.right(verdict) else (verdict.feedback.partition("\n")[0],)
    best = outcome if run.right(verdict) else None
    return Confirmed(best=best, outcomes=(outcome,), notes=notes)


def _origin(name: str, made: Mapping[str, Sequence[str]]) -> str:
    """Return the first of a line of versions that were each made from the one before."""
    while any(parent in made for parent in made.get(name, ())):
        name = next(parent for parent in made[name] if parent in made)
    return name


def chosen(poll: Poll, origins: Mapping[str, str]) -> Choice:
    """Return the choice of the gated rule; versions that were made from one another count once."""
    ballots = [
        Ballot(id=name, passed=tests, lineage=origins[name]) for name, tests in poll.passed.items()
    ]
    return select(ballots, {name: Trust[tier.upper()] for name, tier in poll.trust.items()})
