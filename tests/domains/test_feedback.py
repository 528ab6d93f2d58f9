"""What is told to the author of a wrong candidate has the same sections in every domain, and keeps head and tail."""

import pytest

from proofsmith.domains.lean.verify import told
from proofsmith.domains.verilog.finding import Finding, verdict
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

GOAL = "unsolved goals\nn : Nat\nh : 0 < n\n⊢ n < n"


def test_a_refuted_design_is_reported_with_the_signals_around_the_difference():
    table = "\n".join(f"  q{n}: {'01' * 40}" for n in range(60))
    complaint = f"step 3: q0 is 1, wanted 0\n  clk: 0101\n{table}\n  q9 wanted: 0000"
    found = Finding(status=Status.FAILED, check="equivalence", complaint=complaint)
    told_ = verdict(found, ("x",)).feedback
    assert told_.startswith(
        "equivalence: step 3: q0 is 1, wanted 0\n\n## Values around it\n  clk: 0101"
    )
    assert told_.endswith("q9 wanted: 0000")
    assert len(told_) < 2400
    log = Finding(status=Status.FAILED, check="read", complaint="syntax error\nline 3")
    assert "## Log\nline 3" in verdict(log, ("x",)).feedback
    assert verdict(Finding(status=Status.PROVED, check="equivalence"), ("x",)).feedback == ""


def test_a_refused_proof_is_reported_with_its_goals():
    said = told("small", f"line 4: {GOAL}")
    assert said.partition("\n")[0] == "small: line 4: unsolved goals"
    assert said.endswith("## Values around it\nn : Nat\nh : 0 < n\n⊢ n < n")
    assert told("small", "the proof rests on `sorry`") == "small: the proof rests on `sorry`"


@pytest.mark.slow
async def test_a_wrong_query_is_reported_with_the_rows_that_show_it_and_both_results():
    from proofsmith.domains.sql.domain import SqlDomain
    from proofsmith.domains.sql.source import problem

    ddl = "CREATE TABLE t (a INTEGER); CREATE TABLE unused (b INTEGER)"
    made = problem("q.sql", "SELECT a FROM t", ddl, "sqlite", Goal.SPEED, {})
    wrong = Candidate(files={"q.sql": "SELECT DISTINCT a FROM t"})
    judged = await SqlDomain().verify(made, wrong, await open_sandbox(), Depth.QUICK)
    assert judged.status is Status.FAILED
    first, rows, sides = judged.feedback.split("\n\n")
    assert "on a database of 2 row(s)" in first
    assert rows.startswith('## Smallest failing input\nCREATE TABLE "t"')
    assert "INSERT" in rows
    assert "unused" not in rows
    assert sides.startswith("## Baseline against candidate\noriginal: ")
    assert "\ncandidate: " in sides
