"""Moved registers are offered when they help and are proved; registers keep their value at power-up in a netlist."""

import pytest

from proofsmith.domains.verilog import netlist, proposers, retiming
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.measure import Meter
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

UNBALANCED = """module t(input clk, input rst, input [5:0] a, b, output reg y);
reg [5:0] ra, rb;
always @(posedge clk) if (rst) begin ra <= 0; rb <= 0; y <= 0; end
else begin ra <= a; rb <= b; y <= (ra + rb) > 6'd25; end
endmodule"""
POWERED = """module t(input clk, input [3:0] d, output reg q);
reg [3:0] n;
initial begin q = 1; n = 4'd9; end
always @(posedge clk) begin n <= n + d; q <= q ^ n[3]; end
endmodule"""


async def read(tmp_path, text, goal):
    path = tmp_path / "t.v"
    path.write_text(text)
    domain, sandbox = VerilogDomain(), await open_sandbox()
    return domain, await domain.read(path, Goal.AREA, {"goal": goal}, sandbox), sandbox


@pytest.mark.slow
async def test_a_shorter_path_between_registers_is_found_and_proved(tmp_path):
    domain, problem, sandbox = await read(tmp_path, UNBALANCED, "delay")
    base = Candidate(files=dict(problem.files))

    async def proved(candidate):
        verdict = await domain.verify(problem, candidate, sandbox, Depth.QUICK)
        return verdict.status is Status.PROVED

    async def never(_):
        return False

    found = [c async for c in retiming.retimed(problem, base, sandbox, Meter(), proved)]
    ratios = [
        (await domain.measure(problem, base, c, sandbox, Depth.QUICK))[0].ratio for c in found
    ]
    assert max(ratios) > 1.5
    assert not [c async for c in retiming.retimed(problem, base, sandbox, Meter(), never)]


@pytest.mark.slow
async def test_a_netlist_starts_as_its_text_does(tmp_path):
    domain, problem, sandbox = await read(tmp_path, POWERED, "area")
    base = Candidate(files=dict(problem.files))
    async for candidate in proposers.mapped(problem, base, sandbox, Meter()):
        text = candidate.files[netlist.netlist_of(candidate)]
        assert ".INIT(1'b1)" in text
        verdict = await domain.verify(problem, candidate, sandbox, Depth.QUICK)
        assert verdict.status is Status.PROVED, verdict.feedback
        break
    else:
        pytest.fail("no netlist was made")
