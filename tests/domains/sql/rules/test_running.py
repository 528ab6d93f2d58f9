"""Tests of windows and extremes in place of subqueries by order: exact with NULLs and ties, and silent elsewhere."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.symbolic.bounded import decide

TABLES = """CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER, w INTEGER NOT NULL, f REAL);
CREATE TABLE u (k INTEGER, v INTEGER, w INTEGER NOT NULL, s TEXT);"""
RULES = {rule.name: rule for rule in CATALOGUE}
ENGINES = ("sqlite", "postgresql", "duckdb")


def made(name, query, engine="postgresql"):
    schema = parse_schema(TABLES, engine)
    return [written(tree, schema) for tree in RULES[name].apply(qualified(query, schema), schema)]


def agrees(query, text, engine):
    schema = parse_schema(TABLES, engine)
    found = decide(qualified(query, schema), qualified(text, schema), schema, 3, 60.0)
    return (found.found, found.rows) == ("agree", 3)


RUNNING = (
    "SELECT id, (SELECT SUM(i.w) FROM t AS i WHERE i.k = t.k AND i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT MIN(i.v) FROM t AS i WHERE i.v >= t.v) AS s FROM t WHERE w = 1",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE t.k = i.k AND t.v > i.v) AS s FROM t",
    "SELECT id FROM t WHERE (SELECT COUNT(i.w) + 1 FROM t AS i WHERE i.k = t.k AND i.v > t.v) < 3",
    "SELECT id FROM t WHERE (SELECT COUNT(i.v) FROM t AS i WHERE i.v > t.v) = 0 OR k = 1",
    "SELECT id, (SELECT COUNT(DISTINCT i.v) FROM t AS i WHERE i.k = t.k AND i.v < t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.v <= t.v AND i.w = 1) AS s FROM t",
    "SELECT SUM(t.w) AS s FROM t JOIN u ON u.k = t.k WHERE (SELECT COUNT(*) FROM t AS i WHERE i.v < t.v) > 1",
)
NOT_RUNNING = (
    "SELECT id, (SELECT SUM(i.w) FROM t AS i WHERE i.k = t.k AND i.v < t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(i.k) FROM t AS i WHERE i.v < t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.v < t.v AND i.w = 1) AS s FROM t",
    "SELECT id, (SELECT COUNT(DISTINCT i.w) FROM t AS i WHERE i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.v <= t.w) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.k = t.w AND i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.k <> t.k AND i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.k <= t.k AND i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM u AS i WHERE i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i, u WHERE i.v <= t.v) AS s FROM t",
    "SELECT id, (SELECT COUNT(*) FROM t AS i WHERE i.v <= t.v AND i.w = t.id) AS s FROM t",
    "SELECT t.id, (SELECT COUNT(*) FROM t AS i WHERE i.v <= t.v) AS s FROM u LEFT JOIN t ON t.k = u.k",
    "SELECT t.v, SUM((SELECT COUNT(*) FROM t AS i WHERE i.v <= t.v)) AS s FROM t GROUP BY t.v",
    "SELECT p.id, (SELECT COUNT(*) FROM t AS i WHERE i.k = p.k AND i.v <= q.v) AS s FROM t AS p, t AS q",
)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("query", RUNNING)
def test_a_running_aggregate_is_a_window(query, engine):
    (text,) = made("subquery-to-running", query, engine)
    assert "OVER (" in text
    assert agrees(query, text, engine)


@pytest.mark.parametrize("query", NOT_RUNNING)
def test_what_no_window_gives_stays(query):
    assert made("subquery-to-running", query) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("word", ["EXISTS", "NOT EXISTS"])
@pytest.mark.parametrize(
    "sign", ["i.v > t.v", "t.v > i.v", "i.v <= t.v", "t.v <= i.v", "i.v <> t.v"]
)
def test_existence_by_order_is_a_comparison_with_an_extreme(word, sign, engine):
    query = (
        f"SELECT id FROM t WHERE w = 1 OR {word} (SELECT 1 FROM u AS i WHERE i.k = t.k AND {sign})"
    )
    (text,) = made("existence-to-extreme", query, engine)
    assert "EXISTS" not in text
    assert agrees(query, text, engine)


@pytest.mark.parametrize(
    "condition",
    [
        "NOT (w = 1 AND EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.v > t.v))",
        "EXISTS (SELECT 1 FROM u WHERE u.k <> t.k AND u.v <> t.v)",
        "EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.v > t.v AND u.w > t.w)",
        "EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.v > t.f)",
        "EXISTS (SELECT 1 FROM u WHERE u.k = t.k OR u.v > t.v)",
        "EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.v + 1 > t.v)",
        "EXISTS (SELECT u.k FROM u WHERE u.v > t.v GROUP BY u.k HAVING COUNT(*) > 1)",
        "EXISTS (SELECT 1 FROM u WHERE u.v > t.v LIMIT 0)",
    ],
)
def test_other_existence_stays(condition):
    assert made("existence-to-extreme", f"SELECT id FROM t WHERE {condition}") == []


@pytest.mark.parametrize(
    ("engine", "order", "fires"),
    [
        ("sqlite", "v DESC", True),
        ("sqlite", "v", False),
        ("sqlite", "v NULLS LAST", True),
        ("postgresql", "v", True),
        ("postgresql", "v DESC", False),
        ("postgresql", "v DESC NULLS LAST", True),
        ("postgresql", "1", True),
        ("duckdb", "v DESC", True),
        ("duckdb", "v", True),
        ("duckdb", "v NULLS FIRST", False),
        ("duckdb", "w, v", False),
        ("duckdb", "w", False),
        ("duckdb", "-v", False),
    ],
)
def test_the_first_by_its_own_order_is_an_extreme_unless_null_comes_first(engine, order, fires):
    query = f"SELECT id, (SELECT v FROM u WHERE u.k = t.k ORDER BY {order} LIMIT 1) AS m FROM t"
    texts = made("first-to-extreme", query, engine)
    assert bool(texts) is fires
    assert all(agrees(query, text, engine) for text in texts)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, (SELECT w FROM u WHERE u.k = t.k ORDER BY w LIMIT 2) AS m FROM t",
        "SELECT id, (SELECT w FROM u WHERE u.k = t.k ORDER BY w LIMIT 1 OFFSET 1) AS m FROM t",
        "SELECT id, (SELECT w FROM u GROUP BY w ORDER BY w LIMIT 1) AS m FROM t",
        "SELECT id, (SELECT s FROM u ORDER BY s LIMIT 1) AS m FROM t",
        "SELECT id FROM t WHERE w IN (SELECT w FROM u ORDER BY w LIMIT 1)",
        "SELECT m.w FROM (SELECT w FROM u ORDER BY w LIMIT 1) AS m",
        "SELECT id FROM t WHERE EXISTS (SELECT w FROM u ORDER BY w LIMIT 1)",
    ],
)
def test_other_first_rows_stay(query):
    assert made("first-to-extreme", query) == []


@pytest.mark.parametrize("word", ["IN", "NOT IN"])
def test_membership_in_an_aggregate_is_an_equality_that_joins(word):
    query = f"SELECT id FROM t WHERE v {word} (SELECT MAX(v) FROM u WHERE u.k = t.k) OR w = 1"
    (text,) = made("one-to-equality", query)
    assert agrees(query, text, "postgresql")
    assert all(agrees(query, joined, "postgresql") for joined in made("decorrelate", text))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM t WHERE v IN (SELECT MAX(v) FROM u GROUP BY k)",
        "SELECT id FROM t WHERE v IN (SELECT MAX(v) FROM u HAVING COUNT(*) > 1)",
        "SELECT id FROM t WHERE v IN (SELECT MAX(v) FROM u LIMIT 0)",
        "SELECT id FROM t WHERE v IN (SELECT v FROM u)",
        "SELECT id FROM t WHERE v IN (SELECT MAX(v) OVER () FROM u)",
        "SELECT id FROM t WHERE (v, w) IN (SELECT MAX(v), MIN(w) FROM u)",
    ],
)
def test_other_lists_stay(query):
    assert made("one-to-equality", query) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("factor", ["0.5 *", "1.5 +", "0.25 -"])
def test_a_fraction_beside_an_aggregate_keeps_its_null(factor, engine):
    query = f"SELECT id FROM t WHERE v < (SELECT {factor} AVG(v) FROM u WHERE u.k = t.k)"
    (text,) = made("decorrelate", query, engine)
    assert agrees(query, text, engine)
    assert not agrees(query, text.replace("AVG", "MAX"), engine)


@pytest.mark.parametrize("word", ["IN", "NOT IN", "= ANY", "<> ALL"])
@pytest.mark.parametrize("rule", ["decorrelate", "subquery-to-running", "aggregate-to-window"])
def test_a_list_of_one_aggregate_is_no_value(rule, word):
    tie = "i.k = t.k AND i.v <= t.v" if rule == "subquery-to-running" else "i.k = t.k"
    query = f"SELECT id FROM t WHERE v {word} (SELECT MAX(i.v) FROM t AS i WHERE {tie})"
    assert made(rule, f"{query} OR w = 1") == []
    assert made(rule, query) == []
