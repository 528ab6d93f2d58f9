"""The states of a machine are encoded anew where that serves the goal, and the netlist is proved equal."""

import pytest

from proofsmith.domains.verilog import proposers
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.measure import Meter, version_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

DETECTOR = """module detector(input clk, input rst, input x, output y, output [1:0] lamp);
  localparam A = 5'd1, B = 5'd2, C = 5'd4, D = 5'd8, E = 5'd16;
  reg [4:0] s;
  always @(posedge clk) if (rst) s <= A; else case (s)
    A: s <= x ? B : A;
    B: s <= x ? C : A;
    C: s <= x ? C : D;
    D: s <= x ? E : A;
    E: s <= x ? C : A;
    default: s <= A;
  endcase
  assign y = s == E;
  assign lamp = s == A ? 2'd0 : s == B ? 2'd1 : s == C ? 2'd2 : 2'd3;
endmodule
"""


@pytest.mark.slow
async def test_one_hot_states_are_written_in_binary_for_area_and_proved(tmp_path):
    (tmp_path / "detector.v").write_text(DETECTOR)
    sandbox, domain, meter = await open_sandbox(), VerilogDomain(), Meter()
    problem = await domain.read(tmp_path / "detector.v", Goal.AREA, {}, sandbox)
    start = Candidate(files=dict(problem.files))
    best = await anext(proposers.mapped(problem, start, sandbox, meter))
    assert best.settings["prepare"][-1] == "fsm -encoding binary"
    assert (await domain.verify(problem, best, sandbox, Depth.QUICK)).status is Status.PROVED
    library = proposers.library_of(problem)
    values = [
        await meter.values(version_of(problem, c), sandbox, library, power=False)
        for c in (start, best)
    ]
    assert values[1]["area"] < 0.9 * values[0]["area"]
    (gain, *_) = await domain.measure(problem, start, best, sandbox, Depth.QUICK)
    assert gain.ratio == pytest.approx(values[0]["area"] / values[1]["area"])
