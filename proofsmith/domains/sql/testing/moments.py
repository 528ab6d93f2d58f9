"""Dates and times that calendar arithmetic can tell apart: spans of days and intervals, parts of a date."""

import calendar
import contextlib
import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice

from sqlglot import exp

from proofsmith.domains.sql.gate import name_of

_START = datetime.date(2024, 1, 1)
"""A Monday; spans are laid from here."""
_LONGEST_DAYS = 4000
_DAYS = {"DAY": 1, "WEEK": 7, "MONTH": 31, "QUARTER": 91, "YEAR": 366}
_SECONDS = {"HOUR": 3600, "MINUTE": 60, "SECOND": 1}
_MOST = 24
"""Further dates, and further times, that one query adds."""
_MOST_ENDS = 24
_MOST_SPANS = 12
_LONGEST = 10**6
_SPAN = re.compile(r"(\d{1,6})\W{0,3}\b(second|minute|hour|day|week|month|quarter|year)s?\b")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_FORMATS = {"%m": "MONTH", "%d": "DAY", "%w": "DOW", "%u": "DOW", "%H": "HOUR", "%M": "MINUTE"}

Span = tuple[Decimal, str]
"""A number of a unit of time, or of nothing for a plain number."""


def spans_of(expressions: Iterable[exp.Expr]) -> list[Span]:
    """Return the intervals that queries name, then their numbers: how far apart rows may have to lie."""
    timed: dict[Span, None] = {}
    plain: dict[Span, None] = {}
    for expression in expressions:
        timed |= {(Decimal(number), unit): None for number, unit in _named(list(expression.walk()))}
        for literal in expression.find_all(exp.Literal):
            if not literal.is_string and abs(Decimal(literal.this).adjusted()) < len(str(_LONGEST)):
                plain[Decimal(literal.this), ""] = None
    return [*timed][:_MOST_SPANS] + [*plain][:_MOST_SPANS]


def later(moment: datetime.datetime, amount: int, unit: str) -> datetime.datetime:
    """Return the moment a number of units later, at the end of a month without its day; earlier for fewer than 0.

    >>> str(later(datetime.datetime(2023, 1, 31), 1, "month"))
    '2023-02-28 00:00:00'
    """
    if unit not in _MONTHS:
        return moment + datetime.timedelta(**{f"{unit}s": amount})
    year, month = divmod(12 * moment.year + moment.month - 1 + amount * _MONTHS[unit], 12)
    if not datetime.MINYEAR <= year <= datetime.MAXYEAR:
        raise OverflowError(year)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def moments_of(expression: exp.Expr) -> tuple[list[str], list[str]]:
    """Return the dates on which an expression's spans of days end, those beside them, its months and days; and times.

    The times are those at which spans of hours, minutes and seconds end, and those beside them.
    """
    nodes = list(expression.walk())  # once: looked through a dozen times
    parts, numbers = _parts(nodes), _numbers(nodes)
    return _dates(nodes, parts, numbers), _times(nodes, parts, numbers)


def _named(nodes: Sequence[exp.Expr]) -> list[tuple[int, str]]:
    """Return the intervals named, in texts as well: `INTERVAL '2' DAY`, `'+1 month'`."""
    texts = [str(literal.this).lower() for literal in _of(nodes, exp.Literal)]
    texts += [interval.sql().lower() for interval in _of(nodes, exp.Interval)]
    return [(int(number), unit) for text in texts for number, unit in _SPAN.findall(text)]


def _month_ends(nodes: Sequence[exp.Expr]) -> Iterator[datetime.date]:
    """Yield the ends of months at and beside dates of the query, and a span of months before and after them."""
    spans = {number * _MONTHS[unit] for number, unit in _named(nodes) if unit in _MONTHS}
    texts = [str(literal.this) for literal in _of(nodes, exp.Literal)]
    for text in dict.fromkeys(texts) if spans else ():
        try:
            named = datetime.datetime.fromisoformat(text)
        except ValueError:
            continue
        for span in sorted(spans):
            for months in (-span, -span - 1, span, span - 1, 0, -1):
                with contextlib.suppress(OverflowError):
                    last = later(named.replace(day=1), months + 1, "month").date()
                    yield from (last - datetime.timedelta(days=days) for days in (1, 2, 3, 0))


