"""Engines in the sandbox: limits, locks and the same answers for everyone, with no gate in front of them."""

import json

import pytest

from proofsmith.domains.sql.engines import StatementRefused, start
from proofsmith.executors.choice import open_sandbox
from tests.domains.sql.test_gate import HOSTILE, SHARED

pytestmark = pytest.mark.slow
ENGINES = ("duckdb", "sqlite", "postgresql")
MANY = {
    "duckdb": "INSERT INTO t SELECT range FROM range(100000)",
    "postgresql": "INSERT INTO t SELECT generate_series(1, 100000)",
    "sqlite": "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000)"
    " SELECT x FROM c",
}


def statements(name):
    """Return what the engine itself must stop when nothing stands before it; the rest only the gate knows."""
    files = [path for path in (HOSTILE, SHARED) if path.is_file()]
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    only_gate = ("denied by AST gate", "denied by AST gate or outer limits")
    return [r["sql"] for r in rows if r["engine"] == name and r.get("expect") not in only_gate]


@pytest.mark.parametrize("name", ENGINES)
async def test_an_engine_alone_stops_what_the_gate_would_have_refused(name):
    engine = await start(name, await open_sandbox())
    try:
        database = await engine.open('CREATE TABLE "t" ("a" INTEGER)')
        await database.execute("INSERT INTO t VALUES (1)")
        harmless = ("duckdb_functions", "duckdb_secrets", "nextval", "dbstat", "fts3_tokenizer")
        for statement in statements(name):
            outcome = await database.run(statement, limit_s=1.0)
            stopped = outcome.ended != "ok" or any(word in statement for word in harmless)
            assert stopped, (statement, outcome.rows[:2])
        assert (await database.run("SELECT a FROM t")).rows == ((1,),)
    finally:
        await engine.close()


SIDE_DOORS = {
    "duckdb": (
        "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '/tmp/log')",
        "SELECT * FROM \"enable_profiling\" /* */ (save_location = '/tmp/x')",
        "SELECT * FROM query('SELECT * FROM enable_' || 'logging()')",
    ),
    "postgresql": (
        "SET search_path = pg_catalog",
        "/* */ COPY (SELECT 1) TO STDOUT",
        "COPY t FROM STDIN",
        "SHOW data_directory",
        "DISCARD ALL",
    ),
    "sqlite": ("SELECT julianday(load_extension('x'))",),
}


@pytest.mark.parametrize("name", ENGINES)
async def test_no_statement_changes_what_the_next_one_finds(name):
    engine = await start(name, await open_sandbox())
    try:
        database = await engine.open('CREATE TABLE "t" ("a" INTEGER)')
        for statement in SIDE_DOORS[name]:
            assert (await database.run(statement, limit_s=1.0)).ended == "error", statement
        for harmless in ("/* a /* b */ */ (SELECT 1)", "-- x\nVALUES (1)"):
            if name == "postgresql":
                assert (await database.run(harmless)).rows == ((1,),)
        assert (await database.run("SELECT COUNT(*) FROM t")).rows == ((0,),)
    finally:
        await engine.close()


@pytest.mark.parametrize("name", ENGINES)
async def test_a_statement_ends_at_its_deadline_and_at_its_row_limit(name):
    engine = await start(name, await open_sandbox())
    try:
        database = await engine.open('CREATE TABLE "t" ("a" INTEGER)')
        await database.execute(MANY[name])
        early = await database.run("SELECT MIN(a) AS a FROM t", limit_s=600.0)
        assert (early.ended, len(early.rows)) == ("ok", 1)
        late = await database.run("SELECT COUNT(*) FROM t x, t y WHERE x.a + y.a = 7", limit_s=0.3)
        assert late.ended == "timeout"
        assert late.wall_s < 60.0
        many = await database.run("SELECT a FROM t", most_rows=50)
        assert (many.ended, many.rows) == ("rows", ())
        (timed,) = await database.clock(["SELECT a FROM t"], limit_s=20.0)
        assert (timed.ended, timed.rows) == ("ok", 100_000)
        assert (await database.run("SELECT MIN(a) AS a FROM t WHERE a > 5")).rows == ((6,),)
        with pytest.raises(StatementRefused):
            await engine.open("CREATE TABLE broken (")
    finally:
        await engine.close()
