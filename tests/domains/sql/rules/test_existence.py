"""Tests of existence below OR and by several columns, and texts of SQLite as keys: what fires, and that it is exact."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.symbolic.bounded import decide

TABLES = """CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, n INTEGER NOT NULL);
CREATE TABLE i (k INTEGER, n INTEGER, v INTEGER);"""
RULES = {rule.name: rule for rule in CATALOGUE}


def made(name, query, engine, tables=TABLES):
    schema = parse_schema(tables, engine)
    return [written(tree, schema) for tree in RULES[name].apply(qualified(query, schema), schema)]


def agree(query, text, engine):
    schema = parse_schema(TABLES, engine)
    found = decide(qualified(query, schema), qualified(text, schema), schema, 3, 60.0)
    return (found.found, found.rows) == ("agree", 3)


@pytest.mark.parametrize("word", ["EXISTS", "NOT EXISTS"])
@pytest.mark.parametrize(
    ("engine", "link"),
    [("postgresql", "i.k = o.k"), ("sqlite", "i.k = o.k"), ("sqlite", "i.k = o.k AND i.n = o.n")],
)
def test_existence_below_or_becomes_membership(word, engine, link):
    query = f"SELECT id FROM o WHERE n = 2 OR (n = 1 AND {word} (SELECT 1 FROM i WHERE {link} AND i.v > 1))"
    texts = made("exists-to-in", query, engine)
    assert len(texts) == 1
    assert "EXISTS" not in texts[0]
    assert agree(query, texts[0], engine)


@pytest.mark.parametrize("word", ["IN", "NOT IN"])
def test_membership_below_or_becomes_existence(word):
    tables = TABLES.replace("i (k INTEGER", "i (k INTEGER NOT NULL")
    query = f"SELECT id FROM o WHERE n = 2 OR k {word} (SELECT k FROM i WHERE v > 1)"
    (text,) = made("in-to-exists", query, "postgresql", tables)
    schema = parse_schema(tables, "postgresql")
    found = decide(qualified(query, schema), qualified(text, schema), schema, 3, 60.0)
    assert (found.found, found.rows) == ("agree", 3)


@pytest.mark.parametrize("engine", ["postgresql", "sqlite", "duckdb"])
@pytest.mark.parametrize(
    "test",
    [
        "n NOT IN (SELECT k FROM i)",
        "k NOT IN (SELECT k FROM i WHERE v > 1)",
        "id = 1 OR n NOT IN (SELECT i.k FROM i WHERE i.v = o.k)",
        "k NOT IN (SELECT j.k FROM i LEFT JOIN i AS j ON j.v = i.n)",
        "k NOT IN (SELECT k FROM i WHERE k IS NOT NULL) AND n > 1",
    ],
)
def test_a_list_with_null_lets_nothing_pass(test, engine):
    query = f"SELECT id FROM o WHERE {test}"
    (text,) = made("in-to-exists", query, engine)
    assert "IN (" not in text
    assert agree(query, text, engine)


@pytest.mark.parametrize(
    ("query", "engine"),
    [
        (
            "SELECT id FROM o WHERE NOT (n = 2 OR EXISTS (SELECT 1 FROM i WHERE i.k = o.k))",
            "sqlite",
        ),
        ("SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k) IS NULL", "sqlite"),
        ("SELECT id, EXISTS (SELECT 1 FROM i WHERE i.k = o.k) AS e FROM o", "sqlite"),
        ("SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k AND i.v > o.n)", "sqlite"),
        ("SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE o.k = o.n)", "sqlite"),
        ("SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k OR i.n = o.n)", "sqlite"),
        (
            "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k AND i.n = o.n)",
            "postgresql",
        ),
    ],
)
def test_existence_stays_where_membership_may_differ_or_gains_nothing(query, engine):
    assert made("exists-to-in", query, engine) == []


@pytest.mark.parametrize(
    ("left", "right", "fires"),
    [
        ("TEXT", "TEXT", True),
        ("VARCHAR(9)", "TEXT", True),
        ("TEXT COLLATE NOCASE", "TEXT", False),
        ("TEXT", "TEXT COLLATE RTRIM", False),
        ("TEXT", "INTEGER", False),
    ],
)
def test_texts_of_sqlite_are_keys_where_no_collation_or_affinity_differs(left, right, fires):
    tables = (
        f"CREATE TABLE o (id INTEGER, t {left}, x INTEGER); CREATE TABLE i (t {right}, v INTEGER)"
    )
    exists = "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.t = o.t)"
    assert bool(made("exists-to-in", exists, "sqlite", tables)) is fires
    largest = "SELECT id FROM o WHERE x > (SELECT MAX(v) FROM i WHERE i.t = o.t)"
    assert bool(made("decorrelate", largest, "sqlite", tables)) is fires
    below = """SELECT d.id FROM (SELECT id, t || 'a' AS t, x FROM o) AS d
        WHERE d.x > (SELECT MAX(v) FROM i WHERE i.t = d.t)"""
    assert made("decorrelate", below, "sqlite", tables) == []
