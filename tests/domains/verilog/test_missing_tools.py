"""A tool that crashes, fails or is missing in mid-search: other rungs go on, and the verdict says what did not run."""

import pytest

from proofsmith.api import solve
from proofsmith.domains.verilog import coverage
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.trial import Bench, run
from proofsmith.errors import SandboxError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Budget, Conclusion, Status

FAILURES = {"missing": "exit 127", "killed": "kill -9 $$", "failing": "echo broken >&2; exit 1"}
SPOKEN = {"missing": "is not installed", "killed": "crashed", "failing": "broken"}
SUM = """module t(input clk, rst, input [15:0] d, output reg [15:0] q);
always @(posedge clk) if (rst) q <= 0; else q <= {}; endmodule"""
SMALL = "module t(input [3:0] a, output [3:0] y); assign y = {}; endmodule"
COUNTER = """module t(input clk, rst, output reg [3:0] q);
always @(posedge clk) if (rst) q <= 0; else if (q == {}) q <= 0; else q <= q + 1; endmodule"""
BENCH = """module tb; reg [3:0] a; wire [3:0] y; t u(.a(a), .y(y));
initial begin a = 3; #1 if (y === 4) $display("PASS"); else $display("FAIL"); $finish; end endmodule"""


class Broken:
    """A sandbox in which one tool is replaced by a script."""

    def __init__(self, sandbox, tool, script):
        self._sandbox, self._tool, self._script = sandbox, tool, script

    def __getattr__(self, name):
        return getattr(self._sandbox, name)

    def fresh(self, **given):
        return Broken(self._sandbox.fresh(**given), self._tool, self._script)

    async def exec(self, argv, **given):
        used = argv[0] == self._tool or argv[0] == "sh" and argv[2].startswith(self._tool)
        return await self._sandbox.exec(("sh", "-c", self._script) if used else argv, **given)


async def verdict_of(form, expressions, tool, failure):
    sides = [Design(files={"t.sv": form.format(e)}, top="t") for e in expressions]
    return await prove(*sides, Broken(await open_sandbox(), tool, FAILURES[failure]))


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
async def test_without_proof_engines_a_design_is_simulated_and_not_proved(failure):
    equal = ("q ^ d", "(q | d) - (q & d)")
    verdict = await verdict_of(SUM, equal, "yosys-abc", failure)
    facts = verdict.evidence[0].facts
    assert verdict.status is Status.TESTED
    assert all(SPOKEN[failure] in note for note in (*facts["open"], *facts["not run"]))
    assert (await verdict_of(SUM, equal, "none", failure)).status is Status.PROVED
    assert (await verdict_of(SUM, ("q + d", "q - d"), "yosys-abc", failure)).status is Status.FAILED


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
async def test_without_a_simulator_what_is_proved_says_that_it_was_not_simulated(failure):
    verdict = await verdict_of(SMALL, ("a + 1", "1 + a"), "iverilog", failure)
    assert verdict.status is Status.PROVED
    assert SPOKEN[failure] in verdict.evidence[0].facts["not simulated"]


@pytest.mark.slow
async def test_without_a_simulator_a_difference_is_not_called_a_failure():
    verdict = await verdict_of(SMALL, ("a + 1", "a + 2"), "iverilog", "missing")
    assert verdict.status is Status.UNDECIDED
    assert "is not installed" in verdict.feedback


@pytest.mark.slow
async def test_a_reader_that_crashes_decides_nothing_and_one_that_is_missing_is_an_error():
    verdict = await verdict_of(SMALL, ("a + 1", "1 + a"), "yosys", "killed")
    assert verdict.status is Status.UNDECIDED
    assert "yosys crashed" in verdict.feedback
    with pytest.raises(SandboxError, match="yosys is not installed"):
        await verdict_of(SMALL, ("a + 1", "1 + a"), "yosys", "missing")


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
async def test_without_verilator_the_coverage_says_why_it_is_missing(failure):
    sandbox = Broken(await open_sandbox(), "verilator", FAILURES[failure])
    bench = Bench(files={"tb.sv": BENCH}, top="t")
    design = Design(files={"t.sv": SMALL.format("a + 1")}, top="t")
    found = await coverage.lines_run(bench, design, sandbox)
    assert SPOKEN[failure] in found["coverage by Verilator"]


@pytest.mark.slow
@pytest.mark.parametrize(("failure", "outcome"), [("killed", "silent"), ("failing", "compile")])
async def test_a_simulator_that_crashes_under_a_bench_says_nothing_about_the_design(
    failure, outcome
):
    bench = Bench(files={"tb.sv": BENCH}, top="t")
    design = Design(files={"t.sv": SMALL.format("a + 1")}, top="t")
    broken = Broken(await open_sandbox(), "iverilog", FAILURES[failure])
    ran = await run(bench, design, broken)
    assert ran.outcome == outcome
    assert SPOKEN[failure] in ran.said


@pytest.mark.slow
async def test_a_search_goes_on_when_one_of_its_tools_dies_on_the_way(tmp_path):
    """Proofs by ABC are gone, simulation is not: a repair of small states is proved without them."""
    (tmp_path / "t.sv").write_text(COUNTER.format(8))
    (tmp_path / "ref.sv").write_text(COUNTER.format(9))
    report = await solve(
        tmp_path / "t.sv",
        options={"reference": str(tmp_path / "ref.sv")},
        budget=Budget(attempts=12),
        sandbox=Broken(await open_sandbox(), "yosys-abc", FAILURES["killed"]),
        runs_dir=tmp_path / "runs",
    )
    assert report.conclusion is Conclusion.SOLVED
    assert report.best.verdict.status is Status.PROVED
