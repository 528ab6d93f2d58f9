"""Bit-vector terms: read them from Lean, evaluate them, and see them as sums over the cells of a truth table."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(?:(?P<literal>(?:0x[0-9a-fA-F]+|\d+)#(?:\d+|'?\w+))|(?P<number>0x[0-9a-fA-F]+|\d+)"
    r"|(?P<name>[^\W\d][\w'₀-₉]*)|(?P<sign>~~~|\|\|\||\^\^\^|&&&|[-+*()=≠]))"
)
_BINDING: Mapping[str, int] = {"|||": 55, "^^^": 58, "&&&": 60, "+": 65, "-": 65, "*": 70}
"""Precedence of the infix operators in Lean; all associate to the left."""
_NEGATION = 75
_MOST_DIGITS = 1000
_MOST_TOKENS = 300
"""Of an equation, so that its terms can be walked by recursion."""
_COMPLEMENT = 100
BITWISE = frozenset({"|||", "^^^", "&&&", "~~~"})


@dataclass(frozen=True, slots=True)
class Term:
    """An operator with its operands; a variable has the operator `name`, a number `literal`."""

    operator: str
    operands: tuple["Term", ...] = ()
    name: str = ""
    value: int = 0

    def __str__(self) -> str:
        """Write the term for Lean, every operand in parentheses that needs some."""
        if self.operator == "name":
            return self.name
        if self.operator == "literal":
            return f"{self.value}#{self.name}"
        inner = [str(o) if o.operator in ("name", "literal") else f"({o})" for o in self.operands]
        if len(inner) == 1:
            return f"{'-' if self.operator == 'negate' else self.operator}{inner[0]}"
        return f" {self.operator} ".join(inner)


class Unreadable(ValueError):
    """The text is no bit-vector term of the operators that are known here."""


def read_equation(text: str, width: str) -> tuple[Term, Term]:
    """Read `left = right`; raises Unreadable.

    >>> [str(side) for side in read_equation("x + -y = 2#8 * (x &&& ~~~y)", "8")]
    ['x + (-y)', '2#8 * (x &&& (~~~y))']
    """
    reader = _Reader(text, width)
    try:
        left = reader.term(0)
        reader.take("=")
        right = reader.term(0)
    except RecursionError:
        raise Unreadable("the terms are nested too deeply") from None
    if reader.peek() is not None:
        raise Unreadable(f"unexpected {reader.peek()}")
    return left, right


def _value(digits: str) -> int:
    """Return the value of a numeral, which Lean reads as decimal also with zeros in front."""
    if len(digits) > _MOST_DIGITS:
        raise Unreadable(f"a numeral of {len(digits)} digits")
    return int(digits, 16 if digits.startswith("0x") else 10)


class _Reader:
    def __init__(self, text: str, width: str) -> None:
        self._width, self._at = width, 0
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise Unreadable(text[at : at + 20])
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        if len(self._tokens) > _MOST_TOKENS:
            raise Unreadable(f"more than {_MOST_TOKENS} words")

    def peek(self) -> str | None:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def take(self, sign: str) -> None:
        if self.peek() != sign:
            raise Unreadable(f"{sign} expected, found {self.peek()}")
        self._at += 1

    def term(self, least: int) -> Term:
        left = self._prefix()
        while (sign := self.peek() or "") in _BINDING and _BINDING[sign] >= least:
            self._at += 1
            left = Term(sign, (left, self.term(_BINDING[sign] + 1)))
        return left

    def _prefix(self) -> Term:
        if self._at >= len(self._tokens):
            raise Unreadable("the text ends too early")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "literal":
            value, _, width = text.partition("#")
            if width != self._width:
                raise Unreadable(f"a literal of another width: {text}")
            return Term("literal", name=width, value=_value(value))
        if kind == "number":
            return Term("literal", name=self._width, value=_value(text))
        if kind == "name":
            return Term("name", name=text)
        if text == "(":
            inner = self.term(0)
            self.take(")")
            return inner
        if text == "~~~":
            return Term("~~~", (self.term(_COMPLEMENT),))
        if text == "-":
            return Term("negate", (self.term(_NEGATION),))
        raise Unreadable(text)


def evaluate(term: Term, values: Mapping[str, int], bits: int) -> int:
    """Return the value of `term`, 0 to 2^bits - 1; raises KeyError for a name without a value."""
    mask = (1 << bits) - 1
    if term.operator == "name":
        return values[term.name] & mask
    if term.operator == "literal":
        return term.value & mask
    given = [evaluate(o, values, bits) for o in term.operands]
    if len(given) == 1:
        return (~given[0] if term.operator == "~~~" else -given[0]) & mask
    one, two = given
    return {
        "|||": one | two,
        "^^^": one ^ two,
        "&&&": one & two,
        "+": one + two,
        "-": one - two,
        "*": one * two,
    }[term.operator] & mask


def subterms(term: Term) -> Iterator[Term]:
    """Yield `term` and everything below it, innermost first."""
    for operand in term.operands:
        yield from subterms(operand)
    yield term


def names(term: Term) -> tuple[str, ...]:
    """Return the variables in the order in which they first occur."""
    return tuple(dict.fromkeys(t.name for t in subterms(term) if t.operator == "name"))


def replaced(term: Term, old: Term, new: Term) -> Term:
    """Return `term` with every occurrence of `old` replaced."""
    if term == old:
        return new
    operands = tuple(replaced(o, old, new) for o in term.operands)
    return Term(term.operator, operands, term.name, term.value)


def bitwise_parts(term: Term) -> Iterator[Term]:
    """Yield the largest subterms whose top is a bitwise operator, from left to right."""
    if term.operator in BITWISE:
        yield term
    else:
        for operand in term.operands:
            yield from bitwise_parts(operand)


def atoms(part: Term) -> tuple[Term, ...]:
    """Return what the bitwise operators of `part` are applied to, in order, each once."""
    if part.operator not in BITWISE:
        return (part,)
    return tuple(dict.fromkeys(a for o in part.operands for a in atoms(o)))


def cells(part: Term, given: tuple[Term, ...]) -> tuple[int, ...]:
    """Return the cells of the truth table over the atoms `given` in which a bitwise term is 1.

    Bit i of a cell's number says whether atom i is 1 there.
    """
    return tuple(c for c in range(1 << len(given)) if _bit(part, given, c))


def cell_term(given: tuple[Term, ...], cell: int) -> Term:
    """Return the conjunction that is 1 in one cell of the truth table alone."""
    literals = [a if cell >> i & 1 else Term("~~~", (a,)) for i, a in enumerate(given)]
    whole = literals[0]
    for literal in literals[1:]:
        whole = Term("&&&", (whole, literal))
    return whole


def _bit(part: Term, given: tuple[Term, ...], cell: int) -> int:
    if part in given:
        return cell >> given.index(part) & 1
    values = [_bit(o, given, cell) for o in part.operands]
    if part.operator == "~~~":
        return 1 - values[0]
    one, two = values
    return {"|||": one | two, "^^^": one ^ two, "&&&": one & two}[part.operator]


def weights(term: Term, given: tuple[Term, ...], bits: int) -> tuple[int, ...] | None:
    """Return the coefficient of each truth-table cell in a linear term, modulo 2^bits; None when it is not linear.

    A constant c counts -c in every cell, since the cells add up to -1.
    """
    size, modulus = 1 << len(given), 1 << bits
    if term in given or term.operator in BITWISE:
        if not set(atoms(term)) <= set(given):
            return None
        held = cells(term, given)
        return tuple(int(c in held) for c in range(size))
    if term.operator == "literal":
        return (-term.value % modulus,) * size
    below = [weights(o, given, bits) for o in term.operands]
    if any(w is None for w in below):
        return None
    known = [w for w in below if w is not None]
    if term.operator == "negate":
        return tuple(-v % modulus for v in known[0])
    if term.operator == "*":
        for factor, other in ((0, 1), (1, 0)):
            if term.operands[factor].operator == "literal":
                scale = term.operands[factor].value
                return tuple(scale * v % modulus for v in known[other])
        return None
    if term.operator in "+-":
        sign = 1 if term.operator == "+" else -1
        return tuple((a + sign * b) % modulus for a, b in zip(*known, strict=True))
    return None
