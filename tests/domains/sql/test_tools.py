import pytest

from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import problem
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Goal

DDL = "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE k (id INTEGER PRIMARY KEY, a INTEGER)"


async def told(name, **arguments):
    domain = SqlDomain()
    made = problem("q.sql", "SELECT a FROM t WHERE b = 1", DDL, "sqlite", Goal.SPEED, {})
    (tool,) = [tool for tool in domain.tools if tool.name == name]
    return await tool.run(made, tool.arguments(**arguments), await open_sandbox())


async def test_tables_are_told_with_their_keys_one_or_all():
    every = await told("schema")
    assert set(every) == {"t", "k"}
    assert "PRIMARY KEY" in every["k"]
    assert set(await told("schema", table="K")) == {"k"}
    with pytest.raises(UsageError, match="no table 'z'; tables: k, t"):
        await told("schema", table="z")


@pytest.mark.slow
async def test_the_engine_explains_the_original_and_any_query_that_the_gate_admits():
    plain = await told("explain", query="")
    assert any("SCAN t" in line for line in plain)
    joined = await told("explain", query="SELECT x.a FROM t AS x JOIN t AS y ON y.b = x.a")
    assert len(joined) > len(plain)
    with pytest.raises(UsageError, match="refused"):
        await told("explain", query="DELETE FROM t")
    with pytest.raises(UsageError, match="refused"):
        await told("explain", query="SELECT * FROM sqlite_master")
