"""No candidate that cheats is called equal, and honest ones are."""

import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth

FIXTURES = Path(__file__).parents[2] / "fixtures" / "verilog"
CHEATS = tomllib.loads((FIXTURES / "cheats.toml").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("case", CHEATS["case"], ids=lambda case: case["name"])
async def test_a_cheat_never_gets_more_than_it_is_worth(case):
    known = CHEATS["reference"][case["reference"]]
    top = known["top"]
    reference = Design(files={"design.v": known["text"]}, top=top)
    candidate = Design(files={"design.v": case["text"]}, top=top)
    verdict = await prove(reference, candidate, await open_sandbox(), Depth.QUICK)
    assert verdict.status in case["verdict"], verdict.feedback
    assert case.get("says", "") in verdict.feedback
