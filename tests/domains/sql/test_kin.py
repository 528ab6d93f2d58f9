"""Databases hold rows that lie a query's constants apart, ends of months and JSON documents, within the constraints."""

import datetime
import json

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.testing.databases import Generator, keeps
from proofsmith.domains.sql.testing.documents import documents_of
from proofsmith.domains.sql.testing.moments import later, moments_of, spans_of
from proofsmith.domains.sql.testing.pools import pools_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

DDL = """CREATE TABLE o (site INTEGER PRIMARY KEY, name VARCHAR(4) NOT NULL UNIQUE);
CREATE TABLE r (dev INTEGER NOT NULL REFERENCES o(site), seq INTEGER NOT NULL, val SMALLINT CHECK (val < 99),
  day DATE NOT NULL, at TIMESTAMP NOT NULL, c DECIMAL(6, 2), f DOUBLE PRECISION, PRIMARY KEY (dev, seq));
CREATE TABLE v (id INTEGER PRIMARY KEY, until TIMESTAMP, due DATE);
CREATE TABLE j (id INTEGER PRIMARY KEY, doc JSON, note TEXT);"""
FRAME = (
    "SELECT dev, seq, COUNT(val) OVER (PARTITION BY dev ORDER BY {} RANGE BETWEEN {} PRECEDING"
    " AND CURRENT ROW) AS n FROM r"
)
REACH = "SELECT r.seq, v.id FROM r JOIN v ON v.until {} r.at + INTERVAL '{} hours'"


async def judged(engine, base, candidate, ddl=DDL, depth=Depth.FULL):
    given = problem("q.sql", base, ddl, engine, Goal.SPEED, {})
    made = Candidate(files={**given.files, "q.sql": candidate})
    return await SqlDomain().verify(given, made, await open_sandbox(), depth)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "base", "candidate"),
    [
        ("sqlite", FRAME.format("seq", 37), FRAME.format("seq", 36)),
        ("postgresql", FRAME.format("seq", 411), FRAME.format("seq", 412)),
        ("duckdb", FRAME.format("c", 53.5), FRAME.format("c", 53.25)),
        (
            "postgresql",
            FRAME.format("day", "INTERVAL '2 months'"),
            FRAME.format("day", "INTERVAL '60 days'"),
        ),
        ("postgresql", REACH.format("=", 73), REACH.format("=", 74)),
        ("postgresql", REACH.format("<", 49), REACH.format("<=", 49)),
        (
            "sqlite",
            "SELECT a.dev FROM r a JOIN r b ON b.dev = a.dev WHERE b.seq - a.seq BETWEEN 20 AND 45",
            "SELECT a.dev FROM r a JOIN r b ON b.dev = a.dev WHERE b.seq - a.seq BETWEEN 20 AND 44",
        ),
        (
            "sqlite",
            "SELECT dev FROM r WHERE date(day, '+1 month') > '2023-03-01'",
            "SELECT dev FROM r WHERE day > date('2023-03-01', '-1 month')",
        ),
        (
            "sqlite",
            "SELECT dev FROM r WHERE date(day, '-3 months') >= '2021-11-30'",
            "SELECT dev FROM r WHERE day >= date('2021-11-30', '+3 months')",
        ),
        (
            "sqlite",
            "SELECT dev FROM r WHERE date(day, '+1 year') >= '2021-03-01'",
            "SELECT dev FROM r WHERE day >= '2020-03-01'",
        ),
        (
            "postgresql",
            "SELECT id FROM j WHERE doc ->> 'a' IS NULL",
            "SELECT id FROM j WHERE doc -> 'a' IS NULL",
        ),
        (
            "sqlite",
            "SELECT id, note ->> '$.k.m' AS x FROM j",
            "SELECT id, note -> '$.k.m' AS x FROM j",
        ),
        (
            "duckdb",
            "SELECT id FROM j WHERE doc ->> '$.b' IS NULL",
            "SELECT id FROM j WHERE doc -> '$.b' IS NULL",
        ),
    ],
)
async def test_what_differs_only_where_rows_lie_a_constant_apart_is_refused(
    engine, base, candidate
):
    verdict = await judged(engine, base, candidate)
    assert verdict.status is Status.FAILED, verdict


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_kin_rows_keep_the_constraints_and_equal_seeds_give_equal_ones(engine):
    text = "SELECT 1 FROM r, v WHERE at + INTERVAL '5 hours' > until AND seq - val > 37 AND c > 8.5 AND f < 41"
    query, schema = parse_query(text, engine), parse_schema(DDL, engine)
    made, again = ([*Generator(schema, pools_of([query]), 3).databases(300)] for _ in range(2))
    assert made == again
    assert all(keeps(schema, database) for database in made)
    apart = [{abs(a[1] - b[1]) for a in d["r"] for b in d["r"] if a[0] == b[0]} for d in made]
    assert sum(37 in spans for spans in apart) >= 5


def test_spans_are_the_intervals_and_the_numbers_of_a_query():
    query = "SELECT d + INTERVAL '1 month 3 days', e - INTERVAL '37' HOUR, 2.5 FROM t LIMIT 99999999999999"
    found = {(str(n), unit) for n, unit in spans_of([parse_query(query, "postgresql")])}
    assert found == {("1", "month"), ("3", "day"), ("37", "hour"), ("2.5", "")}


def test_months_end_within_the_calendar():
    assert (
        str(later(datetime.datetime.fromisoformat("2024-03-31"), -13, "month"))[:10] == "2023-02-28"
    )
    for day in ("0001-01-01", "9999-12-31"):
        text = f"SELECT 1 FROM t WHERE d + INTERVAL '1 month' > DATE '{day}'"
        assert moments_of(parse_query(text, "postgresql"))[0]


def test_documents_hold_values_under_every_path():
    text = "SELECT 1 FROM j WHERE doc -> 'a' ->> 'b' = 'x' AND doc ->> '$.c[1]' > 2.5"
    documents, columns = documents_of(parse_query(text, "sqlite"))
    read = [json.loads(document) for document in documents]
    assert columns == {"doc"}
    assert all(
        found in read
        for found in ({"a": {"b": "x"}}, {"a": {"b": None}}, {"c": [None, 2.5]}, {"c": [None, 1]})
    )
