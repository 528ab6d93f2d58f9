"""Differences that show only when clocks and data change one after another, and texts that yosys does not read."""

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status


def design(text):
    return Design(files={"t.sv": text}, top="t")


@pytest.mark.slow
async def test_a_gated_clock_differs_from_an_enable():
    head = "module t(input clk, en, d, output reg q);"
    enabled = design(f"{head} always @(posedge clk) if (en) q <= d; endmodule")
    gated = design(f"{head} wire g = clk & en; always @(posedge g) q <= d; endmodule")
    verdict = await prove(enabled, gated, await open_sandbox())
    assert verdict.status is Status.FAILED
    assert "step" in verdict.evidence[0].facts


@pytest.mark.slow
async def test_a_text_that_only_yosys_cannot_read_is_not_called_wrong():
    flat = design("module t(input [15:0] a, output [3:0] y); assign y = a[7:4] ^ a[3:0]; endmodule")
    head = "module t(input [15:0] a, output reg [3:0] y); integer k; always @* begin k = 0;"
    loop = f"{head} while (k < 4) begin y[k] = a[k] {{}} a[k + 4]; k = k + 1; end end endmodule"
    right = await prove(flat, design(loop.format("^")), await open_sandbox())
    wrong = await prove(flat, design(loop.format("|")), await open_sandbox())
    assert (right.status, wrong.status) == (Status.UNDECIDED, Status.FAILED)
    assert "simulation agrees" in right.feedback
    unknown = await prove(flat, design(loop.format("^ b ^")), await open_sandbox())
    assert unknown.status is Status.FAILED


@pytest.mark.slow
async def test_a_text_that_ends_its_simulation_is_told_how_it_differs_besides():
    head = "module t(input [7:0] a, output [7:0] y);"
    right = design(f"{head} assign y = a + 1; endmodule")
    ends = f"{head} initial if (0) $finish; assign y = a + (a == 8'h5a); endmodule"
    verdict = await prove(right, design(ends), await open_sandbox())
    assert verdict.status is Status.FAILED
    assert "$finish" in verdict.feedback
    assert "step" in verdict.evidence[0].facts
