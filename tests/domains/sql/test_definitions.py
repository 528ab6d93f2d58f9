"""What CREATE statements say is read, in each dialect, and only what a query needs is created again."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.testing.pools import Pools
from proofsmith.errors import UsageError

TYPES = """CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN title AS character varying(9) CHECK (VALUE <> '');
CREATE TABLE t (a INTEGER PRIMARY KEY, m mood, s title NOT NULL)"""


@pytest.mark.parametrize("engine", ["postgresql", "duckdb"])
def test_a_named_enumeration_has_its_labels_and_is_created_again(engine):
    schema = parse_schema(TYPES, engine)
    column = schema.tables["t"].column("m")
    assert (column.kind, column.labels) == ("enum", ("sad", "it's ok"))
    assert Pools().of(column) == ["sad", "it's ok"]
    assert create_tables(schema).startswith("CREATE TYPE mood AS ENUM ('sad', 'it''s ok');")


@pytest.mark.parametrize("engine", ["postgresql", "duckdb"])
def test_a_domain_is_the_type_below_it(engine):
    column = parse_schema(TYPES, engine).tables["t"].column("s")
    assert (column.type, column.kind, column.nullable) == ("character varying(9)", "text", False)


@pytest.mark.parametrize(
    ("engine", "kind", "labels"), [("duckdb", "enum", ("x", "y")), ("sqlite", "text", ())]
)
def test_labels_given_in_place_are_a_type_on_duckdb_alone(engine, kind, labels):
    column = parse_schema("CREATE TABLE t (`b` ENUM('x', 'y'))", engine).tables["t"].column("b")
    assert (column.kind, column.labels) == (kind, labels)


def test_views_of_tables_that_a_query_does_not_read_are_left_out():
    ddl = """CREATE TABLE t (a INT); CREATE TABLE u (b INT); CREATE VIEW v AS SELECT b FROM u;
CREATE VIEW w AS WITH u AS (SELECT a FROM t) SELECT a FROM u; CREATE VIEW x AS SELECT * FROM v, t"""
    schema = parse_schema(ddl, "duckdb")
    assert set(schema.only(["t"]).views) == {"w"}
    assert set(schema.only(["t", "u"]).views) == {"v", "w", "x"}


@pytest.mark.parametrize(
    ("ddl", "why"),
    [
        ("CREATE TABLE t (a INT, UNIQUE ())", "cannot be read|unique constraint of 't' names no"),
        ("CREATE TABLE t (a INT); ALTER TABLE t ADD CONSTRAINT q UNIQUE", "names no column"),
        ("CREATE TABLE t (a INT, FOREIGN KEY () REFERENCES u (b))", "cannot be read|names no col"),
        ("CREATE TABLE t (a INT REFERENCES t) DEFAULT SET", "cannot be read"),
    ],
)
def test_a_constraint_without_columns_is_refused(ddl, why):
    with pytest.raises(UsageError, match=why):
        parse_schema(ddl, "postgresql")


def test_a_type_with_parentheses_that_hold_no_numbers_has_no_arguments():
    ddl = "CREATE DOMAIN c AS DECIMAL(9 2); CREATE TABLE t (a c)"
    assert parse_schema(ddl, "postgresql").tables["t"].columns[0].arguments == ()
