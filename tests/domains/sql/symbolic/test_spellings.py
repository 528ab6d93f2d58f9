"""Texts and dates that are asked for in several ways: what the solver takes for the same, and what it must not."""

import pytest

from proofsmith.domains.sql.analysis import as_seen_by, qualified
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.symbolic.bounded import decide

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, s VARCHAR(9), r VARCHAR(9), d DATE, m TIMESTAMP, c CHAR(4))"
SAME = [
    ("s ILIKE 'aB'", "LOWER(s) = 'ab'"),
    ("s ILIKE '%'", "s IS NOT NULL"),
    ("POSITION('' IN s) > 0", "s IS NOT NULL"),
    ("POSITION('ab' IN s) = 0", "s NOT LIKE '%ab%'"),
    ("STARTS_WITH(s, 'ab')", "s LIKE 'ab%'"),
    ("CONCAT(s, '') = ''", "COALESCE(s, '') = ''"),
    ("s || '' = r", "s = r"),
    ("LENGTH(s) > 0", "s <> ''"),
    ("EXTRACT(YEAR FROM d) NOT BETWEEN 2020 AND 2021", "d < '2020-01-01' OR d >= '2022-01-01'"),
    ("DATE_TRUNC('month', d) > DATE '2024-02-15'", "d >= '2024-03-01'"),
    ("DATE_TRUNC('quarter', d) = DATE '2024-02-01'", "d < d"),
    ("s LIKE 'ab_%' OR s = 'ab'", "s LIKE 'ab%'"),
    ("s NOT LIKE 'ab_%'", "s NOT LIKE 'ab%' OR s = 'ab'"),
    ("LENGTH(s) > 2", "s LIKE '___%'"),
    ("LENGTH(s) = 2", "s LIKE '__'"),
    ("s LIKE '%fee%' OR s = 'a fee'", "s LIKE '%fee%'"),
    ("s LIKE '%fee%' AND s <> 'rent'", "s LIKE '%fee%'"),
    ("DATE_TRUNC('day', m) = DATE '2024-02-29'", "CAST(m AS DATE) = '2024-02-29'"),
]
OTHER = [
    ("s ILIKE 'ab%'", "s LIKE 'ab%'"),
    ("s ILIKE 'aB'", "LOWER(s) = 'aB'"),
    ("s NOT ILIKE 'a%'", "s IS NULL OR s NOT ILIKE 'a%'"),
    ("s ILIKE r", "LOWER(s) = LOWER(r)"),
    ("c ILIKE 'ab'", "LOWER(c) = 'ab'"),
    ("POSITION(' ' IN c) > 0", "c LIKE '% %'"),
    ("POSITION('a_' IN s) > 0", "s LIKE '%a_%'"),
    ("POSITION('a' IN s) >= 2", "s LIKE '%a%'"),
    ("POSITION('ab' IN s) = 0", "s NOT LIKE '%ab%' OR s IS NULL"),
    ("CONCAT(s, '') = ''", "s = ''"),
    ("s || r = 'ab'", "s = 'a' AND r = 'b'"),
    ("LENGTH(s) > 1", "s <> ''"),
    ("s LIKE 'ab_%'", "s LIKE 'ab%'"),
    ("s LIKE 'ab_%' OR s IS NULL", "s LIKE 'ab%' OR s IS NULL"),
    ("s LIKE 'a\\_%' OR s = 'a'", "s LIKE 'a%'"),
    ("LENGTH(s) > 2", "s LIKE '__%'"),
    ("LENGTH(c) = 4", "c LIKE '____'"),
    ("s LIKE '%fee%' OR s = 'fie'", "s LIKE '%fee%'"),
    ("s LIKE '%fee%' AND s <> 'a fee'", "s LIKE '%fee%'"),
    ("UPPER(s) = 'OK'", "s IN ('ok', 'OK')"),
    ("EXTRACT(YEAR FROM d) <> 2024", "d < '2024-01-01' OR d >= '2025-01-01' OR d IS NULL"),
    ("DATE_TRUNC('month', d) > DATE '2024-02-15'", "d > '2024-02-15'"),
    ("DATE_TRUNC('week', d) = DATE '2024-01-01'", "d >= '2024-01-01' AND d < '2024-01-07'"),
]
WHOLE = [("a", "a <> 0", True), ("NOT a", "a = 0", True), ("a", "a > 0", False)]


def found(one, other, engine):
    schema = parse_schema(DDL, engine)
    pair = [
        qualified(parse_query(f"SELECT id FROM t WHERE {condition}", engine), schema)
        for condition in (one, other)
    ]
    return decide(*pair, as_seen_by(schema, *pair), 2, 20.0).found


@pytest.mark.parametrize(("one", "other"), SAME)
@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_what_says_the_same_agrees(one, other, engine):
    assert found(one, other, engine) == "agree"


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_only_looks_alike_does_not_agree(one, other):
    assert found(one, other, "postgresql") != "agree"


@pytest.mark.parametrize(("one", "other", "same"), WHOLE)
def test_a_number_is_a_condition_where_the_engine_takes_it_for_one(one, other, same):
    assert (found(one, other, "sqlite") == "agree") is same
