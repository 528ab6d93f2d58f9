"""Designs that are built to confuse a checker get no more than they are worth; awkward but right ones are proved."""

import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth

CASES = tomllib.loads(
    (Path(__file__).parents[2] / "fixtures" / "verilog" / "hostile.toml").read_text()
)["case"]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_a_confusing_design_gets_no_more_than_it_is_worth(case):
    def design(text):
        return Design(files={"m.sv": text}, top=case["top"], parameters=case.get("parameters", {}))

    candidate = design(case.get("candidate", case["reference"]))
    sandbox = await open_sandbox()
    verdict = await prove(design(case["reference"]), candidate, sandbox, Depth.QUICK)
    assert verdict.status in case["verdict"], f"{verdict.status} {verdict.feedback}"
