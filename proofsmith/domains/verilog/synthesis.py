"""Synthesise a design onto a cell library with yosys and ABC, and read off what it costs."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from proofsmith.domains.verilog import liberty, lowered, scale, tristate
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import read_commands
from proofsmith.domains.verilog.liberty import Library
from proofsmith.domains.verilog.prepare import prepared
from proofsmith.domains.verilog.toolchain import ToolResult, ToolStatus, yosys
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Limits

LIMITS = Limits(wall_s=900, cpu_s=300, memory_mib=4096, disk_mib=512, output_kib=16384)
OPTIMISE = ("strash", "ifraig", "scorr", "dc2")
"""What ABC does to the and-inverter graph when no recipe is given: the script of yosys itself."""
MAP = ("dch -f", "map -B 0.9")
BEFORE_MAPPING = ("dch -f", "&get -n", "&synch2", "&dch -f")
"""What adds choices to a graph or takes it to where a mapper looks for it."""
SIZE = ("topo", "buffer -c", "topo", "upsize", "dnsize")
"""Buffers and sizes: without them a net of high fan-out decides the delay, and every gain is an artefact."""
COMBINATIONAL = "combinational.blif"
_STATISTICS = re.compile(r"and =\s*(\d+)\s+lev =\s*(\d+)")
_TIMED = re.compile(r"Gates =\s*(\d+).*?Area =\s*([\d.]+).*?Delay =\s*([\d.]+) ps")
_STEP = re.compile(r"Path\s+\d+ --\s+(\d+) :\s*\d+\s+\d+ (\w+)\s+A =\s*([\d.]+)\s+Df =\s*([\d.]+)")
_ENDS = re.compile(r"Start-point = \w+ \((.*?)\)\.\s+End-point = \w+ \((.*?)\)\.")
_ESCAPES = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Step:
    """One cell on the critical path and the arrival time behind it, in ps."""

    cell: str
    arrival_ps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a mapped netlist costs; every number is exactly reproducible."""

    area: float
    """Library units, um2 as a rule: gates and registers."""
    cells: int
    registers: int
    delay_ps: float
    """Worst arrival through combinational logic, by ABC's `stime`; 0 without any."""
    ands: int
    """Nodes of the and-inverter graph before mapping."""
    depth: int
    path: tuple[Step, ...] = ()
    start: str = ""
    end: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def dump(self) -> dict[str, JSON]:
        """Return the numbers as JSON."""
        return {
            "area": self.area,
            "cells": self.cells,
            "registers": self.registers,
            "delay_ps": self.delay_ps,
            "ands": self.ands,
            "depth": self.depth,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """A mapped design: its figures, its netlist as JSON text and, when asked for, as Verilog and as BLIF."""

    figures: Figures | None
    trouble: str = ""
    """Why there are no figures, in one line."""
    netlist: bytes = b""
    verilog: str = ""
    named: bytes = b""
    """The netlist as JSON with the names of `verilog`."""
    combinational: str = ""
    """The combinational part before ABC, which recipes start from."""


def recipe_script(recipe: Sequence[str] = ()) -> str:
    """Return the ABC script of one recipe: rewriting, statistics, mapping, sizing, timing.

    A recipe is a list of ABC commands on the and-inverter graph; one that maps by itself replaces the mapper too.
    """
    commands = [*(recipe or (*OPTIMISE, *MAP))]
    mapper = next((i for i in reversed(range(len(commands))) if maps(commands[i])), None)
    if mapper is None:
        mapper = len(commands)
        commands += MAP
    while mapper > 0 and commands[mapper - 1] in BEFORE_MAPPING:
        mapper -= 1
    # Counted on a copy: a graph that holds choices counts them too, or not at all.
    commands[mapper:mapper] = ["backup", "strash", "print_stats", "restore"]
    return "\n".join([f"write_blif {COMBINATIONAL}", *commands, *SIZE, "stime -p", ""])


def maps(command: str) -> bool:
    """Say whether an ABC command maps the graph onto cells."""
    return command.split()[0] in ("map", "amap", "&nf")


async def synthesise(
    design: Design,
    sandbox: Sandbox,
    library: Library,
    *,
    recipe: Sequence[str] = (),
    prepare: Sequence[str] = (),
    verilog: bool = False,
) -> Synthesis:
    """Map `design` with `recipe` onto `library`; `prepare` are yosys commands in place of its FSM pass."""
    ready = await prepared(
        design, sandbox
    )  # the very text that is proved: no macro of a tool's own
    if ready.complaint:
        return Synthesis(figures=None, trouble=ready.complaint)
    script = [
        *(tristate.KEPT if tristate.drives(ready.text) else ()),
        *prepare,
        f"synth -flatten{' -nofsm' if prepare else ''}",
        "techmap -map latches.v",
        "dfflibmap -liberty cells.lib",
        "tee -q -o abc.log abc -liberty cells.lib -script recipe.abc",
        "opt_clean -purge",
        "tee -q -o stat.log stat -liberty cells.lib",
        "write_json netlist.json",
    ]
    outputs = ["abc.log", "stat.log", "netlist.json", COMBINATIONAL]
    if verilog:
        script += ["rename -hide w:* o:* %d i:* %d", "rename -enumerate -pattern n%"]
        script += ["write_verilog -noattr -noexpr -nohex netlist.v", "write_json named.json"]
        outputs += ["netlist.v", "named.json"]
    files = {
        **{p: t for p, t in design.files.items() if p not in design.sources},
        "cells.lib": library.text,
        "recipe.abc": recipe_script(recipe),
        "latches.v": _latches(library) + tristate.TECHMAP,
    }

    async def mapped(read: Design, text: str) -> ToolResult:
        commands = "; ".join([*read_commands(read), *script])
        done = await yosys(sandbox, commands, {**files, "design.sv": text}, LIMITS, outputs)
        if done.ok or "Latch inferred" not in done.log:  # yosys refuses it in always_comb alone
            return done
        loose = text.replace("always_comb", "always @*")
        return await yosys(sandbox, commands, {**files, "design.sv": loose}, LIMITS, outputs)

    done = await mapped(design, ready.text)
    if done.status is ToolStatus.REFUSED:
        plain = await lowered.lowered(ready.text, design, sandbox)
        done = await mapped(replace(design, parameters={}), plain.text) if plain.text else done
    scale.ended(f"synthesis of {design.top}", done.wall_s, done.trouble or "mapped onto cells")
    return _read(done, library, verilog=verilog)


def _read(done: ToolResult, library: Library, *, verilog: bool) -> Synthesis:
    if not done.ok:
        return Synthesis(figures=None, trouble=done.trouble)
    texts = {name: data.decode(errors="replace") for name, data in done.outputs.items()}
    netlist = done.outputs.get("netlist.json", b"")
    modules = json.loads(netlist)["modules"] if netlist else {}
    cells = [c["type"] for m in modules.values() for c in m["cells"].values()]
    counts = {kind: cells.count(kind) for kind in sorted(set(cells))}
    unmapped = [kind for kind in counts if kind not in library.cells]
    if not modules or unmapped:
        lacking = ", ".join(unmapped) or "any netlist"
        return Synthesis(figures=None, trouble=f"the library has no cell for {lacking}")
    return Synthesis(
        figures=figures(counts, texts.get("abc.log", ""), library),
        netlist=netlist,
        verilog=texts.get("netlist.v", "") if verilog else "",
        named=done.outputs.get("named.json", b""),
        combinational=texts.get(COMBINATIONAL, ""),
    )


def figures(counts: Mapping[str, int], log: str, library: Library) -> Figures:
    """Return the figures of a netlist of `counts` cells, timed as ABC's `log` says."""
    text = _ESCAPES.sub("", log)
    graph, timed, ends = (p.search(text) for p in (_STATISTICS, _TIMED, _ENDS))
    steps = tuple(Step(m[2], float(m[4])) for m in _STEP.finditer(text) if m[2] != "pi")
    return Figures(
        area=round(sum(library.cells[kind].area * n for kind, n in counts.items()), 4),
        cells=sum(counts.values()),
        registers=sum(n for kind, n in counts.items() if library.cells[kind].kind),
        delay_ps=float(timed[3]) if timed else 0.0,
        ands=int(graph[1]) if graph else 0,
        depth=int(graph[2]) if graph else 0,
        path=steps,
        start=ends[1] if ends else "",
        end=ends[2] if ends else "",
        counts=dict(counts),
    )


def _latches(library: Library) -> str:
    """Return a techmap onto the library's smallest latches, which `dfflibmap` leaves alone."""
    lines = []
    latches = [c for c in library.cells.values() if c.kind == "latch" and len(c.inputs) == 2]
    for sign, name in (("", "P"), ("!", "N")):
        fitting = [
            c for c in latches if c.state.get("enable", "").replace(" ", "") in _enables(c, sign)
        ]
        if fitting:
            cell = min(fitting, key=lambda c: c.area)
            enable = cell.state["enable"].strip("!() ")
            data = cell.state.get("data_in", "").strip()
            output = next(iter(cell.outputs))
            ports = f".{enable}(E), .{data}(D), .{output}(Q)"
            lines.append(
                f"module \\$_DLATCH_{name}_ (input E, input D, output Q);"
                f" {cell.name} _TECHMAP_REPLACE_ ({ports}); endmodule"
            )
    if len(lines) == 1:  # the other level through an inverter
        have, lack = ("P", "N") if "DLATCH_P" in lines[0] else ("N", "P")
        lines.append(
            f"module \\$_DLATCH_{lack}_ (input E, input D, output Q);"
            f" wire e; \\$_NOT_ i (.A(E), .Y(e)); \\$_DLATCH_{have}_ l (.E(e), .D(D), .Q(Q)); endmodule"
        )
    return "\n".join(lines) + "\n"


def _enables(cell: liberty.Cell, sign: str) -> set[str]:
    return {form for pin in cell.inputs for form in (f"{sign}{pin}", f"({sign}{pin})")}


def required(result: Synthesis, what: str) -> Figures:
    """Return the figures; raises UsageError when the design could not be mapped."""
    if result.figures is None:
        raise UsageError(f"{what} cannot be synthesised: {result.trouble}")
    return result.figures
