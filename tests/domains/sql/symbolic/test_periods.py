"""Years and beginnings of periods compared with constants, against an engine on every day near their ends."""

import datetime

import duckdb
import pytest
import sqlglot

from proofsmith.domains.sql.symbolic.literals import DAY_US
from proofsmith.domains.sql.symbolic.periods import compared, subject_of
from proofsmith.domains.sql.symbolic.terms import Value

FIRST = datetime.date(2022, 12, 1)
DAYS = [FIRST + datetime.timedelta(n) for n in range(500)]
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


def constant(text):
    moment = datetime.datetime.fromisoformat(text)
    seconds = moment.hour * 3600
    if len(text) == 10:
        return Value("date", False, moment.toordinal())
    return Value("timestamp", False, moment.toordinal() * DAY_US + seconds * 1_000_000)


def told(sql, limit, column):
    """Return the solver's two truth values of a condition on each day."""
    node = sqlglot.parse_one(sql, read="duckdb")
    scale, rest = (1, 0) if column == "DATE" else (DAY_US, DAY_US // 2)
    moments = [Value(column.lower(), False, day.toordinal() * scale + rest) for day in DAYS]
    found = [compared(node, moment, limit) for moment in moments]
    return [(truth.yes, truth.no) for truth in found]


def shown(conditions, column):
    """Return what the engine says of the conditions on each day."""
    start = f"DATE '{FIRST}'" if column == "DATE" else f"TIMESTAMP '{FIRST} 12:00:00'"
    days = f"(SELECT CAST({start} + INTERVAL (n) DAY AS {column}) AS d, n FROM range({len(DAYS)}) AS r(n))"
    with duckdb.connect() as database:
        rows = database.execute(f"SELECT {', '.join(conditions)} FROM {days} ORDER BY n").fetchall()
    return [[(yes, not yes) for yes in column] for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("column", ["DATE", "TIMESTAMP"])
def test_a_year_or_the_beginning_of_a_period_is_compared_as_the_engine_does(column):
    limits = {
        f"EXTRACT(YEAR FROM d) {operator} {year}": Value("integer", False, year)
        for operator in OPERATORS
        for year in (2022, 2023, 2024)
    }
    for unit in ("year", "quarter", "month", "day"):
        for operator in OPERATORS:
            for text in ("2023-01-01", "2023-02-15", "2023-04-01", "2023-12-31"):
                limits[f"DATE_TRUNC('{unit}', d) {operator} DATE '{text}'"] = constant(text)
            late = "2023-03-01 06:00:00"
            limits[f"DATE_TRUNC('{unit}', d) {operator} TIMESTAMP '{late}'"] = constant(late)
    for sql, answers in zip(limits, shown(limits, column), strict=True):
        assert told(sql, limits[sql], column) == answers, sql


def test_nothing_is_said_of_no_moment_or_of_a_limit_that_is_not_known():
    node = sqlglot.parse_one("DATE_TRUNC('month', d) = x", read="duckdb")
    day = Value("date", False, 700_000)
    assert compared(node, Value("text", False, 1), day) is None
    assert compared(node, day, Value("date", True, 0)) is None
    assert compared(node, day, Value("integer", False, 5)) is None
    missing = compared(node, Value("date", True, 700_000), day)
    assert (missing.yes, missing.no) == (False, False)
    assert subject_of(sqlglot.parse_one("DATE_TRUNC('week', d)", read="duckdb")) is None
