"""Edits that move a design in time, in the order in which the faults of its timing graph suggest them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proofsmith.domains.verilog.repair import behaviour
from proofsmith.domains.verilog.rewrites.registers import reads
from proofsmith.domains.verilog.rewrites.text import ASSIGNMENTS, Declared, Source, constant, target
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
    early = [fault.port for fault in faults if fault.kind == "early output"]
    if len(early) > 1:
        for rank in range(2):
            changed = text
            for port in early:
                changed = ([*delayed(Source.of(changed), port, clock)][rank:] or [changed])[0]
            yield f"insert-stages({', '.join(early)})", changed


def _of_fault(source: Source, fault: Fault, clock: str) -> Iterator[tuple[str, str]]:
    if fault.kind in ("late output", "late input"):
        yield from without_stages(source, fault.port)
    elif fault.kind == "early output":
        for text in delayed(source, fault.port, clock):
            yield "insert-stage", text
    elif fault.kind == "early input":
        for text in registered(source, fault.port, clock):
            yield "insert-stage", text
    elif fault.kind == "reset":
        yield "reset-level", behaviour.levels(source)
    if fault.kind in ("reset timing", "reset", "function"):
        yield from behaviour.whole(source.text)


def without_stages(source: Source, port: str = "") -> Iterator[tuple[str, str]]:
    """Yield (rule, text) with one register made transparent: first those that touch `port`, then the others."""
    stages = list(_stages(source))
    near = [s for s in stages if re.search(rf"\b{re.escape(port)}\b", s.data.text)]
    linked = {name for stage in near for name in re.findall(r"\w+", stage.data.text)}
    for alias in source.root.find("ContinuousAssign"):
        if re.search(rf"\b{re.escape(port)}\b", alias.text):
            linked.update(re.findall(r"\w+", alias.text))
    stages.sort(key=lambda s: (s not in near, s.name not in linked))
    for stage in stages:
        yield f"remove-stage({stage.block.line})", splice(source.text, list(stage.removed()))


@dataclass(frozen=True, slots=True)
class _Stage:
    """A register that takes one value in every cycle, but for a reset: its block, and all that is assigned to it."""

    name: str
    block: Node
    data: Node
    """The assignment that is not one of a constant."""
    assignments: tuple[Node, ...]
    alone: bool
    """Nothing else is assigned in the block."""

    def removed(self) -> Iterator[Edit]:
        """Yield the edits that make it a wire: out of its clocked block, into a combinational one."""
        line = f"always @* {self.name} = {self.data.parts[-1].text.strip()};"
        if self.alone:
            yield Edit(self.block.start, self.block.end, line)
            return
        for node in self.assignments:
            yield Edit(node.start, node.end, "")
        yield Edit(self.block.end, self.block.end, f"\n  {line}")


def _stages(source: Source) -> Iterator[_Stage]:
    for block in _clocked(source):
        by_name: dict[str, list[Node]] = {}
        for node in block.find(*ASSIGNMENTS):
            by_name.setdefault(target(node).text.strip(), []).append(node)
        for name, nodes in by_name.items():
            data = [node for node in nodes if constant(node.parts[-1]) is None]
            if len(data) != 1 or not re.fullmatch(r"\w+", name):
                continue
            words = re.findall(r"[A-Za-z_]\w*", data[0].parts[-1].text)
            if words and name not in words and _decisions(data[0], block) <= 1:
                yield _Stage(name, block, data[0], tuple(nodes), len(by_name) == 1)


def _clocked(source: Source) -> Iterator[Node]:
    for block in source.root.find("AlwaysBlock", "AlwaysFFBlock"):
        if "edge" in block.text.partition(")")[0]:
            yield block


def _decisions(node: Node, block: Node) -> int:
    """Return how many decisions of `block` an assignment stands under; a loop counts as many."""
    count, above = 0, node.parent
    while above is not None and above is not block:
        count += {"ConditionalStatement": 1}.get(above.kind, 0)
        count += 2 * (above.kind == "CaseStatement" or "Loop" in above.kind)
        above = above.parent
    return count


def delayed(source: Source, port: str, clock: str) -> Iterator[str]:
    """Put a register before output `port`, which goes by another name inside; also with the reset of another block."""
    item = source.declared.get(port)
    module = item.node.inside("ModuleDeclaration") if item else None
    if item is None or module is None or not clock:
        return
    inner = source.fresh(f"{port}_early_")
    places = {(n.start, n.end) for n in reads(source, port)}
    for node in module.find(*ASSIGNMENTS):
        place = target(node)
        if re.match(rf"{re.escape(port)}\b", place.text.strip()):
            places.add((place.start, place.start + len(port)))
    variable = item.kind in ("reg", "logic")
    for register in _registers(source, clock, port, inner):
        declared = f"{'reg' if variable else 'wire'} {_span(item)}{inner};"
        made = _inserted(source, module, places, inner, f"{declared}\n  {register}")
        if not variable:
            made = re.sub(
                rf"(\boutput\s+)(?:wire\s+)?((?:\[[^\]]*\]\s*)?{re.escape(port)}\b)",
                r"\1reg \2",
                made,
                count=1,
            )
        yield made


def registered(source: Source, port: str, clock: str) -> Iterator[str]:
    """Put a register behind input `port`; also with the reset of another block."""
    item = source.declared.get(port)
    module = item.node.inside("ModuleDeclaration") if item else None
    if item is None or module is None or not clock:
        return
    inner = source.fresh(f"{port}_late_")
    places = {(n.start, n.end) for n in reads(source, port)}
    for register in _registers(source, clock, inner, port):
        lines = f"reg {_span(item)}{inner};\n  {register}"
        yield _inserted(source, module, places, inner, lines)


def _span(item: Declared) -> str:
    return item.span.text.strip() + " " if item.span else ""


def _inserted(
    source: Source, module: Node, places: set[tuple[int, int]], name: str, lines: str
) -> str:
    """Write `name` at all `places`, and `lines` behind the header of `module`."""
    end = module.start + module.text.encode().index(b";") + 1
    edits_ = [Edit(*place, name) for place in places]
    return splice(source.text, [*edits_, Edit(end, end, f"\n  {lines}")])


def _registers(source: Source, clock: str, to: str, value: str) -> Iterator[str]:
    """Yield a register without reset, and one cleared as those of the first clocked block with a plain test are."""
    yield f"always @(posedge {clock}) {to} <= {value};"
    for block in _clocked(source):
        first = next(iter(block.find("ConditionalStatement")), None)
        if first is not None and re.fullmatch(r"[!~]?\s*\w+", first.parts[0].text.strip()):
            events = block.text[: block.text.index(")") + 1]
            yield f"{events} if ({first.parts[0].text}) {to} <= 0; else {to} <= {value};"
            return
