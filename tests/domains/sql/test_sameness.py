"""Queries that ask the same share a name, and no mutant does, whatever the parser makes of it."""

import pytest

from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import problem
from proofsmith.executors.local import LocalSandbox
from proofsmith.memory.cache import VerdictCache
from proofsmith.types import Candidate, Depth, Goal, Status, Verdict

DDL = (
    "CREATE TABLE t (a INTEGER, b INTEGER, s VARCHAR(10), d DATE);"
    "CREATE TABLE k (id INTEGER PRIMARY KEY, a INTEGER)"
)
TEXT = (
    "WITH big AS (SELECT id FROM k WHERE a > 5), few AS (SELECT id, a FROM k WHERE a < 9)\n"
    "SELECT x.a, SUM(x.b) AS total FROM t AS x JOIN big ON x.a = big.id\n"
    "WHERE x.b = 1 AND (x.d > CAST('1995-01-01' AS DATE) OR x.s = 'a')\n"
    "  AND EXISTS (SELECT 1 FROM few WHERE few.a = x.a)\n"
    "GROUP BY x.a HAVING SUM(x.b) > 10 ORDER BY total DESC, x.a LIMIT 7"
)
ALIKE = [
    TEXT.replace("SELECT", "select").replace("FROM", "From").replace(" AS ", " as "),
    TEXT.replace("\n", "  -- so\n\n"),
    TEXT.replace("AS x", "y").replace("x.", "y."),
    TEXT.replace("JOIN big ON x.a = big.id", "INNER JOIN big AS o ON x.a = o.id"),
    TEXT.replace("x.b = 1", "1 = x.b"),
    TEXT.replace(
        "x.b = 1 AND (x.d > CAST('1995-01-01' AS DATE) OR x.s = 'a')",
        "(x.s = 'a' OR x.d > CAST('1995-01-01' AS DATE)) AND x.b = 1",
    ),
    TEXT.replace(
        "big AS (SELECT id FROM k WHERE a > 5), few AS (SELECT id, a FROM k WHERE a < 9)",
        "few AS (SELECT id, a FROM k WHERE a < 9), big AS (SELECT id FROM k WHERE a > 5)",
    ),
    TEXT.replace("SELECT id FROM k WHERE a > 5", "SELECT z.id FROM k z WHERE z.a > 5"),
    TEXT.replace("x.b = 1", "(x.b = 1)"),
]
CONDITION = "x.b = 1 AND (x.d > CAST('1995-01-01' AS DATE) OR x.s = 'a')"
CHANGES = [
    ("a > 5", "a >= 5"), ("a > 5", "a > 6"), ("'a'", "'A'"), ("1995", "1996"), ("LIMIT 7", "LIMIT 8"), ("DESC", ""),
    ("total DESC, x.a", "x.a, total DESC"), ("total", "sum_b"), ("SUM(x.b) AS", "SUM(DISTINCT x.b) AS"),
    ("SUM(x.b) AS", "MIN(x.b) AS"), ("SUM(x.b) AS", "SUM(x.a) AS"), ("JOIN big", "LEFT JOIN big"),
    ("x.a, SUM(x.b) AS total", "SUM(x.b) AS total, x.a"), ("OR x.s", "AND x.s"), ("x.b = 1", "x.b <> 1"),
    ("EXISTS", "NOT EXISTS"), ("few.a = x.a", "few.id = x.a"), ("FROM few", "FROM k AS few"),
    ("SELECT x.a", "SELECT DISTINCT x.a"), ("'1995-01-01' AS DATE", "'1995-01-01' AS TIMESTAMP"),
    (CONDITION, CONDITION.replace("1 AND (", "1 AND x.d > CAST('1995-01-01' AS DATE) OR (")),
    (CONDITION, "(x.b = 1 AND x.d > CAST('1995-01-01' AS DATE)) OR x.s = 'a'"),
]  # fmt: skip
MUTANTS = [TEXT.replace(*change) for change in CHANGES]


