"""The syntactic gate lets queries over the problem's tables through and nothing else."""

import json
import os
from pathlib import Path

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.gate import Refused, admit, volatile
from proofsmith.domains.sql.query import LARGEST_BYTES, Unreadable, parse_query, parse_script

DDL = "CREATE TABLE t (a INTEGER, b VARCHAR, d DATE)"
HOSTILE = Path(__file__).parents[2] / "fixtures" / "sql" / "hostile.jsonl"
SHARED = Path(os.environ.get("PROOFSMITH_DATA", "shared/benchmarks")) / "sql" / "hostile_sql.jsonl"


def hostile():
    files = [path for path in (HOSTILE, SHARED) if path.is_file()]
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return [pytest.param(row["engine"], row["sql"], id=row["id"]) for row in rows]


def judged(text, engine="duckdb", base="SELECT a FROM t"):
    return admit(text, parse_query(base, engine), (), parse_schema(DDL, engine))


@pytest.mark.parametrize(("engine", "text"), hostile())
def test_a_hostile_statement_is_refused_before_any_engine_sees_it(engine, text):
    with pytest.raises(Refused):
        judged(text, engine)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t",
        "WITH x AS (SELECT a FROM t) SELECT a FROM x",
        "(SELECT a FROM t) UNION ALL (SELECT a FROM t)",
        "SELECT COALESCE(SUM(a), 0) AS a FROM t",
        "SELECT a FROM t WHERE EXTRACT(YEAR FROM d) = 2024;",
        "SELECT RANK() OVER (ORDER BY a) AS a FROM t -- why not",
        "SELECT a FROM (VALUES (1), (2)) AS v(a)",
        "SELECT PRINTF('%04d', a) AS a FROM t",
        "SELECT a FROM t WHERE b COLLATE \"C\" < 'x'",
    ],
)
def test_an_ordinary_query_passes(text):
    assert judged(text).sql()


def test_a_definition_is_the_same_without_its_comments():
    beside = parse_script("-- mine\nCREATE VIEW v AS SELECT 1 AS a /* one */", "duckdb").definitions
    schema = parse_schema(f"{DDL}; {beside[0].sql()}", "duckdb")
    repeated = "CREATE VIEW v AS SELECT 1 AS a; SELECT a FROM v"
    assert admit(repeated, parse_query("SELECT a FROM v", "duckdb"), beside, schema).sql()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT a FROM u", "'u'"),
        ("SELECT a FROM information_schema.tables", "no table of the problem"),
        ("SELECT a FROM t, pg_catalog.pg_class", "no table of the problem"),
        ("SELECT a FROM t WHERE RANDOM() < 0.5", "calls random"),
        ("SELECT a FROM t WHERE d < CURRENT_DATE", "current_date"),
        ("SELECT a FROM t WHERE d < CAST('now' AS DATE)", "now"),
        ("SELECT rowid AS a FROM t", "rowid"),
        ("SELECT PRINTF('%99999d', a) AS a FROM t", "width"),
        ("SELECT FORMAT(b, a) AS a FROM t", "width"),
        ("SELECT a FROM (DESCRIBE t)", "DESCRIBE"),
        ("SELECT a FROM t WHERE own_function(a) > 1", "own_function"),
        ("SELECT a FROM t FOR UPDATE", "locks"),
        ("SELECT a INTO u FROM t", "writes"),
        ("SELECT a FROM t USING SAMPLE 10%", "TABLESAMPLE"),
        (
            "WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SELECT a FROM r",
            "recurses",
        ),
        ("CREATE VIEW t2 AS SELECT 1 AS a; SELECT a FROM t2", "defines"),
        ("SELECT a FROM t; SELECT a FROM t", "2 queries"),
        ("SELECT a FRM t WHERE", "line 1"),
        ("", "0 queries"),
        ("-- nothing", "0 queries"),
        ("SELECT '\0'", "NUL"),
        ("SELECT " + "(" * 100 + "1" + ")" * 100, "nested"),
        ("SELECT '" + "x" * LARGEST_BYTES + "'", "the limit is"),
        ("SELECT " + "NOT " * 4000 + "TRUE", "deep"),
    ],
)
def test_a_refusal_says_why(text, why):
    with pytest.raises(Refused, match=why):
        judged(text)


