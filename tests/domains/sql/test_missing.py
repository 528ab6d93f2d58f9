"""What is not installed, or does not hold of the data, is one line with what to do, and nothing stands in for it."""

import subprocess
import sys

import pytest

from proofsmith.domains.sql.bench import filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from tests.cli.command import environment, proofsmith

DDL = """CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0));
CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER REFERENCES p(id));"""
ROWS = {"p": "id,n\n1,5\n2,6\n", "c": "id,p_id\n1,1\n2,2\n3,\n"}


def written(folder):
    (folder / "s.sql").write_text(DDL)
    (folder / "q.sql").write_text("SELECT id FROM c WHERE p_id > 1")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
async def test_rows_that_break_a_declared_constraint_stop_the_run_and_are_named(engine, tmp_path):
    schema, sandbox = parse_schema(DDL, engine), await open_sandbox()
    for name, (table, text, told) in {
        "key": ("p", "id,n\n1,5\n1,6\n", "unique|duplicate"),
        "null": ("p", "id,n\n1,5\n2,\n", "not.null"),
        "check": ("p", "id,n\n1,5\n2,-6\n", "check"),
        "parent": ("c", "id,p_id\n1,1\n2,77\n", "p_id = 77"),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        folder.chmod(0o755)
        for each, rows in {**ROWS, table: text}.items():
            (folder / f"{each}.csv").write_text(rows)
        with pytest.raises(UsageError, match=f"(?i){told}") as refused:
            await filled(schema, folder, "rows", sandbox)
        assert "\n" not in refused.value.message


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
async def test_rows_that_hold_what_is_declared_are_taken(engine, tmp_path):
    tmp_path.chmod(0o755)
    for each, rows in ROWS.items():
        (tmp_path / f"{each}.csv").write_text(rows)
    bench = await filled(parse_schema(DDL, engine), tmp_path, "rows", await open_sandbox())
    assert (await bench.database.run("SELECT COUNT(*) AS n FROM c")).rows == ((3,),)
    await bench.engine.close()


@pytest.mark.parametrize(
    ("kept", "told"),
    [({"c": ROWS["c"]}, "no readable p.csv"), ({**ROWS, "c": "id,q\n1,1\n"}, "column 'q'")],
)
def test_data_that_lack_a_table_or_column_are_refused_before_any_search(kept, told, tmp_path):
    written(tmp_path)
    (tmp_path / "rows").mkdir()
    for table, rows in kept.items():
        (tmp_path / "rows" / f"{table}.csv").write_text(rows)
    given = ["q.sql", "--schema", "s.sql", "--data", "rows"]
    for command in (["optimize", *given, "--no-model"], ["check", "q.sql", *given]):
        found = proofsmith(*command, cwd=tmp_path)
        first, hint = found.stderr.splitlines()
        assert (found.returncode, found.stdout) == (2, "")
        assert told in first
        assert hint.startswith("  hint: ")


def test_a_missing_package_is_named_with_how_to_install_it(tmp_path):
    written(tmp_path)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "duckdb.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'duckdb'\", name='duckdb')"
    )
    path = f"{hidden}:{environment(tmp_path)['PYTHONPATH']}"
    found = proofsmith(
        "check", "q.sql", "q.sql", "--schema", "s.sql", cwd=tmp_path, PYTHONPATH=path
    )
    assert found.returncode == 3
    assert found.stderr.splitlines() == [
        "proofsmith: the package duckdb, which sql needs, is not installed",
        "  hint: pip install 'proofsmith[sql]'",
    ]


def test_a_missing_server_is_named_and_no_other_engine_answers_for_it(tmp_path):
    written(tmp_path)
    hide = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/usr/lib/postgresql"]
    asked = ["check", "q.sql", "q.sql", "--schema", "s.sql", "--engine", "postgresql"]
    found = subprocess.run(
        [*hide, sys.executable, "-m", "proofsmith", *asked],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 3
    assert found.stderr.splitlines() == [
        "proofsmith: PostgreSQL is not installed",
        "  hint: apt-get install postgresql",
    ]
    assert found.stdout == ""
