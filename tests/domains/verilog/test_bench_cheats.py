"""Where a bench alone says what is right, no design that reaches for it, speaks or asks who runs it gets past it."""

import json
import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal
from tests.cli.command import proofsmith

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


REPLIED = (
    "prints the pass line",
    "ends the simulation early",
    "reads the answer out of the bench",
    "binds a module into the bench",
    "brings a bench of its own",
    "is right for a while by $time",
    "is right for one simulator only",
    "asks it with the else of an if",
    "is empty",
)


def solved(texts, folder, endpoint):
    """Run `proofsmith solve` with a bench and a model that replies with `texts`; return exit code and report."""
    endpoint.script = [f"### acc.sv\n```verilog\n{text.strip()}\n```\n" for text in texts]
    endpoint.requests.clear()
    (folder / "acc.md").write_text(CHEATS["specification"])
    (folder / "tb.sv").write_text(CHEATS["bench"])
    done = proofsmith(
        "solve", "acc.md", "--top", "acc", "--testbench", "tb.sv", "--json", "--model", "loopback",
        "--base-url", endpoint.base_url, "--strategy", "best_of", "--budget", f"{len(texts)} attempts",
        "--jobs", "1", cwd=folder, timeout=300,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)["report"]


@pytest.mark.slow
def test_no_reply_that_cheats_solves_a_specification_with_a_bench(tmp_path, endpoint):
    known = {case["name"]: case["text"] for case in CHEATS["case"]}
    code, report = solved([known[name] for name in REPLIED], tmp_path, endpoint)
    assert (code, report["best"]) == (1, None)
    said = [attempt["verdict"]["status"] for attempt in report["attempts"]]
    assert len(said) == len(REPLIED)
    assert set(said) <= {"failed", "undecided"}
    (tmp_path / "anew").mkdir()
    code, report = solved([known["is empty"], known["honest: adds"]], tmp_path / "anew", endpoint)
    assert (code, report["best"]["verdict"]["status"]) == (0, "tested")