def test_sqlite_recurses_without_being_asked_to():
    text = "WITH r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SELECT a FROM r"
    with pytest.raises(Refused, match="recurses"):
        judged(text, "sqlite")
    assert judged(text, "sqlite", base=text).sql()
    assert judged("WITH t AS (SELECT a FROM t) SELECT a FROM t", "postgresql").sql()


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("duckdb", 'SELECT a FROM (WITH "x.csv" AS (SELECT 1 AS a) SELECT a FROM t) y, "x.csv"'),
        ("duckdb", 'WITH y AS (FROM "x.csv"), "x.csv" AS (SELECT 1 AS a) SELECT a FROM y'),
        ("duckdb", 'WITH "x.csv" AS (SELECT a FROM "x.csv") SELECT a FROM "x.csv"'),
        ("postgresql", "SELECT (WITH pg_roles AS (SELECT 1) SELECT 1) AS a FROM pg_roles"),
        ("postgresql", 'WITH "PG_ROLES" AS (SELECT 1) SELECT 1 AS a FROM pg_roles'),
        ("postgresql", "WITH pg_roles AS (SELECT 1) SELECT 1 AS a FROM public.pg_roles"),
    ],
)
def test_a_name_means_a_common_table_expression_only_where_that_is_seen(engine, text):
    with pytest.raises(Refused, match="no table of the problem"):
        judged(text, engine)


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("postgresql", "WITH x AS (SELECT a FROM t), y AS (SELECT a FROM x) SELECT a FROM Y"),
        ("sqlite", "WITH y AS (SELECT a FROM x), x AS (SELECT a FROM t) SELECT a FROM y"),
        ("duckdb", 'WITH X AS (SELECT a FROM t) (SELECT a FROM x) UNION ALL (SELECT a FROM "X")'),
        ("duckdb", "FROM (WITH x AS (SELECT a FROM t) SELECT (SELECT MAX(a) FROM x) AS a FROM x)"),
        ("sqlite", "WITH x AS (SELECT a AS rowid FROM t) SELECT rowid AS a FROM x"),
        ("sqlite", "SELECT a AS rowid FROM t ORDER BY rowid"),
        ("postgresql", "SELECT AGE(d, d) AS a FROM t"),
        ("sqlite", "SELECT JSON_OBJECT('a', a) AS a FROM t"),
        ("duckdb", "SELECT MAP {'k': a}['k'] AS a FROM t"),
        ("postgresql", "SELECT a FROM t WHERE ARRAY[a] && ARRAY[1, 2]"),
        ("postgresql", "SELECT a FROM t WHERE b = 'now'"),
    ],
)
def test_names_are_read_where_they_stand(engine, text):
    assert judged(text, engine).sql()


@pytest.mark.parametrize(
    ("engine", "text", "what"),
    [
        ("sqlite", "SELECT JULIANDAY() AS a FROM t", "julianday"),
        ("sqlite", "SELECT DATE() AS a FROM t", "date"),
        ("postgresql", "SELECT AGE(d) AS a FROM t", "age"),
        ("postgresql", "SELECT a FROM t WHERE d < 'today'", "'today'"),
        (
            "postgresql",
            "SELECT a FROM t WHERE d BETWEEN 'yesterday' AND '2020-01-01'",
            "'yesterday'",
        ),
        ("postgresql", "SELECT user AS a FROM t", "user"),
    ],
)
def test_clocks_and_sessions_are_found_behind_other_spellings(engine, text, what):
    with pytest.raises(Refused, match=f"calls {what}, whose value changes"):
        judged(text, engine)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t WHERE rowid < 100 AND EXISTS (SELECT 1 AS rowid)",
        "SELECT t.rowid AS a FROM t, (SELECT 1 AS rowid) AS x",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 AS rowid WHERE t.rowid < 9)",
    ],
)
def test_an_alias_elsewhere_does_not_hide_how_rows_are_stored(text):
    with pytest.raises(Refused, match="reads rowid"):
        judged(text, "sqlite")


@pytest.mark.parametrize(
    ("engine", "text", "clear"),
    [
        ("postgresql", "SELECT ~a + 5 AS a FROM t", "SELECT (~a) + 5 AS a FROM t"),
        ("duckdb", "SELECT 2 * ~a - 5 AS a FROM t", "SELECT 2 * (~(a - 5)) AS a FROM t"),
        ("sqlite", "SELECT 3 = a IN (1) AS a FROM t", "SELECT ~a + 5 = (a IN (1)) AS a FROM t"),
        (
            "sqlite",
            "SELECT a < a NOT BETWEEN 1 AND 2 AS a FROM t",
            "SELECT NOT a IN (1) AS a FROM t",
        ),
    ],
)
def test_what_the_engine_groups_in_its_own_way_needs_parentheses(engine, text, clear):
    with pytest.raises(Refused, match="parentheses around"):
        judged(text, engine)
    assert judged(clear, engine).sql()


def test_a_comment_ends_where_the_engine_ends_it():
    with pytest.raises(Refused, match="carriage return"):
        judged("SELECT a FROM t -- x\r WHERE a > 1", "sqlite")
    assert judged("SELECT a FROM t -- x\r\n WHERE a > 1", "sqlite").sql()


@pytest.mark.parametrize("text", ["INSTALL httpfs", "FORCE INSTALL x", "hello"])
def test_words_that_the_parser_does_not_know_are_told_as_they_stand(text):
    with pytest.raises(Refused, match="^(INSTALL|HELLO) is not a query"):
        judged(text)


def test_a_function_that_the_original_calls_is_allowed():
    assert judged("SELECT own(a) + 1 AS a FROM t", base="SELECT own(a) AS a FROM t").sql()


@pytest.mark.parametrize("part", ["PRINTF('%*d', a, 3)", "CAST(b AS REGCLASS)", "(b).upper()"])
def test_what_the_original_says_itself_may_be_said_again(part):
    text = f"SELECT {part} AS a FROM t"
    with pytest.raises(Refused):
        judged(text, "postgresql")
    assert judged(text + " WHERE TRUE", "postgresql", base=text).sql()


def test_what_changes_by_itself_is_found_in_the_original():
    query, schema = (
        parse_query("SELECT a FROM t WHERE d < date('now')", "sqlite"),
        parse_schema(DDL, "sqlite"),
    )
    assert list(volatile(query, schema)) == ["'now'"]


@pytest.mark.parametrize("text", ["PRAGMA table_info(t)", "SET a = 1", "DELETE FROM t", "VACUUM"])
def test_anything_but_a_query_is_unreadable(text):
    with pytest.raises(Unreadable):
        parse_query(text, "sqlite")
