"""Comparisons with a sum, an average or a count are told apart at their boundary, at quick depth already."""

import random
from fractions import Fraction

import pytest
import sqlglot

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.testing.databases import Generator, keeps
from proofsmith.domains.sql.testing.levels import Level, levels_of
from proofsmith.domains.sql.testing.pools import Pools
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

DDL = """CREATE TABLE t (id INTEGER PRIMARY KEY, g INTEGER, x INTEGER, y INTEGER NOT NULL,
  c INTEGER CHECK (c BETWEEN 1 AND 9));
CREATE TABLE u (id INTEGER PRIMARY KEY, t_id INTEGER NOT NULL REFERENCES t(id), q INTEGER);"""
GROUPED = "SELECT g FROM t GROUP BY g HAVING "
JOINED = "SELECT t.g FROM t JOIN u ON u.t_id = t.id GROUP BY t.g HAVING "


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("text", "one", "other"),
    [
        (GROUPED + "AVG(x) {} 12.5", "<", "<="),
        (GROUPED + "AVG(y) {} 33.25", ">", ">="),
        (GROUPED + "COUNT(*) >= 3 AND SUM(x) {} 70", "<", "<="),
        (GROUPED + "AVG(x) {} 17 AND MAX(x) > 30", "<", "<="),
        (GROUPED + "AVG(x) {} 17 AND MIN(x) < 10", "=", ">="),
        (GROUPED + "SUM(c) {} 25", ">", ">="),
        (GROUPED + "COUNT(DISTINCT x) {} 3", "=", ">="),
        (JOINED + "COUNT(*) > 2 AND AVG(u.q) {} 15", "<", "<="),
        ("SELECT y FROM (SELECT y, AVG(x) AS a FROM t GROUP BY y) d WHERE d.a {} 21.5", "<", "<="),
    ],
)
async def test_operators_that_differ_at_a_boundary_alone_are_told_apart(engine, text, one, other):
    given = problem("q.sql", text.format(one), DDL, engine, Goal.SPEED, {})
    made = Candidate(files={**given.files, "q.sql": text.format(other)})
    verdict = await SqlDomain().verify(given, made, await open_sandbox(), Depth.QUICK)
    assert verdict.status is Status.FAILED, verdict


def test_numbers_are_found_at_the_aggregates_that_they_bound():
    text = """SELECT g, SUM(y) FROM t GROUP BY g HAVING AVG(x) < -2.5 UNION ALL
SELECT g, s FROM (SELECT g, SUM(y) AS s FROM t AS a WHERE a.id = a.g GROUP BY g) d WHERE s > 7"""
    found = levels_of([sqlglot.parse_one(text)])
    told = {(level.kind.key, level.column, level.amount) for level in found.wanted}
    assert told == {
        ("avg", "x", Fraction("-2.5")),
        ("sum", "y", Fraction("-2.5")),
        ("sum", "y", Fraction(7)),
    }
    assert found.grouped == {"g", "id"}


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_levelled_databases_keep_the_constraints_and_equal_seeds_give_equal_ones(engine):
    ddl = f"{DDL} CREATE TABLE v (t_id INTEGER REFERENCES t(id), d DECIMAL(4, 1) UNIQUE, f DOUBLE PRECISION)"
    schema = parse_schema(ddl, engine)
    query = "SELECT 1 FROM t HAVING SUM(c) > 30 AND AVG(y) = 3.5 AND SUM(d) < 2.25 AND AVG(f) > 0.1"
    levels = levels_of([sqlglot.parse_one(query)])
    made, again = ([*Generator(schema, Pools(), 3, levels).databases(300)] for _ in range(2))
    assert made == again
    assert len(made) == 400
    assert all(keeps(schema.only(schema.tables), database) for database in made)
    totals = [sum(row[4] or 0 for row in database["t"]) for database in made[300:]]
    assert 30 in totals


def test_a_level_that_no_row_can_meet_leaves_them_as_they_are():
    table = parse_schema(DDL, "duckdb").tables["t"]
    levels = levels_of([sqlglot.parse_one("SELECT 1 FROM t HAVING AVG(x) > 0.001")])
    rows = [(n, n, n, n, 1) for n in range(3)]
    level = Level(sqlglot.exp.Avg, "x", Fraction("0.001"))
    for seed in range(9):
        found = levels.laid(table, rows, [level], random.Random(seed), lambda row: True)
        assert [row[2] for row in found] == [0, 1, 2]
    refused = levels.laid(table, rows, [level], random.Random(1), lambda row: False)
    assert refused == rows
