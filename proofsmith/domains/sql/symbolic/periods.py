"""Years and beginnings of periods as ranges of days: what EXTRACT and DATE_TRUNC are compared with."""

import datetime

from sqlglot import exp

from proofsmith.domains.sql.symbolic.literals import DAY_US
from proofsmith.domains.sql.symbolic.terms import Truth, Value, both, no

_MONTHS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1, "DAY": 0}
_KINDS: tuple[type[exp.Expr], ...] = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def subject_of(node: exp.Expr) -> exp.Expr | None:
    """Return the date whose year or beginning of a period a node is, None for any other node."""
    found: exp.Expr | None = node.this if isinstance(node, exp.Year) else None
    if isinstance(node, exp.Extract) and node.name.upper() == "YEAR":
        found = node.expression
    if isinstance(node, exp.TimestampTrunc) and not node.args.get("zone"):
        found = node.this if node.text("unit").upper() in _MONTHS else None
    return found


def compared(node: exp.Expr, moment: Value, limit: Value) -> Truth | None:
    """Compare a period of `moment`, which is the left side of `node`, with a constant, as moments are compared.

    None where the two are of other kinds, or beyond the years that every engine has.
    """
    day, rest = limit.number, 0
    if type(node) not in _KINDS or moment.kind not in ("date", "timestamp"):
        return None
    if not isinstance(day, int) or limit.null is not False:
        return None
    unit = node.this.text("unit").upper() if isinstance(node.this, exp.TimestampTrunc) else ""
    if limit.kind == "timestamp":
        day, rest = divmod(day, DAY_US)
    if not unit and limit.kind == "integer" and 1 < day < 9998:
        day, unit = datetime.date(day, 1, 1).toordinal(), "YEAR"
    elif not unit or limit.kind not in ("date", "timestamp") or not 366 < day < 3_650_000:
        return None
    first, following = _ends(day, _MONTHS[unit])
    exact = first == day and not rest
    scale = DAY_US if moment.kind == "timestamp" else 1
    before, until = moment.number < first * scale, moment.number < following * scale
    inside = both(no(before), until) if exact else False
    early = before if exact else until
    told = (inside, no(inside), early, until, no(until), no(early))
    holds, known = told[_KINDS.index(type(node))], no(moment.null)
    return Truth(both(known, holds), both(known, no(holds)))


def _ends(day: int, months: int) -> tuple[int, int]:
    """Return the first day of the period that holds a day, and that of the next one; a period of no months is a day."""
    if not months:
        return day, day + 1
    date = datetime.date.fromordinal(day)
    number = date.year * 12 + (date.month - 1) // months * months
    first, following = (datetime.date(n // 12, n % 12 + 1, 1) for n in (number, number + months))
    return first.toordinal(), following.toordinal()
