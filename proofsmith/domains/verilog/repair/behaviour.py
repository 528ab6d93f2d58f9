"""Repairs of designs that compile and behave wrongly: how the whole design is clocked, reset and started."""

import re
from collections.abc import Iterator

from proofsmith.domains.verilog.repair.compiling import PROCEDURAL
from proofsmith.domains.verilog.rewrites.registers import clocked
from proofsmith.domains.verilog.rewrites.text import Source
from proofsmith.domains.verilog.syntax import TOKEN, Edit, Node, splice

_ASYNCHRONOUS = re.compile(
    r"(@\s*\(\s*(?:pos|neg)edge\s+\w+)\s*(?:or|,)\s*(?:pos|neg)edge\s+\w+\s*\)"
)


def whole(text: str) -> Iterator[tuple[str, str]]:
    """Yield (rule, text) for each rule that changes how the whole design is clocked, reset or started."""
    made = {text}
    for name, changed in _whole(text):
        if changed not in made:
            made.add(changed)
            yield name, changed
        if name in ("synchronous-reset", "power-up"):
            for other, twice in _whole(changed):
                if twice not in made and other != name:
                    made.add(twice)
                    yield other if changed == text else f"{name}+{other}", twice


def _whole(text: str) -> Iterator[tuple[str, str]]:
    source = Source.of(text)
    yield "synchronous-reset", _ASYNCHRONOUS.sub(r"\1)", text)
    yield "power-up", powered(source)
    yield "complete-list", re.sub(r"@\s*\((?![^)]*edge)[^)]*\)", "@(*)", text)
    yield "non-blocking", assigned(source, clocked_blocks=True)
    yield "blocking", assigned(source, clocked_blocks=False)
    yield "other-edge", _edges(text)
    yield "asynchronous-reset", asynchronous(source)
    yield "reset-level", levels(source)


def powered(source: Source) -> str:
    """Start every clocked register at 0, which simulators and FPGAs do."""
    names = [n for n in sorted(clocked(source)) if n in source.declared]
    if not names or re.search(r"\binitial\b", source.text):
        return source.text
    *parts, rest = re.split(r"(?=\bendmodule\b)", source.text)
    return "".join([_started(part, names, alone=len(parts) == 1) for part in parts] + [rest])


def _started(module: str, names: list[str], *, alone: bool) -> str:
    """Return the text of one module, up to its end, with an initial value for those of `names` that it declares."""
    own = [n for n in names if alone or re.search(rf"\b(?:reg|logic)\b[^;]*\b{n}\b", module)]
    lines = " ".join(f"{name} = 0;" for name in own)
    return f"{module}initial begin {lines} end\n" if own else module


def assigned(source: Source, *, clocked_blocks: bool) -> str:
    """Write `<=` for every `=` of clocked blocks, or `=` for every `<=` of the other blocks."""
    kind = "AssignmentExpression" if clocked_blocks else "NonblockingAssignmentExpression"
    edits = []
    for node in source.root.find(kind):
        block = node.inside(*PROCEDURAL)
        if block is None or node.inside("ForLoopStatement") or block.kind == "InitialBlock":
            continue
        edge = "edge" in block.text.partition(")")[0]
        sign = next((c for c in node.children if c.kind == TOKEN), None)
        if edge == clocked_blocks and sign is not None and sign.text in ("=", "<="):
            edits.append(Edit(sign.start, sign.end, "<=" if clocked_blocks else "="))
    return splice(source.text, edits)


def _edges(text: str) -> str:
    """Clock on the other edge."""
    swap = {"posedge": "negedge", "negedge": "posedge"}
    return re.sub(r"(@\s*\(\s*)(posedge|negedge)", lambda m: m[1] + swap[m[2]], text)


def _resets(source: Source) -> Iterator[tuple[Node, Node, str, bool]]:
    """Yield (block, test, name, active low) of each clocked block that begins with a reset."""
    for block in source.root.find("AlwaysBlock", "AlwaysFFBlock"):
        first = next(block.find("ConditionalStatement"), None)
        if first is None or "edge" not in block.text.partition(")")[0]:
            continue
        test = first.parts[0]
        match = re.fullmatch(
            r"\(*\s*([!~]?)\s*(\w+)\s*(?:==\s*(?:1'b)?([01]))?\s*\)*", test.text.strip()
        )
        if match and re.search(r"rst|reset|clr|clear", match[2], re.IGNORECASE):
            low = bool(match[1]) != (match[3] == "0")
            yield block, test, match[2], low


def asynchronous(source: Source) -> str:
    """Let the reset of each clocked block act at once."""
    edits = []
    for block, _, name, low in _resets(source):
        head = block.text.partition(")")[0]
        if head.count("edge") == 1:
            at = block.start + len(head.encode())
            edits.append(Edit(at, at, f" or {'negedge' if low else 'posedge'} {name}"))
    return splice(source.text, edits)


def levels(source: Source) -> str:
    """Let the reset act at the other level."""
    edits = []
    for block, test, name, low in _resets(source):
        edits.append(Edit(test.start, test.end, name if low else f"!{name}"))
        head = block.text.partition(")")[0]
        for match in re.finditer(rf"(pos|neg)edge(?=\s+{name}\b)", head):
            start = block.start + len(head[: match.start()].encode())
            other = "posedge" if match[1] == "neg" else "negedge"
            edits.append(Edit(start, start + len(match[0]), other))
    return splice(source.text, edits)