async def names(texts, engine="duckdb", base=TEXT, ddl=DDL):
    made = problem("q.sql", base, ddl, engine, Goal.SPEED, {})
    domain, sandbox = SqlDomain(), LocalSandbox()
    candidates = [Candidate(files={"q.sql": text}) for text in texts]
    return [await domain.behaviour(made, candidate, sandbox) for candidate in candidates]


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
async def test_queries_that_ask_the_same_share_a_name(engine):
    found = await names([TEXT, *ALIKE], engine)
    assert found[0]
    assert [text for text, name in zip(ALIKE, found[1:], strict=True) if name != found[0]] == []


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
async def test_no_mutant_shares_a_name_with_the_original_or_with_another(engine):
    assert TEXT not in MUTANTS
    found = await names([TEXT, *MUTANTS], engine)
    assert all(found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "pair",
    [
        ("SELECT a FROM t WHERE s = 5 AND 1 / b > 0", "SELECT a FROM t WHERE 1 / b > 0 AND s = 5"),
        ("SELECT a FROM t WHERE b = 1 AND s > 5", "SELECT a FROM t WHERE s > 5 AND b = 1"),
        ("SELECT CAST(a AS REAL) AS a FROM t", "SELECT CAST(a AS FLOAT) AS a FROM t"),
        ("SELECT t.a FROM t, k", "SELECT k.a FROM t, k"),
        ("SELECT a AS b, b AS c FROM t ORDER BY b", "SELECT a AS b, b AS c FROM t ORDER BY t.b"),
        (
            "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM k AS t WHERE t.id = t.a)",
            "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM k WHERE k.id = t.a)",
        ),
        ("SELECT t.a FROM t, k AS u", "SELECT t.a FROM t AS u, k AS t"),
        ("SELECT a FROM t EXCEPT SELECT b FROM t", "SELECT b AS a FROM t EXCEPT SELECT a FROM t"),
        ("SELECT a FROM t", "SELECT A FROM t"),
    ],
)
async def test_what_may_fail_bind_or_be_called_otherwise_is_kept_apart(pair):
    one, other = await names(pair, base="SELECT a FROM t")
    assert one != other


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a + 1 FROM t",
        "SELECT a FROM t NATURAL JOIN k",
        "SELECT a FROM t JOIN k USING (a)",
        "SELECT a FROM (VALUES (1)) AS v(a)",
        "SELECT a FROM t ORDER BY RANDOM()",
        "SELECT a FROM nowhere",
        "SELECT a FROM",
        "SELECT a FROM t; DROP TABLE t",
    ],
)
async def test_what_is_refused_or_not_understood_has_no_name(text):
    assert await names([text], base="SELECT a FROM t") == [""]


async def test_the_sides_of_a_comparison_stay_where_they_are_beside_a_collation():
    ddl = "CREATE TABLE t (a TEXT COLLATE NOCASE, b TEXT COLLATE BINARY)"
    pair = ["SELECT a FROM t WHERE a = b", "SELECT a FROM t WHERE b = a"]
    one, other = await names(pair, "sqlite", base="SELECT a FROM t", ddl=ddl)
    assert one != other


async def test_a_verdict_is_served_to_the_same_question_of_the_same_engines_alone(tmp_path):
    made = problem("q.sql", TEXT, DDL, "duckdb", Goal.SPEED, {})
    verdict, original = (
        Verdict(status=Status.FAILED, feedback="wrong"),
        Candidate(files={"q.sql": TEXT}),
    )
    version = Candidate(files={"q.sql": ALIKE[5]})
    own, its = await names([TEXT, ALIKE[5]])
    for toolchain, served in (("duckdb 1.4", verdict), ("duckdb 1.5", None)):
        cache = VerdictCache(tmp_path / "v.sqlite", toolchain)
        if served:
            cache.put(made, original, Depth.QUICK, verdict, behaviour=own)
        assert cache.get(made, version, Depth.QUICK) is None
        assert cache.get(made, version, Depth.QUICK, behaviour=its) == served
        cache.close()
