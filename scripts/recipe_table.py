"""Search recipes for generated designs and write the table that later searches begin from.

usage: python scripts/recipe_table.py [--results FILE] proofsmith/domains/verilog/recipes.json.xz
"""

import argparse
import asyncio
import json
import lzma
from pathlib import Path

from benchmarks.kept import Kept, accept
from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.measure import Meter, Version
from proofsmith.domains.verilog.recipes import Search
from proofsmith.domains.verilog.shape import shape_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Sandbox

KINDS = {"area": "area", "delay": "delay", "both": "area*delay"}


def _module(ports: str, body: str) -> str:
    return f"module t({ports});\n{body}\nendmodule\n"


def designs() -> dict[str, str]:
    """Return small designs of many shapes: none is one that recipes are measured on."""
    clocked = "input clk, input rst"
    found = {}
    for n in (6, 20):
        ports = f"input [{n - 1}:0] a, b, output [{n}:0] y"
        found[f"add{n}"] = _module(ports, "assign y = a + b;")
    found["minus6"] = _module("input [5:0] a, b, output [6:0] y", "assign y = a - b;")
    found["less6"] = _module(
        "input [5:0] a, b, output y, e", "assign y = a < b; assign e = a == b;"
    )
    found["times5"] = _module("input [4:0] a, b, output [9:0] y", "assign y = a * b;")
    found["ones24"] = _module(
        "input [23:0] a, output reg [6:0] y",
        "integer i; always @* begin y = 0; for (i = 0; i < 24; i = i + 1) y = y + a[i]; end",
    )
    arms = ("a + b", "a - b", "a & b", "a ^ b", "a << b[2:0]", "{7'd0, a < b}", "a >> b[2:0]")
    cases = " ".join(f"3'd{i}: y = {arm};" for i, arm in enumerate(arms))
    found["choice"] = _module(
        "input [2:0] op, input [7:0] a, b, output reg [7:0] y",
        f"always @* case (op) {cases} default: y = 8'd0; endcase",
    )
    found["shift"] = _module(
        "input [15:0] a, input [3:0] n, output [15:0] y",
        "assign y = (a << n) | (a >> (5'd16 - n));",
    )
    found["first"] = _module(
        "input [15:0] a, output reg [4:0] y",
        "integer i; always @* begin y = 16; for (i = 15; i >= 0; i = i - 1) if (a[i]) y = i; end",
    )
    found["count"] = _module(
        f"{clocked}, input en, up, output reg [11:0] q",
        "always @(posedge clk) if (rst) q <= 0; else if (en) q <= up ? q + 12'd1 : q - 12'd1;",
    )
    found["timer"] = _module(
        f"{clocked}, output reg tick",
        "reg [6:0] n; always @(posedge clk) if (rst) begin n <= 0; tick <= 0; end"
        " else begin n <= n == 7'd99 ? 7'd0 : n + 7'd1; tick <= n == 7'd99; end",
    )
    found["gather"] = _module(
        f"{clocked}, input [3:0] a, b, output reg [11:0] q",
        "always @(posedge clk) if (rst) q <= 0; else q <= q + a * b;",
    )
    found["check"] = _module(
        f"{clocked}, input [7:0] d, output reg [15:0] q",
        "reg [15:0] n; integer i; always @* begin n = q; for (i = 0; i < 8; i = i + 1)"
        " n = {n[14:0], 1'b0} ^ ((n[15] ^ d[i]) ? 16'h1021 : 16'd0); end"
        " always @(posedge clk) q <= rst ? 16'hFFFF : n;",
    )
    return found


async def _row(text: str, sandbox: Sandbox) -> dict[str, object]:
    """Return the shape of a design's graph and, by kind of goal, the recipe that did best in searches for all three."""
    design, library = Design(files={"t.sv": text}, top="t"), liberty.load()
    base = await Meter().synthesis(Version(design), sandbox, liberty.SHIPPED)
    circuit = circuit_of(await elaborate(design, sandbox), Step.CYCLE)
    assert base.figures is not None
    assert isinstance(circuit, Circuit)
    kinds = base.figures.counts.items()
    fixed = sum(library.cells[kind].area * n for kind, n in kinds if library.cells[kind].kind)
    search = Search(base.combinational, library, "area*delay", fixed)
    await search.run(sandbox)
    recipes = {}
    for kind, goal in KINDS.items():
        judge = Search(base.combinational, library, goal, fixed, tried=search.tried)
        recipes[kind] = list(judge.ranked()[0].recipe)
    return {"shape": [round(x, 3) for x in shape_of(circuit)], "recipes": recipes}


async def _table(results: Path | None) -> list[dict[str, object]]:
    kept, sandbox, rows = Kept(results), await open_sandbox(), []
    for name, text in designs().items():

        async def made(text: str = text) -> dict[str, object]:
            return await _row(text, sandbox)

        rows.append(await kept.of(name, made))
    return rows


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    accept(parser)
    given = parser.parse_args()
    rows = asyncio.run(_table(given.results))
    text = json.dumps(rows, separators=(",", ":"))
    given.output.write_bytes(lzma.compress(text.encode()))


if __name__ == "__main__":
    main()
