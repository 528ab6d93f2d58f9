"""Every node of a broken text lies in it, and what is written there can be put back."""

import time

import pytest

from proofsmith.domains.verilog.lexicon import tokens
from proofsmith.domains.verilog.syntax import parse, replaced, splice


@pytest.mark.parametrize(
    "text",
    [
        "module m;\nalways @(a) case (a) 1 assign s = a; end eéndgenerate\nendmodule\n",
        "module m(input a)é\n  wire b;\nendmodule",
        "module m; assign s[i]é = a; endmodule",
        "module m; generat\u202ee for (;;) endmodule",
        "module m;\n`define X if (a == 3\nassign `X = 1; always `X : g\nendmodule",
    ],
)
def test_what_slang_adds_by_itself_cuts_no_character_and_overlaps_nothing(text):
    stack = [parse(text)]
    seen = 0
    while stack:
        node = stack.pop()
        stack += node.children
        seen += 1
        assert splice(text, [replaced(node, node.text)]) == text
        assert node.line <= text.count("\n") + 1
    assert seen > 5


@pytest.mark.parametrize("opening", ["(*", "/* ", "(* ", "(*\n", "/*("])
def test_openings_without_an_end_are_read_in_time_that_grows_with_their_number(opening):
    def cpu_s(count):
        started = time.process_time()
        assert "".join(t.text for t in tokens(opening * count, layout=True)) == opening * count
        return time.process_time() - started

    assert min(cpu_s(20_000) for _ in range(3)) < 10 * min(cpu_s(5_000) for _ in range(3))


def test_comments_and_attributes_around_ends_that_belong_to_others():
    text = "(* a *) (* b /* *) */ c (* d /* e *) f /* g *) h (*"
    kinds = [(t.kind, t.text) for t in tokens(text, layout=True) if t.kind != "space"]
    assert kinds[0] == ("attribute", "(* a *)")
    assert kinds[1] == ("attribute", "(* b /* *)")
    assert ("attribute", "(* d /* e *)") in kinds
    assert kinds[-2:] == [("sign", "("), ("sign", "*")]
