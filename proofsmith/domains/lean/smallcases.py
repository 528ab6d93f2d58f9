"""Counter-examples among small numbers, found by evaluating hypotheses and conclusion outside Lean, which checks them.

What is read here is a guess like all reading: a wrong one costs a try, never a verdict.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from proofsmith.domains.lean.shape import Shape

MOST_CASES = 200_000
"""Evaluations for one statement, a few tenths of a second."""
LARGEST = 5000
MOST_BITS = 2000
"""Size of a power; what is larger is no small case, and takes long."""
KINDS = ("Nat", "Int")
_TOKEN = re.compile(r"\s*(?:(\d+)|([^\W\d][\w'.₀-₉]*)|(\S))")
_BINDING = {
    "↔": 20,
    "→": 25,
    "∨": 30,
    "∧": 35,
    "+": 65,
    "-": 65,
    "*": 70,
    "/": 70,
    "%": 70,
    "^": 75,
}
_BINDING |= dict.fromkeys("=≠<>≤≥∣", 50)
_RIGHT = frozenset("→∨∧^")
_SIGNS = {"<->": "↔", "->": "→", "<=": "≤", ">=": "≥", "\\/": "∨", "/\\": "∧"}
_SAID = {"=": "==", "≠": "!=", "<": "<", ">": ">", "≤": "<=", "≥": ">=", "∨": "or", "∧": "and"}
_CALLED = {"max": "max", "min": "min", "Nat.gcd": "gcd", "Int.gcd": "gcd", "Nat.lcm": "lcm"}
_GROUP = re.compile(r"\(([^():]+):\s*(\w+)\s*\)\s*")
_BARE = re.compile(r"([^():,]+):\s*(\w+)\s*(?=,)")


@dataclass(frozen=True, slots=True)
class Case:
    """Numbers for a statement's variables, in order, None in the place of a hypothesis."""

    numbers: tuple[int | None, ...] = ()
    found: bool = False


def search(shape: Shape) -> Case | None:
    """Return a small counter-example, a Case that found none, or None where the statement is not understood.

    >>> from proofsmith.domains.lean import shape
    >>> search(shape.read("", "(a b : Int) (h : a * b = 4) : a ≤ 3"))
    Case(numbers=(4, 1, None), found=True)
    """
    places = [(n, b.type) for b in shape.binders for n in b.names]
    if shape.functions or any(b.bracket != "(" for b in shape.binders):
        return None
    given = [kind for _, kind in places if kind not in KINDS]
    try:
        inner, goal = _quantified(shape.conclusion)
        places += inner
        kinds = {name: kind for name, kind in places if kind in KINDS}
        if not kinds or len(kinds) + len(given) < len(places):
            return None
        fails = _compiled(kinds, given, goal)
    except (Unread, SyntaxError, RecursionError, MemoryError, ValueError):
        return None
    for values in itertools.islice(_tuples(tuple(kinds.values())), MOST_CASES):
        with suppress(OverflowError, MemoryError):
            if fails(*values):
                at = dict(zip(kinds, values, strict=True))
                return Case(tuple(at[n] if kind in KINDS else None for n, kind in places), True)
    return Case()


def _quantified(goal: str) -> tuple[list[tuple[str, str]], str]:
    """Return the numbers that a proposition is about at its front, and the rest; raises Unread."""
    places: list[tuple[str, str]] = []
    while goal.startswith("∀"):
        goal = goal[1:].lstrip()
        groups = []
        while group := _GROUP.match(goal):
            groups.append(group)
            goal = goal[group.end() :]
        if not groups and (bare := _BARE.match(goal)):
            groups, goal = [bare], goal[bare.end() :]
        if not groups or goal[:1] != ",":
            raise Unread
        places += [(name, group[2]) for group in groups for name in group[1].split()]
        goal = goal[1:].lstrip()
    if any(kind not in KINDS for _, kind in places):
        raise Unread
    return places, goal


class Unread(Exception):
    """The text says something that is not evaluated here."""


def _compiled(kinds: dict[str, str], given: list[str], goal: str) -> Callable[..., bool]:
    """Return a function that says whether all of `given` holds and `goal` does not."""
    reader = _Reader(kinds)
    held = [reader.proposition(text) for text in given]
    whole = " and ".join([*held, f"not {reader.proposition(goal)}"])
    tools = {"gcd": math.gcd, "lcm": math.lcm, "max": max, "min": min}
    tools |= {"less": _less, "over": _over, "rest": _rest, "power": _power, "divides": _divides}
    text = f"lambda {', '.join(reader.names.values())}: {whole}"
    made: Callable[..., bool] = eval(text, {"__builtins__": {}, **tools})
    return made


