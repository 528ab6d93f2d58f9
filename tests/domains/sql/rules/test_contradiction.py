"""What no row can meet is found; what some row can meet is never taken for it, in every dialect's way of writing it."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules.contradiction import contradictory
from proofsmith.domains.sql.rules.joins import rejects_null
from proofsmith.domains.sql.rules.scopes import where
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.testing.conditions import parsed

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, d DECIMAL(8, 2), s TEXT, f BOOLEAN)"
ENGINES = ("postgresql", "duckdb", "sqlite")


def impossible(condition, engine):
    tree = qualified(f"SELECT id FROM t WHERE {condition}", parse_schema(DDL, engine))
    return contradictory(tree, parse_schema(DDL, engine))


@pytest.mark.parametrize(
    "condition",
    [
        "a > 3 AND a < 3",
        "a = 1 AND a = 2",
        "a BETWEEN 5 AND 2",
        "a IN (1, 2) AND a >= 3",
        "d > -1.5 AND d < -1.50",
        "4 < a AND a <= 4",
    ],
)
def test_ranges_that_exclude_one_another_are_found_where_columns_keep_their_types(condition):
    assert impossible(condition, "postgresql")
    assert impossible(condition, "duckdb")
    assert not impossible(condition, "sqlite")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "condition", ["id IS NULL", "a IS NULL AND a > 1", "s IS NULL AND s = 'x'"]
)
def test_null_against_what_rejects_it_is_found(condition, engine):
    assert impossible(condition, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "condition",
    [
        "a >= 3 AND a <= 3",
        "a > 2 AND a < 3",
        "a IS NOT NULL AND a > 1",
        "NOT a IS NULL AND a > 1",
        "NOT (a IS NOT NULL)",
        "a IS NULL AND d > 1",
        "a IS NULL AND COALESCE(a, 1) = 1",
        "a > 3 OR a < 2",
        "NOT (a > 3 AND a < 2)",
        "a NOT BETWEEN 5 AND 2",
        "a NOT IN (1, 2) AND a = 3",
        "s = '1' AND s = '01'",
    ],
)
def test_what_some_row_meets_is_left_alone(condition, engine):
    assert not impossible(condition, engine)


def test_a_row_without_a_match_is_null_in_every_column():
    text = "SELECT x.id FROM t AS x LEFT JOIN t AS y ON y.a = x.id WHERE y.id IS NULL"
    schema = parse_schema(DDL, "postgresql")
    assert not contradictory(qualified(text, schema), schema)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "rejects"),
    [
        ("a IS NOT NULL", True),
        ("NOT a IS NULL", True),
        ("a IS NULL", False),
        ("NOT (a IS NOT NULL)", False),
    ],
)
def test_a_null_test_is_read_with_its_negation(condition, rejects, engine):
    tree = qualified(f"SELECT id FROM t WHERE {condition}", parse_schema(DDL, engine))
    assert rejects_null(where(tree)[0], "t") is rejects


@pytest.mark.parametrize("engine", ENGINES)
def test_a_check_for_null_is_evaluated_with_its_negation(engine):
    check = parsed("a IS NOT NULL", engine)
    assert check.holds({"a": 1})
    assert not check.holds({"a": None})
