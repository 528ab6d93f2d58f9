"""Where a bench alone says what is right, no design that reaches for it, speaks or asks who runs it gets past it."""

import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal

CHEATS = tomllib.loads(
    (Path(__file__).parents[2] / "fixtures" / "verilog" / "bench_cheats.toml").read_text()
)
BROKEN = CHEATS["case"][0]["text"].replace("q + d", "q - d")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [("acc.md", CHEATS["specification"]), ("acc.sv", BROKEN)],
    ids=["written from a specification", "a repair of a design"],
)
async def test_a_bench_gives_no_cheat_more_than_it_is_worth(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    (tmp_path / "tb.sv").write_text(CHEATS["bench"])
    sandbox, domain = await open_sandbox(), VerilogDomain()
    options = {"testbench": str(tmp_path / "tb.sv")}
    problem = await domain.read(tmp_path / name, Goal.SOLVE, options, sandbox)
    above = {}
    for case in CHEATS["case"]:
        version = Candidate(files={problem.editable[0]: case["text"]})
        verdict = await domain.verify(problem, version, sandbox.fresh(), Depth.QUICK)
        if verdict.status not in case["verdict"]:
            above[case["name"]] = f"{verdict.status} {verdict.feedback}"
    assert not above
