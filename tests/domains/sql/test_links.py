"""Paths along which recursion goes on, and rows that fan out alike, are met at quick depth whatever the seed."""

import pytest
import sqlglot

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.testing.conditions import wishes_of
from proofsmith.domains.sql.testing.databases import Generator, keeps
from proofsmith.domains.sql.testing.links import steps_of
from proofsmith.domains.sql.testing.pools import Pools, pools_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

DDL = """CREATE TABLE stop (id INTEGER PRIMARY KEY, zone VARCHAR(9) UNIQUE);
CREATE TABLE hop (src INTEGER NOT NULL REFERENCES stop(id), dst INTEGER NOT NULL REFERENCES stop(id), fare INTEGER,
  PRIMARY KEY (src, dst));
CREATE TABLE part (id INTEGER PRIMARY KEY, within INTEGER REFERENCES part(id), made DATE,
  grams INTEGER CHECK (grams > 0));
CREATE TABLE test (part_id INTEGER NOT NULL REFERENCES part(id), kind VARCHAR(9) NOT NULL, day DATE NOT NULL,
  mark INTEGER, PRIMARY KEY (part_id, kind, day));
CREATE TABLE leg (a VARCHAR(3), b VARCHAR(3), far BOOLEAN);"""
WALK = """WITH RECURSIVE r(place, n) AS (SELECT 2, 0 UNION SELECT h.dst, r.n + 1 FROM r JOIN hop h ON h.src = r.place
WHERE r.n < {}) SELECT DISTINCT place FROM r"""
CLIMB = """SELECT a.id FROM part a JOIN part b ON b.id = a.within JOIN part c ON c.id = b.within
JOIN part d ON d.id = c.within JOIN part e ON e.id = d.within"""
LEGS = (
    "SELECT p.a FROM leg p JOIN leg q ON q.a = p.b JOIN leg r ON r.a = q.b JOIN leg s ON s.a = r.b"
)
TWINS = """SELECT p.id FROM part p LEFT JOIN part q ON q.id = p.within
LEFT JOIN test t ON t.part_id = q.id AND t.mark > 7"""


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        (WALK.format(3), WALK.format(4)),
        (WALK.format(4), WALK.format(5)),
        (CLIMB, f"{CLIMB} AND e.within IS NULL"),
        (LEGS, f"{LEGS} AND s.b IN (p.a, p.b, q.b, r.b)"),
        (TWINS, "SELECT id FROM part"),
    ],
)
async def test_what_long_paths_and_twins_alone_show_is_refused(engine, base, candidate):
    for seed in range(2):
        given = problem("q.sql", base, DDL, engine, Goal.SPEED, {"seed": seed})
        made = Candidate(files={**given.files, "q.sql": candidate})
        verdict = await SqlDomain().verify(given, made, await open_sandbox(), Depth.QUICK)
        assert verdict.status is Status.FAILED, (seed, verdict)


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_databases_with_paths_and_twins_keep_the_constraints(engine):
    schema = parse_schema(DDL, engine)
    queries = [sqlglot.parse_one(text) for text in (WALK.format(3), CLIMB, LEGS, TWINS)]
    made, again = ([*Generator(schema, Pools(), 5, None, queries).databases(400)] for _ in range(2))
    assert made == again
    assert all(keeps(schema, database) for database in made)


def test_a_row_leads_on_only_to_what_its_references_find():
    ddl = """CREATE TABLE k (a INTEGER PRIMARY KEY, b INTEGER, UNIQUE (a, b));
CREATE TABLE m (a INTEGER PRIMARY KEY);
CREATE TABLE t (id INTEGER PRIMARY KEY, w INTEGER REFERENCES k(a), x INTEGER REFERENCES k(a), y INTEGER REFERENCES m(a),
  z BIGINT, up INTEGER REFERENCES t(id), p INTEGER, q INTEGER, FOREIGN KEY (p, q) REFERENCES k(a, b))"""
    table = parse_schema(ddl, "postgresql").tables["t"]
    steps = steps_of(table, frozenset(["id", "w", "x", "y", "z", "up", "p"]))
    assert set(steps) == {("w", "x"), ("x", "w"), ("up", "id")}
    assert steps_of(table, frozenset(["id", "q"])) == []


WET = "SELECT p.id FROM part p LEFT JOIN test t ON t.part_id = p.within AND t.mark > 7 AND t.kind = 'wet'"
HEAVY = f"""SELECT p.id FROM part p JOIN part q ON q.id = p.within AND q.grams = 5 AND q.made < '2024-01-01'
JOIN ({WET}) w ON TRUE"""


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_rows_that_meet_several_conditions_fan_out(engine):
    schema = parse_schema(DDL, engine)
    queries = [sqlglot.parse_one(HEAVY)]
    databases = [*Generator(schema, pools_of(queries), 1, None, queries).databases(300)]
    assert all(keeps(schema, database) for database in databases)
    wet = [
        [row[0] for row in d["test"] if row[1] == "wet" and (row[3] or 0) > 7] for d in databases
    ]
    assert sum(len(parts) > len(set(parts)) for parts in wet) > 15
    heavy = [[r for r in d["part"] if r[3] == 5 and str(r[2] or "9") < "2024"] for d in databases]
    assert sum(len(rows) > 1 for rows in heavy) > 30


def test_what_a_query_asks_of_single_columns_is_read_with_null_as_unmet():
    text = "SELECT a FROM t WHERE a > 3 AND b IN (1, NULL) AND a < b GROUP BY a HAVING SUM(a) > 9 OR a IS NULL"
    found = wishes_of([sqlglot.parse_one(text)])
    assert {name: len(wishes) for name, wishes in found.items()} == {"a": 2, "b": 1}
    (asked,) = found["b"]
    assert [asked.holds({"b": cell}, null=False) for cell in (1, 2, None)] == [True, False, False]
    assert asked.holds({"b": 2})
