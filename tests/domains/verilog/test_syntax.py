"""Every node of a broken text lies in it, and what is written there can be put back."""

import pytest

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
