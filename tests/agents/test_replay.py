"""A replay earns each piece again and names those that no longer hold."""

import dataclasses

import pytest

from proofsmith.agents.replay import replay
from proofsmith.types import Candidate, ComparisonVerdict, Conclusion, Depth, Outcome, Report
from tests.agents.toy import NAME, ToyDomain, ToySandbox, problem_of, text_of


async def claimed(cost):
    """Return a report that claims `cost` over 100, as the toy domain earns it."""
    domain, problem, sandbox = ToyDomain(), problem_of(100), ToySandbox()
    base = Candidate(files=problem.files)
    best = Candidate(files={NAME: text_of(cost)})
    verdict = await domain.verify(problem, best, sandbox, Depth.FULL)
    comparisons = await domain.measure(problem, base, best, sandbox, Depth.FULL)
    return Report(
        run_id="r",
        problem=problem,
        conclusion=Conclusion.IMPROVED,
        ended_by="finished",
        baseline=Outcome(candidate=base, verdict=verdict),
        best=Outcome(candidate=best, verdict=verdict, comparisons=comparisons),
    )


async def test_what_still_holds_is_earned_at_full_depth_and_measured_anew():
    domain = ToyDomain()
    pieces = await replay(await claimed(50), domain, ToySandbox())
    assert [(p.claim, p.holds) for p in pieces] == [("range", True), ("cost", True)]
    assert domain.verified == [(50, Depth.FULL)]
    assert domain.measured == [(50, Depth.FULL)]


async def test_a_check_that_fails_falls_and_nothing_is_measured_then():
    domain = ToyDomain(flaky=frozenset({50}))
    pieces = await replay(await claimed(50), domain, ToySandbox())
    assert [(p.claim, p.holds) for p in pieces] == [("range", False), ("cost", False)]
    assert "not allowed" in pieces[0].now
    assert domain.measured == []


async def test_a_gain_that_is_gone_falls_alone():
    report = await claimed(50)
    same = dataclasses.replace(report.best, candidate=Candidate(files={NAME: text_of(100)}))
    pieces = await replay(dataclasses.replace(report, best=same), ToyDomain(), ToySandbox())
    assert [(p.claim, p.holds) for p in pieces] == [("range", True), ("cost", False)]


@pytest.mark.parametrize("claim", ["faster", "slower"])
async def test_only_gains_are_claims(claim):
    report = await claimed(50)
    told = dataclasses.replace(report.best.comparisons[0], verdict=ComparisonVerdict(claim))
    best = dataclasses.replace(report.best, comparisons=(told,))
    pieces = await replay(dataclasses.replace(report, best=best), ToyDomain(), ToySandbox())
    assert len(pieces) == (2 if claim == "faster" else 1)


async def test_a_report_without_a_best_version_claims_nothing():
    report = dataclasses.replace(await claimed(50), best=None)
    assert await replay(report, ToyDomain(), ToySandbox()) == []
