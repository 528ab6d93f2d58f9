"""Other architectures of adders: a ripple for area, carry-select and prefix trees of two shapes for delay.

The synthesiser builds every sum as one kind of prefix tree. What another kind gains is measured; that it is the same
sum is proved like any other rewrite.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from proofsmith.domains.verilog.rewrites.text import (
    ASSIGNMENTS,
    Proposal,
    Source,
    before,
    operands,
    target,
)
from proofsmith.domains.verilog.syntax import Node, replaced

NARROW, WIDE = 6, 128
"""Widths between which another architecture is worth a trial."""
BLOCK = 4
"""Bits of a block of a carry-select adder."""


class Carries(Protocol):
    """Writes the lines that define the carries `c[0]` to `c[width]` from `g`, `p` and the carry into bit 0."""

    def __call__(self, stem: str, width: int) -> list[str]:
        """Return the lines for signals whose names start with `stem`."""
        ...


def architectures(source: Source) -> Iterator[Proposal]:
    """Propose every sum and difference of known width in every architecture."""
    for node in source.root.find("AddExpression", "SubtractExpression"):
        width = context_width(source, node)
        if width is None or not NARROW <= width <= WIDE:
            continue
        for name, carries in CARRIES.items():
            stem = source.fresh("adder_")
            lines = _lines(node, stem, width, carries)
            edits = (before(node, lines), replaced(node, f"{stem}_sum"))
            yield Proposal(f"{name}-adder", node.line, edits)


def context_width(source: Source, node: Node) -> int | None:
    """Return how wide an operator is where it stands: as wide as its operands and as what it is assigned to."""
    assignment = node.inside(*ASSIGNMENTS, "Declarator")
    goal = None
    if assignment is not None and assignment.kind in ASSIGNMENTS:
        goal = source.width(target(assignment))
    elif assignment is not None:
        declared = source.declared.get(assignment.text.split("=")[0].strip())
        goal = declared.width if declared else None
    widths = [*(source.width(part) or _literal(part) for part in operands(node)), goal]
    if source.signed(node) or None in widths:
        return None
    return max(w for w in widths if w is not None)


def _literal(node: Node) -> int | None:
    return 1 if node.kind == "IntegerLiteralExpression" else None


def _lines(node: Node, stem: str, width: int, carries: Carries) -> list[str]:
    left, right = operands(node)
    minus = node.kind == "SubtractExpression"
    span = f"[{width - 1}:0]"
    return [
        f"wire {span} {stem}_x = {left.text};",
        f"wire {span} {stem}_y = {'~' if minus else ''}({right.text});",
        f"wire {span} {stem}_g = {stem}_x & {stem}_y;",
        f"wire {span} {stem}_p = {stem}_x ^ {stem}_y;",
        f"wire [{width}:0] {stem}_c;",
        f"assign {stem}_c[0] = 1'b{int(minus)};",
        *carries(stem, width),
        f"wire {span} {stem}_sum = {stem}_p ^ {stem}_c{span};",
    ]


def _ripple(stem: str, width: int) -> list[str]:
    return [
        f"assign {stem}_c[{i + 1}] = {stem}_g[{i}] | ({stem}_p[{i}] & {stem}_c[{i}]);"
        for i in range(width)
    ]


def _select(stem: str, width: int) -> list[str]:
    """Compute the carries of each block for both carries into it and select them."""
    lines = []
    for low in range(0, width, BLOCK):
        high = min(low + BLOCK, width)
        for into in "01":
            lines.append(f"wire [{high - low}:0] {stem}_k{into}_{low};")
            lines.append(f"assign {stem}_k{into}_{low}[0] = 1'b{into};")
            lines += [
                f"assign {stem}_k{into}_{low}[{i - low + 1}] = {stem}_g[{i}]"
                f" | ({stem}_p[{i}] & {stem}_k{into}_{low}[{i - low}]);"
                for i in range(low, high)
            ]
        chosen = (
            f"{stem}_c[{low}] ? {stem}_k1_{low}[{high - low}:1] : {stem}_k0_{low}[{high - low}:1]"
        )
        lines.append(f"assign {stem}_c[{high}:{low + 1}] = {chosen};")
    return lines


def _kogge_stone(stem: str, width: int) -> list[str]:
    levels = range((width - 1).bit_length())
    pairs = {(n, i): i - (1 << n) for n in levels for i in range(1 << n, width)}
    return _prefix(stem, width, pairs)


def _sklansky(stem: str, width: int) -> list[str]:
    levels = range((width - 1).bit_length())
    pairs = {(n, i): (i >> n << n) - 1 for n in levels for i in range(width) if i >> n & 1}
    return _prefix(stem, width, pairs)


def _prefix(stem: str, width: int, pairs: dict[tuple[int, int], int]) -> list[str]:
    """Combine (g, p) of bit i with that of its partner, level by level; bit 0 takes the carry into the sum."""
    levels = range((width - 1).bit_length())
    lines = [f"wire {stem}_g0_0 = {stem}_g[0] | ({stem}_p[0] & {stem}_c[0]);"]
    lines.append(f"wire {stem}_p0_0 = 1'b0;")
    lines += [
        f"wire {stem}_g0_{i} = {stem}_g[{i}], {stem}_p0_{i} = {stem}_p[{i}];"
        for i in range(1, width)
    ]
    for n in levels:
        for i in range(width):
            g, p = f"{stem}_g{n}_{i}", f"{stem}_p{n}_{i}"
            j = pairs.get((n, i))
            if j is not None:
                g, p = f"{g} | ({p} & {stem}_g{n}_{j})", f"{p} & {stem}_p{n}_{j}"
            lines.append(f"wire {stem}_g{n + 1}_{i} = {g}, {stem}_p{n + 1}_{i} = {p};")
    last = len(levels)
    return [*lines, *(f"assign {stem}_c[{i + 1}] = {stem}_g{last}_{i};" for i in range(width))]


CARRIES: Mapping[str, Carries] = {
    "ripple": _ripple,
    "carry-select": _select,
    "kogge-stone": _kogge_stone,
    "sklansky": _sklansky,
}
