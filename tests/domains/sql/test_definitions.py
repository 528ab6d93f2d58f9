"""What CREATE statements say is read, in each dialect, and only what a query needs is created again."""

import sqlite3

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.databases import Generator
from proofsmith.domains.sql.testing.pools import Pools, pools_of
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

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


DOMAINS = """CREATE DOMAIN public.pos AS integer NOT NULL
    CONSTRAINT c CHECK ((VALUE > 0)) CONSTRAINT d CHECK (own(VALUE));
CREATE DOMAIN few AS pos CHECK (VALUE < 9 OR 'VALUE' = 'value');
CREATE DOMAIN loop AS loop;
CREATE TABLE m (id INT, a public.pos, "B b" few DEFAULT 3, c loop);"""


def test_what_a_domain_demands_holds_of_its_columns():
    table = parse_schema(DOMAINS, "postgresql").tables["m"]
    columns = [(c.name, c.type, c.nullable) for c in table.columns]
    assert columns[1:3] == [("a", "integer", False), ("B b", "integer", False)]
    assert table.checks == ("(a > 0)", '("B b" > 0)', "\"B b\" < 9 OR 'VALUE' = 'value'")


@pytest.mark.slow
@pytest.mark.parametrize("depth", [Depth.QUICK, Depth.FULL])
@pytest.mark.parametrize(
    ("base", "candidate", "right"),
    [
        ("SELECT id FROM m WHERE a > 0", "SELECT id FROM m", True),
        ("SELECT COUNT(a) AS c FROM m", "SELECT COUNT(*) AS c FROM m", True),
        ("SELECT id FROM m WHERE a > 1", "SELECT id FROM m", False),
        ("SELECT COUNT(id) AS c FROM m", "SELECT COUNT(*) AS c FROM m", False),
    ],
)
async def test_verdicts_rest_on_what_a_domain_demands(base, candidate, right, depth):
    ddl = "CREATE DOMAIN pos AS int NOT NULL CHECK (VALUE > 0); CREATE TABLE m (id INT, a pos);"
    made = problem("q.sql", base, ddl, "postgresql", Goal.SPEED, {})
    version = Candidate(files={"q.sql": candidate})
    verdict = await SqlDomain().verify(made, version, await open_sandbox(), depth)
    assert verdict.status.at_least(Status.TESTED) if right else verdict.status is Status.FAILED


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


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_the_columns_of_a_view_have_the_names_that_it_gives_them(engine):
    ddl = """CREATE TABLE t (a INT, b INT); CREATE VIEW v (x, "Y") AS SELECT a, b FROM t UNION ALL SELECT b, a FROM t;
CREATE VIEW w (z) AS SELECT * FROM t"""
    views = parse_schema(ddl, engine).views
    assert views["v"] == 'SELECT a AS x, b AS "Y" FROM t UNION ALL SELECT b, a FROM t'
    assert views["w"].startswith('WITH "w columns"(z) AS (SELECT * FROM t) SELECT')


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("view", "same", "other"),
    [
        ("(b, a) AS SELECT * FROM t", "SELECT b AS a FROM t", "SELECT a FROM t"),
        ("(a, c) AS SELECT t.* FROM t", "SELECT a FROM t", "SELECT b AS a FROM t"),
        ("(a) AS VALUES (1), (2)", "SELECT 1 AS a UNION ALL SELECT 2", "SELECT 1 AS a"),
    ],
)
async def test_a_view_gives_its_names_to_columns_that_it_does_not_list(engine, view, same, other):
    ddl = f"CREATE TABLE t (a INT, b INT); CREATE VIEW w {view};"
    for text in (same, other):
        given = problem("q.sql", "SELECT a FROM w", ddl, engine, Goal.SPEED, {})
        made = Candidate(files={**given.files, "q.sql": text})
        verdict = await SqlDomain().verify(given, made, await open_sandbox(), Depth.QUICK)
        assert verdict.status.at_least(Status.TESTED) is (text == same), verdict
        assert (verdict.status is Status.FAILED) is (text == other), verdict


