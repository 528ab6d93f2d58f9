"""Rows 96 to 99: statements that reach for files, programs and all memory, held by the engines with no gate."""

import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from proofsmith.domains.sql import engines
from proofsmith.errors import SandboxError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Limits

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

ROWS = tomllib.loads(Path(__file__).with_name("sql.toml").read_text())
SECRET = "the-secret-of-another-file"
TABLE = "CREATE TABLE t (a VARCHAR)"
LIBRARY = """
import json, sys
name, statements = json.load(sys.stdin)
for statement in statements:
    if name == "duckdb":
        import duckdb
        connection = duckdb.connect(":memory:")
    else:
        import sqlite3
        connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (a VARCHAR)")
    connection.execute(statement).fetchall()
print("all did what they say")
"""


def reaching(name: str) -> list[tuple[str, str]]:
    """Return (row, statement) of all that must be refused."""
    return [(row, s) for row in ROWS if row != "sql_bomb" for s in ROWS[row].get(name, [])]


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("beside") / "secret.csv"
    path.write_text(f"a\n{SECRET}\n")
    path.chmod(0o644)
    return path


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=["duckdb", "sqlite", "postgresql"]
)
async def engine(request: pytest.FixtureRequest, secret: Path) -> AsyncIterator[engines.Engine]:
    inputs = {"secret.csv": secret}
    started = await engines.start(request.param, await open_sandbox(), inputs=inputs)
    yield started
    await started.close()


async def test_a_statement_reaches_nothing_outside_its_tables(engine: engines.Engine) -> None:
    database = await engine.open(TABLE)
    assert reaching(engine.name)
    for row, statement in reaching(engine.name):
        outcome = await database.run(statement)
        assert outcome.ended == "error", (row, statement, outcome)
        assert SECRET not in repr(outcome)
    assert (await database.run("SELECT count(*) FROM t")).rows == ((0,),)


async def test_the_same_statements_work_where_nothing_holds_them(
    engine: engines.Engine, secret: Path
) -> None:
    """Otherwise a refusal would say nothing: as PostgreSQL's owner, and with the libraries as they come."""
    statements = [statement for _, statement in reaching(engine.name)]
    if engine.name == "postgresql":
        database = await engine.open(TABLE)
        for statement in statements:
            await database.execute(statement)
        return
    python, bound = engines._interpreter()
    bound |= engines._packages(engine.name)
    box = (await open_sandbox()).fresh(inputs={**bound, "secret.csv": secret})
    await box.write("bare.py", LIBRARY.encode())
    done = await box.exec(
        [python, "-s", "-B", "bare.py"],
        limits=Limits(),
        stdin=json.dumps([engine.name, statements]).encode(),
        env={"PYTHONPATH": "/input", "LD_LIBRARY_PATH": "/input/python/lib"},
    )
    assert done.ok, done.stderr[-400:]


async def test_a_bomb_ends_at_its_limit_and_the_engine_serves_the_next(
    engine: engines.Engine,
) -> None:
    database = await engine.open(TABLE)
    endless, *large = ROWS["sql_bomb"][engine.name]
    outcome = await database.run(endless, limit_s=1.0)
    assert outcome.ended == "timeout", outcome.error
    for statement in large:
        try:
            ended = (await database.run(statement, limit_s=5.0)).ended
        except SandboxError:  # the engine itself was ended at the memory limit of its sandbox
            ended = "error"
        assert ended in ("error", "timeout")
        database = await engine.open(TABLE)
        assert (await database.run("SELECT count(*) FROM t")).rows == ((0,),)