def _tuples(kinds: tuple[str, ...]) -> Iterator[tuple[int, ...]]:
    """Yield all values, those whose largest is small first."""
    yield (0,) * len(kinds)
    for most in range(1, LARGEST):
        ends = [(most,) if kind == "Nat" else (most, -most) for kind in kinds]
        upto = [range(most, -most - 1 if kind == "Int" else -1, -1) for kind in kinds]
        below = [range(p.start - 1, p.stop + (p.stop < -1), -1) for p in upto]
        for place in range(len(kinds)):
            yield from itertools.product(*below[:place], ends[place], *upto[place + 1 :])


@dataclass(slots=True)
class _Reader:
    """Turns propositions into text that Python evaluates; it writes no name but its own."""

    kinds: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    todo: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = {name: f"v{number}" for number, name in enumerate(self.kinds)}

    def proposition(self, text: str) -> str:
        """Return a proposition's text; raises Unread."""
        for ascii_sign, sign in _SIGNS.items():
            text = text.replace(ascii_sign, sign)
        self.todo = [next(filter(None, m.groups())) for m in _TOKEN.finditer(text.strip())]
        made, kind = self._read(0)
        if self.todo or kind != "Prop":
            raise Unread
        return made

    def _next(self) -> str:
        if not self.todo:
            raise Unread
        return self.todo.pop(0)

    def _read(self, least: int) -> tuple[str, str]:
        left, kind = self._atom()
        while self.todo and _BINDING.get(self.todo[0], -1) >= least:
            sign = self._next()
            tight = _BINDING[sign]
            right, other = self._read(tight if sign in _RIGHT else tight + 1)
            left, kind = _joined(sign, left, kind, right, other)
        return left, kind

    def _atom(self) -> tuple[str, str]:
        token = self._next()
        if token.isdecimal() and token.isascii():
            return token, ""
        if token in self.names:
            return self.names[token], self.kinds[token]
        if token == "(":
            inside = self._read(0)
            if self._next() != ")":
                raise Unread
            return f"({inside[0]})", inside[1]
        if token == "¬":
            made, kind = self._read(40)
            if kind == "Prop":
                return f"(not {made})", kind
        if token == "-":
            made, kind = self._read(75)
            if kind in ("Int", ""):
                return f"(-{made})", "Int"
        if token in _CALLED:
            (one, kind), (two, other) = self._atom(), self._atom()
            return f"{_CALLED[token]}({one}, {two})", _common(kind, other)
        raise Unread


def _common(one: str, other: str) -> str:
    """Return the type of two numbers; a numeral takes that of the other."""
    if "Prop" in (one, other) or (one and other and one != other):
        raise Unread
    return one or other


def _joined(sign: str, left: str, kind: str, right: str, other: str) -> tuple[str, str]:
    if sign in "↔→∨∧":
        if (kind, other) != ("Prop", "Prop"):
            raise Unread
        if sign == "→":
            return f"(not {left} or {right})", "Prop"
        return f"({left} {_SAID.get(sign, '==')} {right})", "Prop"
    if sign == "^":
        if other == "Int" or "Prop" in (kind, other):
            raise Unread
        return f"power({left}, {right})", kind
    found = _common(kind, other)
    if sign == "∣":
        return f"divides({left}, {right})", "Prop"
    if sign in _SAID:
        return f"({left} {_SAID[sign]} {right})", "Prop"
    if sign in "/%":
        return f"{'over' if sign == '/' else 'rest'}({left}, {right})", found
    if sign == "-" and found != "Int":
        return f"less({left}, {right})", found
    return f"({left} {sign} {right})", found


def _less(a: int, b: int) -> int:
    return max(a - b, 0)


def _over(a: int, b: int) -> int:
    """Divide as Lean does: by 0 to 0, and so that a remainder is never negative."""
    return (a // b if b > 0 else -(a // -b)) if b else 0


def _rest(a: int, b: int) -> int:
    return a - b * _over(a, b)


def _power(a: int, b: int) -> int:
    if b > MOST_BITS or a.bit_length() * b > MOST_BITS:
        raise OverflowError
    return int(a**b)


def _divides(a: int, b: int) -> bool:
    return b % a == 0 if a else b == 0


def arguments(case: Case, close: str) -> Iterator[str]:
    """Yield the terms for a statement's variables, and for its hypotheses a proof by `close`."""
    for number in case.numbers:
        yield f"(by {close})" if number is None else str(number) if number >= 0 else f"({number})"
