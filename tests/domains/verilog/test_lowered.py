"""A text that only slang reads is judged like any other, once simulation confirms what was read in its place."""

from dataclasses import replace

import pytest

from proofsmith.domains.verilog import fidelity, lowered
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Limits, Status

LANES = """module t(input logic clk, input logic [1:0] be, input logic [15:0] d, output logic [15:0] q);
logic [1:0][7:0] held [0:1];
always_ff @(posedge clk) begin
  for (int i = 0; i < 2; i++) if (be[i]) held[0][i] <= d[8*i +: 8];
  held[1] <= held[0]; q <= held[1];
end
endmodule"""
PLAIN = """module t(input clk, input [1:0] be, input [15:0] d, output reg [15:0] q);
reg [15:0] a, b;
always @(posedge clk) begin
  if (be[0]) a[7:0] <= d[7:0];
  if (be[1]) a[15:8] <= d[15:8];
  b <= a; q <= {};
end
endmodule"""
CAST = """typedef enum logic [1:0] {A, B, C, D} state;
module t(input logic clk, rst, input logic [1:0] a, output logic [1:0] y);
state s;
always_ff @(posedge clk) if (rst) s <= A; else s <= state'(a + s);
assign y = s;
endmodule"""


def design(text):
    return Design(files={"t.sv": text}, top="t")


@pytest.mark.slow
@pytest.mark.parametrize(("value", "status"), [("b", Status.PROVED), ("a", Status.FAILED)])
async def test_a_design_that_yosys_does_not_read_is_proved_or_refuted(value, status):
    plain = PLAIN.replace("{}", value)
    verdict = await prove(design(plain), design(LANES), await open_sandbox())
    assert verdict.status is status, verdict.feedback
    assert (await prove(design(LANES), design(plain), await open_sandbox())).status is status


@pytest.mark.slow
async def test_what_was_read_in_place_of_a_text_is_doubted_when_simulation_differs():
    sandbox = await open_sandbox()
    read = await elaborate(design(LANES), sandbox)
    assert "read by slang" in read.notes[0]
    assert not (await fidelity.compared(read, sandbox)).doubt
    wrong = replace(read, plain=read.plain.replace("d[7:0]", "d[15:8]"))
    assert wrong.plain != read.plain
    assert "differently" in (await fidelity.compared(wrong, sandbox)).doubt


@pytest.mark.slow
async def test_a_text_that_icarus_does_not_read_either_is_confirmed_in_verilator():
    sandbox = await open_sandbox()
    read = await elaborate(design(CAST), sandbox)
    agreed = await fidelity.compared(read, sandbox)
    assert (agreed.simulator, agreed.doubt) == ("Verilator", "")


@pytest.mark.slow
async def test_slang_that_ends_at_its_limit_says_nothing_about_a_text():
    sandbox = await open_sandbox()
    assert (await lowered.lowered(LANES, design(LANES), sandbox)).text
    short = Limits(wall_s=0.01)
    assert not (await lowered.lowered(LANES, design(LANES), sandbox, short)).text
