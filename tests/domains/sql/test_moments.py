"""Databases hold dates and times on both sides of every span that a query adds, subtracts or compares with."""

import pytest

from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.testing.moments import moments_of
from proofsmith.domains.sql.testing.pools import pools_of


@pytest.mark.parametrize(
    ("engine", "condition", "dates"),
    [
        ("postgresql", "b - a > 7", ["2024-01-08", "2024-01-07", "2024-01-09"]),
        ("duckdb", "date_diff('day', a, b) > 30", ["2024-01-31", "2024-01-30", "2024-02-01"]),
        ("postgresql", "b >= a + INTERVAL '2 weeks'", ["2024-01-15", "2024-01-14", "2024-01-16"]),
        ("sqlite", "julianday(b) - julianday(a) > 9", ["2024-01-10", "2024-01-09", "2024-01-11"]),
        ("sqlite", "b > date(a, '+3 days')", ["2024-01-04", "2024-01-03", "2024-01-05"]),
        ("sqlite", "strftime('%m', a) = '05'", ["2024-05-15", "2024-04-15", "2024-06-15"]),
        ("duckdb", "quarter(a) = 2", ["2024-06-30", "2024-03-31", "2024-09-30"]),
        ("postgresql", "EXTRACT(DAY FROM a) = 9", ["2024-01-09", "2024-01-08", "2024-01-10"]),
        ("postgresql", "c > 7", []),
    ],
)
def test_dates_lie_on_both_sides_of_a_span_and_in_and_beside_a_part(engine, condition, dates):
    query = parse_query(f"SELECT a FROM t WHERE {condition}", engine)
    assert moments_of(query)[0][: len(dates) or None] == dates
    assert set(dates) <= set(pools_of([query]).dates)


def test_every_day_of_the_week_is_tried_where_a_query_asks_for_it():
    query = parse_query("SELECT a FROM t WHERE EXTRACT(DOW FROM a) IN (0, 6)", "postgresql")
    assert len(moments_of(query)[0]) == 7


@pytest.mark.parametrize(
    ("condition", "times"),
    [
        ("b - a > INTERVAL '2 hours'", ["02:00:00", "01:59:59", "02:00:01"]),
        ("b - a > INTERVAL '5' MINUTE", ["00:05:00", "00:04:59", "00:05:01"]),
        ("EXTRACT(HOUR FROM a) >= 9", ["09:00:00", "08:00:00", "10:00:00"]),
    ],
)
def test_times_lie_on_both_sides_of_a_span_of_hours_or_minutes(condition, times):
    query = parse_query(f"SELECT a FROM t WHERE {condition}", "postgresql")
    assert moments_of(query)[1] == times
    assert set(times) <= set(pools_of([query]).times)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_the_first_and_the_last_day_of_the_calendar_have_one_neighbour(day):
    found = pools_of([parse_query(f"SELECT a FROM t WHERE d <= DATE '{day}'", "duckdb")]).dates
    assert day in found
    assert len([date for date in found if date[:4] == day[:4]]) == 2
