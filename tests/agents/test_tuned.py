"""A gain of new code is shown against the original under the best settings too, and replayed against the same."""

import dataclasses

import pytest

from proofsmith.agents.confirm import confirm
from proofsmith.agents.replay import replay
from proofsmith.agents.report.summary import six_lines
from proofsmith.agents.tuned import TUNED, tuned_settings
from proofsmith.types import Candidate, ComparisonVerdict, Conclusion, Depth, Outcome, Report
from tests.agents.toy import NAME, ToyDomain, ToySandbox, cost_of, run_of, text_of

FAST, FASTER = {"speed": 2}, {"speed": 4}


class Tunable(ToyDomain):
    """`speed` divides the cost."""

    async def measure(self, problem, base, candidate, sandbox, depth):
        (found,) = await super().measure(problem, base, candidate, sandbox, depth)
        speed = candidate.settings.get("speed", 1) / base.settings.get("speed", 1)
        scaled = {name: getattr(found, name) * speed for name in ("ratio", "low", "high")}
        verdict = ComparisonVerdict("faster" if scaled["low"] > 1.03 else "no difference")
        return (
            dataclasses.replace(
                found, **scaled, verdict=verdict, host={"base": str(base.settings)}
            ),
        )


async def confirmed(tmp_path, *candidates, domain=None):
    run = run_of(tmp_path, domain or Tunable())
    outcomes = [
        Outcome(
            candidate=c,
            verdict=await run.verify(c, Depth.QUICK),
            comparisons=await run.measure(c, Depth.QUICK),
        )
        for c in candidates
    ]
    return run, (await confirm(run, outcomes)).best


def version(cost, **settings):
    return Candidate(files={NAME: text_of(cost)}, settings=settings)


async def test_new_code_is_compared_with_the_best_settings_that_were_tried(tmp_path):
    candidates = version(10, **FAST), version(100, **FAST), version(100, **FASTER)
    _, best = await confirmed(tmp_path, *candidates)
    first, tuned = best.comparisons
    assert (first.ratio, tuned.ratio) == (pytest.approx(20), pytest.approx(5))
    assert tuned_settings(first) is None
    assert tuned_settings(tuned) == FASTER


async def test_without_any_the_original_gets_the_settings_of_the_winner(tmp_path):
    _, best = await confirmed(tmp_path, version(50, **FASTER))
    assert tuned_settings(best.comparisons[1]) == FASTER
    assert best.comparisons[1].ratio == pytest.approx(2)


class Becoming(Tunable):
    """Costs of 90 and more become the same, as a hint that a compiler has no use for does."""

    async def behaviour(self, problem, candidate, sandbox):
        return f"{min(cost_of(candidate), 90)} {dict(candidate.settings)}"


@pytest.mark.parametrize("tried", [True, False])
async def test_new_text_that_becomes_what_the_settings_make_of_the_original_never_wins(
    tmp_path, tried
):
    flags = dataclasses.replace(version(100, **FAST), move="rule:flags")
    candidates = (version(95, **FAST), version(96, **FAST), *[flags] * tried)
    run, best = await confirmed(tmp_path, *candidates, domain=Becoming())
    assert best.candidate.files == run.problem.files
    assert best.candidate.settings == FAST
    assert best.candidate.move == ("rule:flags" if tried else "settings alone")
    assert best.improved
    assert [cost for cost, depth in run.domain.verified if depth is Depth.FULL] == [100]


async def test_new_text_that_becomes_something_else_wins(tmp_path):
    run, best = await confirmed(tmp_path, version(50, **FAST), domain=Becoming())
    assert best.candidate.files != run.problem.files


@pytest.mark.parametrize("winner", [version(100, **FAST), version(50)])
async def test_a_gain_of_settings_or_of_text_alone_has_nothing_to_be_compared_with(
    tmp_path, winner
):
    _, best = await confirmed(tmp_path, winner)
    assert len(best.comparisons) == 1


async def test_the_comparison_is_told_and_replayed_against_the_same_settings(tmp_path):
    run, best = await confirmed(tmp_path, version(10, **FAST), version(100, **FASTER))
    original = Outcome(candidate=run.base, verdict=best.verdict)
    report = Report(
        run_id="r",
        problem=run.problem,
        conclusion=Conclusion.IMPROVED,
        ended_by="finished",
        baseline=original,
        best=best,
    )
    assert any(f"5.00x cost {TUNED} ({FASTER})" in line for line in six_lines(report))
    pieces = await replay(report, Tunable(), ToySandbox())
    assert [(p.claim, p.holds) for p in pieces] == [
        ("range", True),
        ("cost", True),
        (f"cost {TUNED}", True),
    ]
    assert "5.00x" in pieces[2].now
