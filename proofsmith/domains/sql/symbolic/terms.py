"""Solver terms that fold constants while they are built, and SQL values made of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import z3

Bool = Any
"""A Python bool or a z3 Boolean."""
Number = Any
"""A Python int or a z3 arithmetic term."""


class Unsupported(Exception):
    """The query uses something that has no sound formula here; the message says what."""


def both(*parts: Bool) -> Bool:
    """Return the conjunction."""
    left = [part for part in parts if part is not True]
    if any(part is False for part in left):
        return False
    return True if not left else left[0] if len(left) == 1 else z3.And(*left)


def either(*parts: Bool) -> Bool:
    """Return the disjunction."""
    left = [part for part in parts if part is not False]
    if any(part is True for part in left):
        return True
    return False if not left else left[0] if len(left) == 1 else z3.Or(*left)


def no(part: Bool) -> Bool:
    """Return the negation."""
    return not part if isinstance(part, bool) else z3.Not(part)


def choice(condition: Bool, yes: Number, otherwise: Number) -> Number:
    """Return one of two numbers."""
    if isinstance(condition, bool):
        return yes if condition else otherwise
    if isinstance(yes, int) and isinstance(otherwise, int) and yes == otherwise:
        return yes
    return z3.If(condition, yes, otherwise)


def count(conditions: Iterable[Bool]) -> Number:
    """Return how many conditions hold."""
    known, terms = 0, []
    for condition in conditions:
        if condition is True:
            known += 1
        elif condition is not False:
            terms.append(z3.If(condition, 1, 0))
    return known + z3.Sum(terms) if terms else known


def total(numbers: Iterable[Number]) -> Number:
    """Return the sum of numbers."""
    terms = [number for number in numbers if not (isinstance(number, int) and number == 0)]
    return 0 if not terms else terms[0] if len(terms) == 1 else z3.Sum(terms)


@dataclass(frozen=True, slots=True)
class Value:
    """One SQL value: `number` means something where `null` is false."""

    kind: str
    """integer, decimal, float, text, date, timestamp, boolean, null or other."""
    null: Bool
    number: Number
    most: int | None = None
    """For counts: the largest value that it can take."""
    rounded: Number | None = None
    """What comparisons see of a number that came of a division; None where that is `number`."""

    @property
    def seen(self) -> Number:
        """Return what comparisons see."""
        return self.number if self.rounded is None else self.rounded


NULL = Value("null", True, 0)
UNORDERED = "any"
"""First word of a kind whose values cannot be said to be less than others."""
NUMERIC = frozenset(("integer", "decimal", "float"))


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition in three-valued logic; unknown where neither holds."""

    yes: Bool
    no: Bool


def equal(left: Value, right: Value) -> Truth:
    """Return SQL's `=`."""
    comparable(left, right)
    known = both(no(left.null), no(right.null))
    same = left.seen == right.seen
    return Truth(both(known, same), both(known, no(same)))


def identical(left: Value, right: Value) -> Bool:
    """Return IS NOT DISTINCT FROM: what groups, DISTINCT and set operations compare by."""
    comparable(left, right)
    same = both(no(left.null), no(right.null), left.seen == right.seen)
    return either(both(left.null, right.null), same)


def less(left: Value, right: Value, *, orequal: bool = False) -> Truth:
    """Return SQL's `<` or `<=`."""
    comparable(left, right)
    if UNORDERED in (left.kind.split()[0], right.kind.split()[0]):
        raise Unsupported(f"the order of {left.kind}")
    if "boolean" in (left.kind, right.kind) and left.kind != right.kind:
        raise Unsupported("a boolean compared with something else")
    known = both(no(left.null), no(right.null))
    holds = left.seen <= right.seen if orequal else left.seen < right.seen
    return Truth(both(known, holds), both(known, no(holds)))


def comparable(left: Value, right: Value) -> None:
    """Raise Unsupported unless both values are numbers on one scale."""
    kinds = {left.kind, right.kind} - {"null"}
    if len(kinds) > 1 and not kinds <= NUMERIC:
        raise Unsupported(f"{left.kind} compared with {right.kind}")


def rows_identical(left: Iterable[Value], right: Iterable[Value]) -> Bool:
    """Return whether two rows are the same in every cell."""
    return both(*(identical(a, b) for a, b in zip(left, right, strict=True)))


def as_value(truth: Truth) -> Value:
    """Return a condition as a value of kind boolean."""
    return Value("boolean", both(no(truth.yes), no(truth.no)), choice(truth.yes, 1, 0))


def as_truth(value: Value) -> Truth:
    """Return a value of kind boolean as a condition."""
    if value.kind not in ("boolean", "null"):
        raise Unsupported(f"{value.kind} used as a condition")
    known = no(value.null)
    return Truth(both(known, value.number == 1), both(known, value.number == 0))


def merged(condition: Bool, yes: Value, otherwise: Value) -> Value:
    """Return one of two values."""
    kinds = [value.kind for value in (yes, otherwise) if value.kind != "null"]
    if len(set(kinds)) > 1 and not set(kinds) <= NUMERIC:
        raise Unsupported(f"a column of {kinds[0]} and {kinds[1]}")
    kind = "null" if not kinds else kinds[0] if len(set(kinds)) == 1 else "decimal"
    plain = yes.rounded is None and otherwise.rounded is None
    rounded = None if plain else choice(condition, yes.seen, otherwise.seen)
    return Value(
        kind,
        either(both(condition, yes.null), both(no(condition), otherwise.null)),
        choice(condition, yes.number, otherwise.number),
        rounded=rounded,
    )
