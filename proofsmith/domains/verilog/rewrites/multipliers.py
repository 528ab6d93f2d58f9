"""Other architectures of multipliers: a tree of carry-save adders over plain rows or over those of Booth's recoding."""

from collections.abc import Iterator

from proofsmith.domains.verilog.rewrites.adders import context_width
from proofsmith.domains.verilog.rewrites.text import Proposal, Source, before, constant, operands
from proofsmith.domains.verilog.syntax import Node, replaced

NARROW, WIDE = 4, 24
"""Widths of the narrower factor between which another architecture is worth a trial, and its proof a chance."""


def architectures(source: Source) -> Iterator[Proposal]:
    """Propose every product of two signals as a Wallace tree and with radix-4 Booth recoding."""
    for node in source.root.find("MultiplyExpression"):
        left, right = operands(node)
        width, narrow = context_width(source, node), source.width(right)
        if width is None or narrow is None or constant(left) is not None:
            continue
        if constant(right) is not None or not NARROW <= narrow <= WIDE:
            continue
        for name, rows in (("wallace", _plain), ("booth", _booth)):
            stem = source.fresh("product_")
            lines = _declared(node, stem, width, narrow)
            made, words = rows(stem, width, narrow)
            tree, last = _tree(stem, width, words)
            total = " + ".join(last)
            lines += [*made, *tree, f"wire [{width - 1}:0] {stem}_all = {total};"]
            edits = (before(node, lines), replaced(node, f"{stem}_all"))
            yield Proposal(f"{name}-multiplier", node.line, edits)


def _declared(node: Node, stem: str, width: int, narrow: int) -> list[str]:
    left, right = operands(node)
    return [
        f"wire [{width - 1}:0] {stem}_x = {left.text};",
        f"wire [{narrow + 2}:0] {stem}_y = {{2'b0, {right.text}, 1'b0}};",
    ]


def _plain(stem: str, width: int, narrow: int) -> tuple[list[str], list[str]]:
    lines, words = [], []
    for i in range(min(narrow, width)):
        words.append(f"{stem}_r{i}")
        gated = f"{{{width}{{{stem}_y[{i + 1}]}}}}"
        lines.append(f"wire [{width - 1}:0] {words[-1]} = ({stem}_x & {gated}) << {i};")
    return lines, words


def _booth(stem: str, width: int, narrow: int) -> tuple[list[str], list[str]]:
    """Return rows of 0, 1 or 2 times x, negative ones inverted, and the row of their carries."""
    lines, words, carries = [], [], []
    for i in range(0, min(narrow + 1, width), 2):
        high, middle, low = (f"{stem}_y[{i + n}]" for n in (2, 1, 0))
        row = f"{stem}_r{i}"
        lines += [
            f"wire {row}_one = {middle} ^ {low};",
            f"wire {row}_two = ({high} ^ {middle}) & ~({middle} ^ {low});",
            f"wire {row}_neg = {high} & ~({middle} & {low});",
            f"wire [{width - 1}:0] {row}_size = ({stem}_x & {{{width}{{{row}_one}}}})"
            f" | (({stem}_x << 1) & {{{width}{{{row}_two}}}});",
            f"wire [{width - 1}:0] {row} = ({row}_size ^ {{{width}{{{row}_neg}}}}) << {i};",
        ]
        words.append(row)
        carries.append((i, f"{row}_neg"))
    bits = dict(carries)
    placed = ", ".join(bits.get(i, "1'b0") for i in reversed(range(width)))
    lines.append(f"wire [{width - 1}:0] {stem}_negs = {{{placed}}};")
    return lines, [*words, f"{stem}_negs"]


def _tree(stem: str, width: int, words: list[str]) -> tuple[list[str], list[str]]:
    """Add words three at a time without carrying until two are left."""
    lines, number = [], 0
    while len(words) > 2:
        left = len(words) % 3
        kept = words[len(words) - left :] if left else []
        nexts = []
        for at in range(0, len(words) - left, 3):
            a, b, c = words[at : at + 3]
            total, carry = f"{stem}_s{number}", f"{stem}_t{number}"
            number += 1
            lines.append(f"wire [{width - 1}:0] {total} = {a} ^ {b} ^ {c};")
            both = f"({a} & {b}) | ({a} & {c}) | ({b} & {c})"
            lines.append(f"wire [{width - 1}:0] {carry} = ({both}) << 1;")
            nexts += [total, carry]
        words = [*nexts, *kept]
    return lines, words
