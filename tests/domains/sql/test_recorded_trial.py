"""Four searches with replies that were recorded over a hand-answered endpoint; no endpoint is needed."""

import json
from pathlib import Path

import pytest

from proofsmith.api import optimize
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
async def test_a_rejected_reply_is_repaired_and_gains_what_no_rule_does(tmp_path):
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