def test_a_view_may_name_its_first_columns_alone():
    ddl = "CREATE TABLE t (a INT, b INT); CREATE VIEW w (z) AS SELECT a, b FROM t"
    tree = qualified("SELECT * FROM w", parse_schema(ddl, "postgresql"))
    assert tree.named_selects == ["z", "b"]


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


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            "(status IN ('a', 'b'))",
        ),
        ("(n <> ALL (ARRAY[1, '-2'::integer]))", "(NOT n IN (1, -2))"),
        ("(price >= (0)::numeric)", "(price >= 0)"),
        ("((code)::text = 'a'::text)", "(CAST(code AS TEXT) = 'a')"),  # it drops blanks
        ("((n)::text = ANY (ARRAY['1'::text]))", "(CAST(n AS TEXT) IN ('1'))"),
        ("(price = '1.5'::numeric(3,0))", "(price = CAST('1.5' AS DECIMAL(3, 0)))"),
        ("(status = ANY (ARRAY[status, 'b'::text]))", "(status = ANY(ARRAY[status, 'b']))"),
    ],
)
def test_a_check_is_written_as_people_do_where_the_catalogue_spells_types_out(told, kept):
    columns = "status character varying(9), n integer, price numeric(9,2), code char(3)"
    schema = parse_schema(f"CREATE TABLE t ({columns}, CHECK ({told}))", "postgresql")
    assert schema.tables["t"].checks == (kept,)


def test_databases_keep_to_the_checks_of_a_catalogue():
    listed = "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))"
    days = "(d >= '2020-01-01'::date)"
    ddl = f"CREATE TABLE t (s character varying(9) NOT NULL, d date, CHECK ({listed}), CHECK ({days}))"
    schema = parse_schema(ddl, "postgresql")
    found = list(Generator(schema, pools_of(conditions_of(schema)), 1).databases(60))
    rows = [row for database in found for row in database["t"]]
    assert len(rows) > 60
    assert {text for text, _ in rows} == {"a", "b"}
    assert all(day is None or day >= "2020-01-01" for _, day in rows)


@pytest.mark.parametrize(
    ("engine", "ddl", "nullable"),
    [
        ("sqlite", "CREATE TABLE t (k INTEGER PRIMARY KEY)", False),
        ("sqlite", "CREATE TABLE t (k integer, PRIMARY KEY (k))", False),
        ("sqlite", 'CREATE TABLE t ("k" INT PRIMARY KEY)', True),  # not the row's own number
        ("sqlite", "CREATE TABLE t (k BIGINT, PRIMARY KEY (k))", True),
        ("sqlite", "CREATE TABLE t (k INTEGER PRIMARY KEY DESC)", True),
        ("sqlite", "CREATE TABLE t (k TEXT PRIMARY KEY)", True),
        ("sqlite", "CREATE TABLE t (k TEXT PRIMARY KEY) WITHOUT ROWID", False),
        ("sqlite", "CREATE TABLE t (k INT PRIMARY KEY) STRICT, WITHOUT ROWID", False),
        ("postgresql", "CREATE TABLE t (k INT PRIMARY KEY)", False),
        ("postgresql", "CREATE TABLE t (k SERIAL)", False),
        ("postgresql", "CREATE TABLE t (k INT GENERATED ALWAYS AS IDENTITY)", False),
        ("duckdb", "CREATE TABLE t (k INT)", True),
    ],
)
def test_a_key_lets_null_in_where_the_engine_does(engine, ddl, nullable):
    table = parse_schema(ddl, engine).tables["t"]
    assert table.column("k").nullable is nullable
    if engine == "sqlite":
        made = sqlite3.connect(":memory:")
        made.executescript(create_tables(parse_schema(ddl, engine)))
        if nullable:
            made.execute("INSERT INTO t VALUES (NULL)")
            assert made.execute("SELECT k FROM t").fetchall() == [(None,)]


def test_a_constraint_that_old_rows_may_break_is_none():
    schema = parse_schema(
        """CREATE TABLE p (k INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER);
ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;
ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (k) NOT VALID;""",
        "postgresql",
    )
    assert schema.tables["t"].constraints() == []


def test_a_key_does_not_cover_the_rows_of_tables_that_inherit():
    ddl = "CREATE TABLE p (k INTEGER PRIMARY KEY); CREATE TABLE c (y INTEGER) INHERITS (p);"
    assert parse_schema(ddl, "postgresql").tables["p"].constraints() == []
