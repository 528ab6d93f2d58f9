"""Where random simulation is all that speaks for a design, what it moves and which faults it tells stand beside."""

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

TIMED = "module t(input [3:0] a, b, output [3:0] y); {} assign #1 y = {}; endmodule"


async def facts_of(extra):
    pair = [TIMED.format(extra, text) for text in ("a + b", "b + a")]
    sides = [Design(files={"t.sv": text}, top="t") for text in pair]
    verdict = await prove(*sides, await open_sandbox())
    assert verdict.status is Status.TESTED
    return verdict.evidence[0].facts


@pytest.mark.slow
async def test_a_run_that_moves_everything_and_tells_every_fault_says_so():
    facts = await facts_of("")
    assert facts["coverage"] == 1.0
    assert facts["killed"] == facts["mutants"] > 0


@pytest.mark.slow
async def test_what_no_run_moves_is_named_and_faults_in_it_are_not_told():
    facts = await facts_of("wire stuck = a[0] & ~a[0]; wire idle = stuck & b[1];")
    assert facts["coverage"] < 1.0
    assert "stuck" in facts["never moved"]
    assert facts["killed"] < facts["mutants"]
