"""And-inverter graphs: construction with structural hashing, simulation of many runs at once, binary AIGER.

A literal is `2 * node + inverted`; node 0 is constant, so 0 is false and 1 is true. Nodes are numbered so that the
operands of a gate come before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

FALSE, TRUE = 0, 1
_INPUT, _LATCH = -1, -2
Literals = Mapping[int, int] | Sequence[int]
"""Literals by node."""


@dataclass(frozen=True, slots=True)
class Latch:
    """A state bit that starts at 0: its output literal and what it takes next."""

    output: int
    next: int


class Aig:
    """A growing and-inverter graph."""

    def __init__(self, *, positional: bool = False) -> None:
        """Start with the constant node.

        `positional`: products are built as their factors stand; otherwise both orders give the same gates.
        """
        self.positional = positional
        self.left = [_INPUT]
        self.right = [_INPUT]
        self._known: dict[tuple[int, int], int] = {}
        self.inputs: list[int] = []
        """Literals of the inputs, in order of creation."""

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.left)

    @property
    def gates(self) -> int:
        """Number of AND nodes."""
        return sum(a >= 0 for a in self.left)

    def input(self) -> int:
        """Return the literal of a new input."""
        literal = self._leaf(_INPUT)
        self.inputs.append(literal)
        return literal

    def latch(self) -> int:
        """Return the literal of a new state bit; what it takes next is the caller's to keep."""
        return self._leaf(_LATCH)

    def _leaf(self, kind: int) -> int:
        self.left.append(kind)
        self.right.append(kind)
        return 2 * len(self.left) - 2

    def and_(self, a: int, b: int) -> int:
        """Return the literal of `a` and `b`."""
        if a > b:
            a, b = b, a
        if a < 2:
            return b if a else FALSE
        if a ^ b < 2:
            return a if a == b else FALSE
        node = self._known.get((a, b))
        if node is None:
            node = len(self.left)
            self.left.append(a)
            self.right.append(b)
            self._known[a, b] = node
        return 2 * node

    def gate(self, old: "Aig", node: int, values: Literals) -> int:
        """Return the literal of a gate of `old`, of whose nodes `values` gives the literals here."""
        return self.and_(at(values, old.left[node]), at(values, old.right[node]))

    def or_(self, a: int, b: int) -> int:
        """Return the literal of `a` or `b`."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Return the literal of `a` unequal `b`."""
        if a < 2 or b < 2 or a ^ b < 2:
            return _xor_known(a, b)
        flip = (a ^ b) & 1
        a, b = a & ~1, b & ~1
        return self.and_(self.and_(a, b) ^ 1, self.and_(a ^ 1, b ^ 1) ^ 1) ^ flip

    def mux(self, select: int, then: int, other: int) -> int:
        """Return the literal of `then` where `select` is 1, else of `other`."""
        if select < 2 or then == other:
            return then if select == TRUE else other
        if then ^ other == 1:
            return self.xor(select, other)
        return self.or_(self.and_(select, then), self.and_(select ^ 1, other))

    def all(self, literals: Iterable[int]) -> int:
        """Return the conjunction, built as a balanced tree."""
        level = list(literals) or [TRUE]
        while len(level) > 1:
            pairs = [self.and_(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
            level = pairs + level[len(level) - len(level) % 2 :]
        return level[0]

    def any(self, literals: Iterable[int]) -> int:
        """Return the disjunction, built as a balanced tree."""
        return self.all(literal ^ 1 for literal in literals) ^ 1

    def cone(self, roots: Iterable[int], latches: Sequence[Latch] = ()) -> list[int]:
        """Return, ascending, the nodes that `roots` depend on, through state bits as well."""
        through = {latch.output >> 1: latch.next for latch in latches}
        seen, pending = set[int](), [literal >> 1 for literal in roots]
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            if self.left[node] >= 0:
                pending += (self.left[node] >> 1, self.right[node] >> 1)
            elif node in through:
                pending.append(through[node] >> 1)
        return sorted(seen)

    def evaluate(
        self, nodes: Sequence[int], leaves: Mapping[int, int], mask: int
    ) -> dict[int, int]:
        """Return the values of `nodes`, ascending, one bit for each run; `leaves` gives inputs and state by node."""
        left, right, values = self.left, self.right, {0: 0, **leaves}
        for node in nodes:
            a = left[node]
            if a >= 0:
                b = right[node]
                x, y = values[a >> 1], values[b >> 1]
                values[node] = (x ^ mask if a & 1 else x) & (y ^ mask if b & 1 else y)
            elif node not in values:
                values[node] = 0
        return values


def at(values: Literals, literal: int) -> int:
    """Return what a literal becomes when `values` says what each node does."""
    return values[literal >> 1] ^ (literal & 1)


def value_of(literal: int, values: Mapping[int, int], mask: int) -> int:
    """Return the value of a literal, one bit for each run."""
    value = values[literal >> 1]
    return value ^ mask if literal & 1 else value


def aiger(graph: Aig, latches: Sequence[Latch], outputs: Sequence[int]) -> bytes:
    """Write binary AIGER 1.9 with all inputs, all `latches` and what `outputs` need."""
    order = [literal >> 1 for literal in graph.inputs] + [x.output >> 1 for x in latches]
    number = {0: 0, **{node: i + 1 for i, node in enumerate(order)}}
    gates = [n for n in graph.cone([*outputs, *(x.next for x in latches)]) if graph.left[n] >= 0]
    for node in gates:
        number[node] = len(number)

    def literal(old: int) -> int:
        return 2 * number[old >> 1] + (old & 1)

    counts = (len(number) - 1, len(graph.inputs), len(latches), len(outputs), len(gates))
    lines = ["aig " + " ".join(map(str, counts))]
    lines += [str(literal(x.next)) for x in latches] + [str(literal(o)) for o in outputs]
    body = bytearray()
    for node in gates:
        a, b = sorted((literal(graph.left[node]), literal(graph.right[node])), reverse=True)
        for delta in (2 * number[node] - a, a - b):
            while delta > 127:
                body.append(delta & 127 | 128)
                delta >>= 7
            body.append(delta)
    return ("\n".join(lines) + "\n").encode() + bytes(body)


def _xor_known(a: int, b: int) -> int:
    if a ^ b < 2:
        return a ^ b
    return a ^ b if a < 2 or b < 2 else FALSE
