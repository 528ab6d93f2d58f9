"""Smaller registers: bits that no reachable state sets, and registers that always hold what another one holds."""

import re
from collections.abc import Iterator

from proofsmith.domains.verilog.rewrites.observed import Trace, agreeing, live_bits
from proofsmith.domains.verilog.rewrites.text import ASSIGNMENTS, Declared, Proposal, Source, target
from proofsmith.domains.verilog.syntax import Edit, Node, replaced

SPARE = (0, 1)
"""Bits that are left beyond those seen: first none, then one for states that simulation did not reach."""
WIDE = 3
"""Widths below this are not worth narrowing."""


def narrowed(source: Source, trace: Trace) -> Iterator[Proposal]:
    """A register whose high bits stay 0 gets a smaller range; the proof says whether they always do."""
    registers = clocked(source)
    for name, item in source.declared.items():
        if item.port or item.width is None or name not in registers or name not in trace.cycles[0]:
            continue
        seen = live_bits(trace, name)
        for spare in SPARE:
            width = max(1, seen + spare)
            if item.width >= WIDE and width < item.width:
                yield Proposal(
                    "narrow-register", item.node.line, _declared_anew(source, item, width)
                )


def clocked(source: Source) -> set[str]:
    """Return the names that `<=` or an assignment in a clocked block assigns to."""
    found = set()
    for node in source.root.find(*ASSIGNMENTS):
        block = node.inside("AlwaysBlock", "AlwaysFFBlock")
        if block is not None and ("edge" in block.text.partition(")")[0]):
            found.add(re.split(r"[\[\s.]", target(node).text)[0])
    return found


def _declared_anew(source: Source, item: Declared, width: int) -> tuple[Edit, ...]:
    """Take the declarator out of its list and declare it alone with `width` bits."""
    statement = item.node.parent
    assert statement is not None
    sign = "signed " if item.signed and item.kind != "integer" else ""
    fresh = f"reg {sign}[{width - 1}:0] {item.node.text};"
    others = [n for n in statement.find("Declarator") if n is not item.node]
    if not others:
        return (replaced(statement, fresh),)
    head = statement.source[statement.start : statement.parts[0].end].decode()
    for part in statement.parts:
        if part.kind == "Declarator":
            break
        head = statement.source[statement.start : part.end].decode()
    rest = ", ".join(n.text for n in others)
    return (replaced(statement, f"{head} {rest}; {fresh}"),)


def merged(source: Source, trace: Trace) -> Iterator[Proposal]:
    """Reads of a register that always equals another one read that one; the copy is then unused."""
    known = clocked(source)
    names = [
        n
        for n, item in source.declared.items()
        if n in known and n in trace.cycles[0] and item.width is not None
    ]
    widths = {n: source.declared[n].width for n in names}
    for keep, drop, inverted in agreeing(trace, names):
        if widths[keep] != widths[drop]:
            continue
        edits = tuple(
            replaced(node, f"(~{keep})" if inverted else keep) for node in reads(source, drop)
        )
        if edits:
            line = source.declared[drop].node.line
            yield Proposal("merge-registers", line, edits)


def reads(source: Source, name: str) -> Iterator[Node]:
    """Yield every place that reads the whole of `name`."""
    for node in source.root.find("IdentifierName"):
        if node.text.strip() != name:
            continue
        if node.inside("SignalEventExpression") is None and not _written(node):
            yield node


def _written(node: Node) -> bool:
    """Say whether `node` stands in the target of an assignment, e.g. inside a concatenation."""
    above = node.inside(*ASSIGNMENTS)
    return above is not None and node.end <= target(above).end
