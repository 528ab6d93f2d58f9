"""Quotients and means as engines keep them: rounded, so that further arithmetic need not undo them."""

from dataclasses import replace

import z3

from proofsmith.domains.sql.symbolic.terms import Number, Value, choice

_HALVES = (2, 4, 8, 16)


def real(number: Number) -> Number:
    """Return a number as a real term."""
    if isinstance(number, int):
        return z3.RealVal(number)
    return z3.ToReal(number) if z3.is_int(number) else number


def computed(name: str, left: Value, right: Value, found: Value) -> Value:
    """Return the result of an operation; rounded in a way that only its operands determine where one of them was."""
    if left.rounded is None and right.rounded is None:
        return found
    return replace(found, rounded=_operation(name, left, right))


def quotient(left: Value, right: Value, found: Value, engine: str) -> Value:
    """Return a quotient with digits behind the point: rounded once, and on DuckDB most decimals are before that."""
    exact = left.rounded is None and right.rounded is None
    constant = isinstance(left.number, int) or z3.is_rational_value(left.number)
    if exact and constant and _in_binary(z3.simplify(real(found.number))):
        return found
    halved = isinstance(right.number, int) and right.number in _HALVES
    if exact and (engine != "duckdb" or halved or _both_in_binary(left, right)):
        return replace(found, rounded=found.number)
    odd = _operation("div", left, right)
    if exact and _in_binary(right.number):  # whole numbers come exactly, others lie between these
        down = z3.ToReal(z3.ToInt(found.number))
        between = down + choice(z3.And(odd > 0, odd < 1), odd, z3.RealVal("1/2"))
        odd = choice(down == found.number, found.number, between)
    return replace(found, rounded=odd)


def _both_in_binary(left: Value, right: Value) -> bool:
    return _in_binary(left.number) and _in_binary(right.number)


def _in_binary(number: Number) -> bool:
    """Say whether a double holds the number, but for its size."""
    if isinstance(number, int) or z3.is_int(number) or z3.is_to_real(number):
        return True
    if z3.is_rational_value(number):
        below = number.denominator_as_long()
        return bool(below & (below - 1) == 0)
    combined = z3.is_mul(number) or z3.is_add(number) or z3.is_sub(number)
    return combined and all(_in_binary(child) for child in number.children())


def _operation(name: str, left: Value, right: Value) -> Number:
    one, other = real(left.seen), real(right.seen)
    if name in ("add", "mul"):
        one, other = choice(one <= other, one, other), choice(one <= other, other, one)
    return z3.Function(f"rounded:{name}", *[z3.RealSort()] * 3)(one, other)


def in_sum(value: Value) -> Number:
    """Return what a number adds to a sum: where it was rounded, something that only it determines."""
    if value.rounded is None:
        return value.number
    return z3.Function("rounded:sum", z3.RealSort(), z3.RealSort())(real(value.rounded))
