"""Every kind of bad input has one line as its answer."""

import pytest

from proofsmith.domains.sql.source import read
from proofsmith.errors import UsageError
from proofsmith.types import Goal

DDL = "CREATE TABLE t (a INTEGER, b VARCHAR); CREATE VIEW v AS SELECT a FROM t WHERE a > 1;"


def problem(folder, text, **options):
    path = folder / "query.sql"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if "schema" not in options:
        (folder / "s.sql").write_text(DDL)
        options["schema"] = str(folder / "s.sql")
    return read(path, Goal.SPEED, options)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT a FROM t WHERE", "line 1, column"),
        ("SELECT a FROM t; SELECT b FROM t", "2 queries"),
        ("DELETE FROM t", "DELETE is not a query"),
        ("CREATE TABLE x AS SELECT 1", "CREATE is not a query"),
        ("SET threads = 1", "SET is not a query"),
        ("COPY t TO 'x'", "COPY is not a query"),
        ("ATTACH 'x'", "ATTACH is not a query"),
        ("PRAGMA table_info(t)", "PRAGMA is not a query"),
        ("INSTALL httpfs", "INSTALL is not a query"),
        ("EXPLAIN ANALYZE SELECT 1", "is not a query"),
        ("SELECT a FROM t FOR UPDATE", "row locks"),
        ("SELECT a INTO u FROM t", "INTO, which writes"),
        ("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", "data-modifying"),
        ("SELECT a FROM t WHERE a = 1 AND", "line 1, column 31: And lacks an operand"),
        ("", "no query"),
        ("-- nothing here\n", "no query"),
        ("SELECT a FROM missing", "'missing'"),
        ("-(SELECT a FROM t) EXCEPT SELECT a FROM t", "EXCEPT of what is no query"),
        ("(SELECT a FROM t,) UNION SELECT a FROM t", "UNION of what is no query"),
        ("SELECT a FROM t" + ", t" * 20_000, "20001 tables; the limit is 1000"),
        (b"SELECT '\xff'", "UTF-8"),
        (b"SELECT '\0'", "NUL"),
        ("SELECT " + "(" * 500_000 + "1" + ")" * 500_000, "the limit is"),
        ("SELECT " + "(" * 300 + "1" + ")" * 300, "nested"),
        ("x" * 2_000_000, "larger than"),
    ],
)
def test_a_query_that_cannot_be_used_is_refused_with_its_reason(tmp_path, text, why):
    with pytest.raises(UsageError, match=why) as told:
        problem(tmp_path, text)
    assert "\n" not in told.value.message


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("CREATE TABEL t (a INT)", "schema"),
        ("SELECT 1", "no table"),
        ("CREATE TABLE t (", "schema"),
        ("CREATE TABLE t (a INT, FOREIGN KEY (a))", "names no table"),
    ],
)
def test_a_schema_that_cannot_be_read_is_refused(tmp_path, schema, why):
    (tmp_path / "bad.sql").write_text(schema)
    with pytest.raises(UsageError, match=why):
        problem(tmp_path, "SELECT a FROM t", schema=str(tmp_path / "bad.sql"))


def test_a_query_over_unknown_tables_asks_for_the_schema(tmp_path):
    with pytest.raises(UsageError, match="schema is not known"):
        problem(tmp_path, "SELECT a FROM t", schema="")


def test_an_unknown_engine_is_named(tmp_path):
    with pytest.raises(UsageError, match="unknown engine 'oracle'"):
        problem(tmp_path, "SELECT a FROM t", engine="oracle")


def test_views_definitions_and_names_in_any_script_are_understood(tmp_path):
    assert problem(tmp_path, "WITH x AS (SELECT a FROM v) SELECT a FROM x").text
    text = 'CREATE TABLE "таблица" ("列" INTEGER);\nSELECT "列" FROM "таблица"'
    assert problem(tmp_path, text, schema="").editable == ("query.sql",)


def test_a_schema_of_two_thousand_tables_is_read(tmp_path):
    ddl = ";\n".join(f"CREATE TABLE t{i} (a INTEGER PRIMARY KEY)" for i in range(2000))
    (tmp_path / "big.sql").write_text(ddl)
    assert problem(tmp_path, "SELECT a FROM t1999", schema=str(tmp_path / "big.sql")).text
