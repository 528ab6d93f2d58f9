"""Compile the Boolean functions of cells into operations on machine words, one bit per simulated run."""

import re
from collections.abc import Callable, Sequence
from functools import cache

Word = int
Evaluate = Callable[[Sequence[Word], Word], Word]
"""(values of the pins in order, mask of all ones) to the value of the output."""

MOST_WORDS, MOST_NESTED = 600, 100
"""Of one function; a cell of a real library has some dozen, and every level costs frames of the interpreter."""

_TOKEN = re.compile(r"\w+|[~&|^()]")

GATES: dict[str, tuple[tuple[str, ...], str]] = {
    "$_AND_": (("A", "B"), "A&B"),
    "$_OR_": (("A", "B"), "A|B"),
    "$_XOR_": (("A", "B"), "A^B"),
    "$_NAND_": (("A", "B"), "~(A&B)"),
    "$_NOR_": (("A", "B"), "~(A|B)"),
    "$_XNOR_": (("A", "B"), "~(A^B)"),
    "$_ANDNOT_": (("A", "B"), "A&~B"),
    "$_ORNOT_": (("A", "B"), "A|~B"),
    "$_NOT_": (("A",), "~A"),
    "$_BUF_": (("A",), "A"),
    "$_MUX_": (("A", "B", "S"), "(A&~S)|(B&S)"),
}
"""Pins and function of the internal gates of yosys; the output is Y."""


@cache
def compiled(expression: str, pins: tuple[str, ...]) -> Evaluate:
    """Return `expression` over `pins` as a function of words; raises ValueError for what it does not understand.

    >>> compiled("(A&~S)|(B&S)", ("A", "B", "S"))((0b1100, 0b1010, 0b0011), 0b1111)
    14
    """
    tokens = _TOKEN.findall(expression)
    if len(tokens) > MOST_WORDS or tokens.count("(") + tokens.count("~") > MOST_NESTED:
        raise ValueError(f"a Boolean function of {len(tokens)} words is too large")
    evaluate, rest = _joined(tokens, pins)
    if rest or "".join(tokens) != re.sub(r"\s+", "", expression):
        raise ValueError(f"not a Boolean function: {expression}")
    return evaluate


def _joined(tokens: list[str], pins: tuple[str, ...], level: int = 0) -> tuple[Evaluate, list[str]]:
    """Read what the operator of a level joins, the loosest first, and return it with the tokens that are left."""
    if level == len(_OPERATORS):
        return _factor(tokens, pins)
    sign, join = _OPERATORS[level]
    left, rest = _joined(tokens, pins, level + 1)
    while rest and rest[0] == sign:
        right, rest = _joined(rest[1:], pins, level + 1)
        left = join(left, right)
    return left, rest


def _factor(tokens: list[str], pins: tuple[str, ...]) -> tuple[Evaluate, list[str]]:
    if not tokens:
        raise ValueError("a Boolean function ends early")
    word, rest = tokens[0], tokens[1:]
    if word == "~":
        inner, rest = _factor(rest, pins)
        return _inverse(inner), rest
    if word == "(":
        inner, rest = _joined(rest, pins)
        if not rest or rest[0] != ")":
            raise ValueError("unbalanced parentheses in a Boolean function")
        return inner, rest[1:]
    if word in ("0", "1"):
        return (lambda _, ones: ones) if word == "1" else (lambda _, __: 0), rest
    if word not in pins:
        raise ValueError(f"no pin {word} in {pins}")
    return _pin(pins.index(word)), rest


def _pin(index: int) -> Evaluate:
    return lambda values, _: values[index]


def _inverse(inner: Evaluate) -> Evaluate:
    return lambda values, ones: ones & ~inner(values, ones)


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values, ones: left(values, ones) & right(values, ones)


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values, ones: left(values, ones) | right(values, ones)


def _differ(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values, ones: left(values, ones) ^ right(values, ones)


_OPERATORS = (("|", _either), ("&", _both), ("^", _differ))
