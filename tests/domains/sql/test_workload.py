"""Folders and logs are taken apart into files of one query each, most time first."""

import dataclasses
from pathlib import Path

import pytest

from proofsmith.agents.report import records
from proofsmith.cli.workload import Row, show
from proofsmith.domains.sql.source import read
from proofsmith.domains.sql.workload import split
from proofsmith.errors import UsageError
from proofsmith.types import Goal

LOG = """2024-01-01 10:00:00 UTC [7] LOG:  duration: 12.5 ms  statement: SELECT a
\tFROM t WHERE a = 1
2024-01-01 10:00:01 UTC [7] LOG:  duration: 80.0 ms  execute s1: SELECT a FROM t WHERE a = 22
2024-01-01 10:00:01 UTC [7] DETAIL:  parameters: $1 = '3'
2024-01-01 10:00:02 UTC [7] LOG:  duration: 50.0 ms  statement: SELECT b FROM t
2024-01-01 10:00:03 UTC [7] LOG:  statement: UPDATE t SET a = 1
2024-01-01 10:00:03 UTC [7] ERROR:  syntax error
2024-01-01 10:00:03 UTC [7] LOG:  statement: SELECT 1
"""


def test_queries_of_one_shape_are_one_file_of_the_slowest_and_the_costliest_comes_first(tmp_path):
    (tmp_path / "server.log").write_text(LOG)
    files = split(tmp_path / "server.log", {"engine": "postgresql"}, tmp_path / "into")
    assert [f.read_text() for f in files] == [
        "SELECT a FROM t WHERE a = 22;\n",
        "SELECT b FROM t;\n",
    ]


def test_the_logged_values_of_a_prepared_statement_stand_in_its_text(tmp_path):
    log = """10:00 LOG:  duration: 12.5 ms  execute <unnamed>: SELECT a FROM t
\tWHERE a = $1 AND b = $2 AND c <> '$1' AND d = $3
10:00 DETAIL:  parameters: $1 = '17', $2 = NULL, $10 = 'x', $3 = 'it''s'
10:01 LOG:  statement: SELECT b FROM t
10:01 DETAIL:  something else: $1 = '3'
"""
    (tmp_path / "server.log").write_text(log)
    files = split(tmp_path / "server.log", {"engine": "postgresql"}, tmp_path / "into")
    assert [f.read_text() for f in files] == [
        "SELECT a FROM t\nWHERE a = '17' AND b = NULL AND c <> '$1' AND d = 'it''s';\n",
        "SELECT b FROM t;\n",
    ]


def test_a_list_of_statements_is_a_log_too(tmp_path):
    (tmp_path / "plain.log").write_text("SELECT a FROM t; DELETE FROM t; SELECT b FROM t;")
    files = split(tmp_path / "plain.log", {}, tmp_path / "into")
    assert len(files) == 2


def test_the_schema_of_a_folder_is_no_query(tmp_path):
    for name in ("b.sql", "a.sql", "schema.sql", "ddl.sql"):
        (tmp_path / name).write_text("SELECT 1")
    files = split(tmp_path, {"schema": str(tmp_path / "ddl.sql")}, tmp_path)
    assert [f.name for f in files] == ["a.sql", "b.sql"]


def test_a_value_is_for_the_queries_that_have_its_parameter_and_some_query_must(tmp_path):
    (tmp_path / "a.sql").write_text("SELECT a FROM t WHERE a = :a")
    (tmp_path / "b.sql").write_text("SELECT a FROM t WHERE a = $b")
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (a INTEGER)")
    values = {"param": ["a=1", "b=2"]}
    first, second = split(tmp_path, values, tmp_path)
    options = {**values, "workload": True}
    assert [read(p, Goal.SPEED, options).options["param"] for p in (first, second)] == [
        ["a=1"],
        ["b=2"],
    ]
    with pytest.raises(UsageError, match="no parameter b"):
        read(first, Goal.SPEED, values)
    with pytest.raises(UsageError, match="no query has the parameter of --param c=3"):
        split(tmp_path, {"param": ["a=1", "c=3"]}, tmp_path)


def test_nothing_to_work_on_is_said(tmp_path):
    with pytest.raises(UsageError, match="holds no query"):
        split(tmp_path, {}, tmp_path)


def test_the_table_says_where_made_files_are_and_calls_a_bound_a_bound(capsys):
    fixture = Path(__file__).resolve().parents[2] / "fixtures" / "report" / "matmul.json"
    report = records.from_json(fixture.read_text())
    bound = dataclasses.replace(report.best.comparisons[0], ratio=70.8, low=66.0, high=None)
    best = dataclasses.replace(report.best, comparisons=(bound,))
    row = Row(path=Path("made/query-001.sql"), report=dataclasses.replace(report, best=best))
    assert show([row], as_json=False, place=Path("made")) == 0
    told = capsys.readouterr().out
    assert "query-001.sql            at least 70.8x, " in told
    assert "the files are in made" in told
