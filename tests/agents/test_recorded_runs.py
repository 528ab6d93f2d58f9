"""Runs of the kernel set with replies that were recorded over a hand-answered endpoint; no endpoint is needed."""

import json
from collections import defaultdict, deque
from importlib.resources import files
from pathlib import Path

import pytest

from proofsmith.api import optimize
from proofsmith.errors import ModelError
from proofsmith.model import RecordReplay, ScriptedModel
from proofsmith.planners.replies import read_object
from proofsmith.tools.edits import read_reply
from proofsmith.tools.patches import EditError
from proofsmith.types import Budget, Conclusion, Status

RECORDED = Path(__file__).parents[1] / "fixtures" / "replies"
RUNS = sorted(path.stem for path in RECORDED.glob("*.jsonl"))
TEXT = ("Give 3 different", "Note up to", "Design one way", "The evidence above", "You plan tool")
CODE = (
    "Write the code",
    "Rewrite the editable",
    "Make it better",
    "Find the cause",
    "Answer again",
)
UNREADABLE = {"kmeans-portfolio": 1, "fft-portfolio": 1}


def kind_of(prompt):
    """Name a prompt by the beginning of its instruction, which does not depend on what was measured.

    The critic's has no name: nobody played it when the runs were recorded.
    """
    task = prompt.rpartition("# Task\n")[2]
    return next((name for name in (*TEXT, *CODE) if task.startswith(name)), "")


def recorded(run):
    """Return (kind, text) of every reply of a run, in order."""
    lines = (RECORDED / f"{run}.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [(kind_of(e["request"]["messages"][0]["content"]), e["reply"]["text"]) for e in entries]


def rehearsed(run):
    """A model that gives the recorded replies again, each to the next prompt of its kind."""
    waiting = defaultdict(deque)
    for kind, text in recorded(run):
        waiting[kind].append(text)

    def answer(asked):
        kind = kind_of(asked.messages[0].content)
        if not waiting[kind]:
            return ModelError("no further reply was recorded")
        return waiting[kind].popleft()

    return ScriptedModel(answer)


def source_of(run, folder):
    kernel = run.partition("-")[0]
    text = files("proofsmith.domains.kernels").joinpath("suite", kernel, "plain.c").read_text()
    path = folder / f"{kernel}.c"
    path.write_text(text)
    return path


def test_at_least_six_kernels_and_four_strategies_were_recorded():
    kernels, strategies = zip(*(run.split("-") for run in RUNS), strict=True)
    assert len(set(kernels)) >= 6
    assert set(strategies) == {"best_of", "plansearch", "rethink", "portfolio"}


@pytest.mark.parametrize("run", RUNS)
def test_a_recording_is_one_that_the_replaying_model_reads(run):
    assert RecordReplay(RECORDED / f"{run}.jsonl")


@pytest.mark.parametrize("run", RUNS)
def test_recorded_replies_are_read_as_what_was_asked_for(run, tmp_path):
    source = source_of(run, tmp_path)
    versions = [source.read_text()]
    unreadable = 0
    for kind, text in recorded(run):
        if kind in TEXT:
            assert read_object(text)
            continue
        for version in reversed(versions):  # search/replace answers to one of the versions shown
            try:
                made = read_reply(text, {source.name: version}, [source.name])
            except EditError as error:
                reason = error
            else:
                versions.append(made[source.name])
                break
        else:
            unreadable += 1
            assert "code block" in str(reason) or "SEARCH block" in str(reason)
    assert unreadable == UNREADABLE.get(run, 0)
    assert len(versions) > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "attempts"), [("edit_distance-best_of", 6), ("string_search-plansearch", 7)]
)
async def test_a_recorded_run_is_repeated_without_an_endpoint(run, attempts, tmp_path):
    report = await optimize(
        source_of(run, tmp_path),
        strategy=run.partition("-")[2],
        model=rehearsed(run),
        budget=Budget(attempts=attempts),
        jobs=1,
        runs_dir=tmp_path / "runs",
    )
    assert report.conclusion is Conclusion.IMPROVED
    by_model = [o for o in report.attempts if not o.candidate.move.startswith("rule:")]
    right = [o for o in by_model if o.verdict.status is Status.TESTED]
    assert right
    assert max(o.gain for o in right) > 1.0
    assert report.spend.model_calls >= 2
