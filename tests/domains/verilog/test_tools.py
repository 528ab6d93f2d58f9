import pytest

from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Goal

ADDER = "module f(input clk, input [3:0] a, output reg [3:0] y); always @(posedge clk) y <= a + 4'd1; endmodule\n"
SPEC = "Write the module `inc`.\n\n- input [3:0] a\n- output [3:0] y\n\ny is a plus one.\n"


async def told(path, goal, options):
    domain, sandbox = VerilogDomain(), await open_sandbox()
    made = await domain.read(path, goal, options, sandbox)
    (tool,) = domain.tools
    return await tool.run(made, tool.arguments(), sandbox)


@pytest.mark.slow
async def test_the_netlist_of_the_original_is_told_by_cells_and_path(tmp_path):
    path = tmp_path / "f.v"
    path.write_text(ADDER)
    netlist = await told(path, Goal.AREA, {})
    assert netlist["registers"] == 4
    assert sum(netlist["counts"].values()) == netlist["cells"]
    assert netlist["delay_ps"] > 0


async def test_a_specification_has_no_netlist(tmp_path):
    path, bench = tmp_path / "inc.md", tmp_path / "tb.v"
    path.write_text(SPEC)
    bench.write_text("module tb; initial $finish; endmodule\n")
    with pytest.raises(UsageError, match="no netlist"):
        await told(path, Goal.SOLVE, {"testbench": str(bench)})
