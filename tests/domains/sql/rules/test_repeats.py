"""Tests of aggregates that see each value once, of lists known to hold no NULL, and of scalars without a FROM."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.symbolic.bounded import decide

TABLES = """CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER);
CREATE TABLE u (k INTEGER, v INTEGER, w INTEGER);"""
RULES = {rule.name: rule for rule in CATALOGUE}
JOINED = "FROM t LEFT JOIN u ON u.k = t.k"
CROSSED = "FROM t JOIN u ON u.k = t.k GROUP BY t.v"


def made(name, query, engine="postgresql"):
    schema = parse_schema(TABLES, engine)
    return [written(tree, schema) for tree in RULES[name].apply(qualified(query, schema), schema)]


def agrees(query, text):
    schema = parse_schema(TABLES, "postgresql")
    found = decide(qualified(query, schema), qualified(text, schema), schema, 3, 60.0)
    return (found.found, found.rows) == ("agree", 3)


@pytest.mark.parametrize(
    ("query", "fires"),
    [
        (f"SELECT t.v, COUNT(DISTINCT t.id) AS n, MAX(t.k) AS m {JOINED} GROUP BY t.v", True),
        (f"SELECT MIN(t.v) + 1 AS m {JOINED} WHERE t.k > 1", True),
        (f"SELECT t.v {JOINED} GROUP BY t.v HAVING MAX(t.k) > 1 ORDER BY MIN(t.id)", True),
        (f"SELECT t.v, COUNT(*) AS n {JOINED} GROUP BY t.v", False),
        (f"SELECT t.v, MAX(t.k) AS m {JOINED} GROUP BY t.v HAVING COUNT(t.id) > 1", False),
        (f"SELECT t.v, MAX(t.k) AS m {JOINED} GROUP BY t.v ORDER BY SUM(t.id)", False),
        (f"SELECT t.v, MAX(u.v) AS m {JOINED} GROUP BY t.v", False),
        (f"SELECT t.v, STRING_AGG(t.k::text, ',') AS m {JOINED} GROUP BY t.v", False),
        (f"SELECT MAX(t.v) FILTER (WHERE u.w = 1) AS m {JOINED}", False),
        (f"SELECT t.v, ROW_NUMBER() OVER (ORDER BY MAX(t.k)) AS r {JOINED} GROUP BY t.v", False),
    ],
)
def test_an_outer_join_goes_below_aggregates_that_repeats_leave_alone(query, fires):
    texts = made("drop-left-join", query)
    assert bool(texts) is fires
    assert all("JOIN" not in text for text in texts)
    if "ORDER BY" not in query:
        assert all(agrees(query, text) for text in texts)


@pytest.mark.parametrize(
    ("outputs", "fires"),
    [
        ("MAX(t.k) AS m, SUM(u.v) AS s", True),
        ("COUNT(DISTINCT t.id) AS m, COUNT(u.v) AS s", True),
        ("MIN(t.k + u.w) AS m, SUM(u.v) AS s", True),
        ("SUM(t.k) AS m, SUM(u.v) AS s", False),
        ("AVG(t.k) AS m, SUM(u.v) AS s", False),
        ("SUM(t.k + u.v) AS s", False),
    ],
)
def test_a_table_is_aggregated_first_beside_what_repeats_leave_alone(outputs, fires):
    query = f"SELECT t.v, {outputs} {CROSSED}"
    texts = [text for text in made("aggregate-first", query) if '"u"."k" AS "k"' in text]
    assert bool(texts) is fires
    assert all(agrees(query, text) for text in texts)


@pytest.mark.parametrize(
    ("condition", "alone"),
    [
        ("u.v IS NOT NULL", True),
        ("NOT u.v IS NULL AND u.w = 1", True),
        ("u.w IS NOT NULL", False),
        ("u.v IS NOT NULL OR u.w = 1", False),
        ("u.v IS NULL", False),
    ],
)
def test_a_list_without_null_by_its_own_condition_becomes_existence(condition, alone):
    query = f"SELECT id FROM t WHERE k NOT IN (SELECT u.v FROM u WHERE {condition})"
    (text,) = made("in-to-exists", query)
    assert text.count("EXISTS") == (2 if alone else 3)
    assert agrees(query, text)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "duckdb"])
def test_scalars_of_a_query_without_from_are_one_scan(engine):
    query = "SELECT (SELECT COUNT(*) FROM u WHERE k = 1) + 1 AS n, (SELECT MAX(v) FROM u) AS m"
    (text,) = made("merge-scalars", query, engine)
    assert text.count('FROM "u"') == 1
    assert agrees(query, text)
    assert made("merge-scalars", f"{query} WHERE 1 = 2", engine) == []
