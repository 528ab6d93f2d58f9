"""Ask for moments by ranges that an index can serve, in place of the day, month or year that they lie in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.existence import demanded
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_MIRROR: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.LT: exp.GT,
    exp.GT: exp.LT,
    exp.LTE: exp.GTE,
    exp.GTE: exp.LTE,
}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}
_SPELT = {"%Y": ("YEAR", "-01-01"), "%Y-%m": ("MONTH", "-01"), "%Y-%m-%d": ("DAY", "")}
_TIMESTAMPS = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?")
_STEADY = 1996
"""No zone has left out the last day of a month since; PostgreSQL truncates a date as a moment of the session's zone."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is compared: the period that a column lies in, as a moment, a number or a text; or the column moved."""

    column: exp.Column
    unit: str
    form: str = "moment"
    shift: timedelta = timedelta()
    zoned: bool = False
    """Whether the session's zone has a part in it, which a date has no need of."""


def to_range(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one test of a column's period, or of it moved by an interval, as a range of the column."""
    for copy, node in scopes.sites(
        tree, *_MIRROR, exp.Between, wanted=lambda n: _ranged(n, schema)
    ):
        month = _month(node)
        found = _ranged(node, schema, month)
        if found is None:
            continue
        if month is not None and isinstance(month.parent, exp.And):
            both = month.parent
            both.replace(both.expression if both.this is month else both.this)
        node.replace(exp.paren(found))
        yield copy


def _month(node: exp.Expr) -> exp.Expr | None:
    """Return the test of the month that stands beside a test of the year by AND, None where there is none."""
    top, subject = node, _part_of(node.this, "YEAR")
    while isinstance(top.parent, exp.And | exp.Paren):
        top = top.parent
    for part in scopes.conjuncts(top) if subject and isinstance(node, exp.EQ) else ():
        inner, number = _part_of(part.this, "MONTH"), part.expression
        whole = isinstance(number, exp.Literal) and number.is_int and 1 <= int(number.name) <= 12
        if isinstance(part, exp.EQ) and inner == subject and whole:
            return part
    return None


def _part_of(node: exp.Expr, part: str) -> exp.Expr | None:
    """Return the moment whose year or month a node is, None for any other node."""
    found: exp.Expr | None = None
    if isinstance(node, exp.Extract) and node.name.upper() == part:
        found = node.expression.unnest()
    elif type(node) is {"YEAR": exp.Year, "MONTH": exp.Month}[part]:
        found = node.this.unnest()
    return found


def _ranged(node: exp.Expr, schema: Schema, month: exp.Expr | None = None) -> exp.Expr | None:
    """Return what the condition asks of the column, None where it is no such test."""
    if isinstance(node, exp.Between):
        subject = _subject(node.this.unnest(), schema)
        if subject is None or node.args.get("symmetric"):
            return None
        if subject.form == "number" and schema.dialect == "duckdb":
            return None
        low = _compared(subject, exp.GTE, node.args["low"], schema)
        high = _compared(subject, exp.LTE, node.args["high"], schema)
        return scopes.conjoin([low, high]) if low and high else None
    sides = (node.this, node.expression, type(node))
    for one, other, kind in (sides, (sides[1], sides[0], _MIRROR[type(node)])):
        subject = _subject(one.unnest(), schema)
        if subject is not None:
            numbered = subject.form == "number"
            if numbered and schema.dialect == "duckdb" and not (kind is exp.EQ and demanded(node)):
                return None  # an infinite moment has no year there
            found = _compared(subject, kind, other, schema, month if numbered else None)
            if found is None or subject.form in ("moment", "number"):
                return found
            start = _constant(datetime.fromisoformat("0001-01-01"), subject.column, schema)
            before = exp.LT(this=subject.column.copy(), expression=start)
            beside = node.parent.this if isinstance(node.parent, exp.And) else None
            if beside == before or not demanded(node):
                return None  # years are spelt without their sign, and an infinite moment not at all
            return scopes.disjoin([found, exp.and_(before, node.copy(), copy=False)])
    return None


def _subject(node: exp.Expr, schema: Schema) -> _Subject | None:
    """Read EXTRACT(YEAR), DATE_TRUNC, a cast to DATE, a spelling, or a sum with an interval of fixed length."""
    unit, inner, form, shift = "", node.this, "moment", timedelta()
    year = _part_of(node, "YEAR")
    if year is not None:
        unit, inner, form = "YEAR", year, "number"
    elif isinstance(node, exp.TimestampTrunc) and not node.args.get("zone"):
        unit = node.text("unit").upper()
    elif _day_of(node):
        unit = "DAY"
    elif isinstance(node, exp.TimeToStr) and schema.dialect == "postgresql":
        form = node.text("format")
        unit = _SPELT.get(form, ("", ""))[0]
    elif isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
        shift = _length(node.expression) * (1 if isinstance(node, exp.Add) else -1)
    column = inner.unnest() if isinstance(inner, exp.Expr) else None
    known = unit in _MONTHS or unit in _SECONDS or shift
    if not known or not isinstance(column, exp.Column) or not _without_zone(column, schema):
        return None
    dated = facts.kind(column, schema) == "date"
    zoned = dated and isinstance(node, exp.TimestampTrunc | exp.TimeToStr)
    return None if zoned and unit in _SECONDS else _Subject(column, unit, form, shift, zoned)


def _day_of(node: exp.Expr) -> bool:
    cast = type(node) is exp.Cast and node.to.this is exp.DType.DATE
    return (
        cast
        or isinstance(node, exp.Date)
        and not any(v for k, v in node.args.items() if k != "this")
    )


def _length(interval: exp.Interval) -> timedelta:
    """Return how long an interval of whole days, hours, minutes or seconds is; nothing for any other."""
    seconds = _SECONDS.get(interval.text("unit").upper().removesuffix("S"), 0)
    amount = interval.this.name if isinstance(interval.this, exp.Literal) else ""
    return timedelta(seconds=int(amount) * seconds if re.fullmatch(r"-?\d{1,5}", amount) else 0)


def _without_zone(column: exp.Column, schema: Schema) -> bool:
    """Say whether the column is a date, or a timestamp without a zone; SQLite has neither."""
    known = facts.declared_column(column, schema)
    if known is None or schema.dialect == "sqlite":
        return False
    zoned = "TZ" in known.type.upper() or "WITH TIME ZONE" in known.type.upper()
    return known.kind == "date" or known.kind == "timestamp" and not zoned


def _compared(
    subject: _Subject,
    kind: type[exp.Expr],
    bound: exp.Expr,
    schema: Schema,
    month: exp.Expr | None = None,
) -> exp.Expr | None:
    """Return the comparison with a constant as one or two of the column with constants."""
    limit, column = _limit(subject, bound.unnest()), subject.column
    if limit is None or kind is not exp.EQ and subject.form not in ("moment", "number"):
        return None
    if subject.shift:
        edge = limit - subject.shift
        return kind(this=column.copy(), expression=_constant(edge, column, schema))
    if month is not None and kind is exp.EQ:
        limit = limit.replace(month=int(month.expression.name))
    first, following = _period(limit, "MONTH" if month is not None else subject.unit)
    low, high = (_constant(edge, column, schema) for edge in (first, following))
    if subject.zoned and first.year < _STEADY:
        return None
    if kind is exp.EQ:
        since = exp.GTE(this=column.copy(), expression=low)
        until = exp.LT(this=column.copy(), expression=high)
        return scopes.conjoin([since, until]) if first == limit else None
    early = kind in (exp.GTE, exp.LT) and first == limit
    sign = exp.LT if kind in (exp.LT, exp.LTE) else exp.GTE
    return sign(this=column.copy(), expression=low if early else high)


def _period(moment: datetime, unit: str) -> tuple[datetime, datetime]:
    """Return the first moment of the period that holds a moment, and that of the next period."""
    day = moment.replace(hour=0, minute=0, second=0)
    if unit in _MONTHS:
        months = _MONTHS[unit]
        number = day.year * 12 + (day.month - 1) // months * months
        first, following = (
            day.replace(year=n // 12, month=n % 12 + 1, day=1) for n in (number, number + months)
        )
        return first, following
    length = timedelta(seconds=_SECONDS[unit])
    first = day - timedelta(days=day.weekday()) if unit == "WEEK" else day
    first += (moment - first) // length * length
    return first, first + length


def _limit(subject: _Subject, bound: exp.Expr) -> datetime | None:
    """Return the constant that the subject is compared with, None where it is of no kind that tells one moment."""
    cast = bound.args["to"].this if type(bound) is exp.Cast else None
    literal = bound.this if cast else bound
    if not isinstance(literal, exp.Literal) or (subject.form == "number") is literal.is_string:
        return None
    text = literal.name
    if subject.form == "number":
        text = f"{int(text):04d}-01-01" if literal.is_int and not cast else ""
    elif subject.form != "moment":
        text = text + _SPELT[subject.form][1] if not cast else ""
    days = cast is exp.DType.DATE or not cast and subject.unit == "DAY"
    if cast not in (None, exp.DType.DATE, *_TIMESTAMPS) or not _MOMENT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if 300 < found.year < 9700 and not (days and len(text) > 10) else None


def _constant(moment: datetime, column: exp.Column, schema: Schema) -> exp.Expr:
    """Return a moment as a constant of the column's type, or as a timestamp where it lies within a day."""
    day, _, clock = moment.isoformat(" ").partition(" ")
    within = clock != "00:00:00"
    kind = "DATE" if facts.kind(column, schema) == "date" and not within else "TIMESTAMP"
    return exp.cast(exp.Literal.string(f"{day} {clock}" if within else day), kind)


RULES = (
    Rule(
        name="period-to-range",
        precondition="a date or a timestamp without zone; its year, its beginning of a period, its day, or it and an "
        "interval of days or less, against a constant; a text as YYYY[-MM[-DD]] for years before 1 as it was",
        apply=to_range,
        engines=("duckdb", "postgresql"),
        prior=8.0,
    ),
)
