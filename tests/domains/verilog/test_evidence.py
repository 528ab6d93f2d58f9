"""The command recorded with a verdict earns it again in the folder of a run, and falls when the version is changed."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from proofsmith.agents import report as reports
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Conclusion, Depth, Goal, Outcome, Report
from tests.cli.command import environment

FOLDER = Path(__file__).parents[2] / "fixtures" / "verilog"
RIGHT = (
    "module add(input [3:0] a, input [3:0] b, output [4:0] s);\n  assign s = a + b;\nendmodule\n"
)
BENCH = (FOLDER / "add_tb.sv").read_text()
ASSERTED = "assert property (@(posedge clk) disable iff (rst) q <= 4'd9);\n"
COUNTER = """module counter(input clk, input rst, input en, output reg [3:0] q);
  always @(posedge clk) if (rst) q <= 0; else if (en) q <= (q == 9) ? 0 : q + 1;
endmodule
"""
CASES = {
    "specification": ("add.md", (FOLDER / "add.md").read_text(), "add.sv", RIGHT, "add_tb.sv"),
    "repair": ("add.sv", RIGHT.replace("+", "-"), "add.sv", RIGHT, "add_tb.sv"),
    "reference": ("add.sv", RIGHT.replace("+", "-"), "add.sv", RIGHT, "right.sv"),
    "equality": ("add.sv", RIGHT, "add.sv", RIGHT.replace("a + b", "b + a"), ""),
    "assertions": ("counter.v", COUNTER, "counter.sva", ASSERTED, ""),
}
GOALS = {"equality": Goal.AREA, "assertions": Goal.ASSERTIONS}


async def recorded(case, folder):
    """Write the run of a verdict into `folder` and return the verdict."""
    name, text, made, answer, judge = CASES[case]
    (folder / name).write_text(text)
    (folder / "add_tb.sv").write_text(BENCH)
    (folder / "right.sv").write_text(RIGHT)
    options = {"testbench" if judge == "add_tb.sv" else "reference": str(folder / judge)}
    sandbox, domain = await open_sandbox(), VerilogDomain()
    goal = GOALS.get(case, Goal.SOLVE)
    problem = await domain.read(folder / name, goal, options if judge else {}, sandbox)
    best = Candidate(files={**problem.files, made: answer})
    verdict = await domain.verify(problem, best, sandbox.fresh(), Depth.QUICK)
    report = Report(
        run_id=case,
        problem=problem,
        conclusion=Conclusion.IMPROVED,
        ended_by="finished",
        baseline=None,
        best=Outcome(candidate=best, verdict=verdict),
    )
    reports.write(report, folder)
    return verdict


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_recorded_command_earns_the_verdict_again(case, tmp_path):
    verdict = asyncio.run(recorded(case, tmp_path))
    assert verdict.status in ("tested", "proved"), verdict.feedback
    command = verdict.evidence[0].command
    for version, wanted in ((None, str(verdict.status)), ("wrong", "failed")):
        if version:
            path = tmp_path / command[3]
            path.write_text(path.read_text().replace("a + b", "a - b").replace("b + a", "b - a"))
            path.write_text(path.read_text().replace("q <= 4'd9", "q <= 4'd8"))
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.stdout, done.stderr
        assert json.loads(done.stdout)["status"] == wanted, done.stdout
