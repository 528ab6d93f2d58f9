"""Edits that move a design in time, in the order in which the faults of its timing graph suggest them."""

import re
from collections.abc import Iterator, Sequence

from proofsmith.domains.verilog.repair import behaviour
from proofsmith.domains.verilog.rewrites.registers import reads
from proofsmith.domains.verilog.rewrites.text import ASSIGNMENTS, Source, target
from proofsmith.domains.verilog.syntax import Edit, Node, splice
from proofsmith.domains.verilog.timing_graph import Fault


def edits(text: str, faults: Sequence[Fault], clock: str) -> Iterator[tuple[str, str]]:
    """Yield (rule, text) for each edit that a fault suggests; equal texts once."""
    source = Source.of(text)
    made = {text}
    for fault in faults:
        for name, changed in _of_fault(source, fault, clock):
            if changed not in made:
                made.add(changed)
                yield name, changed


def _of_fault(source: Source, fault: Fault, clock: str) -> Iterator[tuple[str, str]]:
    if fault.kind in ("late output", "late input"):
        yield from _without_stage(source, fault.port)
    elif fault.kind == "early output":
        yield "insert-stage", delayed(source, fault.port, clock)
    elif fault.kind == "reset":
        yield "reset-level", behaviour.levels(source)
    if fault.kind in ("reset timing", "reset", "function"):
        yield from behaviour.whole(source.text)


def _without_stage(source: Source, port: str) -> Iterator[tuple[str, str]]:
    """Make one register transparent: first those that touch `port`, then the others."""
    stages = list(_stages(source))
    near = [s for s in stages if re.search(rf"\b{re.escape(port)}\b", s[0].text)]
    linked = {name for _, assignment in near for name in re.findall(r"\w+", assignment.text)}
    for alias in source.root.find("ContinuousAssign"):
        if re.search(rf"\b{re.escape(port)}\b", alias.text):
            linked.update(re.findall(r"\w+", alias.text))
    stages.sort(key=lambda s: (s not in near, target(s[1]).text.strip() not in linked))
    for block, assignment in stages:
        sign = next(c for c in assignment.children if c.text == "<=")
        event = re.match(r"always(?:_ff)?\s*@\s*\([^)]*\)", block.text)
        if event is not None:
            head = Edit(block.start, block.start + len(event[0].encode()), "always @*")
            blocking = Edit(sign.start, sign.end, "=")
            yield f"remove-stage({block.line})", splice(source.text, [head, blocking])


def _stages(source: Source) -> Iterator[tuple[Node, Node]]:
    """Yield (block, assignment) of every clocked block that does nothing but pass on one value."""
    for block in source.root.find("AlwaysBlock", "AlwaysFFBlock"):
        assignments = list(block.find(*ASSIGNMENTS))
        plain = len(assignments) == 1 and not any(
            block.find("ConditionalStatement", "CaseStatement")
        )
        if plain and "edge" in block.text.partition(")")[0] and "<=" in assignments[0].text:
            yield block, assignments[0]


def delayed(source: Source, port: str, clock: str) -> str:
    """Put a register before output `port`: inside, the port goes by another name."""
    item = source.declared.get(port)
    if item is None or item.width is None or not clock:
        return source.text
    inner = source.fresh(f"{port}_early_")
    changes = [Edit(n.start, n.end, inner) for n in reads(source, port)]
    for node in source.root.find(*ASSIGNMENTS):
        place = target(node)
        match = re.match(rf"{re.escape(port)}\b", place.text.strip())
        if match:
            changes.append(Edit(place.start, place.start + len(port), inner))
    text = splice(
        source.text, sorted({(e.start, e.end): e for e in changes}.values(), key=lambda e: e.start)
    )
    span = f"[{item.width - 1}:0] " if item.width > 1 else ""
    head = re.search(r"\bmodule\b[^;]*;", text)
    if head is None:
        return source.text
    register = "" if item.kind in ("reg", "logic") else "reg "
    kind = "reg" if register == "" else "wire"
    lines = f"\n  {kind} {span}{inner};\n  always @(posedge {clock}) {port} <= {inner};"
    made = text[: head.end()] + lines + text[head.end() :]
    if register:
        made = re.sub(
            rf"(\boutput\s+)(?:wire\s+)?((?:\[[^\]]*\]\s*)?{re.escape(port)}\b)",
            r"\1reg \2",
            made,
            count=1,
        )
    return made
