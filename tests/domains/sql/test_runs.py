"""A gain on a query is earned again by `runs replay` and written to the file by `runs apply`, on every engine."""

import json
import random

import pytest

from tests.cli.command import proofsmith

DDL = """CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER);
CREATE TABLE b (x INTEGER, y INTEGER);"""
QUERY = "SELECT COUNT(*) AS n FROM a JOIN b ON a.x = b.x OR a.y = b.y"
VIEW = "CREATE VIEW w AS SELECT x, y FROM b; -- mine\n"
ROWS = {"duckdb": 2000, "sqlite": 500, "postgresql": 500}
"""Few enough for the engine that joins by OR most slowly."""


def rows(folder, count):
    draw = random.Random(1)
    cells = [
        f"{draw.randrange(900)},{draw.choice([draw.randrange(900), ''])}" for _ in range(count)
    ]
    folder.mkdir()
    (folder / "a.csv").write_text(
        "id,x,y\n" + "\n".join(f"{n},{cell}" for n, cell in enumerate(cells))
    )
    (folder / "b.csv").write_text("x,y\n" + "\n".join(reversed(cells)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "beside"), [("duckdb", ""), ("sqlite", VIEW), ("postgresql", "")]
)
def test_a_gain_is_replayed_and_applied(engine, beside, tmp_path):
    text = f"{beside}{QUERY.replace('b ON', 'w b ON')}" if beside else QUERY
    rows(tmp_path / "rows", ROWS[engine])
    (tmp_path / "s.sql").write_text(DDL)
    query = tmp_path / "q.sql"
    query.write_text(text)
    given = ["--schema", "s.sql", "--engine", engine, "--data", "rows", "--no-model"]
    kept = ["--runs-dir", "runs"]
    found = proofsmith(
        "optimize", "q.sql", *given, *kept, "-b", "1 attempts", "--json", cwd=tmp_path, timeout=300
    )
    assert found.returncode == 0, found.stderr
    run = json.loads(found.stdout)["report"]["run_id"]
    assert query.read_text() == text

    again = proofsmith("runs", "replay", run, *kept, "--json", cwd=tmp_path, timeout=300)
    told = json.loads(again.stdout)
    assert again.returncode == 0, again.stdout
    assert told["holds"]
    assert len(told["pieces"]) >= 2

    applied = proofsmith("runs", "apply", run, "--yes", *kept, cwd=tmp_path, timeout=60)
    assert applied.returncode == 0, applied.stderr
    assert "UNION ALL" in query.read_text().upper()
    assert query.read_text().startswith(beside)
    judged = ["--schema", "s.sql", "--engine", engine]
    (tmp_path / "before.sql").write_text(text)
    check = proofsmith("check", "before.sql", "q.sql", *judged, cwd=tmp_path, timeout=120)
    assert check.returncode == 0, check.stdout
