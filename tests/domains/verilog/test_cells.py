"""The gates that are built for each operator are those of yosys' own rules: ABC finds every pair equal."""

import random

import pytest

from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.aig import aiger
from proofsmith.domains.verilog.circuit import Step, build
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.product import Product, Setting
from proofsmith.executors.choice import open_sandbox

BINARY = [
    "+",
    "-",
    "*",
    "&",
    "|",
    "^",
    "~^",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "===",
    "!==",
    "<<",
    ">>",
    "<<<",
    ">>>",
]
BINARY += ["&&", "||"]
DIVIDING = ["/", "%"]
UNARY = ["~", "-", "+", "!", "&", "|", "^", "~&", "~|", "~^"]
REPLACED = (
    "proc; flatten; memory_map; opt_expr -keepdc; simplemap; techmap; dffunmap; aigmap; opt_clean"
)


def expressions(seed):
    """Return expressions over slices of `i` [23:0] with random widths and signs."""
    rng = random.Random(seed)

    def part(most, *, signed):
        low = rng.randrange(0, 24 - most)
        text = f"i[{low + rng.randrange(1, most) - 1}:{low}]"
        return f"$signed({text})" if signed else text

    found = []
    for operator in BINARY:
        signed, most = rng.random() < 0.5, 5 if operator == "*" else 7
        found.append(f"{part(most, signed=signed)} {operator} {part(most, signed=signed)}")
    for operator in DIVIDING:
        signed = rng.random() < 0.5
        below = part(4, signed=signed)
        found.append(f"({below} == 0) ? 0 : {part(4, signed=signed)} {operator} {below}")
    found += [f"{operator}{part(7, signed=rng.random() < 0.5)}" for operator in UNARY]
    found += ["i[20] ? i[7:0] : i[15:8]", "{i[9:0], i[23:12]} >> i[11:8]"]
    found += ["i[15:0] << i[20:16]", "$signed(i[15:0]) >>> i[20:16]", "{2{i[4:1]}}"]
    found += ["i[i[23:21] +: 3]", "i[i[23:21] * 2 +: 4]", "table_of[i[1:0]]"]
    return found


def text(seed):
    lines = [f"  assign o{n} = {e};" for n, e in enumerate(expressions(seed))]
    outputs = ", ".join(f"output [11:0] o{n}" for n in range(len(lines)))
    table = "wire [2:0] table_of [0:3]; genvar g; generate for (g = 0; g < 4; g = g + 1) "
    table += "assign table_of[g] = i[g*3 +: 3]; endgenerate"
    case = "always @* casez (i[3:0]) 4'b1???: c = i[11:4]; 4'b01??: c = i[12:5]; "
    case += "4'b0010: c = 3; default: c = i[23:16]; endcase"
    return "\n".join(
        [
            f"module m(input [23:0] i, {outputs}, output reg [7:0] c);",
            table,
            *lines,
            case,
            "endmodule",
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_every_operator_is_built_as_yosys_builds_it(seed):
    sandbox = await open_sandbox()
    read = await elaborate(Design(files={"m.sv": text(seed)}, top="m"), sandbox)
    assert not read.trouble, read.complaint
    circuit = build(read.word_json, Step.CYCLE)
    made = Product({"i": 24}, Setting(step=Step.CYCLE), sequential=False)
    outputs = made.plain(circuit, free=False)
    bits = [bit for word in outputs.values() for bit in word]
    script = f"read_verilog -sv m.sv; hierarchy -check -top m; {REPLACED}; write_aiger y.aig"
    theirs = await toolchain.yosys(sandbox, script, {"m.sv": text(seed)}, outputs=("y.aig",))
    assert theirs.ok, theirs.trouble
    files = {"mine.aig": aiger(made.graph, (), bits), "theirs.aig": theirs.outputs["y.aig"]}
    compared = await toolchain.abc(sandbox, "cec -n mine.aig theirs.aig", files)
    assert "Networks are equivalent" in compared.stdout, compared.stdout


@pytest.mark.slow
async def test_the_comparison_above_sees_a_single_wrong_bit():
    sandbox = await open_sandbox()
    read = await elaborate(Design(files={"m.sv": text(0)}, top="m"), sandbox)
    made = Product({"i": 24}, Setting(step=Step.CYCLE), sequential=False)
    outputs = made.plain(build(read.word_json, Step.CYCLE), free=False)
    bits = [bit for word in outputs.values() for bit in word]
    files = {
        "a.aig": aiger(made.graph, (), bits),
        "b.aig": aiger(made.graph, (), [bits[0] ^ 1, *bits[1:]]),
    }
    compared = await toolchain.abc(sandbox, "cec -n a.aig b.aig", files)
    assert "Networks are NOT" in compared.stdout
