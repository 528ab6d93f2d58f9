"""What is not installed, or does not hold of the data, is one line with what to do, and nothing stands in for it."""

import subprocess
import sys

import pytest

from proofsmith.domains.sql.bench import filled
from proofsmith.domains.sql.copies import mutated
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


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
async def test_a_blank_last_line_is_no_row_and_a_field_may_be_long(
    engine, tmp_path, tmp_path_factory
):
    tmp_path.chmod(0o755)
    (tmp_path / "t.csv").write_text(f"id,x\n1,{'x' * 200_000}\n\n")
    schema = parse_schema("CREATE TABLE t (id INTEGER, x VARCHAR)", engine)
    bench = await filled(schema, tmp_path, "rows", await open_sandbox())
    found = await bench.database.run("SELECT COUNT(*) AS n, MAX(LENGTH(x)) AS m FROM t")
    assert found.rows == ((1, 200_000),)
    await bench.engine.close()
    assert mutated(schema, tmp_path, tmp_path_factory.mktemp("changed"), 0)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
async def test_an_empty_field_of_a_text_that_is_never_null_is_the_empty_text(engine, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "t.csv").write_text("x,id,y\n,1,\nb,2,c\n")
    ddl = "CREATE TABLE t (id INTEGER NOT NULL, x VARCHAR(9) NOT NULL, y VARCHAR(9))"
    bench = await filled(parse_schema(ddl, engine), tmp_path, "rows", await open_sandbox())
    found = await bench.database.run("SELECT id, x, y FROM t ORDER BY id")
    assert found.rows == ((1, "", None), (2, "b", "c"))
    await bench.engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("rows", ["1,5\n2\n", "1,5\n2,6,7\n"])
async def test_a_row_with_other_fields_than_the_header_is_named_by_its_line(rows, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "t.csv").write_text(f"id,n\n{rows}")
    schema = parse_schema("CREATE TABLE t (id INTEGER, n INTEGER)", "sqlite")
    with pytest.raises(UsageError, match="t.csv, line 3: . fields where the header names 2"):
        await filled(schema, tmp_path, "rows", await open_sandbox())


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({"c": ROWS["c"]}, "no readable p.csv"),
        ({**ROWS, "c": "id,q\n1,1\n"}, "column 'q'"),
        ({**ROWS, "c": ""}, "c.csv has no header"),
        ({**ROWS, "c": "id,p_id\n\udce9,1\n"}, "c.csv is not UTF-8 text"),
    ],
)
def test_data_that_lack_a_table_or_column_are_refused_before_any_search(kept, told, tmp_path):
    written(tmp_path)
    (tmp_path / "rows").mkdir()
    for table, rows in kept.items():
        (tmp_path / "rows" / f"{table}.csv").write_bytes(rows.encode(errors="surrogateescape"))
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
