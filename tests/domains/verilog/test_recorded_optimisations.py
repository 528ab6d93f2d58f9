"""Designs written by hand over an endpoint to be smaller: each is proved again, and one beats what the rules found."""

import json
from pathlib import Path

import pytest

from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.tools.edits import read_reply
from proofsmith.types import Candidate, Depth, Goal, Status

TRIAL = Path(__file__).parents[2] / "fixtures" / "verilog" / "optimised"
RATIOS = {"squares": [1.31, 1.49], "isqrt": [0.66], "triangle": [0.93]}
"""Area of the original by that of each reply, in the trial."""
RULES = {"squares": 1.26, "isqrt": 1.40, "triangle": 2.22}
"""The same for the best version of the rules, recipes included."""
NAMES = sorted(path.stem for path in TRIAL.glob("*.jsonl"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_version_is_proved_and_measured_as_in_the_trial(name):
    sandbox, domain = await open_sandbox(), VerilogDomain()
    problem = await domain.read(TRIAL / f"{name}.v", Goal.AREA, {}, sandbox)
    original, ratios = Candidate(files=dict(problem.files)), []
    for entry in map(json.loads, (TRIAL / f"{name}.jsonl").read_text().splitlines()):
        assert problem.files[f"{name}.v"].strip() in entry["request"]["messages"][-1]["content"]
        files = read_reply(entry["reply"], problem.files, problem.editable)
        candidate = Candidate(files={**problem.files, **files})
        verdict = await domain.verify(problem, candidate, sandbox, Depth.QUICK)
        assert verdict.status is Status.PROVED, verdict.feedback
        found = await domain.measure(problem, original, candidate, sandbox, Depth.QUICK)
        ratios.append(found[0].ratio)
    assert ratios == pytest.approx(RATIOS[name], abs=0.02)
    assert (max(ratios) > RULES[name]) is (name == "squares")
