"""An intermediate form that a model left in its text is compared with the text before anything is proved."""

import json

import pytest

from proofsmith.domains.verilog import brief, form
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Goal, Problem, Status

TEXT = """module t(input clk, input rst, output [3:0] q);
reg [3:0] n; wire last = n == 4'd9;
always @(posedge clk) if (rst) n <= 4'd0; else n <= last ? 4'd0 : n + 4'd1;
assign q = n;
endmodule
"""
GOOD = json.loads(form.EXAMPLE.removeprefix("/* form").removesuffix("*/"))


def design(given):
    words = given if isinstance(given, str) else json.dumps(given)
    return Design(files={"t.v": f"{TEXT}/* form {words} */"}, top="t")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"registers": [["n", 5, 0]]}, "register n has 5 bits in the form, 4 in the text"),
        ({"registers": [["m", 4, 0]], "next": {"m": "m"}}, "n, which the form does not declare"),
        ({"outputs": {}}, 'q has no entry under "outputs"'),
        ({"next": {"n": "n + step"}}, "uses step, which the form does not declare"),
        ({"ports": GOOD["ports"][:2]}, "q has a needless entry"),
        ({"ports": [*GOOD["ports"][:2], ["q", "output", 3]]}, "port q is output of 3 in the form"),
        ({"registers": 7}, "does not have the shape"),
    ],
)
async def test_slips_between_form_and_text_are_named(change, said):
    made = design({**GOOD, **change})
    found = form.complaint(made, await elaborate(made, await open_sandbox()))
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.slow
async def test_a_text_that_contradicts_its_form_is_refused_before_the_proof():
    reference, sandbox = Design(files={"r.v": TEXT}, top="t"), await open_sandbox()
    assert (await prove(reference, design(GOOD), sandbox)).status is Status.PROVED
    verdict = await prove(reference, design("{not json"), sandbox)
    assert verdict.status is Status.FAILED
    assert "the form is no JSON" in verdict.feedback


def test_only_long_specifications_ask_for_a_form():
    def asked(lines):
        options = {"top": "t", "interface": {"ports": []}}
        problem = Problem(
            id="p",
            domain="verilog",
            goal=Goal.SOLVE,
            text="line\n" * lines,
            files={},
            options=options,
        )
        return "intermediate form" in brief.write(problem, {})

    assert asked(80)
    assert not asked(20)
