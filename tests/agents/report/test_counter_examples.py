"""Refused versions are shown with the tables that refute them, escaped, each script once."""

from proofsmith.agents.report.counter_examples import counter_examples
from proofsmith.types import (
    Candidate,
    Conclusion,
    Evidence,
    Goal,
    Outcome,
    Problem,
    Report,
    Status,
    Verdict,
)

EXAMPLE = {
    "tables": [
        {"name": "t", "columns": ["a"], "rows": [[None], ["<b>"]]},
        {"name": "original", "columns": ["n"], "rows": []},
    ]
}


def report(*facts):
    attempts = tuple(
        Outcome(
            candidate=Candidate(files={"q.sql": str(number)}, move="rule:x"),
            verdict=Verdict(
                status=Status.FAILED,
                evidence=(Evidence(check="c", status=Status.FAILED, command=("x",), facts=given),),
            ),
        )
        for number, given in enumerate(facts)
    )
    problem = Problem(id="p", domain="sql", goal=Goal.SPEED, text="", files={})
    return Report(
        run_id="r",
        problem=problem,
        conclusion=Conclusion.NONE,
        ended_by="finished",
        baseline=None,
        best=None,
        attempts=attempts,
    )


def test_tables_and_results_are_drawn_escaped():
    shown = counter_examples(report({"script": "SELECT '<'", "example": EXAMPLE}))
    assert "<caption>t</caption>" in shown
    assert "<td>NULL</td>" in shown
    assert "&lt;b&gt;" in shown
    assert "original: no rows" in shown
    assert "SELECT &#x27;&lt;&#x27;" in shown


def test_one_script_is_shown_once_and_no_example_is_no_section():
    same = {"script": "s", "example": EXAMPLE}
    assert counter_examples(report(same, same)).count("<details") == 1
    assert counter_examples(report({"rows": 1})) == ""
