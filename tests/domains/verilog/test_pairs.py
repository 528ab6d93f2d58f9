"""Pairs of designs of which one is right or subtly wrong: no wrong one is proved, and no right one is refused."""

import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox

PAIRS = tomllib.loads(
    (Path(__file__).parents[2] / "fixtures" / "verilog" / "pairs.toml").read_text()
)["pair"]


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
async def test_a_design_gets_the_verdict_that_it_deserves(pair):
    sides = [Design(files={"t.sv": pair[k]}, top="t") for k in ("reference", "candidate")]
    verdict = await prove(*sides, await open_sandbox())
    assert verdict.status in pair["verdict"], f"{verdict.status} {verdict.feedback}"
