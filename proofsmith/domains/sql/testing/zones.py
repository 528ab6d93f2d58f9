"""Moments at which the time zones that queries name change their clocks, and those beside them."""

import datetime
import re
import zoneinfo
from collections.abc import Iterator

from sqlglot import exp

_ZONE = re.compile(r"[A-Za-z]+/[A-Za-z_/-]+|[CEMW]ET|EST5EDT|CST6CDT|MST7MDT|PST8PDT")
_YEAR = re.compile(r"\b((?:19|20)\d\d)-\d\d-\d\d")
_USUAL = 2024
_MOST_YEARS = 2
_MOST_ZONES = 2
_DAY_S = 86_400
_HALF_HOUR = datetime.timedelta(minutes=30)


def changes_of(expression: exp.Expr) -> list[str]:
    """Return local and universal times at and beside each change of the clocks, in years that the query names."""
    texts = [str(n.this) for n in expression.find_all(exp.Literal) if n.is_string]
    named = [text for text in dict.fromkeys(texts) if _ZONE.fullmatch(text)][:_MOST_ZONES]
    years = {int(year) for text in texts for year in _YEAR.findall(text)} if named else set()
    found: dict[str, None] = {}
    for name in named:
        try:
            zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue
        for year in sorted(years)[:_MOST_YEARS] or [_USUAL]:
            for moment in _changes(zone, year):
                found |= {str(moment + _HALF_HOUR * step): None for step in (0, -1, 1)}
    return [*found]


def _changes(zone: zoneinfo.ZoneInfo, year: int) -> Iterator[datetime.datetime]:
    """Yield each change of a year in universal time, and what clocks show before and after it."""
    start = datetime.datetime(year, 1, 1, tzinfo=datetime.UTC)

    def ahead(second: int) -> datetime.timedelta:
        moment = start + datetime.timedelta(seconds=second)
        return moment.astimezone(zone).utcoffset() or datetime.timedelta()

    for day in range(366):
        low, high = day * _DAY_S, (day + 1) * _DAY_S
        before, after = ahead(low), ahead(high)
        if before == after:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if ahead(middle) == before else (low, middle)
        change = start.replace(tzinfo=None) + datetime.timedelta(seconds=high)
        yield from (change, change + before, change + after)
