"""Executed plans stand side by side in the page, escaped, each operator once; without plans there is nothing."""

import pytest

from proofsmith.agents.report.plan_trees import plan_trees
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

SCAN = {
    "name": "Seq Scan",
    "detail": "a < b",
    "rows": 3.0,
    "estimate": 30.0,
    "own_ms": 2.0,
    "children": [],
}
JOIN = {
    "name": "Hash Join",
    "detail": "",
    "rows": None,
    "estimate": 1.0,
    "own_ms": 4.0,
    "children": [SCAN],
}


def report(host):
    comparison = Comparison(
        metric="wall time",
        verdict=ComparisonVerdict.FASTER,
        ratio=2.0,
        low=1.5,
        high=3.0,
        pairs=10,
        method="",
        host=host,
    )
    evidence = Evidence(check="differential", status=Status.TESTED, command=("true",))
    best = Outcome(
        candidate=Candidate(files={}),
        verdict=Verdict(status=Status.TESTED, evidence=(evidence,)),
        comparisons=(comparison,),
    )
    problem = Problem(id="p", domain="sql", goal=Goal.SPEED, text="", files={})
    return Report(
        run_id="r",
        problem=problem,
        conclusion=Conclusion.IMPROVED,
        ended_by="finished",
        baseline=None,
        best=best,
    )


def test_both_plans_are_drawn_with_the_hottest_operator_as_the_longest_bar():
    page = plan_trees(report({"plans": {"base": JOIN, "candidate": SCAN}}))
    assert page.count("<svg") == 2
    assert page.count("Seq Scan a &lt; b</text>") == 2
    assert 'width="90"' in page
    assert 'width="45"' in page
    assert "? rows, 1 expected" in page
    assert "a < b" not in page


@pytest.mark.parametrize("host", [{}, {"plans": "none"}, {"plans": {"base": []}}])
def test_without_plans_there_is_no_section(host):
    assert plan_trees(report(host)) == ""


def test_a_plan_without_times_claims_none():
    search = {"name": "SEARCH", "detail": "x USING INDEX", "own_ms": None, "children": []}
    page = str(plan_trees(report({"plans": {"base": search, "candidate": search}})))
    assert page.count("it measures no operator") == 2
    assert "SEARCH x USING INDEX" in page
    assert "0.0<" not in page
    assert "Executed once" not in page
