"""Unique indexes over expressions or some rows, and NULLs that agree: kept by databases, never taken for keys."""

import sqlite3

import pytest
from sqlglot import exp

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.engines import StatementRefused, start
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.population import populate
from proofsmith.domains.sql.proof.prove import prove
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.rules.facts import keys
from proofsmith.domains.sql.symbolic.rung import climb
from proofsmith.domains.sql.testing.databases import Generator, keeps
from proofsmith.domains.sql.testing.pools import Pools
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status
from tests.domains.sql.test_verify import judged

SOME = "CREATE TABLE m (id INT, dept INT NOT NULL, act INT); CREATE UNIQUE INDEX i ON m (dept) WHERE act = 1;"
LOWER = "CREATE TABLE m (id INT, s VARCHAR(9)); CREATE UNIQUE INDEX i ON m (lower(s));"
MIXED = (
    "CREATE TABLE m (a INT, b INT NOT NULL); CREATE UNIQUE INDEX i ON m (b, (a + 1)) WHERE a > 0;"
)
TENS = "CREATE TABLE m (a INT NOT NULL, b INT); CREATE UNIQUE INDEX i ON m ((a % 10));"
NULLS = [
    "CREATE TABLE m (id INT, a INT, UNIQUE NULLS NOT DISTINCT (a));",
    "CREATE TABLE m (id INT, a INT UNIQUE NULLS NOT DISTINCT);",
    "CREATE TABLE m (id INT, a INT); CREATE UNIQUE INDEX i ON public.m USING btree (a) NULLS NOT DISTINCT;",
    "CREATE TABLE m (id INT, a INT); ALTER TABLE ONLY m ADD CONSTRAINT c UNIQUE NULLS NOT DISTINCT (a);",
]
APART = "CREATE TABLE m (id INT, a INT, EXCLUDE USING gist (a WITH =) WHERE (a > 0));"
FEW, TWO, ALL = ("sqlite",), ("sqlite", "postgresql"), ("sqlite", "postgresql", "duckdb")


def once(query):
    return query, query.replace("SELECT", "SELECT DISTINCT")


CASES = [
    (TWO, SOME, *once("SELECT dept FROM m WHERE act = 1"), True),
    (TWO, SOME, *once("SELECT dept FROM m"), False),
    (TWO, SOME, *once("SELECT dept FROM m WHERE act >= 1"), False),
    (TWO, SOME, *once("SELECT id FROM m WHERE act = 1"), False),
    (ALL, LOWER, *once("SELECT s FROM m WHERE s IS NOT NULL"), True),
    (ALL, LOWER, *once("SELECT lower(s) AS s FROM m WHERE s IS NOT NULL"), True),
    (ALL, LOWER, *once("SELECT s FROM m"), False),
    (TWO, MIXED, *once("SELECT a, b FROM m WHERE a > 0"), True),
    (TWO, MIXED, *once("SELECT b FROM m WHERE a > 0"), False),
    (TWO, TENS, *once("SELECT a FROM m"), True),
    (TWO, TENS, *once("SELECT b FROM m"), False),
    *((("postgresql",), ddl, *once("SELECT a FROM m"), True) for ddl in NULLS),
    *((("postgresql",), ddl, *once("SELECT id FROM m"), False) for ddl in NULLS),
    (("postgresql",), APART, *once("SELECT a FROM m WHERE a > 0"), True),
    (("postgresql",), APART, *once("SELECT a FROM m WHERE a >= 0"), False),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "ddl", "base", "candidate", "right"),
    [(engine, *case) for engines, *case in CASES for engine in engines],
)
async def test_what_a_partial_key_makes_right_is_not_refused_and_all_else_is(
    engine, ddl, base, candidate, right
):
    for depth in (Depth.QUICK, Depth.FULL):
        verdict = await judged(base, candidate, engine, depth, ddl=ddl)
        if right:
            assert verdict.status.at_least(Status.TESTED), verdict
            assert depth is Depth.QUICK or "is unique" in str(
                verdict.evidence[-1].facts.get("constraints", "is unique")
            )
        else:
            assert verdict.status is Status.FAILED, verdict
            assert "CREATE UNIQUE INDEX" in verdict.evidence[-1].facts["script"]
            assert "CREATE UNIQUE INDEX" in verdict.feedback


@pytest.mark.parametrize(
    ("ddl", "base"), [(SOME, "SELECT dept FROM m"), (LOWER, "SELECT s FROM m")]
)
async def test_neither_rules_nor_proofs_nor_the_solver_take_it_for_a_key(ddl, base):
    schema = parse_schema(ddl, "postgresql")
    one, other = (parse_query(text, "postgresql") for text in once(base))
    assert schema.tables["m"].keys == () == tuple(keys(one.find(exp.Table), schema))
    assert not prove(one, other, schema).proved
    assert (await climb(one, other, schema, Depth.FULL)).last.found == "differ"


async def test_the_solver_knows_what_it_says():
    schema = parse_schema(SOME, "postgresql")
    one, other = (
        parse_query(q, "postgresql") for q in once("SELECT dept FROM m WHERE act = 1 AND id = id")
    )
    assert (await climb(one, other, schema, Depth.FULL)).rows >= 3


@pytest.mark.parametrize("ddl", [SOME, LOWER, MIXED])
def test_made_up_rows_keep_to_it(ddl, tmp_path):
    schema = parse_schema(ddl, "sqlite")
    generator = Generator(schema, Pools(), 7)
    engine = sqlite3.connect(":memory:")
    engine.executescript(create_tables(schema, exact=True))
    for database in [*generator.databases(60), generator.large(300)]:
        assert keeps(schema, database)
        engine.execute("DELETE FROM m")
        marks = ", ".join("?" * len(schema.tables["m"].columns))
        engine.executemany(f"INSERT INTO m VALUES ({marks})", database["m"])
    assert len(generator.large(300)["m"]) > 200
    populate(schema, Pools(), tmp_path, rows=400)
    engine.execute("DELETE FROM m")
    for line in (tmp_path / "m.csv").read_text().splitlines()[1:]:
        engine.execute(f"INSERT INTO m VALUES ({marks})", [c or None for c in line.split(",")])


@pytest.mark.slow
async def test_rows_of_a_refused_database_do_not_stay():
    schema = parse_schema("CREATE TABLE t (a INT); CREATE TABLE u (a INT NOT NULL);", "sqlite")
    engine = await start("sqlite", await open_sandbox())
    try:
        script = "INSERT INTO t VALUES (1); INSERT INTO u VALUES (NULL);"
        with pytest.raises(StatementRefused):
            await engine.trials(schema, [script], ["SELECT * FROM t"])
        ((outcome,),) = await engine.trials(schema, [""], ["SELECT * FROM t"])
    finally:
        await engine.close()
    assert outcome.rows == ()
