"""Specifications solved with replies that were recorded over a hand-answered endpoint; no endpoint is needed."""

import json
from pathlib import Path

import pytest

from proofsmith.api import solve
from proofsmith.model import ScriptedModel
from proofsmith.types import Budget, Conclusion, Status

TRIAL = Path(__file__).parents[2] / "fixtures" / "verilog" / "trial"
NAMES = sorted(path.stem for path in TRIAL.glob("*.jsonl"))


def recorded(name):
    return [json.loads(line) for line in (TRIAL / f"{name}.jsonl").read_text().splitlines()]


def test_at_least_four_specifications_were_recorded():
    assert len(NAMES) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_prompt_holds_the_specification_and_never_the_reference(name):
    prompt = recorded(name)[0]["request"]["messages"][0]["content"]
    assert (TRIAL / f"{name}.md").read_text().strip() in prompt
    assert (TRIAL / f"{name}_ref.sv").read_text().strip() not in prompt


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_reply_is_proved_equal_to_the_reference(name, tmp_path):
    replies = [entry["reply"] for entry in recorded(name)]
    report = await solve(
        TRIAL / f"{name}.md",
        model=ScriptedModel(replies),
        strategy="best_of",
        budget=Budget(attempts=len(replies)),
        options={"reference": str(TRIAL / f"{name}_ref.sv")},
        runs_dir=tmp_path,
    )
    assert report.conclusion is Conclusion.SOLVED
    assert report.best.verdict.status is Status.PROVED
    assert report.best.candidate.move.startswith("solve")