def _dates(nodes: Sequence[exp.Expr], parts: set[str], numbers: Sequence[int]) -> list[str]:
    found = [*islice(_month_ends(nodes), _MOST_ENDS)]
    found += [
        _START + datetime.timedelta(days=days + step)
        for days in _spans(nodes, _DAYS)
        if days <= _LONGEST_DAYS
        for step in (0, -1, 1)
    ]
    for number in numbers:
        if "MONTH" in parts and 1 <= number <= 12:
            found += [datetime.date(2024, near, 15) for near in _near(number, 12)]
        if "QUARTER" in parts and 1 <= number <= 4:
            found += [
                datetime.date(2024, 3 * near, 31 - (near in (2, 3))) for near in _near(number, 4)
            ]
        if "DAY" in parts and 1 <= number <= 31:
            found += [datetime.date(2024, 1, near) for near in _near(number, 31)]
    if "DOW" in parts:
        found += [_START + datetime.timedelta(days=days) for days in range(7)]
    return [str(day) for day in dict.fromkeys(found)][: _MOST + _MOST_ENDS]


def _times(nodes: Sequence[exp.Expr], parts: set[str], numbers: Sequence[int]) -> list[str]:
    found = [
        (seconds + step) % 86_400 for seconds in _spans(nodes, _SECONDS) for step in (0, -1, 1)
    ]
    for number in numbers:
        found += [60 * 60 * near for near in _near(number, 23) if "HOUR" in parts]
        found += [60 * near for near in _near(number, 59) if "MINUTE" in parts]
    return [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in dict.fromkeys(found)][:_MOST]


def _near(number: int, most: int) -> list[int]:
    return [near for near in (number, number - 1, number + 1) if 1 <= near <= most]


def _spans(nodes: Sequence[exp.Expr], units: dict[str, int]) -> Iterator[int]:
    """Yield the lengths of intervals in `units`, and of whole numbers beside a sum or a difference, as days."""
    for interval in _of(nodes, exp.Interval):
        unit = str(interval.args.get("unit") or "").upper().rstrip("S")
        number = re.fullmatch(r"'?(\d{1,6})'?", interval.this.sql() if interval.this else "")
        if number and unit in units:
            yield int(number[1]) * units[unit]
    for literal in _of(nodes, exp.Literal):
        written = re.fullmatch(r"[+-]?(\d{1,6}) ([a-z]+)", str(literal.this).lower())
        if written and written[2].rstrip("s").upper() in units:
            yield int(written[1]) * units[written[2].rstrip("s").upper()]
    if units is not _DAYS:
        return
    kinds = (
        exp.Add,
        exp.Sub,
        exp.DateDiff,
        exp.DateAdd,
        exp.DateSub,
        exp.TsOrDsAdd,
        exp.TsOrDsDiff,
    )
    named = (c for c in _of(nodes, exp.Func) if name_of(c) in ("julianday", "date_part"))
    for node in (*_of(nodes, *kinds), *named):
        whole = node.find_ancestor(exp.Predicate, exp.Between) or node
        for literal in whole.find_all(exp.Literal):
            if re.fullmatch(r"\d{1,4}", str(literal.this)) and int(literal.this) > 1:
                yield int(literal.this)


def _parts(nodes: Sequence[exp.Expr]) -> set[str]:
    """Return which parts of dates and times are looked at: MONTH, DAY, QUARTER, DOW, HOUR or MINUTE."""
    found = {node.name.upper() for node in _of(nodes, exp.Extract)}
    found |= {name_of(call).upper() for call in _of(nodes, exp.Func)}
    for literal in _of(nodes, exp.Literal):
        text = str(literal.this)
        found |= {part for sign, part in _FORMATS.items() if sign in text} | {text.upper()}
    if found & {"DAY_OF_WEEK", "DAYOFWEEK", "ISODOW", "WEEKDAY", "DOW"}:
        found.add("DOW")
    return found | ({"DAY"} if found & {"DAY_OF_MONTH", "DAYOFMONTH"} else set())


def _numbers(nodes: Sequence[exp.Expr]) -> list[int]:
    texts = [str(literal.this) for literal in _of(nodes, exp.Literal)]
    return [int(text) for text in dict.fromkeys(texts) if re.fullmatch(r"\d{1,2}", text)]


def _of(nodes: Sequence[exp.Expr], *kinds: type[exp.Expr]) -> Iterator[exp.Expr]:
    return (node for node in nodes if isinstance(node, kinds))
