"""Delay ports of public designs by a register, flip their resets, and see what the timing graph makes of it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from benchmarks import verilog_suite as suite
from benchmarks.bars import Bars
from benchmarks.kept import Kept
from proofsmith.domains.verilog import simulation
from proofsmith.domains.verilog.elaborate import elaborate, gates
from proofsmith.domains.verilog.prove import judged
from proofsmith.domains.verilog.reference import Reference
from proofsmith.domains.verilog.repair import behaviour
from proofsmith.domains.verilog.repair import timing as repairs
from proofsmith.domains.verilog.rewrites.text import Source
from proofsmith.domains.verilog.timing_graph import Fault, faults
from proofsmith.protocols import Sandbox
from proofsmith.types import Depth, Status

Mutants = Callable[..., Iterator[tuple[str, str, str]]]
MOST_EDITS = 10
MOST_LEFT_OUT = 3
"""Registers of a design that are made transparent, one in each mutant."""


def mutants(text: str, interface, top: str) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, port, text): a register on each output and input in turn, and the reset's level flipped."""
    clock, edge = interface.clocks[0]
    inner = f"{top}_inside"
    renamed = re.sub(rf"(\bmodule\s+){re.escape(top)}\b", rf"\g<1>{inner}", text, count=1)
    for port in interface.ports:
        if port.name not in (clock, interface.reset):
            yield (
                f"{port.direction} late",
                port.name,
                renamed + _wrapped(interface, top, inner, port, edge),
            )
    flipped = behaviour.levels(Source.of(text))
    if interface.reset and flipped != text:
        yield "reset level", interface.reset, flipped


def shortened(text: str, interface, top: str) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, port, text) with a register left out that takes a value in every cycle."""
    for _, changed in islice(repairs.without_stages(Source.of(text)), MOST_LEFT_OUT):
        yield "stage left out", "", changed


def _wrapped(interface, top: str, inner: str, slow, edge: str) -> str:
    """Return a module around `inner` that passes one port through a register."""
    span = f"[{slow.width - 1}:0] " if slow.width > 1 else ""
    head = ", ".join(str(p) for p in interface.ports)
    name = f"{slow.name}_late"
    inner_name = name if slow.direction == "input" else f"{slow.name}_early"
    links = ", ".join(
        f".{p.name}({inner_name if p.name == slow.name else p.name})" for p in interface.ports
    )
    clock = interface.clocks[0][0]
    lines = [f"module {top}({head});", f"  reg {span}{name};"]
    if slow.direction == "output":
        lines += [f"  wire {span}{slow.name}_early;"]
        lines += [f"  always @({edge} {clock}) {name} <= {slow.name}_early;"]
        lines += [f"  assign {slow.name} = {name};"]
    else:
        lines += [f"  always @({edge} {clock}) {name} <= {slow.name};"]
    return "\n".join(["", *lines, f"  {inner} inside({links});", "endmodule", ""])


def localised(kind: str, port: str, found: list[Fault]) -> bool:
    if kind == "stage left out":
        return any(f.kind in ("early output", "early input") for f in found)
    wanted = {"output late": "late output", "input late": "late input", "reset level": "reset"}[
        kind
    ]
    return any(f.kind == wanted and f.port == port for f in found)


async def _design(entry: suite.Entry, sandbox: Sandbox, made: Mutants) -> list[list[str]]:
    """Return for each mutant that `made` makes of one design its kind, and whether it is `localised` and `repaired`."""
    known = Reference(entry.reference, await elaborate(entry.reference, sandbox))
    if known.read.trouble or not known.read.one_clock:
        return []
    netlist = await gates(known.read, sandbox)
    if not netlist:  # too large for the limits of the tools, as a life game of 256 cells is
        return []
    reference = simulation.read(netlist)
    text, shape = "\n".join(entry.reference.files.values()), known.read.interface
    rows = []
    for kind, port, changed in made(text, shape, entry.reference.top):
        design = entry.reference.with_files({"mutant.sv": changed})
        read = await elaborate(design, sandbox)
        if read.trouble or not read.one_clock:
            continue
        changed_netlist = await gates(read, sandbox)
        if not changed_netlist:
            continue
        other = simulation.read(changed_netlist)
        found = list(faults(reference, other, shape.reset, shape.reset_level))
        if not found:
            continue  # no trace differs: the mutant may be equal
        row = [kind, "localised"] if localised(kind, port, found) else [kind]
        for _, text_ in list(repairs.edits(changed, found, shape))[:MOST_EDITS]:
            again = design.with_files({"mutant.sv": text_})
            if (await judged(known, again, sandbox, Depth.QUICK)).status is Status.PROVED:
                row.append("repaired")
                break
        rows.append(row)
    return rows


async def timing(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Localise a delayed port or a flipped reset by the timing graph, and repair it to a proof."""
    seen, placed, repaired = Counter[str](), Counter[str](), Counter[str]()
    designs = 0
    for entry in list(suite.entries(root).values())[:: 6 if quick else 1]:
        if entry.interface is None or not entry.interface.clocks:
            continue

        rows = []
        for name, made in (("timing", mutants), ("stages", shortened)):

            async def found(entry: suite.Entry = entry, made: Mutants = made) -> list[list[str]]:
                return await _design(entry, sandbox, made)

            rows += await kept.of(f"{name} {entry.id}", found)
        designs += bool(rows)
        for kind, *earned in rows:
            seen[kind] += 1
            placed[kind] += "localised" in earned
            repaired[kind] += "repaired" in earned
    total = seen.total()
    for kind in seen:
        print(
            f"  {kind:14} {seen[kind]:4}  localised {placed[kind]:4}  repaired {repaired[kind]:4}"
        )
    print(f"  {designs} designs; published with a model: 42 of 57 repaired")
    bars.at_least("timing_mutants", total, 30 if quick else 200)
    bars.at_least("timing_localised", placed.total() / max(1, total), 1.0)
    bars.at_least("timing_repaired", repaired.total() / max(1, total), 0.9)
