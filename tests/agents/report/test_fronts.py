"""Versions of one run are drawn in the planes of area, delay and power, those that nothing beats as such."""

from proofsmith.agents.report.fronts import fronts
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Conclusion,
    Evidence,
    Goal,
    Outcome,
    Problem,
    Report,
    Status,
    Verdict,
)

ORIGINAL = {"area": 10.0, "delay": 100.0, "power": 1.0}


def outcome(name, status, values):
    evidence = (Evidence(check="c", status=status, command=("x",)),)
    comparisons = tuple(
        Comparison(
            metric=metric,
            verdict=ComparisonVerdict.FASTER,
            ratio=ORIGINAL[metric] / value,
            low=None,
            high=None,
            pairs=1,
            method="exact",
            base_samples=(ORIGINAL[metric],),
            candidate_samples=(value,),
        )
        for metric, value in values.items()
    )
    candidate = Candidate(files={"t.v": name}, move=name)
    verdict = Verdict(status=status, evidence=evidence)
    return Outcome(candidate=candidate, verdict=verdict, comparisons=comparisons)


def drawn(*attempts):
    problem = Problem(id="p", domain="verilog", goal=Goal.AREA, text="", files={})
    report = Report(
        run_id="r",
        problem=problem,
        conclusion=Conclusion.NONE,
        ended_by="finished",
        baseline=None,
        best=None,
        attempts=attempts,
    )
    return list(fronts(report))


def test_every_pair_of_metrics_is_drawn_with_the_original_and_the_front():
    small = outcome("small", Status.PROVED, {"area": 5.0, "delay": 150.0, "power": 1.0})
    worse = outcome("worse", Status.PROVED, {"area": 6.0, "delay": 160.0, "power": 2.0})
    shown = drawn(small, worse)
    assert [title for title, _, _ in shown] == [
        "Delay against area",
        "Power against area",
        "Power against delay",
    ]
    assert "2 of 3 versions" in shown[0][1]
    assert str(shown[0][2]).count("mark best") == 2
    assert "small: area 5, delay 150" in str(shown[0][2])


def test_refused_versions_and_runs_with_one_metric_are_not_drawn():
    values = {"area": 5.0, "delay": 50.0}
    assert not drawn(outcome("wrong", Status.FAILED, values))
    assert not drawn(outcome("one", Status.PROVED, {"area": 5.0}))
