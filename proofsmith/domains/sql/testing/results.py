"""Compare what two queries returned: as bags, or as lists as far as the original promises an order."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from proofsmith.domains.sql.engines import Outcome
from proofsmith.types import JSON

_DIGITS = 9
"""Significant digits to which inexact numbers are compared: sums depend on their order."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the original's text promises about the order of its rows."""

    ordered: bool = False
    keys: tuple[int, ...] | None = None
    """Output columns that the ORDER BY sorts by; None when it sorts by something else."""


def difference(
    base: Outcome, candidate: Outcome, promise: Promise, keyed: Outcome | None = None
) -> str:
    """Say how the results differ: empty, `rows` or `order`.

    `keyed` is the original's result with its sort keys as further columns: rows that tie may stand in any order.
    """
    if gains_fraction(base, candidate):
        return "rows"
    left, right = [_row(row) for row in base.rows], [_row(row) for row in candidate.rows]
    if left == right:
        return ""
    if Counter(left) != Counter(right) and not _close(base.rows, candidate.rows):
        return "rows"
    if not promise.ordered:
        return ""
    if promise.keys is not None:
        mine = [tuple(row[key] for key in promise.keys) for row in left]
        theirs = [tuple(row[key] for key in promise.keys) for row in right]
        return "" if mine == theirs or _near(mine, theirs) else "order"
    if keyed is None or not shows_order(base, keyed):
        return ""
    return "" if _same_but_ties(keyed, right, len(base.columns)) else "order"


def gains_fraction(base: Outcome, candidate: Outcome) -> bool:
    """Say whether a column of whole numbers has become one of decimals with digits behind the point: 2 and 2.0."""
    return any(
        all(type(cell) is int for cell in mine)
        and any(isinstance(cell, dict) and "." in str(cell.get("decimal", "")) for cell in theirs)
        for mine, theirs in zip(_columns(base), _columns(candidate), strict=False)
        if mine
    )


def _columns(outcome: Outcome) -> list[list[JSON]]:
    """Return the cells of each column that are not NULL."""
    columns = zip(*outcome.rows, strict=True)
    return [[cell for cell in column if cell is not None] for column in columns]


def shows_order(base: Outcome, keyed: Outcome) -> bool:
    """Say whether the widened original returned the original's rows: a LIMIT among ties may give it others."""
    width = len(base.columns)
    known = Counter(_row(row[:width]) for row in keyed.rows)
    return keyed.ended == "ok" and known == Counter(_row(row) for row in base.rows)


def _same_but_ties(keyed: Outcome, rows: Sequence[tuple[str, ...]], width: int) -> bool:
    """Say whether `rows` stand in the original's order, except within rows of equal sort keys."""
    places: dict[tuple[str, ...], list[int]] = {}
    known = [_row(row) for row in keyed.rows]
    for place, row in enumerate(known):
        places.setdefault(row[width:], []).append(place)
    return all(
        Counter(known[place][:width] for place in tied) == Counter(rows[place] for place in tied)
        for tied in places.values()
    )


def same_bag(first: Outcome, second: Outcome) -> bool:
    """Say whether two outcomes are the same rows, in any order."""
    if first.ended != second.ended:
        return False
    bags = [Counter(_row(row) for row in item.rows) for item in (first, second)]
    return bags[0] == bags[1] or _close(first.rows, second.rows)


def is_telling(outcome: Outcome) -> bool:
    """Say whether a result holds anything: some row with some cell that is neither NULL nor 0."""
    return any(cell not in (None, 0) for row in outcome.rows for cell in row)


def _row(row: Sequence[JSON]) -> tuple[str, ...]:
    return tuple(_cell(cell) for cell in row)


def _cell(cell: JSON) -> str:
    """Name a cell so that equal values have equal names: 1, 1.0 and 1.00 are one number, '1' and true are not."""
    if cell is None:
        return "null"
    if isinstance(cell, bool):
        return f"b{cell}"
    number = _number(cell)
    if number is not None:
        return f"#{_rounded(number)}"
    if isinstance(cell, dict):
        return f"o{next(iter(cell.values()))}"
    return f"s{cell}"


def _number(cell: JSON) -> Decimal | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return Decimal(repr(cell))
    if isinstance(cell, dict) and ("decimal" in cell or "float" in cell):
        try:
            return Decimal(str(next(iter(cell.values()))))
        except InvalidOperation:
            return None
    return None


def _rounded(number: Decimal) -> str:
    if not number.is_finite():
        return str(number).lower().lstrip("-") if number.is_nan() else str(number)
    if number == number.to_integral_value():
        return f"{number:f}".partition(".")[0] if number else "0"
    return f"{float(number):.{_DIGITS}g}"


def _close(left: Sequence[Sequence[JSON]], right: Sequence[Sequence[JSON]]) -> bool:
    """Say whether two bags differ only by the rounding of inexact numbers, paired in sorted order."""
    if len(left) != len(right):
        return False
    return all(
        _alike(a, b)
        for one, other in zip(sorted(left, key=_place), sorted(right, key=_place), strict=True)
        for a, b in zip(one, other, strict=True)
    )


def _place(row: Sequence[JSON]) -> list[tuple[str, float, str]]:
    keys = []
    for cell in row:
        number = _number(cell)
        value = float(number) if number is not None and number.is_finite() else 0.0
        keys.append(("#" if number is not None else "", value, _cell(cell)))
    return keys


def _alike(a: JSON, b: JSON) -> bool:
    if _cell(a) == _cell(b):
        return True
    one, other = _number(a), _number(b)
    if one is None or other is None or not (one.is_finite() and other.is_finite()):
        return False
    if one == one.to_integral_value() and other == other.to_integral_value():
        return False
    return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-12)


def _near(left: Sequence[tuple[str, ...]], right: Sequence[tuple[str, ...]]) -> bool:
    """Say whether lists of named keys differ only by rounding of numbers."""
    return len(left) == len(right) and all(
        a == b or (a[0] == b[0] == "#" and math.isclose(float(a[1:]), float(b[1:]), rel_tol=1e-8))
        for one, other in zip(left, right, strict=True)
        for a, b in zip(one, other, strict=True)
    )
