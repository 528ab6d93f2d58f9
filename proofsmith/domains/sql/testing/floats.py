"""Floats that tell conditions apart by rounding alone: neighbours of constants, numbers that swallow small ones."""

import math
import struct
from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
_EXACT = (exp.Min, exp.Max, exp.Count)
_LIMITED = (exp.Cast, exp.Pow, exp.Exp, exp.Anonymous)
"""What may fail on large numbers."""
_MOST_CONSTANTS = 6
_MOST = 48
_MOST_SINGLE = 2.0**100
_TINY = 2.0**-100
_HUGE = (1e16, -1e16, 2.0**53 + 2)
_MOST_FACTORS = 4
_CENTS = 3000


def floats_of(pair: Sequence[exp.Expr], bound: Sequence[exp.Expr]) -> list[float]:
    """Return floats beside what conditions compare with, where the arithmetic of the pair's conditions differs.

    There are none where numbers are summed, whose rounding hangs on the order of rows in any query.
    """
    conditions = [
        {
            node.sql()
            for node in query.find_all(exp.Predicate, exp.Between)
            if node.find(*_ARITHMETIC) and node.find(exp.Column)
        }
        for query in pair
    ]
    summed = (n for query in pair for n in query.find_all(exp.AggFunc) if type(n) not in _EXACT)
    if all(found == conditions[0] for found in conditions) or any(summed):
        return []
    limited = any(query.find(*_LIMITED) for query in pair)
    numbers = _numbers(bound)
    made = [*numbers, *(v for a in numbers for b in numbers for v in (a + b, a - b))]
    made += [v for a in numbers for b in numbers for v in (a * b, a / b if b else a)]
    single = (
        value for value in dict.fromkeys(made) if not value or _TINY < abs(value) < _MOST_SINGLE
    )
    found = dict.fromkeys(near for value in single for near in _beside(value))
    return [*found][:_MOST] + [*_HUGE] * (not limited)


def _numbers(queries: Sequence[exp.Expr]) -> list[float]:
    texts = [n.this for q in queries for n in q.find_all(exp.Literal) if not n.is_string]
    values = [float(Decimal(text)) for text in dict.fromkeys(texts) if Decimal(text) < _MOST_SINGLE]
    return values[:_MOST_CONSTANTS]


def _beside(value: float) -> list[float]:
    """Return the doubles beside a number, and the floats of single precision beside it."""
    if not value:
        return [_TINY, -_TINY]
    (bits,) = struct.unpack("<i", struct.pack("<f", value))
    singles = [struct.unpack("<f", struct.pack("<i", bits + step))[0] for step in (1, -1)]
    return [math.nextafter(value, math.inf), math.nextafter(value, -math.inf), *singles]


def uneven_of(queries: Sequence[exp.Expr]) -> list[Decimal]:
    """Return amounts that floats multiply or divide unevenly by a query's factors, with their exact products."""
    nodes = [n for query in queries for n in query.find_all(exp.Mul, exp.Div)]
    sides = [(node.this.unnest(), node.expression.unnest()) for node in nodes]
    written = [s.this for pair in sides for s in pair if isinstance(s, exp.Literal) and s.is_number]
    if any(not any(isinstance(s, exp.Literal) for s in pair) for pair in sides):
        written.append("3")  # a number that a column may hold
    factors = [f for f in map(Decimal, dict.fromkeys(written)) if f != 1 and 0 < f < _CENTS]
    found = [n for factor in factors[:_MOST_FACTORS] for n in (*_uneven(factor), factor)]
    return list(dict.fromkeys(found))[:_MOST]


def _uneven(factor: Decimal) -> list[Decimal]:
    """Return a number and its exact product for each way in which floats miss the product, the quotient or both."""
    found: dict[tuple[bool, ...], tuple[Decimal, ...]] = {}
    size = float(factor)
    for cents in range(1, _CENTS):
        number = Decimal(cents) / 100
        made = number * factor
        if made * 100 % 1 == 0:
            one, other, its, mine = (
                float(number) * size,
                float(made),
                float(made) / size,
                float(number),
            )
            way = (one < other, one > other, its < mine, its > mine)
            whole = made % 1 == 0, number % 1 == 0
            if any(way):
                found.setdefault(way, (number, made))
                if any(whole):
                    found.setdefault((*way[:2], *whole), (number, made))
        if cents / size * size != cents:
            found.setdefault((), (Decimal(cents),))
    return [number for pair in found.values() for number in pair]
