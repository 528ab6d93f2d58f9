"""Edits that move a design in time, in the order in which the faults of its timing graph suggest them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proofsmith.domains.verilog.design import Interface
from proofsmith.domains.verilog.repair import behaviour
from proofsmith.domains.verilog.rewrites.registers import reads
from proofsmith.domains.verilog.rewrites.text import ASSIGNMENTS, Declared, Source, constant, target
from proofsmith.domains.verilog.syntax import Edit, Node, splice
from proofsmith.domains.verilog.timing_graph import Fault


def edits(text: str, faults: Sequence[Fault], shape: Interface) -> Iterator[tuple[str, str]]:
    """Yield (rule, text) for each edit that a fault suggests; equal texts once. `shape` is what is expected."""
    source = Source.of(text)
    made = {text}
    for fault in faults:
        for name, changed in _of_fault(source, fault, shape):
            if changed not in made:
                made.add(changed)
                yield name, changed
    early = {fault.port: fault for fault in faults if fault.kind == "early output"}
    if len(early) > 1:
        for rank in range(2):
            changed = text
            for fault in early.values():
                changed = ([*delayed(Source.of(changed), fault, shape)][rank:] or [changed])[0]
            yield f"insert-stages({', '.join(early)})", changed


def _of_fault(source: Source, fault: Fault, shape: Interface) -> Iterator[tuple[str, str]]:
    if fault.kind in ("late output", "late input"):
        yield from without_stages(source, fault.port)
    elif fault.kind in ("early output", "early input"):
        insert = delayed if fault.kind == "early output" else registered
        held = list(latched(source, fault, shape))
        yield from held[:MOST_HELD]
        for text in insert(source, fault, shape):
            yield "insert-stage", text
        yield from held[MOST_HELD:]
    elif fault.kind == "reset":
        yield "reset-level", behaviour.levels(source)
    if fault.kind in ("reset timing", "function"):
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


MOST_HELD = 4
"""Combinational assignments made registers before a register is inserted at the port itself."""


def latched(source: Source, fault: Fault, shape: Interface) -> Iterator[tuple[str, str]]:
    """Yield (rule, text) with a combinational assignment made a register: those at the port first, then copies."""
    found = []
    for block in source.root.find("AlwaysBlock", "AlwaysCombBlock", "ContinuousAssign"):
        made = list(block.find(*ASSIGNMENTS))
        if len(made) != 1 or "edge" in block.text.partition(")")[0]:
            continue
        name, value = target(made[0]).text.strip(), made[0].parts[-1].text.strip()
        if name in source.declared and not list(block.find("ConditionalStatement")):
            found.append((block, name, value))
    port = re.compile(rf"\b{re.escape(fault.port)}\b")
    found.sort(key=lambda f: (not port.search(f[0].text), not re.fullmatch(r"\w+", f[2])))
    for block, name, value in found:
        place = source.fresh(f"{name}_held_") if block.kind == "ContinuousAssign" else name
        for register in _registers(source, fault, shape, place, value):
            text = register
            if place != name:
                span = _span(source.declared[name])
                text = f"reg {span}{place};\n  {register}\n  assign {name} = {place};"
            yield f"register({name})", splice(source.text, [Edit(block.start, block.end, text)])


def delayed(source: Source, fault: Fault, shape: Interface) -> Iterator[str]:
    """Put a register before the output of a fault, which goes by another name inside."""
    port = fault.port
    item = source.declared.get(port)
    module = item.node.inside("ModuleDeclaration") if item else None
    if item is None or module is None:
        return
    inner = source.fresh(f"{port}_early_")
    places = {(n.start, n.end) for n in reads(source, port)}
    for node in module.find(*ASSIGNMENTS):
        place = target(node)
        if re.match(rf"{re.escape(port)}\b", place.text.strip()):
            places.add((place.start, place.start + len(port)))
    variable = item.kind in ("reg", "logic")
    for register in _registers(source, fault, shape, port, inner):
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


def registered(source: Source, fault: Fault, shape: Interface) -> Iterator[str]:
    """Put a register behind the input of a fault."""
    port = fault.port
    item = source.declared.get(port)
    module = item.node.inside("ModuleDeclaration") if item else None
    if item is None or module is None:
        return
    inner = source.fresh(f"{port}_late_")
    places = {(n.start, n.end) for n in reads(source, port)}
    for register in _registers(source, fault, shape, inner, port):
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


def _registers(
    source: Source, fault: Fault, shape: Interface, to: str, value: str
) -> Iterator[str]:
    """Yield registers, likeliest first: without reset, and with that of another block or else with the expected one."""
    if not shape.clocks:
        return
    (clock, edge), start = shape.clocks[0], fault.start or 0
    plain = f"always @({edge} {clock}) {to} <= {value};"
    cleared = []
    for block in _clocked(source):
        first = next(iter(block.find("ConditionalStatement")), None)
        if first is not None and re.fullmatch(r"[!~]?\s*\w+", first.parts[0].text.strip()):
            events = block.text[: block.text.index(")") + 1]
            test = first.parts[0].text.strip()
            cleared.append(f"{events} if ({test}) {to} <= {start}; else {to} <= {value};")
            break
    else:
        if shape.reset:
            test, sign = (shape.reset, "pos") if shape.reset_level else (f"!{shape.reset}", "neg")
            body = f"if ({test}) {to} <= {start}; else {to} <= {value};"
            cleared.append(f"always @({edge} {clock}) {body}")
            cleared.append(f"always @({edge} {clock} or {sign}edge {shape.reset}) {body}")
            if fault.reset_edges == 0:
                cleared.reverse()
    yield from [plain, *cleared] if fault.reset_edges is None else [*cleared, plain]
