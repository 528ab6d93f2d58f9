"""Outputs that are z: proved by what stands for z, tested where a switch drives them, refuted where they drive."""

import pytest

from proofsmith.domains.verilog import liberty, proposers
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.measure import Meter
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.tristate import CELL
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

HEAD = "module t(input a, oe, output y);"
REFERENCE = f"{HEAD} assign y = oe ? a : 1'bz; endmodule"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("wire n = ~oe; assign y = n ? 1'hz : a;", Status.PROVED),
        ("bufif1 (y, a, oe);", Status.TESTED),
        ("assign y = oe & a;", Status.FAILED),
        ("assign y = oe ? 1'bz : a;", Status.FAILED),
    ],
    ids=["z in the same cases", "a switch", "no z at all", "z in other cases"],
)
async def test_z_counts_as_a_value_of_its_own(body, status):
    sides = [
        Design(files={"t.sv": text}, top="t") for text in (REFERENCE, f"{HEAD} {body} endmodule")
    ]
    assert (await prove(*sides, await open_sandbox())).status is status


BUS = """module bus(input [1:0] op, input [3:0] a, b, output [3:0] y, output zero);
  reg [4:0] r;
  always @* case (op) 2'd0: r = a + b; 2'd1: r = a & b; 2'd2: r = a ^ b; default: r = 4'bz; endcase
  assign y = r[3:0];
  assign zero = r == 5'd0;
endmodule
"""


@pytest.mark.slow
async def test_a_mapped_netlist_drives_z_where_its_text_does(tmp_path):
    sandbox, domain = await open_sandbox(), VerilogDomain()
    (tmp_path / "bus.v").write_text(BUS)
    problem = await domain.read(tmp_path / "bus.v", Goal.AREA, {}, sandbox)
    start = Candidate(files=dict(problem.files))
    netlist = await anext(proposers.mapped(problem, start, sandbox, Meter()))
    assert CELL in netlist.files["bus.netlist.v"]
    verdict = await domain.verify(problem, netlist, sandbox, Depth.QUICK)
    assert verdict.status is Status.PROVED
    blunt = netlist.files["bus.netlist.v"].replace("1'bz", "1'b0")
    driven = Candidate(files={**netlist.files, "bus.netlist.v": blunt}, settings=netlist.settings)
    verdict = await domain.verify(problem, driven, sandbox, Depth.QUICK)
    assert verdict.status is Status.FAILED


def test_a_buffer_that_drives_z_costs_as_much_as_a_gate_of_three_inputs():
    cells = liberty.load().cells
    assert cells[CELL].area >= min(c.area for c in cells.values() if len(c.inputs) == 3)
