"""Tests of ranges in place of days, months and years: they hold for the same moments, at every edge of a period."""

import itertools

import duckdb
import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.symbolic.bounded import decide

TABLES = "CREATE TABLE t (a INTEGER, d DATE, s TIMESTAMP, z TIMESTAMPTZ, x TEXT);"
RULE = next(rule for rule in CATALOGUE if rule.name == "period-to-range")
SIGNS = ("=", "<", "<=", ">", ">=")


def made(condition, engine="postgresql"):
    schema, query = parse_schema(TABLES, engine), f"SELECT a FROM t WHERE {condition}"
    texts = [written(tree, schema) for tree in RULE.apply(qualified(query, schema), schema)]
    return query, texts


def moments():
    """Return moments on both sides of every edge that the conditions below have, and none."""
    days = ["2019-12-31", "2020-01-01", "2020-02-28", "2020-02-29", "2020-03-01", "2020-03-02"]
    days += ["2020-03-31", "2020-04-01", "2020-12-31", "2021-01-01", "2024-02-28", "2024-03-01"]
    clocks = ["00:00:00", "00:00:00.000001", "09:59:59.999999", "10:00:00", "23:59:59.999999"]
    return [
        *(f"{d} {c}" for d, c in itertools.product(days, clocks)),
        "infinity",
        "-infinity",
        None,
    ]


@pytest.fixture(scope="module")
def filled():
    database = duckdb.connect()
    database.execute(TABLES)
    for number, moment in enumerate(moments()):
        values = [number, moment, moment, moment, None]
        database.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values)
    return database


CONDITIONS = [
    *(f"DATE_TRUNC('month', s) {sign} '2020-03-01'" for sign in SIGNS),
    *(f"TIMESTAMP '2020-03-02 10:00:00' {sign} DATE_TRUNC('week', s)" for sign in SIGNS[1:]),
    *(f"DATE_TRUNC('hour', s) {sign} TIMESTAMP '2020-02-29 09:00:00'" for sign in SIGNS),
    *(f"DATE_TRUNC('quarter', d) {sign} DATE '2020-02-01'" for sign in SIGNS[1:]),
    *(f"CAST(s AS DATE) {sign} DATE '2020-02-29'" for sign in SIGNS),
    *(f"CAST(s AS DATE) {sign} TIMESTAMP '2020-02-29 10:00:00'" for sign in SIGNS[1:]),
    *(f"s + INTERVAL '36 hours' {sign} TIMESTAMP '2020-03-01 22:00:00'" for sign in SIGNS),
    *(f"d - INTERVAL '1 day' {sign} DATE '2020-02-29'" for sign in SIGNS),
    "s::date BETWEEN '2020-02-29' AND '2020-03-01'",
    "NOT DATE_TRUNC('year', s) BETWEEN '2020-01-01' AND '2020-12-31'",
    "NOT DATE_TRUNC('day', s) = '2020-02-29' OR a = 3",
    "EXTRACT(YEAR FROM s) = 2020 AND a > 3 AND EXTRACT(MONTH FROM s) = 2",
    "CAST(s AS DATE) = '2020-02-29' AND MONTH(s) = 3",
    "YEAR(s) = 2020 AND MONTH(d) = 3",
    "(EXTRACT(MONTH FROM d) = 12 AND EXTRACT(YEAR FROM d) = 2020) OR a = 3",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_range_holds_for_the_same_moments(condition, filled):
    query, texts = made(condition, "duckdb")
    assert all("TRUNC" not in text and "EXTRACT" not in text for text in texts[:1])
    wanted = sorted(filled.execute(query).fetchall())
    assert [sorted(filled.execute(text).fetchall()) for text in texts] == [wanted] * max(
        1, len(texts)
    )


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "test",
    [
        "DATE_TRUNC('month', s) {} '2020-03-01'",
        "EXTRACT(YEAR FROM d) {} 2020",
        "EXTRACT(YEAR FROM s) {} 2020",
    ],
)
def test_a_range_is_bounded(test, sign):
    query, (text,) = made(test.format(sign))
    schema = parse_schema(TABLES.replace("z TIMESTAMPTZ, ", ""), "postgresql")
    found = decide(qualified(query, schema), qualified(text, schema), schema, 3, 60.0)
    assert (found.found, found.rows) == ("agree", 3)


def test_a_spelt_month_keeps_years_before_christ_as_they_were():
    _, (text,) = made("TO_CHAR(s, 'YYYY-MM') = '2020-03'")
    assert "s >= CAST('2020-03-01'" in text.replace('"', "").replace("t.", "")
    assert all(part in text for part in ("0001-01-01", "TO_CHAR"))
    assert made(text.split("WHERE")[1])[1] == []


@pytest.mark.parametrize(
    "condition",
    [
        "DATE_TRUNC('month', z) = '2020-03-01'",
        "DATE_TRUNC('month', s) = '2020-03-02'",
        "DATE_TRUNC('month', s) = '2020-3-1'",
        "DATE_TRUNC('month', s) = '2020-02-30'",
        "DATE_TRUNC('month', s, 'Asia/Tokyo') = '2020-03-01'",
        "DATE_TRUNC('day', d) = '2020-03-01'",
        "DATE_TRUNC('month', d) = '1995-01-01'",
        "DATE_TRUNC('century', s) = '2001-01-01'",
        "CAST(s AS DATE) = '2020-03-01 10:00:00'",
        "CAST(x AS DATE) = '2020-03-01'",
        "CAST(z AS DATE) = '2020-03-01'",
        "CAST(s AS DATE) = CAST('2020-03-01' AS TIMESTAMPTZ)",
        "s + INTERVAL '1 month' > TIMESTAMP '2020-03-01'",
        "z + INTERVAL '1 day' > '2020-03-01'",
        "s + INTERVAL '1 day' > NOW()",
        "EXTRACT(YEAR FROM s) = '2020'",
        "EXTRACT(YEAR FROM s) = 2020.5",
        "EXTRACT(YEAR FROM z) = 2020",
        "EXTRACT(MONTH FROM s) = 3",
        "TO_CHAR(s, 'MM-YYYY') = '03-2020'",
        "TO_CHAR(s, 'YYYY-MM') > '2020-03'",
        "TO_CHAR(s, 'YYYY-MM') = '2020-3'",
        "TO_CHAR(d, 'YYYY-MM-DD') = '2020-03-01'",
        "NOT TO_CHAR(s, 'YYYY-MM') = '2020-03'",
    ],
)
def test_other_conditions_stay(condition):
    assert made(condition)[1] == []


def test_what_has_no_year_on_duckdb_stays_unknown():
    assert made("NOT EXTRACT(YEAR FROM s) = 2020", "duckdb")[1] == []
    assert made("EXTRACT(YEAR FROM s) >= 2020", "duckdb")[1] == []
    assert made("NOT EXTRACT(YEAR FROM s) = 2020")[1] != []
