"""Every exit code of the table is reached by what the table says."""

import dataclasses
import json
from pathlib import Path

import pytest

from proofsmith import cli
from proofsmith.agents.report import records
from proofsmith.cli import search, workload
from proofsmith.cli.exits import Exit
from proofsmith.errors import BudgetSpent, ModelError, SandboxError, StoreError, UsageError
from proofsmith.types import Conclusion
from tests.cli.command import ROOT

REPORT = records.from_json((ROOT / "tests/fixtures/report/matmul.json").read_text())


@pytest.mark.parametrize(
    ("conclusion", "ended_by", "code"),
    [
        (Conclusion.IMPROVED, "finished", Exit.DONE),
        (Conclusion.SOLVED, "budget:wall_s", Exit.DONE),
        (Conclusion.IMPROVED, "model", Exit.DONE),
        (Conclusion.NONE, "finished", Exit.NOT_SO),
        (Conclusion.NONE, "budget:attempts", Exit.NOT_SO),
        (Conclusion.DISPROVED, "finished", Exit.NOT_SO),
        (Conclusion.NONE, "model", Exit.MODEL),
    ],
)
def test_a_report_becomes_an_exit_code(conclusion, ended_by, code):
    report = dataclasses.replace(REPORT, conclusion=conclusion, ended_by=ended_by)
    assert search.exit_code(report) == code


def test_an_interrupted_search_is_interrupted_whatever_it_found():
    with pytest.raises(KeyboardInterrupt):
        search.exit_code(dataclasses.replace(REPORT, ended_by="interrupted"))


def test_nothing_is_searched_after_an_interruption():
    reports = {"a.sql": "finished", "b.sql": "interrupted"}
    rows = workload.searched(
        [Path("a.sql"), Path("b.sql"), Path("c.sql")],
        lambda path: dataclasses.replace(REPORT, ended_by=reports[path.name]),
        quiet=True,
    )
    assert [row.path.name for row in rows] == ["a.sql", "b.sql"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no", hint="do"), Exit.USAGE),
        (SandboxError("no", hint="do"), Exit.MACHINERY),
        (StoreError("no", hint="do"), Exit.MACHINERY),
        (ModelError("no", hint="do"), Exit.MODEL),
        (BudgetSpent("tokens"), Exit.MACHINERY),
        (OSError(28, "No space left on device", "x"), Exit.MACHINERY),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (ExceptionGroup("tasks", [UsageError("no", hint="do")]), Exit.USAGE),
    ],
)
def test_an_error_becomes_an_exit_code_one_line_and_a_hint(error, code, capsys):
    assert cli._failed(error) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("proofsmith: ")
    assert len(lines) <= 2


@pytest.mark.parametrize(
    ("verb", "told"), [("optimize", "goes on where it stopped"), ("check", "begins anew")]
)
def test_an_interrupted_command_says_what_the_same_command_does(verb, told, capsys):
    assert cli._interrupted([verb, "x"]) == Exit.INTERRUPTED
    assert f"the same command {told}" in capsys.readouterr().err


def test_a_defect_of_ours_keeps_its_traceback_in_a_file(capsys):
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    assert cli._failed(caught.value) == Exit.MACHINERY
    told, hint = capsys.readouterr().err.splitlines()
    assert told.startswith("proofsmith: internal error")
    saved = Path(hint.split()[-1])
    assert "json.loads" in saved.read_text()
    saved.unlink()
