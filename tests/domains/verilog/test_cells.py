"""The gates that are built for each operator are those of yosys' own rules: ABC finds every pair equal."""

import random
from dataclasses import replace

import pytest

from proofsmith.domains.verilog import engines, toolchain
from proofsmith.domains.verilog.circuit import Step, build
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate, top_of
from proofsmith.domains.verilog.product import Product, Setting
from proofsmith.executors.choice import open_sandbox

BINARY = ["+", "-", "*", "&", "|", "^", "~^", "<", "<=", ">", ">=", "==", "!=", "===", "!==", "&&"]
BINARY += ["<<", ">>", "<<<", ">>>", "||"]
UNARY = ["~", "-", "+", "!", "&", "|", "^", "~&", "~|", "~^"]
LONG = replace(toolchain.READ_LIMITS, wall_s=200, cpu_s=200)
GATES = (
    "proc; flatten; memory_map; opt_expr -keepdc; opt_clean; setundef -undriven -zero; "
    "simplemap; techmap; setundef -zero; aigmap; opt_clean; write_json gates.json"
)


def expressions(seed):
    """Return twelve expressions over slices of `i` [23:0] with random widths and signs."""
    rng = random.Random(seed)

    def part(most, *, signed):
        low = rng.randrange(0, 24 - most)
        text = f"i[{low + rng.randrange(1, most) - 1}:{low}]"
        return f"$signed({text})" if signed else text

    found = []
    for operator in BINARY:
        signed, most = rng.random() < 0.5, 5 if operator == "*" else 7
        found.append(f"{part(most, signed=signed)} {operator} {part(most, signed=signed)}")
    found += [f"{operator}{part(7, signed=rng.random() < 0.5)}" for operator in UNARY]
    found += ["i[20] ? i[7:0] : i[15:8]", "{i[9:0], i[23:12]} >> i[11:8]", "i[15:0] << i[20:16]"]
    found += [
        "$signed(i[15:0]) >>> i[20:16]",
        "{2{i[4:1]}}",
        "i[i[23:21] +: 3]",
        "table_of[i[1:0]]",
    ]
    return rng.sample(found, 12)


def text(seed):
    found = expressions(seed)
    lines = [f"  wire [11:0] o{n} = {e};" for n, e in enumerate(found)]
    table = "wire [2:0] table_of [0:3]; genvar g; generate for (g = 0; g < 4; g = g + 1) "
    table += "assign table_of[g] = i[g*3 +: 3]; endgenerate"
    case = "reg [7:0] c; always @* casez (i[3:0]) 4'b1???: c = i[11:4]; 4'b01??: c = i[12:5]; "
    case += "4'b0010: c = 3; default: c = i[23:16]; endcase"
    joined = ", ".join(["c", *(f"o{n}" for n in range(len(found)))])
    head = f"module m(input [23:0] i, output [{12 * len(found) + 7}:0] y);"
    return "\n".join([head, table, *lines, case, f"assign y = {{{joined}}};", "endmodule"])


def gates(module, product):
    """Return the literals of `y` in a netlist of AND and NOT cells."""
    values = {"0": 0, "1": 1}
    values.update(zip(module["ports"]["i"]["bits"], product.inputs["i"], strict=True))
    drivers = {cell["connections"]["Y"][0]: cell for cell in module["cells"].values()}

    def value(bit):
        if bit not in values:
            cell = drivers[bit]
            wires = cell["connections"]
            a = value(wires["A"][0])
            inverted = cell["type"] == "$_NOT_"
            values[bit] = a ^ 1 if inverted else product.graph.and_(a, value(wires["B"][0]))
        return values[bit]

    return [value(bit) for bit in module["ports"]["y"]["bits"]]


async def decision(seed, flipped=None):
    sandbox = await open_sandbox()
    read = await elaborate(Design(files={"m.sv": text(seed)}, top="m"), sandbox)
    assert not read.trouble, read.complaint
    script = f"read_verilog -sv m.sv; hierarchy -check -top m; {GATES}"
    theirs = await toolchain.yosys(
        sandbox, script, {"m.sv": text(seed)}, LONG, outputs=("gates.json",)
    )
    assert theirs.ok, theirs.trouble
    made = Product({"i": 24}, Setting(step=Step.CYCLE), sequential=False)
    mine = made.plain(build(read.word_json, Step.CYCLE), free=False)["y"]
    other = gates(top_of(theirs.outputs["gates.json"]), made)
    wrong = [
        made.graph.xor(a, b ^ (n == flipped))
        for n, (a, b) in enumerate(zip(mine, other, strict=True))
    ]
    found = await engines.decide(made.machine(made.graph.any(wrong), {}), sandbox)
    if found.status != "proved" and flipped is None:
        for n, bit in enumerate(wrong):
            one = await engines.decide(made.machine(bit, {}), sandbox)
            if one.status != "proved":
                print("differs:", n, (["c", *expressions(seed)][::-1])[n // 12])
    return found.status


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_every_operator_is_built_as_yosys_builds_it(seed):
    assert await decision(seed) == "proved"


@pytest.mark.slow
async def test_the_comparison_sees_a_single_wrong_bit():
    assert await decision(0, flipped=3) == "refuted"
