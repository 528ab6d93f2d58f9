"""Other adders and multipliers are the same functions, and each serves the goal that it is known for."""

import pytest

from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.measure import Meter, Version
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.rewrites import adders, multipliers
from proofsmith.domains.verilog.rewrites.text import Source
from proofsmith.domains.verilog.syntax import splice
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

SUM = "module t(input [13:0] a, b, output [14:0] s);\nassign s = a + b;\nendmodule"
DIFFERENCE = "module t(input [8:0] a, b, output reg [8:0] s);\nalways @* s = a - b;\nendmodule"
PRODUCT = "module t(input [5:0] a, input [4:0] b, output [10:0] s);\nassign s = a * b;\nendmodule"
KINDS = {
    "ripple-adder",
    "carry-select-adder",
    "kogge-stone-adder",
    "sklansky-adder",
    "wallace-multiplier",
    "booth-multiplier",
}


def variants(text):
    source = Source.of(text)
    found = [*adders.architectures(source), *multipliers.architectures(source)]
    return {p.rule: Design(files={"t.v": splice(text, p.edits)}, top="t") for p in found}


def test_every_architecture_is_proposed():
    assert {*variants(SUM), *variants(PRODUCT)} == KINDS


def test_signed_and_narrow_operators_are_left_alone():
    assert not variants(SUM.replace("input [13:0]", "input signed [13:0]"))
    assert not variants("module t(input [2:0] a, b, output [2:0] s); assign s = a + b; endmodule")


@pytest.mark.slow
@pytest.mark.parametrize("text", [SUM, DIFFERENCE, PRODUCT], ids=["sum", "difference", "product"])
async def test_every_architecture_is_proved_equal(text):
    sandbox, reference = await open_sandbox(), Design(files={"t.v": text}, top="t")
    for rule, design in variants(text).items():
        assert (await prove(reference, design, sandbox)).status is Status.PROVED, rule


@pytest.mark.slow
async def test_a_ripple_is_smaller_and_a_kogge_stone_tree_faster_than_the_standard_adder():
    sandbox, meter, made = await open_sandbox(), Meter(), variants(SUM)
    designs = [Design(files={"t.v": SUM}, top="t"), made["ripple-adder"], made["kogge-stone-adder"]]
    standard, ripple, tree = [
        await meter.values(Version(d), sandbox, liberty.SHIPPED, power=False) for d in designs
    ]
    assert ripple["area"] < standard["area"]
    assert tree["delay"] < standard["delay"]
