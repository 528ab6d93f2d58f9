"""What a user may give, and what is answered to what nobody can use: one line that says where and how to go on."""

from pathlib import Path

import pytest

from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.source import design_of, reset_of
from proofsmith.domains.verilog.specification import parse
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.tools.notices import watched
from proofsmith.types import Goal, Status

PLAIN = "module m(input clk, input rst_n, input d, output reg q);\n"
PLAIN += "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else q <= d;\nendmodule\n"


async def read(tmp_path, text, goal=Goal.AREA, name="m.v", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return await VerilogDomain().read(path, goal, options, await open_sandbox())


async def test_clock_reset_and_ports_are_found(tmp_path):
    problem = await read(tmp_path, PLAIN)
    design = design_of(problem)
    assert (design.top, design.clock, design.reset, design.reset_level) == ("m", "clk", "rst_n", 0)
    assert problem.required is Status.PROVED
    assert problem.options["interface"]["ports"][3] == ["q", "output", 1]


async def test_includes_macros_parameters_and_further_files_are_gathered(tmp_path):
    (tmp_path / "width.vh").write_text("`define WIDTH 4\n")
    (tmp_path / "leaf.v").write_text(
        "module leaf #(parameter N = 1)(input [N-1:0] a, output [N-1:0] y); assign y = ~a; endmodule"
    )
    text = '`include "width.vh"\nmodule m #(parameter K = 1)(input [`WIDTH*K-1:0] a, output [`WIDTH*K-1:0] y);\n'
    text += (
        "`ifdef WRONG\nleaf l(a, y, a);\n`endif\nleaf #(.N(`WIDTH*K)) l(.a(a), .y(y)); endmodule\n"
    )
    problem = await read(
        tmp_path, text, files=[str(tmp_path / "leaf.v")], parameter=["K=2"], top="m"
    )
    assert set(problem.files) == {"m.v", "leaf.v", "width.vh"}
    assert problem.options["interface"]["ports"] == [["a", "input", 8], ["y", "output", 8]]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace(" ", "\t"),
        b"// caf\xe9\n" + PLAIN.encode(),
        PLAIN.replace("reg q", "reg \\q+ ").replace("q <=", "\\q+ <="),
    ],
    ids=["CRLF", "BOM", "tabs", "Latin-1", "escaped"],
)
async def test_texts_from_other_machines_are_read(tmp_path, text):
    assert (await read(tmp_path, text)).options["top"] == "m"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (b"\x7fELF\0\0", "not text"),
        ("// nothing\n", "no module"),
        ("module a; endmodule module b; endmodule", "a, b"),
        ("library ieee;\nentity m is end;\n", "VHDL at line 1"),
        ("import uvm_pkg::*;\nmodule m; endmodule", "UVM at line 1"),
        ("module m(input a, output y); time t; assign y = a; endmodule", "`time` at line 1"),
        ("class c; endclass\nmodule m; endmodule", "`class` at line 1"),
        (
            "interface i; logic x; endinterface\nmodule m(i p, output y);\nassign y = p.x; endmodule",
            "line 2: not supported: an interface as a port",
        ),
        ("program p; endprogram\nmodule m; endmodule", "`program` at line 1"),
        ("module m(input a, output y); real r; assign y = a; endmodule", "`real` at line 1"),
        ("module m(input a, output y);\nstring s; endmodule", "`string` at line 2"),
        ("module m(output reg y); initial fork y = 0; join endmodule", "`fork` at line 1"),
        ("module m(output reg y); always begin wait(y); y = 0; end endmodule", "`wait` at line 1"),
        (
            "module m #(parameter W)(input [W-1:0] a, output y); assign y = ^a; endmodule",
            "no default value",
        ),
        ('`include "/etc/passwd"\nmodule m; endmodule', "leaves the folder"),
        ('`include "../x.vh"\nmodule m; endmodule', "leaves the folder"),
        ('`include "missing.vh"\nmodule m; endmodule', "missing.vh"),
        ("module m(output y); wire y = ; endmodule", "syntax error"),
        ("module m(output y); missing u(y); endmodule", "missing"),
        (
            "module m(output y); wire a; assign a = ~a; assign y = a; endmodule",
            "combinational loop",
        ),
        (
            "module m(input a, b, output y); assign y = a; assign y = b; endmodule",
            "multiple drivers of m.y",
        ),
    ],
)
async def test_unusable_texts_get_one_line_and_a_hint(tmp_path, text, says):
    with pytest.raises(UsageError) as caught:
        await read(tmp_path, text)
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


async def test_a_parameter_without_a_value_is_asked_for_by_name(tmp_path):
    text = "module m #(parameter W)(input [W-1:0] a, output y); assign y = ^a; endmodule"
    with pytest.raises(UsageError) as caught:
        await read(tmp_path, text)
    assert caught.value.hint == "--parameter W=VALUE"


async def test_a_file_of_ten_megabytes_is_refused_before_it_is_parsed(tmp_path):
    with pytest.raises(UsageError, match="larger than 4 MiB"):
        await read(tmp_path, b"// " + b"x" * 10_000_000)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"top": "other"}, "no module 'other'"),
        ({"parameter": ["N"]}, "NAME=VALUE"),
        ({"parameter": ["N=$system"]}, "NAME=VALUE"),
        ({"reset": "rst_n:2"}, "0 or 1"),
    ],
)
async def test_options_that_fit_nothing_are_refused(tmp_path, options, says):
    with pytest.raises(UsageError, match=says):
        await read(tmp_path, PLAIN, **options)


