"""Rewrites of parametrised modules hold for other values of the parameters too: ranges are written with them."""

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.rewrites import sharing, sizes
from proofsmith.domains.verilog.rewrites.text import Source, assigned
from proofsmith.domains.verilog.syntax import splice
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

MODULE = """module t #(parameter W = 5, parameter N = 3) (input clk, rst, s, input [1:0] op, input [W-1:0] a, b, c,
    input [N:0] e, output [2*W-1:0] p, output reg [W-1:0] y);
  assign p = s ? a * b : c * e;
  always @(posedge clk)
    if (rst) y <= 0;
    else case (op)
      2'd0: y <= a + b;
      2'd1: y <= c - e;
      default: y <= b - c;
    endcase
endmodule
"""


@pytest.mark.parametrize(
    ("expression", "size"),
    [
        ("a", "W"),
        ("a + e", "(W > (N+1) ? W : (N+1))"),
        ("{a, b}", None),
        ("p * 3", "(2*W > 2 ? 2*W : 2)"),
        ("op", "2"),
        ("12", "4"),
        ("nothing", None),
    ],
)
def test_sizes_are_read_off_declarations(expression, size):
    source = Source.of(MODULE.replace("c * e;", f"c * e; assign x = {expression};"))
    wanted = next(n for n in assigned(source.root) if n.parts[0].text.strip() == "x")
    assert sizes.size_of(source, wanted.parts[-1]) == size


@pytest.mark.slow
@pytest.mark.parametrize("values", [{}, {"W": "2", "N": "4"}], ids=["as written", "others"])
async def test_shared_operators_of_a_parametrised_module_are_proved(values):
    sandbox, source = await open_sandbox(), Source.of(MODULE)
    original = Design(files={"t.sv": MODULE}, top="t", parameters=values)
    found = [p for rule in (sharing.selections, sharing.branches) for p in rule(source)]
    assert {p.rule for p in found} >= {"share-operator", "share-sum"}
    for proposal in found:
        other = original.with_files({"t.sv": splice(MODULE, proposal.edits)})
        assert (await prove(original, other, sandbox)).status is Status.PROVED, proposal.rule
