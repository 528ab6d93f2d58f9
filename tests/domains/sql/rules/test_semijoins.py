"""Tests of joins as EXISTS, of ALL and ANY, and of tables grouped before a join: exact where they fire, silent else."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.symbolic.bounded import decide

TABLES = """CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER NOT NULL);
CREATE TABLE u (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER NOT NULL, w INTEGER);"""
RULES = {rule.name: rule for rule in CATALOGUE}


def made(name, query, engine="postgresql"):
    schema = parse_schema(TABLES, engine)
    return [written(tree, schema) for tree in RULES[name].apply(qualified(query, schema), schema)]


def agrees(query, text, rows=2):
    schema = parse_schema(TABLES, "postgresql")
    found = decide(qualified(query, schema), qualified(text, schema), schema, rows, 120.0)
    return (found.found, found.rows) == ("agree", rows)


@pytest.mark.parametrize("sign", ["=", "<>", "<", "<=", ">", ">="])
@pytest.mark.parametrize("value", ["w", "v"])
@pytest.mark.parametrize("word", ["ALL", "ANY"])
def test_all_and_any_ask_for_a_row(word, value, sign):
    query = (
        f"SELECT id FROM t WHERE v = 1 OR k {sign} {word} (SELECT {value} FROM u WHERE u.k = t.v)"
    )
    (text,) = made("in-to-exists", query)
    assert word not in text
    assert agrees(query, text)


@pytest.mark.parametrize(
    "test",
    [
        "NOT k >= ALL (SELECT v FROM u)",
        "k >= ALL (SELECT MAX(v) FROM u)",
        "k >= ALL (SELECT v FROM u LIMIT 1)",
        "k > ANY (SELECT v FROM u GROUP BY v)",
        "k + 1 >= ALL (SELECT v FROM u)",
        "t.k >= ALL (SELECT v FROM u AS t)",
    ],
)
def test_other_quantifiers_stay(test):
    assert made("in-to-exists", f"SELECT id FROM t WHERE {test}") == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT DISTINCT t.k FROM t JOIN u ON u.k = t.k AND u.w > 1",
        "SELECT t.k, t.v FROM u, t WHERE u.k = t.v OR u.v = t.k GROUP BY t.k, t.v",
        "SELECT t.k, COUNT(DISTINCT t.v) AS n FROM t JOIN u ON u.k > t.k GROUP BY t.k HAVING MAX(t.id) > 1",
    ],
)
def test_a_join_that_filters_is_a_test(query):
    (text,) = made("join-to-exists", query)
    assert "EXISTS" in text
    assert agrees(query, text)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT t.k FROM t JOIN u ON u.k = t.k",
        "SELECT t.k, COUNT(*) AS n FROM t JOIN u ON u.k = t.k GROUP BY t.k",
        "SELECT DISTINCT t.k, u.v FROM t JOIN u ON u.k = t.k",
        "SELECT DISTINCT t.k FROM t JOIN u ON u.k = t.k LIMIT 2",
        "SELECT DISTINCT t.k FROM t LEFT JOIN u ON u.k = t.k",
        "SELECT DISTINCT t.k FROM t CROSS JOIN u WHERE u.w > 1",
        "SELECT DISTINCT t.k FROM t JOIN u ON u.k = t.k ORDER BY (SELECT u.w)",
        "SELECT DISTINCT t.k FROM t JOIN u ON u.k = t.k WHERE 1 / u.w > t.v",
        "SELECT t.k, SUM(t.v) AS s FROM t JOIN u ON u.k = t.k GROUP BY t.k",
    ],
)
def test_other_joins_stay(query):
    assert [text for text in made("join-to-exists", query) if 'FROM "u" AS "u"' in text] == []


@pytest.mark.parametrize(
    ("join", "kept", "fires"),
    [
        ("u.k = t.k", "u.id IS NULL", True),
        ("u.k = t.k AND u.w > t.v", "u.k IS NULL AND t.v > 1", True),
        ("u.k = t.k", "u.v IS NULL AND u.id IS NULL", True),
        ("u.k = t.k", "u.w IS NULL", False),
        ("u.k = t.k OR u.w = t.v", "u.w IS NULL", False),
        ("u.k = t.k", "u.id IS NULL OR t.v = 1", False),
        ("u.k = t.k", "u.id IS NULL AND u.w IS NULL", False),
        ("u.k = t.k", "NOT u.id IS NULL", False),
        ("u.k = t.k AND 1 / u.w > 1", "u.id IS NULL", False),
    ],
)
def test_a_join_kept_where_it_has_no_match_is_an_absence(join, kept, fires):
    query = f"SELECT t.id FROM t LEFT JOIN u ON {join} WHERE {kept}"
    texts = made("unmatched-to-absent", query)
    assert bool(texts) is fires
    assert all(agrees(query, text) for text in texts)


@pytest.mark.parametrize("word", ["LEFT JOIN", "JOIN"])
@pytest.mark.parametrize("fold", ["COUNT(DISTINCT u.id)", "MAX(u.v + u.w)", "SUM(DISTINCT u.w)"])
def test_a_table_is_grouped_before_its_join(word, fold):
    query = f"SELECT t.k, MIN(t.v) AS m, {fold} AS n FROM t {word} u ON t.k = u.k AND u.v > 1 GROUP BY t.k"
    (text,) = made("aggregate-leaf", query)
    assert "leaf1" in text
    assert agrees(query, text)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT t.v, COUNT(DISTINCT u.id) AS n FROM t LEFT JOIN u ON u.k = t.k GROUP BY t.v",
        "SELECT t.k, MAX(u.v) AS n FROM t LEFT JOIN u ON u.id = t.k GROUP BY t.k",
        "SELECT t.k, COUNT(u.id) AS n FROM t LEFT JOIN u ON u.k = t.k GROUP BY t.k",
        "SELECT t.k, COUNT(DISTINCT u.id) AS n, COUNT(*) AS m FROM t LEFT JOIN u ON u.k = t.k GROUP BY t.k",
        "SELECT t.k, COUNT(DISTINCT u.id + t.v) AS n FROM t LEFT JOIN u ON u.k = t.k GROUP BY t.k",
        "SELECT t.k, COUNT(DISTINCT u.id) AS n FROM t LEFT JOIN u ON u.k = t.k AND u.v > t.v GROUP BY t.k",
        "SELECT t.k, COUNT(DISTINCT u.id) AS n FROM t RIGHT JOIN u ON u.k = t.k GROUP BY t.k",
        "SELECT t.k, COUNT(DISTINCT u.id) AS n FROM t LEFT JOIN u ON u.k = t.k WHERE u.v > 1 GROUP BY t.k",
        "SELECT t.k, COUNT(DISTINCT u.id) FILTER (WHERE t.v > 1) AS n FROM t LEFT JOIN u ON u.k = t.k GROUP BY t.k",
        "SELECT COUNT(DISTINCT u.id) AS n FROM t LEFT JOIN u ON u.k = t.k",
        "SELECT t.k, MAX(u.v) AS n FROM t LEFT JOIN u ON u.k = t.k GROUP BY ROLLUP (t.k)",
    ],
)
def test_other_groups_stay(query):
    assert made("aggregate-leaf", query) == []
