"""Generated columns: the engine computes them in the databases for tests, and nothing else is believed of them."""

import random
import sqlite3

import pytest

from proofsmith.domains.sql.copies import mutated
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.population import populate
from proofsmith.domains.sql.testing.databases import Generator, inserts, keeps, shuffled
from proofsmith.domains.sql.testing.pools import Pools
from proofsmith.types import Depth, Status
from tests.domains.sql.test_verify import judged

STORED = "CREATE TABLE m (a INT, b INT, g INT GENERATED ALWAYS AS (a + 1) STORED);"
PLAIN = "CREATE TABLE m (a INT, b INT, g INT GENERATED ALWAYS AS (a + 1));"
VIRTUAL = PLAIN.replace("1))", "1) VIRTUAL)")
KEY = "CREATE TABLE m (a INT NOT NULL, b INT, g INT GENERATED ALWAYS AS (a + 1) STORED UNIQUE);"
TEXT = "CREATE TABLE m (s VARCHAR(9), g VARCHAR(9) GENERATED ALWAYS AS (upper(s)) STORED);"
TENS = "CREATE TABLE m (a INT NOT NULL, b INT, g INT GENERATED ALWAYS AS (a % 10) STORED);"
TWO = ("sqlite", "postgresql")
CASES = [
    (TWO, STORED, "SELECT g FROM m", "SELECT a + 1 AS g FROM m", True),
    (TWO, STORED, "SELECT g FROM m", "SELECT a AS g FROM m", False),
    (TWO, STORED, "SELECT COUNT(g) AS n FROM m", "SELECT COUNT(*) AS n FROM m", False),
    (TWO, STORED, "SELECT b FROM m WHERE g > 3", "SELECT b FROM m WHERE a > 2", True),
    (TWO, STORED, "SELECT b FROM m WHERE g > 3", "SELECT b FROM m WHERE a >= 2", False),
    (TWO, KEY, "SELECT a FROM m", "SELECT DISTINCT a FROM m", True),
    (TWO, KEY, "SELECT b FROM m", "SELECT DISTINCT b FROM m", False),
    (TWO, TEXT, "SELECT g FROM m", "SELECT upper(s) AS g FROM m", True),
    (TWO, TEXT, "SELECT g FROM m", "SELECT s AS g FROM m", False),
    (TWO, TENS, "SELECT g FROM m WHERE g < 10", "SELECT g FROM m", True),
    (TWO, TENS, "SELECT g FROM m WHERE g < 9", "SELECT g FROM m", False),
    *(
        (engines, ddl, "SELECT COUNT(g) AS n FROM m", f"SELECT COUNT({what}) AS n FROM m", right)
        for engines, ddl in ((("sqlite", "duckdb"), VIRTUAL), (("duckdb",), PLAIN))
        for what, right in (("a", True), ("*", False))
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "ddl", "base", "candidate", "right"),
    [(engine, *case) for engines, *case in CASES for engine in engines],
)
async def test_what_a_generated_column_makes_right_is_not_refused_and_all_else_is(
    engine, ddl, base, candidate, right
):
    for depth in (Depth.QUICK, Depth.FULL):
        verdict = await judged(base, candidate, engine, depth, ddl=ddl)
        if right:
            understood = depth is Depth.QUICK or ddl not in (TEXT, TENS)
            least = Status.TESTED if understood else Status.UNDECIDED
            assert verdict.status.at_least(least), verdict
        else:
            assert verdict.status is Status.FAILED, verdict
            assert "GENERATED ALWAYS AS" in verdict.evidence[-1].facts["script"]
            assert "GENERATED ALWAYS AS" in verdict.feedback


@pytest.mark.parametrize(
    ("engine", "ddl"),
    [
        *(("sqlite", ddl) for ddl in (STORED, PLAIN, VIRTUAL)),
        *(("duckdb", ddl) for ddl in (PLAIN, VIRTUAL)),
        ("postgresql", STORED),
    ],
)
def test_what_is_computed_may_be_null_and_what_is_counted_may_not(engine, ddl):
    column = parse_schema(ddl, engine).tables["m"].column("g")
    assert column.nullable
    assert "a + 1" in column.computed
    identity = "CREATE TABLE m (g INT GENERATED ALWAYS AS IDENTITY)"
    column = parse_schema(identity, "postgresql").tables["m"].column("g")
    assert (column.nullable, column.computed) == (False, "")


def test_made_up_rows_keep_to_it(tmp_path):
    schema = parse_schema(KEY, "sqlite")
    generator = Generator(schema, Pools(), 7)
    engine = sqlite3.connect(":memory:")
    engine.executescript(create_tables(schema, exact=True))
    for database in [*generator.databases(60), generator.large(30)]:
        assert keeps(schema, database)
        mixed = shuffled(database, random.Random(1))
        engine.executescript(f"DELETE FROM m; {inserts(schema, mixed)}")
        assert engine.execute("SELECT a, b, g FROM m").fetchall() == mixed["m"]
    (tmp_path / "changed").mkdir()
    populate(schema, Pools(), tmp_path, rows=400)
    assert mutated(schema, tmp_path, tmp_path / "changed", 2)
    for path in (tmp_path / "m.csv", tmp_path / "changed" / "m.csv"):
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        assert rows
        assert all(int(g) == int(a) + 1 for a, _, g in rows)
