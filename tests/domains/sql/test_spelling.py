"""Values that are spelt in several ways: labels, texts of numbers, rounded decimals, ties."""

import pytest

from benchmarks.sql_replay import replayed
from proofsmith.domains.sql.engines import start
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status
from tests.domains.sql.test_verify import judged

pytestmark = pytest.mark.slow
DDL = """CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, g INTEGER NOT NULL, r NUMERIC(10, 2), s VARCHAR(9), m mood)"""
PLAIN = DDL.partition(";")[2].replace(", m mood", "")


@pytest.mark.parametrize("engine", ["postgresql", "duckdb"])
@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ("SELECT id, ROUND(r, 2) AS x FROM t", "SELECT id, r AS x FROM t"),
        ("SELECT ROUND(r, 2) AS x FROM t GROUP BY ROUND(r, 2)", "SELECT DISTINCT r AS x FROM t"),
        (
            "SELECT id FROM t WHERE CAST(r AS INT) = 3",
            "SELECT id FROM t WHERE r >= 2.5 AND r < 3.5",
        ),
        ("SELECT id FROM t WHERE FLOOR(r) = 3", "SELECT id FROM t WHERE r >= 3 AND r < 4"),
        ("SELECT id FROM t WHERE CEIL(r) = 3", "SELECT id FROM t WHERE r > 2 AND r <= 3"),
        ("SELECT id FROM t WHERE CAST(a AS TEXT) = '5'", "SELECT id FROM t WHERE a = 5"),
        ("SELECT id FROM t WHERE a > '17'", "SELECT id FROM t WHERE a >= 18"),
        ("SELECT id FROM t WHERE CAST(a AS TEXT) = '05'", "SELECT id FROM t WHERE a < a"),
        ("SELECT id FROM t WHERE s || 'x' = 'abx'", "SELECT id FROM t WHERE s = 'ab'"),
        ("SELECT id FROM t WHERE m = 'happy'", "SELECT id FROM t WHERE m NOT IN ('sad', 'ok')"),
        ("SELECT id FROM t WHERE s ILIKE 'aB%'", "SELECT id FROM t WHERE LOWER(s) LIKE 'ab%'"),
        ("SELECT id FROM t WHERE s LIKE '%a%'", "SELECT id FROM t WHERE POSITION('a' IN s) > 0"),
        ("SELECT id FROM t WHERE s NOT LIKE 'ab%'", "SELECT id FROM t WHERE LEFT(s, 2) <> 'ab'"),
        ("SELECT id FROM t WHERE LENGTH(s) = 0", "SELECT id FROM t WHERE s = ''"),
        ("SELECT CONCAT(s, '-') AS x FROM t", "SELECT COALESCE(s, '') || '-' AS x FROM t"),
        (
            "SELECT id FROM t WHERE s IN ('ok', 'no') AND UPPER(s) = 'OK'",
            "SELECT id FROM t WHERE s = 'ok'",
        ),
    ],
)
async def test_another_spelling_of_the_same_values_is_seen_through(base, candidate, engine):
    verdict = await judged(base, candidate, engine, Depth.FULL, DDL)
    assert verdict.status.at_least(Status.BOUNDED), verdict


@pytest.mark.parametrize(
    ("engine", "base", "candidate"),
    [
        ("postgresql", "SELECT ROUND(r, 1) AS x FROM t", "SELECT r AS x FROM t"),
        ("sqlite", "SELECT id FROM t WHERE r / 2 > 1", "SELECT id FROM t WHERE r > 2"),
        ("sqlite", "SELECT CAST(r AS INT) AS x FROM t", "SELECT CAST(ROUND(r) AS INT) AS x FROM t"),
        ("duckdb", "SELECT id FROM t WHERE m = 'happy'", "SELECT id FROM t WHERE m > 'ok'"),
        (
            "postgresql",
            "SELECT id FROM t WHERE CAST(a AS TEXT) < '5'",
            "SELECT id FROM t WHERE a < 5",
        ),
        (
            "postgresql",
            "SELECT id FROM t WHERE s || 'x' = 'abx'",
            "SELECT id FROM t WHERE s LIKE 'ab_'",
        ),
        ("duckdb", "SELECT s || '-' AS x FROM t", "SELECT CONCAT(s, '-') AS x FROM t"),
        ("duckdb", "SELECT id FROM t WHERE LOWER(s) = 'ab'", "SELECT id FROM t WHERE s = 'ab'"),
        (
            "postgresql",
            "SELECT id FROM t WHERE s ILIKE 'a_'",
            "SELECT id FROM t WHERE s ILIKE 'a%'",
        ),
        (
            "sqlite",
            "SELECT id FROM t WHERE s LIKE '%a%'",
            "SELECT id FROM t WHERE INSTR(s, 'a') > 0",
        ),
        (
            "postgresql",
            "SELECT id FROM t WHERE POSITION('a' IN s) > 0",
            "SELECT id FROM t WHERE POSITION('a' IN s) > 1",
        ),
    ],
)
async def test_what_only_looks_like_the_same_value_is_refused(engine, base, candidate):
    verdict = await judged(base, candidate, engine, ddl=PLAIN if engine == "sqlite" else DDL)
    assert verdict.status is Status.FAILED, verdict


@pytest.mark.parametrize("engine", ["postgresql", "duckdb"])
async def test_a_choice_among_ties_is_no_ground_to_refuse(engine):
    base = "SELECT id, g FROM t ORDER BY g LIMIT 2"
    verdict = await judged(base, base.replace("LIMIT", ", id LIMIT"), engine, Depth.FULL, DDL)
    assert verdict.status is not Status.FAILED, verdict
    other = await judged(base.replace("LIMIT", ", id LIMIT"), base, engine, ddl=DDL)
    assert other.status is Status.FAILED


async def test_a_script_makes_the_views_and_ends_the_queries_behind_their_comments():
    ddl = "CREATE TABLE t (a INTEGER); CREATE VIEW v AS SELECT a FROM t WHERE a > 3"
    base = "SELECT a FROM v -- all of them"
    verdict = await judged(base, "SELECT a FROM t -- all", "sqlite", ddl=ddl)
    script = str(verdict.evidence[-1].facts["script"])
    assert "CREATE VIEW" in script
    assert script.count("\n;") == 2
    engine = await start("sqlite", await open_sandbox())
    try:
        assert await replayed(engine, script) == ""
        same = script.replace("SELECT a FROM t -- all", "SELECT a FROM v")
        assert await replayed(engine, same) == "both return the same"
    finally:
        await engine.close()
