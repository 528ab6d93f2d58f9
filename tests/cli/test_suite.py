"""The figures of a set: who settled how much within which time; nothing is counted that did not run."""

import pytest

from proofsmith.cli.suite import figures, lines
from proofsmith.types import (
    Candidate,
    Conclusion,
    Evidence,
    Goal,
    Outcome,
    Problem,
    Report,
    Spend,
    Status,
    Verdict,
)


def report(conclusion, wall_s, move="", samples=None, goal=Goal.SOLVE):
    evidence = Evidence(check="replay", status=Status.PROVED, command=("true",))
    verdict = Verdict(status=Status.PROVED, evidence=(evidence,))
    best = Outcome(candidate=Candidate(files={}, move=move), verdict=verdict) if move else None
    return Report(
        run_id="0" * 12,
        problem=Problem(id="p", domain="lean", goal=goal, text="", files={}),
        conclusion=conclusion,
        ended_by="finished",
        baseline=None,
        best=best,
        spend=Spend(wall_s=wall_s),
        samples=samples or {},
    )


SET = [
    report(Conclusion.SOLVED, 0.8, "rule:omega"),
    report(Conclusion.SOLVED, 6.0, "direct:prove-3", {"pass@1": 0.25, "pass@2": 0.5}),
    report(Conclusion.DISPROVED, 1.5),
    report(Conclusion.NONE, 18.0, samples={"pass@1": 0.0}),
    None,
]


def test_rates_are_shares_of_what_ran_and_the_model_is_kept_apart():
    found = figures(SET)
    assert (found["problems"], found["not_runnable"]) == (5, 1)
    assert (found["solved"], found["disproved"]) == (2, 1)
    assert (found["by_rules"], found["by_model"]) == (2, 1)
    assert found["within"] == {"1": 0.25, "2": 0.5, "5": 0.5, "10": 0.75, "20": 0.75}
    assert (found["pass@1"], found["pass@2"]) == (0.125, 0.5)


def test_the_figures_are_said_in_words():
    said = "\n".join(lines(figures(SET)))
    assert "2 solved, 1 disproved (2 by rules, 1 by the model), 1 not runnable" in said
    assert "1 s 25.0 %" in said
    assert "pass@1 12.5 %" in said


@pytest.mark.parametrize("reports", [[], [None], [report(Conclusion.NONE, 1.0, goal=Goal.SPEED)]])
def test_sets_that_are_not_solved_have_no_such_figures(reports):
    assert figures(reports) == {}
    assert lines({}) == []
