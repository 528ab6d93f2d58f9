"""Designs that a prompt shows beside a task: like it, as large as there is room, never the answer itself."""

import re

import pytest

from proofsmith.domains.verilog import similar
from proofsmith.types import Goal, Problem
from tests.cli.command import complained, proofsmith
from tests.loopback import Endpoint

ARBITER = """// Fixed-priority arbiter: grants the lowest request.
module arbiter(input clk, input [3:0] request, output reg [3:0] grant);
  wire [3:0] lowest = request & (~request + 1);
  // unrelated bookkeeping
  reg [31:0] served;
  always @(posedge clk) served <= served + |request;
  always @(posedge clk) grant <= lowest;
endmodule
"""
DIVIDER = """// Restoring divider, one bit of quotient in each cycle.
module divider(input clk, input [7:0] dividend, divisor, output reg [7:0] quotient);
  reg [15:0] remainder;
  always @(posedge clk) quotient <= {quotient[6:0], remainder[15:8] >= divisor};
  assign busy = remainder != 0;
endmodule
"""
SPEC = """# Arbiter with a mask

Design a module named `masked`.

- input [3:0] request
- input [3:0] mask
- output [3:0] grant

A combinational fixed-priority arbiter: of the requests that `mask` lets through, `grant` is the lowest one alone.
"""
ANSWER = """module masked(input [3:0] request, input [3:0] mask, output [3:0] grant);
  wire [3:0] some = request & mask;
  assign grant = some & (~some + 4'd1);
endmodule
"""
REFERENCE = """module masked(input [3:0] request, input [3:0] mask, output reg [3:0] grant);
  integer i;
  always @* begin
    grant = 0;
    for (i = 3; i >= 0; i = i - 1) if (request[i] & mask[i]) grant = 4'd1 << i;
  end
endmodule
"""
TEXTS = {"arbiter.v": ARBITER, "divider.v": DIVIDER}


def problem(text=SPEC, **checks):
    return Problem(
        id="p", domain="verilog", goal=Goal.SOLVE, text=text, files={}, checks=checks,
        options={"top": "masked"},
    )  # fmt: skip


def test_with_room_the_module_is_shown_with_the_comment_above_it_and_no_other():
    shown = similar.shown(problem(), TEXTS, room=600)
    assert shown.startswith("From arbiter.v, module:\n// Fixed-priority arbiter")
    assert "quotient <=" not in shown


@pytest.mark.parametrize(
    ("room", "level", "text"),
    [(120, "block of arbiter", "grant <= lowest"), (45, "block of arbiter", "grant <= lowest")],
)
def test_with_less_room_a_fitting_part_is_shown(room, level, text):
    shown = similar.shown(problem(), TEXTS, room=room)
    assert shown.startswith(f"From arbiter.v, {level}:\n")
    assert text in shown


def test_an_assignment_alone_is_a_piece_too():
    shown = similar.shown(problem("Is the divider busy? Its remainder says."), TEXTS, room=40)
    assert shown == "From divider.v, expression of divider:\nassign busy = remainder != 0;"


def test_the_answer_is_never_shown():
    texts = {"mine.v": REFERENCE, "renamed.v": ARBITER}
    given = problem(**{"reference/ref.v": REFERENCE})
    assert "masked" not in similar.shown(given, texts)
    given = problem(**{"reference/ref.v": ARBITER.replace("//", "// another comment")})
    assert similar.shown(given, {"renamed.v": ARBITER}) == ""


def test_a_text_without_any_likeness_is_not_shown():
    assert similar.shown(problem("Count leading zeros."), {"d.v": DIVIDER}) == ""


def test_a_folder_that_is_none_is_one_line(tmp_path):
    (tmp_path / "spec.md").write_text(SPEC)
    done = proofsmith("solve", "spec.md", "--examples", "nowhere", cwd=tmp_path)
    complained(done, 2, "nowhere is no folder", "--examples")


@pytest.mark.slow
def test_prompts_show_designs_of_a_folder_and_then_those_that_earlier_runs_proved(tmp_path):
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "lib" / "deep" / "arbiter.v").write_text(ARBITER)
    (tmp_path / "lib" / "divider.v").write_text(DIVIDER)
    (tmp_path / "spec.md").write_text(SPEC)
    (tmp_path / "ref.v").write_text(REFERENCE)
    other = SPEC.replace("masked", "upside").replace("lowest", "highest")
    (tmp_path / "other.md").write_text(other)
    reply = f"### masked.sv\n```\n{ANSWER}```\n"
    with Endpoint(lambda body: reply) as endpoint:
        where = ("--base-url", endpoint.base_url, "--model", "loopback", "--strategy", "best_of")
        once = (*where, "--budget", "1 attempts", "--jobs", "1")
        solving = ("solve", "spec.md", "--reference", "ref.v", "--examples", "lib", *once)
        first = proofsmith(*solving, cwd=tmp_path)
        assert first.returncode == 0, first.stdout + first.stderr
        proofsmith("solve", "other.md", *once, cwd=tmp_path)
    prompts = [body["messages"][-1]["content"] for body in endpoint.requests]
    assert "From deep/arbiter.v, module:" in prompts[0]
    assert "divider" not in prompts[0]
    assert "for (i = 3;" not in prompts[0]
    assert re.search(r"From masked\.sv, proved in an earlier run \(\w+\), module:", prompts[-1])
    assert "some & (~some" in prompts[-1]