async def test_a_specification_gives_ports_and_an_empty_first_version(tmp_path):
    text = "# Adder\n\n```verilog\nmodule add(input [7:0] a, b, output [8:0] s);\n```\nAdds.\n"
    problem = await read(tmp_path, text, Goal.SOLVE, "add.md")
    assert problem.options["interface"]["ports"] == [
        ["a", "input", 8],
        ["b", "input", 8],
        ["s", "output", 9],
    ]
    assert problem.required is Status.TESTED
    with pytest.raises(UsageError, match="names no ports"):
        await read(tmp_path, "# Nothing\n", Goal.SOLVE, "nothing.md")


@pytest.mark.parametrize(
    ("port", "options", "why"),
    [
        ("a (0 bits)", {}, "has no bits"),
        ("a [123456789:0]", {}, "too wide"),
        ("a", {"reset": "a:x"}, "the level is 0 or 1"),
    ],
)
def test_a_specification_that_nobody_could_build_is_refused(port, options, why):
    text = f"Write a module named `odd`.\n- input {port}\n"
    with pytest.raises(UsageError, match=why):
        parse(text, Path("odd.md"), options)


def test_the_level_of_a_reset_follows_from_its_name_unless_it_is_given():
    assert [reset_of(n) for n in ("rst", "rst_n", "aresetn", "clear", "rst_n:1")] == [
        ("rst", 1),
        ("rst_n", 0),
        ("aresetn", 0),
        ("clear", 1),
        ("rst_n", 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Module name:\n  sat\nInput ports:\n  clk: Clock\n  a: An 8-bit number\nOutput port:\n  y: a 9-bit sum\n\nGo.",
        "A module named `sat`.\n## Inputs\n- `clk`\n- **a** [7:0]: one\n\n## Outputs\n\n* [8:0] y - sum\n\nIt: 2 a.",
        "```verilog\nmodule sat #(parameter W = 8)(input clk, input [W-1:0] a, output logic [W:0] y);\n```",
        "Double it.\nmodule sat #(parameter W = 8) (input clk, input [W-1:0] a, output logic [W:0] y);\n",
        "Module sat.\n\n - input clk\n - input a (8 bits)\n - output y (9 bits)\n\nDouble the\ninput vector when the\n"
        "output signal of the clock rises, and the\ninput of\nthis, however it is called.\n",
        "Module sat.\ninput clk\ninput [7:0] a\noutput [8:0] y\n\nDouble the\ninput value at the\noutput\n",
        "# Module `sat`\n\n| Port | Direction | Width | Description |\n|------|:---:|--:|---|\n"
        "| `clk` | input | 1 | clock |\n| `a` | in | [7:0] | operand |\n"
        "| `y` | Output | 9 | high when the 16-bit sum is odd |\n",
        "Design module `sat`.\n\n- **clk** (input): clock\n- **a** (input, 8 bits): operand\n"
        "- `y[8:0]`: output, result\n",
        "Module `sat`\n- **input** `clk`\n- `input [7:0] a`\n- output y: 9-bit result of a 20-bit sum\n",
        "Module: sat\nInputs: clk, a[7:0]\nOutputs: y[8:0]\n",
        "Module `sat`\n1. Input: clk\n2. Input: a [7:0]\n3. Output: y [8:0]\n",
    ],
    ids=[
        "headings with descriptions",
        "lists below headings",
        "a header with parameters",
        "a header without a fence",
        "a list, and words that begin as a port does",
        "plain lines, and words that begin as a port does",
        "a table",
        "directions behind names",
        "directions in bold and code",
        "lists in a line",
        "numbers and capitals",
    ],
)
async def test_ports_are_read_however_a_specification_lists_them(tmp_path, text):
    problem = await read(tmp_path, text, goal=Goal.SOLVE, name="spec.md")
    ports = [["clk", "input", 1], ["a", "input", 8], ["y", "output", 9]]
    assert problem.options["interface"]["ports"] == ports
    assert problem.options["top"] == "sat"


async def test_a_large_text_is_announced_before_it_is_read(tmp_path):
    heard = []
    filling = "// " + "x" * 100 + "\n"
    with watched(heard.append):
        await read(tmp_path, PLAIN + filling * 4_000)
    assert "reading m, 406 KiB" in heard[0]
    assert "2,048 MiB" in heard[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"include": ["nowhere"]}, "no folder"),
        ({"define": ["A B"]}, "no macro"),
        ({"clock": "nope"}, "m has no such input"),
        ({"reset": "q"}, "m has no such input"),
        ({"parameter": ["K=3"]}, "m has no parameter K"),
        ({"valid": ["q"]}, "no output and its flag"),
        ({"valid": ["q=nope"]}, "no output and its flag"),
        ({"latency": -1}, "no earlier"),
        ({"latency": 1000}, "not that late"),
    ],
)
async def test_options_that_name_nothing_of_the_design_are_refused(tmp_path, options, says):
    with pytest.raises(UsageError) as caught:
        await read(tmp_path, PLAIN, **options)
    assert says in caught.value.message
    assert caught.value.hint


async def test_a_memory_image_that_is_not_there_is_named(tmp_path):
    text = 'module m(output [7:0] y); reg [7:0] t [0:1]; initial $readmemh("a.hex", t); assign y = t[0]; endmodule'
    with pytest.raises(UsageError, match="a.hex, which the design loads, was not found"):
        await read(tmp_path, text)
    (tmp_path / "a.hex").write_text("12 34\n")
    assert set((await read(tmp_path, text)).files) == {"m.v", "a.hex"}
