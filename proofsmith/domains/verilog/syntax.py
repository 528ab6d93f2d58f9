"""The syntax tree of a Verilog text: nodes with their place in it, found by kind and spliced by place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyslang.parsing import Token as SlangToken
from pyslang.syntax import SyntaxTree

TOKEN = "token"
DEEPEST = 150
"""Levels that are read; what is nested deeper, in a text that repeats itself, stays one node without children."""


@dataclass(slots=True, eq=False)
class Node:
    """A node of the tree; `kind` is slang's name of it, or TOKEN. Offsets count bytes of the text."""

    kind: str
    start: int
    end: int
    source: bytes = field(repr=False)
    children: list["Node"] = field(default_factory=list, repr=False)
    parent: "Node | None" = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """Return what is written here."""
        return self.source[self.start : self.end].decode()

    @property
    def line(self) -> int:
        """Return the line of its first character, from 1."""
        return self.source.count(b"\n", 0, self.start) + 1

    @property
    def parts(self) -> list["Node"]:
        """Return the children that are no tokens."""
        return [child for child in self.children if child.kind != TOKEN]

    def find(self, *kinds: str) -> Iterator["Node"]:
        """Yield every node of one of `kinds` below, and this one, in the order of the text."""
        if self.kind in kinds:
            yield self
        for child in self.children:
            yield from child.find(*kinds)

    def inside(self, *kinds: str) -> "Node | None":
        """Return the nearest node above of one of `kinds`."""
        node = self.parent
        while node is not None and node.kind not in kinds:
            node = node.parent
        return node

    def token(self, text: str) -> "Node | None":
        """Return the first token among the children that reads `text`."""
        return next((c for c in self.children if c.kind == TOKEN and c.text == text), None)


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that replaces the bytes from `start` to `end`."""

    start: int
    end: int
    text: str


def parse(text: str) -> Node:
    """Return the tree of `text`; errors of syntax leave nodes out, they do not raise."""
    source = text.encode()
    tree = _tree(source)
    return _node(tree.root, source, DEEPEST) if tree else Node("Unread", 0, len(source), source)


def grammatical(text: str) -> bool:
    """Say whether `text` keeps to the grammar of SystemVerilog, which other tools read a part of."""
    tree = _tree(text.encode())
    return tree is not None and not any(found.isError() for found in tree.diagnostics)


def _tree(source: bytes) -> SyntaxTree | None:
    """Return slang's tree, or None where it is nested deeper than slang itself follows."""
    # slang cuts characters of several bytes
    ascii_text = re.sub(rb"[\x80-\xff]", b"_", source).decode()
    try:
        tree = SyntaxTree.fromText(ascii_text)
        return tree if tree.root is not None else None
    except RuntimeError:
        return None


def _placed(kind: str, place: Any, source: bytes) -> Node:
    """Make a node; where slang invents a place, for what is missing or a macro made, it is brought into the text."""
    start, end = place.start.offset, min(place.end.offset, len(source))
    while source[start : start + 1] and source[start] & 0xC0 == 0x80:
        start += 1
    while source[end : end + 1] and source[end] & 0xC0 == 0x80:
        end += 1
    start = min(start, len(source))
    return Node(kind, start, max(start, end), source)


def _node(given: Any, source: bytes, depth: int) -> Node:
    node = _placed(_kind(given), given.sourceRange, source)
    for index in range(len(given) if depth else 0):
        child = given[index]
        if child is None:
            continue
        is_token = isinstance(child, SlangToken)
        made = _placed(TOKEN, child.range, source) if is_token else _node(child, source, depth - 1)
        made.parent = node
        node.children.append(made)
    return node


def _kind(given: Any) -> str:
    return str(given.kind).rpartition(".")[2]


def replaced(node: Node, text: str) -> Edit:
    """Return the edit that writes `text` in place of `node`."""
    return Edit(node.start, node.end, text)


def splice(text: str, edits: Sequence[Edit]) -> str:
    """Apply edits that do not overlap.

    Raises:
        ValueError: two edits overlap.
    """
    data = text.encode()
    at, pieces = 0, []
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < at:
            raise ValueError("edits overlap")
        pieces += [data[at : edit.start], edit.text.encode()]
        at = edit.end
    return b"".join([*pieces, data[at:]]).decode()
