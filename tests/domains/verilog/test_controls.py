"""Registers with several asynchronous controls: the chain of tests ranks them, not the order that yosys makes."""

import pytest

from proofsmith.domains.verilog import controls
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

HEAD = (
    "module t(input clk, s, r, d, output reg q); always @(posedge clk or posedge {} or posedge {})"
)
SET_FIRST = "if (s) q <= 1; else if (r) q <= 0; else q <= d; endmodule"
RESET_FIRST = "if (r) q <= 0; else if (s) q <= 1; else q <= d; endmodule"


def design(text):
    return Design(files={"t.sv": text}, top="t")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("candidate", "status"),
    [
        (HEAD.format("r", "s") + RESET_FIRST, Status.PROVED),
        (HEAD.format("s", "r") + SET_FIRST, Status.FAILED),
    ],
    ids=["events in another order are the same", "another rank differs"],
)
async def test_the_chain_of_tests_decides_which_control_wins(candidate, status):
    reference = design(HEAD.format("s", "r") + RESET_FIRST)
    assert (await prove(reference, design(candidate), await open_sandbox())).status is status


def test_controls_that_no_chain_ranks_are_named():
    text = HEAD.format("s", "r") + "q <= r ? 0 : s ? 1 : d; endmodule"
    assert "no chain" in controls.unclear(text)
    assert not controls.unclear(HEAD.format("s", "r") + RESET_FIRST)


def test_a_register_with_one_control_is_left_as_it_is():
    text = "always @(posedge c or negedge r) if (!r) q <= 0; else q <= d;"
    assert controls.joined(text) == text
