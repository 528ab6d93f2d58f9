"""Large designs are judged in linear time or left open, what they take is told first, and what never ends is ended."""

from dataclasses import replace

import pytest

from proofsmith.domains.verilog import scale, toolchain
from proofsmith.domains.verilog.circuit import Step
from proofsmith.domains.verilog.correspondence import settled
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.tools.notices import watched
from proofsmith.types import Status

PIPE = """
module {stage} #(parameter W = 8)(input clk, rst, en, input [W-1:0] d, output [W-1:0] q);
  reg [W-1:0] {held};
  always @(posedge clk) if (rst) {held} <= 0; else if (en) {held} <= {next};
  assign q = {held};
endmodule
module pipe #(parameter N = 900, W = 8)(input clk, rst, en, input [W-1:0] d, output [W-1:0] q);
  wire [W-1:0] {wires} [0:N];
  assign {wires}[0] = d;
  genvar i;
  generate for (i = 0; i < {stages}; i = i + 1) begin : g
    {stage} #(W) u(clk, rst, en, {wires}[i], {wires}[i+1]);
  end endgenerate
  assign q = {wires}[{stages}];
endmodule
"""


def pipe(*, stage="one", held="r", wires="s", next="(d >> 3) + d", stages="N", **parameters):
    text = PIPE.format(stage=stage, held=held, wires=wires, next=next, stages=stages)
    return Design(files={"pipe.sv": text}, top="pipe", parameters=parameters)


RENAMED = {"stage": "another", "held": "kept", "wires": "between", "next": "d + (d >> 3)"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "status"),
    [(RENAMED, Status.PROVED), ({"stages": "N - 1"}, Status.FAILED)],
    ids=["other names and operands exchanged", "a stage less"],
)
async def test_a_pipeline_of_many_stages_is_judged_in_the_end(change, status):
    heard = []
    with watched(heard.append):
        verdict = await prove(pipe(), pipe(**change), await open_sandbox())
    assert verdict.status is status, verdict.feedback
    assert "gates" in heard[0]
    assert "MiB" in heard[0]
    assert verdict.evidence[0].facts["gates"] > scale.LARGE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sure"),
    [
        (RENAMED, {"q"}),
        ({**RENAMED, "next": "d - (d >> 3)"}, set()),
        ({**RENAMED, "stages": "N - 1"}, set()),
    ],
    ids=["equal", "another operator", "a stage less"],
)
async def test_registers_are_matched_by_what_they_compute_whatever_they_are_called(change, sure):
    sandbox, few = await open_sandbox(), {"N": "40"}
    reads = [await elaborate(design, sandbox) for design in (pipe(**few), pipe(**few, **change))]
    circuits = [circuit_of(read, Step.CYCLE) for read in reads]
    assert await settled(*circuits, sandbox) == frozenset()
    assert await settled(*circuits, sandbox, named=False) == sure


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "genvar i; generate for (i = 0; i < 1000000000; i = i + 1) begin : g wire x = a; end endgenerate",
        "wire [16777214:0] w = {16777215{a}}; wire x = ^(w * w);",
        "wire [16777215:0] w = {16777216{a}}; assign y = w[3];",
    ],
    ids=["a loop of 10^9", "a vector of 2^24 bits", "an expression of 2^24 bits"],
)
async def test_what_is_beyond_all_measure_is_ended_by_its_limit(body):
    design = Design(files={"m.sv": f"module m(input a, output y); {body} endmodule"}, top="m")
    limits = replace(toolchain.READ_LIMITS, cpu_s=2, memory_mib=512)
    read = await elaborate(design, await open_sandbox(), limits)
    assert read.trouble in ("time", "limit")


async def test_an_inferred_latch_is_named():
    text = "module m(input e, d, output reg q); always @* if (e) q = d; endmodule"
    design = Design(files={"m.sv": text}, top="m")
    verdict = await prove(design, design, await open_sandbox())
    assert verdict.status is Status.PROVED
    assert verdict.evidence[0].facts["notes"] == ["latch inferred for q"]
