"""Four searches with replies that were recorded over a hand-answered endpoint; no endpoint is needed."""

import json
from pathlib import Path

import pytest

from proofsmith.api import optimize
from proofsmith.domains.sql import search
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import problem
from proofsmith.errors import ModelError
from proofsmith.executors.choice import open_sandbox
from proofsmith.model import ScriptedModel
from proofsmith.planners.replies import read_object
from proofsmith.tools.edits import read_reply
from proofsmith.types import Budget, Candidate, Conclusion, Depth, Goal, Status

TRIAL = Path(__file__).parents[2] / "fixtures" / "sql" / "trial"
RUNS = sorted(path.stem for path in TRIAL.glob("*.jsonl"))
WRONG = {("place", 0)}


def calls(run):
    """Return (prompt, reply) of every call of a run, in order."""
    entries = [json.loads(line) for line in (TRIAL / f"{run}.jsonl").read_text().splitlines()]
    return [(entry["request"]["messages"][0]["content"], entry["reply"]) for entry in entries]


def asks_for_json(prompt):
    return "Answer with JSON only" in prompt


def rehearsed(run):
    """A model that gives the recorded replies again, each to the next prompt of its kind."""
    waiting = {
        kind: [r for p, r in calls(run) if asks_for_json(p) is kind] for kind in (True, False)
    }

    def answer(asked):
        replies = waiting[asks_for_json(asked.messages[0].content)]
        return replies.pop(0) if replies else ModelError("no further reply was recorded")

    return ScriptedModel(answer)


def test_four_queries_took_at_most_thirty_calls():
    assert len(RUNS) >= 4
    assert sum(len(calls(run)) for run in RUNS) <= 30


def test_no_prompt_holds_a_row_of_the_data():
    texts = [prompt for run in RUNS for prompt, _ in calls(run)]
    assert not [text for text in texts if "Lima" in text or "'send'" in text]


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
async def test_recorded_versions_are_judged_as_they_were(run):
    ddl, text = (TRIAL / "schema.sql").read_text(), (TRIAL / f"{run}.sql").read_text()
    name, domain, sandbox = f"{run}.sql", SqlDomain(), await open_sandbox()
    given, place = problem(name, text, ddl, "duckdb", Goal.SPEED, {}), 0
    for prompt, reply in calls(run):
        if asks_for_json(prompt):
            assert read_object(reply)
            continue
        files = read_reply(reply, dict(given.files), [name])
        verdict = await domain.verify(given, Candidate(files=files), sandbox, Depth.QUICK)
        wrong = (run, place) in WRONG
        assert verdict.status.at_least(Status.TESTED) is not wrong, verdict
        assert (verdict.status is Status.FAILED) is wrong
        place += 1


@pytest.mark.slow
async def test_a_rejected_reply_is_repaired_and_gains_what_no_rule_did(tmp_path, monkeypatch):
    since = [rule for rule in search.CATALOGUE if rule.name != "subquery-to-running"]
    monkeypatch.setattr(search, "CATALOGUE", since)
    for name in ("place.sql", "schema.sql"):
        (tmp_path / name).write_text((TRIAL / name).read_text())
    report = await optimize(
        tmp_path / "place.sql",
        options={"schema": str(tmp_path / "schema.sql"), "engine": "postgresql"},
        model=rehearsed("place"),
        budget=Budget(attempts=2),
        jobs=1,
        runs_dir=tmp_path / "runs",
    )
    statuses = [outcome.verdict.status for outcome in report.attempts]
    assert Status.FAILED in statuses
    assert report.conclusion is Conclusion.IMPROVED
    assert not report.best.candidate.move.startswith("rule:")
    assert report.best.gain > 2


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("-- once\nSELECT 2 AS n; -- done", True),
        ("CREATE VIEW v AS SELECT 1 AS a; SELECT 2 AS n", True),
        ("CREATE VIEW v AS SELECT 2 AS a; SELECT 2 AS n", False),
        ("SELECT 2 AS n; SELECT 3", False),
        ("SELECT (", False),
    ],
)
def test_a_reply_without_the_definitions_of_its_file_keeps_them(reply, kept):
    head, tail = (
        "-- mine\nCREATE VIEW v AS SELECT 1 AS a; -- a view\n",
        ";\nCREATE INDEX i ON t (a);\n",
    )
    text = f"{head}SELECT a AS n FROM v{tail}"
    given = problem("q.sql", text, "CREATE TABLE t (a INT)", "duckdb", Goal.SPEED, {})
    made = SqlDomain().completed(given, {**given.files, "q.sql": reply})["q.sql"]
    assert made == (f"{head}SELECT 2 AS n{tail}" if kept else reply)
    assert SqlDomain().completed(given, {**given.files, "q.sql": text})["q.sql"] == text


@pytest.mark.slow
async def test_a_reply_of_the_query_alone_is_applied_with_its_view(tmp_path):
    view = "CREATE VIEW w AS SELECT x, y FROM b; -- mine\n"
    slow, fast = "SELECT COUNT(x) AS n FROM w", "SELECT COUNT(x) AS n FROM b"
    (tmp_path / "schema.sql").write_text("CREATE TABLE b (x INT, y INT);")
    (tmp_path / "q.sql").write_text(view + slow)
    report = await optimize(
        tmp_path / "q.sql",
        options={"engine": "sqlite"},
        model=ScriptedModel(lambda _: f"```sql\n{fast};\n```"),
        budget=Budget(attempts=1),
        jobs=1,
        runs_dir=tmp_path / "runs",
    )
    told = [o.candidate.files["q.sql"] for o in report.attempts if "rule:" not in o.candidate.move]
    assert told
    assert all(text == view + fast for text in told)
