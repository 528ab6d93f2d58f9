"""What each word-level cell of yosys computes, bit by bit, on an and-inverter graph.

Words are lists of literals, least significant bit first; semantics as in yosys' own `techmap` and `simplemap` rules,
except that a division by zero is unknown, as Verilog says, and not some number.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig

T = TypeVar("T")
Word = list[int]
Unknown = Callable[[], int]
"""Returns the literal of a fresh unknown bit."""


class Cell:
    """The inputs and parameters of one cell, and the graph that it is built into."""

    def __init__(
        self,
        graph: Aig,
        inputs: Mapping[str, Word],
        parameters: Mapping[str, int],
        unknown: Unknown,
    ) -> None:
        """Keep them."""
        self.graph = graph
        self.inputs = inputs
        self.parameters = parameters
        self.unknown = unknown
        self.width = parameters.get("Y_WIDTH", parameters.get("WIDTH", 1))

    def operand(self, name: str, width: int, signed: bool | None = None) -> Word:
        """Return an input extended or cut to `width`."""
        word = self.inputs[name]
        sign = self.signed(name) if signed is None else signed
        return extended(word, width, sign)

    def signed(self, name: str) -> bool:
        """Say whether an input is signed."""
        return bool(self.parameters.get(f"{name}_SIGNED", 0))

    @property
    def both_signed(self) -> bool:
        """True when both operands are signed."""
        return self.signed("A") and self.signed("B")


def extended(word: Word, width: int, signed: bool) -> Word:
    """Return `word` cut or extended to `width`."""
    fill = word[-1] if signed and word else FALSE
    return (word + [fill] * (width - len(word)))[:width]


def add(graph: Aig, a: Word, b: Word, carry: int = FALSE) -> tuple[Word, int]:
    """Return the sum of two words of equal width and the carry out, by a ripple of full adders."""
    total = []
    for x, y in zip(a, b, strict=True):
        half = graph.xor(x, y)
        total.append(graph.xor(half, carry))
        carry = graph.or_(graph.and_(x, y), graph.and_(half, carry))
    return total, carry


def subtract(graph: Aig, a: Word, b: Word) -> tuple[Word, int]:
    """Return `a - b` and 1 where there was no borrow."""
    return add(graph, a, [bit ^ 1 for bit in b], TRUE)


def multiply(graph: Aig, a: Word, b: Word) -> Word:
    """Return the product cut to the width of the operands, by rows of adders; equal for both orders of operands."""
    if not graph.positional and sorted((a, b))[0] is not a and a != b:
        a, b = b, a
    width = len(a)
    total = [FALSE] * width
    for shift, bit in enumerate(b):
        if bit != FALSE:
            row = [FALSE] * shift + [graph.and_(x, bit) for x in a[: width - shift]]
            total, _ = add(graph, total, row)
    return total


def divide(graph: Aig, a: Word, b: Word) -> tuple[Word, Word]:
    """Return quotient and remainder of unsigned words of equal width; meaningless where `b` is 0."""
    width = len(a)
    rest, quotient = [FALSE] * width, [FALSE] * width
    for index in reversed(range(width)):
        shifted = [a[index], *rest]
        less, fits = subtract(graph, shifted, [*b, FALSE])
        quotient[index] = fits
        rest = [graph.mux(fits, x, y) for x, y in zip(less, shifted, strict=True)][:width]
    return quotient, rest


def negated(graph: Aig, word: Word, when: int = TRUE) -> Word:
    """Return minus `word` where `when` is 1."""
    flipped = [graph.xor(bit, when) for bit in word]
    return add(graph, flipped, [FALSE] * len(word), when)[0]


def shifted(graph: Aig, word: Word, amount: Word, fill: Word, *, left: bool) -> Word:
    """Return `word` shifted by the unsigned `amount`; `fill[i]` comes in at position i."""
    width = len(word)
    for index, bit in enumerate(amount):
        step = min(1 << index, width)
        moved = fill[:step] + word[: width - step] if left else word[step:] + fill[width - step :]
        word = [graph.mux(bit, x, y) for x, y in zip(moved, word, strict=True)]
    return word


def _bitwise(operation: Callable[[Aig, int, int], int], cell: Cell) -> Word:
    a, b = (cell.operand(n, cell.width, cell.both_signed) for n in "AB")
    return [operation(cell.graph, x, y) for x, y in zip(a, b, strict=True)]


def _one(cell: Cell, literal: int) -> Word:
    return extended([literal], cell.width, signed=False)


def _reduced(cell: Cell, kind: str) -> Word:
    bits, graph = cell.inputs["A"], cell.graph
    if kind == "and":
        return _one(cell, graph.all(bits))
    if kind == "or":
        return _one(cell, graph.any(bits))
    parity = FALSE
    for bit in bits:
        parity = graph.xor(parity, bit)
    return _one(cell, parity ^ (kind == "xnor"))


def _compare(cell: Cell, kind: str) -> Word:
    graph, signed = cell.graph, cell.both_signed
    width = max(len(cell.inputs["A"]), len(cell.inputs["B"]))
    a, b = (cell.operand(n, width, signed) for n in "AB")
    if kind in ("eq", "ne"):
        same = graph.all(graph.xor(x, y) ^ 1 for x, y in zip(a, b, strict=True))
        return _one(cell, same ^ (kind == "ne"))
    if signed and width:
        a, b = ([*word[:-1], word[-1] ^ 1] for word in (a, b))
    if kind in ("gt", "le"):
        a, b = b, a
    not_less = subtract(graph, a, b)[1]
    return _one(cell, not_less ^ (kind in ("lt", "gt")))


def _arithmetic(cell: Cell, kind: str) -> Word:
    graph = cell.graph
    a, b = (cell.operand(n, cell.width, cell.both_signed) for n in "AB")
    if kind == "mul":
        return multiply(graph, a, b)
    return (add if kind == "add" else subtract)(graph, a, b)[0]


def _negate(cell: Cell) -> Word:
    return negated(cell.graph, cell.operand("A", cell.width))


def _quotient(cell: Cell, kind: str) -> Word:
    """Divide; `kind` is div, mod, divfloor or modfloor. Everything is unknown where the divisor is 0."""
    graph, signed = cell.graph, cell.both_signed
    width = max(cell.width, len(cell.inputs["A"]), len(cell.inputs["B"]))
    a, b = (cell.operand(n, width, signed) for n in "AB")
    minus_a, minus_b = (a[-1], b[-1]) if signed else (FALSE, FALSE)
    quotient, rest = divide(graph, negated(graph, a, minus_a), negated(graph, b, minus_b))
    opposite = graph.xor(minus_a, minus_b)
    result = negated(graph, quotient, opposite) if "div" in kind else negated(graph, rest, minus_a)
    if kind.endswith("floor"):
        # Floor and truncation differ by one where the signs differ and something is left over.
        off = graph.and_(opposite, graph.any(rest))
        change = [off] * width if "div" in kind else [graph.and_(x, off) for x in b]
        result = add(graph, result, change)[0]
    zero = graph.any(b) ^ 1
    if zero == FALSE:
        return result[: cell.width]
    return [graph.mux(zero, cell.unknown(), bit) for bit in result[: cell.width]]


def _power(cell: Cell) -> Word:
    """Raise A to an unsigned B by repeated squaring."""
    if cell.signed("B"):
        raise UnsupportedCell("$pow with a signed exponent")
    graph, square = cell.graph, cell.operand("A", cell.width)
    result = extended([TRUE], cell.width, signed=False)
    for bit in cell.inputs["B"]:
        product = multiply(graph, result, square)
        result = [graph.mux(bit, x, y) for x, y in zip(product, result, strict=True)]
        square = multiply(graph, square, square)
    return result


def _shift(cell: Cell, kind: str) -> Word:
    width = max(len(cell.inputs["A"]), cell.width)
    word = cell.operand("A", width)
    sign = word[-1] if kind == "sshr" and cell.signed("A") else FALSE
    moved = shifted(
        cell.graph, word, cell.inputs["B"], [sign] * width, left=kind in ("shl", "sshl")
    )
    return moved[: cell.width]


def _indexed(cell: Cell, unknown: bool) -> Word:
    """Return A[B +: width]; outside of A are zeros ($shift) or unknowns ($shiftx). A signed B may be negative."""
    graph, amount = cell.graph, cell.inputs["B"]
    width = max(len(cell.inputs["A"]), cell.width)
    outside = [cell.unknown() for _ in range(cell.width)] if unknown else [FALSE] * cell.width
    # A mark that travels with each bit says whether it is inside: unknowns stay one for each output bit.
    word = extended(cell.inputs["A"], width, cell.signed("A") and not unknown)
    inside = [TRUE] * (len(cell.inputs["A"]) if unknown else width) + [FALSE] * width
    zeros = [FALSE] * width
    negative = amount[-1] if cell.signed("B") and amount else FALSE
    right = amount[:-1] if cell.signed("B") else amount
    results = []
    for bits in (word, inside[:width]):
        moved = shifted(graph, bits, right, zeros, left=False)
        if negative != FALSE:
            back = shifted(graph, bits, negated(graph, amount), zeros, left=True)
            moved = [graph.mux(negative, x, y) for x, y in zip(back, moved, strict=True)]
        results.append(moved[: cell.width])
    return [
        graph.mux(known, bit, other) for bit, known, other in zip(*results, outside, strict=True)
    ]


def _logic(cell: Cell, kind: str) -> Word:
    graph = cell.graph
    a = graph.any(cell.inputs["A"])
    if kind == "not":
        return _one(cell, a ^ 1)
    b = graph.any(cell.inputs["B"])
    return _one(cell, graph.and_(a, b) if kind == "and" else graph.or_(a, b))


def _mux(cell: Cell) -> Word:
    (select,) = cell.inputs["S"]
    pairs = zip(cell.inputs["B"], cell.inputs["A"], strict=True)
    return [cell.graph.mux(select, x, y) for x, y in pairs]


def _pmux(cell: Cell) -> Word:
    graph, selects, width = cell.graph, cell.inputs["S"], cell.width
    none = graph.any(selects) ^ 1
    result = []
    for index in range(width):
        chosen = [
            graph.and_(select, cell.inputs["B"][position * width + index])
            for position, select in enumerate(selects)
        ]
        result.append(graph.any([graph.and_(none, cell.inputs["A"][index]), *chosen]))
    return result


def _bmux(cell: Cell) -> Word:
    words, width = cell.inputs["A"], cell.width
    for select in cell.inputs["S"]:
        words = [
            cell.graph.mux(select, words[base + width + i], words[base + i])
            for base in range(0, len(words), 2 * width)
            for i in range(width)
        ]
    return words


class UnsupportedCell(Exception):
    """A cell that has no rule here; its type is the message."""


KINDS: Mapping[str, Callable[[Cell], Word]] = {
    "$not": lambda c: [bit ^ 1 for bit in c.operand("A", c.width)],
    "$pos": lambda c: c.operand("A", c.width),
    "$neg": _negate,
    "$and": partial(_bitwise, Aig.and_),
    "$or": partial(_bitwise, Aig.or_),
    "$xor": partial(_bitwise, Aig.xor),
    "$xnor": partial(_bitwise, lambda g, x, y: g.xor(x, y) ^ 1),
    "$reduce_and": partial(_reduced, kind="and"),
    "$reduce_or": partial(_reduced, kind="or"),
    "$reduce_bool": partial(_reduced, kind="or"),
    "$reduce_xor": partial(_reduced, kind="xor"),
    "$reduce_xnor": partial(_reduced, kind="xnor"),
    "$pow": _power,
    "$shift": partial(_indexed, unknown=False),
    "$shiftx": partial(_indexed, unknown=True),
    "$logic_not": partial(_logic, kind="not"),
    "$logic_and": partial(_logic, kind="and"),
    "$logic_or": partial(_logic, kind="or"),
    "$mux": _mux,
    "$pmux": _pmux,
    "$bmux": _bmux,
    "$eqx": partial(_compare, kind="eq"),
    "$nex": partial(_compare, kind="ne"),
    **{f"${k}": partial(_compare, kind=k) for k in ("eq", "ne", "lt", "le", "gt", "ge")},
    **{f"${k}": partial(_arithmetic, kind=k) for k in ("add", "sub", "mul")},
    **{f"${k}": partial(_quotient, kind=k) for k in ("div", "mod", "divfloor", "modfloor")},
    **{f"${k}": partial(_shift, kind=k) for k in ("shl", "shr", "sshl", "sshr")},
}
BITWISE = frozenset({"$not", "$pos", "$and", "$or", "$xor", "$xnor", "$mux", "$pmux"})
"""Cells whose output bit i depends on bit i of their operands alone."""


def outputs(kind: str, cell: Cell) -> Word:
    """Return the output word of a cell; raises UnsupportedCell for a type without a rule."""
    if kind not in KINDS:
        raise UnsupportedCell(kind)
    return KINDS[kind](cell)


def sliced(kind: str, inputs: Mapping[str, list[T]], index: int, width: int) -> dict[str, list[T]]:
    """Return the inputs of output bit `index` of a bitwise cell."""
    if kind == "$pmux":
        b = [inputs["B"][p * width + index] for p in range(len(inputs["S"]))]
        return {"A": [inputs["A"][index]], "B": b, "S": inputs["S"]}
    return {n: w if n == "S" else [w[index]] for n, w in inputs.items()}
