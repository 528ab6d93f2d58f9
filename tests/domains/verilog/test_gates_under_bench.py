"""A bench judges a design as text and as gates: what reaches into the bench, or leans on x, passes as text alone."""

import pytest

from proofsmith.api import check
from proofsmith.errors import UsageError
from proofsmith.types import Depth, Status

BENCH = """`define ROUNDS 40
module tb;
  parameter ROUNDS = `ROUNDS;
  reg [3:0] a, b; wire [4:0] s; wire [4:0] want = a + b; integer i, bad;
  adder dut(.a(a), .b(b), .s(s));
  initial begin
    bad = 0;
    for (i = 0; i < ROUNDS; i = i + 1) begin
      {a, b} = i * 37 + 5;
      #10 if (s !== want) bad = bad + 1;
    end
    if (bad == 0) $display("PASSED"); else $display("FAILED");
    $finish;
  end
endmodule
"""
HEAD = "module adder(input [3:0] a, b, output [4:0] s);\n"
NEVER = "generate if (0) begin : tb wire x; end endgenerate\n"
CHOICE = "`ifndef ROUNDS\n`define ROUNDS\n`define SUM a - b\n`else\n`define SUM a + b\n`endif\n"
PARTIAL = "function f(input x); begin : tb f = x; end endfunction\n"


async def judged(folder, text, bench=BENCH):
    (folder / "adder.v").write_text(f"{HEAD}assign s = a - b;\nendmodule\n")
    (folder / "new.v").write_text(text)
    (folder / "tb.v").write_text(bench)
    options = {"testbench": str(folder / "tb.v"), "by-bench": True}
    return await check(folder / "adder.v", folder / "new.v", depth=Depth.QUICK, options=options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        (f"{HEAD}assign s = a + b;\nendmodule", Status.TESTED, ""),
        (f"{HEAD}{NEVER}assign s = tb.want;\nendmodule", Status.FAILED, "leaves the module"),
        (f"{HEAD}{PARTIAL}assign s = tb.want;\nendmodule", Status.FAILED, "leaves the module"),
        (f"{HEAD}{NEVER}defparam tb.ROUNDS = 0;\nendmodule", Status.FAILED, "leaves the module"),
        (f"{HEAD}{NEVER}always @(s) tb.bad = 0;\nassign s = 0;\nendmodule", Status.FAILED, ""),
        (f"{CHOICE}{HEAD}assign s = `SUM;\nendmodule", Status.FAILED, "FAILED"),
        (f"{HEAD}reg u;\nassign s = u === 1'bx ? a + b : 0;\nendmodule", Status.UNDECIDED, "gates"),
    ],
    ids=["honest", "label", "function", "defparam", "writes", "macro of the bench", "asks for x"],
)
async def test_what_passes_as_text_alone_is_not_tested(tmp_path, text, status, says):
    verdict = await judged(tmp_path, text)
    assert verdict.status is status, verdict.feedback
    assert says in verdict.feedback


@pytest.mark.slow
async def test_a_bench_that_includes_the_design_and_a_header_judges_the_candidate(tmp_path):
    (tmp_path / "rounds.vh").write_text("`define ROUNDS 40\n")
    bench = BENCH.replace("`define ROUNDS 40", '`include "rounds.vh"\n`include "adder.v"')
    verdict = await judged(tmp_path, f"{HEAD}assign s = a + b;\nendmodule", bench)
    assert verdict.status is Status.TESTED, verdict.feedback
    wrong = await judged(tmp_path, f"{HEAD}assign s = a | b;\nendmodule", bench)
    assert wrong.status is Status.FAILED, wrong.feedback
    assert "FAILED" in wrong.feedback


@pytest.mark.slow
async def test_a_bench_that_looks_inside_still_refuses_names_of_its_own(tmp_path):
    inner = "generate if (1) begin : g reg t; initial t = 0; end endgenerate\n"
    bench = BENCH.replace("bad = 0;\n", "bad = dut.g.t;\n", 1)
    honest = await judged(tmp_path, f"{HEAD}{inner}assign s = a + b;\nendmodule", bench)
    assert honest.status is Status.TESTED, honest.feedback
    cheat = await judged(tmp_path, f"{HEAD}{inner}{NEVER}assign s = tb.want;\nendmodule", bench)
    assert cheat.status is Status.UNDECIDED
    assert "tb.want" in cheat.feedback


@pytest.mark.slow
async def test_a_bench_that_does_not_compile_says_nothing_about_a_design(tmp_path):
    verdict = await judged(tmp_path, f"{HEAD}assign s = a + b;\nendmodule", BENCH[:-20])
    assert verdict.status is Status.UNDECIDED
    assert "the bench does not compile" in verdict.feedback


@pytest.mark.slow
async def test_conditions_of_the_users_own_design_may_stay_and_are_named(tmp_path):
    text = f"{HEAD}`ifdef FAST\nassign s = 0;\n`else\nassign s = a + b;\n`endif\nendmodule"
    (tmp_path / "own.v").write_text(text)
    verdict = await check(tmp_path / "own.v", tmp_path / "own.v", depth=Depth.QUICK)
    assert verdict.status is Status.PROVED, verdict.feedback
    assert "read with the macro FAST not set" in verdict.evidence[0].facts["notes"]
    (tmp_path / "tb.v").write_text(BENCH)
    options = {"testbench": str(tmp_path / "tb.v"), "by-bench": True}
    own = await check(tmp_path / "own.v", tmp_path / "own.v", depth=Depth.QUICK, options=options)
    assert own.status is Status.TESTED, own.feedback
    (tmp_path / "new.v").write_text(text.replace("FAST", "QUICK"))
    other = await check(tmp_path / "own.v", tmp_path / "new.v", depth=Depth.QUICK)
    assert other.status is Status.FAILED


async def test_a_header_that_a_bench_lacks_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere.vh, which tb.v reads, was not found"):
        await judged(tmp_path, HEAD, f'`include "nowhere.vh"\n{BENCH}')
