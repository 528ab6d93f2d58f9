"""SystemVerilog that yosys does not read is printed again as vectors that mean the same, or its construct is named."""

import re
import tomllib
from pathlib import Path

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.lowering.__main__ import lowered
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

PAIRS = tomllib.loads(
    (Path(__file__).parents[3] / "fixtures" / "verilog" / "modern.toml").read_text()
)["pair"]


def design(text):
    return Design(files={"t.sv": text}, top="t")


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
async def test_a_lowered_design_is_told_from_one_that_differs_and_proved_equal_to_one_that_does_not(
    pair,
):
    found = lowered(pair["modern"], "t", {})
    verdict = await prove(design(found["text"]), design(pair["plain"]), await open_sandbox())
    expected = Status.PROVED if pair["equal"] else Status.FAILED
    assert verdict.status is expected, verdict.feedback


@pytest.mark.parametrize(
    ("body", "construct"),
    [
        ("assign y = a;\nalways begin y = a; end", "`always` without events"),
        ("always_comb begin y = 0;\nwhile (y < a) y = y + 1; end", "end is not constant"),
        ("always_comb begin y = 0;\nwhile (y < 4'd9) y = y + a; end", "step is not constant"),
        (
            "always_comb begin y = 0;\nwhile (y < 4'd9) begin y = y + 1; if (a[0]) continue; end end",
            "`continue`",
        ),
        ("always_comb begin y = 0;\nwhile (y < 4'd9) y = y; end", "more than"),
        (
            "always_comb begin y = 0;\nfor (int i = 0; i < a; i++) y = y + 1; end",
            "end is not constant",
        ),
        (
            "logic [3:0] n;\nfunction logic f(); n = a; return 1; endfunction assign y = f();",
            "outside",
        ),
        ("assign y = a;\ninitial begin fork join end", "`fork`"),
        ("real r;\nalways_comb begin y = a; r = 1.0; end", "type real"),
    ],
)
def test_constructs_without_a_rule_are_named_with_their_line(body, construct):
    text = f"module t(input logic [3:0] a, output logic [3:0] y);\n{body}\nendmodule"
    found = lowered(text.replace("assign y = a;\nalways", "\nalways"), "t", {})
    assert construct in found["construct"]
    assert found["line"] > 0


def test_what_is_wrong_with_a_text_is_said_with_its_line():
    found = lowered("module t(output logic y);\nassign y = nowhere;\nendmodule", "t", {})
    assert found == {"error": "use of undeclared identifier 'nowhere'", "line": 2}


def test_parameters_choose_what_is_printed_and_signals_keep_their_modules():
    text = """module inner #(parameter W = 2)(input logic [W-1:0] a, output logic [W-1:0] y);
    logic [W-1:0] held; assign held = ~a; assign y = held; endmodule
    module t #(parameter W = 2)(input logic [W-1:0] a, output logic [W-1:0] y); inner #(W) u(.*); endmodule"""
    found = lowered(text, "t", {"W": "5"})
    assert re.search(r"input \[4:0\] a;", found["text"])
    assert set(found["nets"]["inner"]) == {"a", "y", "held"}


def test_variables_of_functions_that_keep_their_values_are_unknown_at_each_call():
    text = """module t(input logic a, output logic y);
    function logic f(input logic x); static int n = 0; n = n + 1; return n > 9 ? ~x : x; endfunction
    assign y = f(a); endmodule"""
    assert re.search(r"\\f\.n +=\s*32'bx;", lowered(text, "t", {})["text"])
