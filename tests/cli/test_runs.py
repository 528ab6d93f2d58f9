"""Earlier runs are listed, shown, applied with care and removed."""

import json
import shutil
from pathlib import Path

import pytest

from proofsmith.agents import report as reports
from proofsmith.agents.report import records
from proofsmith.memory.ledger import Ledger
from proofsmith.types import Reply
from tests.cli.command import ROOT, complained, inside

RUN = "20261121-154800-matmul-3fa1"


@pytest.fixture
def proofsmith(tmp_path, monkeypatch, capsys):
    return inside(monkeypatch, capsys, tmp_path)


@pytest.fixture
def project(tmp_path):
    """Return a folder with matmul.c and one finished run on it."""
    document = json.loads((ROOT / "tests/fixtures/report/matmul.json").read_text())
    document["report"]["manifest"]["source"] = str(tmp_path / "matmul.c")
    report = records.from_json(json.dumps(document))
    reports.write(report, tmp_path / ".proofsmith/runs" / RUN)
    (tmp_path / "matmul.c").write_text(report.problem.files["matmul.c"])
    return tmp_path


def best(project):
    return reports.load(project / ".proofsmith/runs" / RUN).best.candidate.files["matmul.c"]


def test_runs_are_listed_with_problem_conclusion_and_gain(project, proofsmith):
    (project / ".proofsmith/runs/unfinished-one").mkdir()
    text = proofsmith("runs", "list").stdout
    assert f"{RUN}  matmul  improved  12.7x" in text
    assert "unfinished-one    unfinished" in text
    rows = json.loads(proofsmith("runs", "list", "--json").stdout)["runs"]
    assert {row["run"] for row in rows} == {RUN, "unfinished-one"}


def test_an_unfinished_run_is_named_as_one(project, proofsmith):
    (project / ".proofsmith/runs/unfinished-one").mkdir()
    complained(proofsmith("runs", "show", "unfinished-one"), 3, "is unfinished", "goes on")


def test_no_runs_are_an_empty_list(proofsmith):
    done = proofsmith("runs", "list")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_beginning_of_an_id_is_enough_when_it_is_unique(project, proofsmith):
    assert "12.7x" in proofsmith("runs", "show", "2026").stdout
    shutil.copytree(project / ".proofsmith/runs" / RUN, project / ".proofsmith/runs/20261122")
    complained(proofsmith("runs", "show", "2026"), 2, "begins several runs", RUN)


@pytest.mark.parametrize("name", ["..", "/", "", "../.."])
def test_an_id_never_leaves_the_runs_folder(project, proofsmith, name):
    complained(proofsmith("runs", "rm", name), 2)
    assert (project / "matmul.c").exists()


def test_show_as_json_is_the_report(project, proofsmith):
    text = proofsmith("runs", "show", RUN, "--json").stdout
    assert records.from_json(text).run_id == RUN


def test_apply_asks_first_and_a_no_leaves_the_file_alone(project, proofsmith):
    before = (project / "matmul.c").read_text()
    done = proofsmith("runs", "apply", RUN, stdin="n\n")
    assert done.returncode == 1
    assert (project / "matmul.c").read_text() == before
    assert "+        for (int k = 0" in done.stderr


@pytest.mark.parametrize(("flags", "answer"), [([], "y\n"), (["--yes"], "")])
def test_apply_writes_the_best_version_and_says_how_to_build_it(project, proofsmith, flags, answer):
    (project / "matmul.c").chmod(0o640)
    done = proofsmith("runs", "apply", RUN, *flags, stdin=answer)
    assert done.returncode == 0, done.stderr
    assert (project / "matmul.c").read_text() == best(project)
    assert (project / "matmul.c").stat().st_mode & 0o777 == 0o640
    assert "-fopenmp" in done.stdout


def test_apply_without_an_answer_changes_nothing(project, proofsmith):
    before = (project / "matmul.c").read_text()
    done = proofsmith("runs", "apply", RUN)
    assert done.returncode == 1
    assert (project / "matmul.c").read_text() == before


@pytest.mark.parametrize("change", [lambda p: p.write_text("new\n"), Path.unlink])
def test_apply_refuses_when_the_file_changed_or_is_gone(project, proofsmith, change):
    path = project / "matmul.c"
    change(path)
    complained(proofsmith("runs", "apply", RUN, "--yes"), 2, "since the run")
    assert not path.exists() or path.read_text() == "new\n"


def test_apply_never_writes_outside_the_folder_of_the_source(project, proofsmith):
    path = project / ".proofsmith/runs" / RUN / "report.json"
    document = json.loads(path.read_text())
    document["report"]["best"]["candidate"]["files"] = {"../evil.c": "x"}
    path.write_text(json.dumps(document))
    complained(proofsmith("runs", "apply", RUN, "--yes"), 2, "outside")
    assert not (project.parent / "evil.c").exists()


def test_an_edited_report_is_not_believed(project, proofsmith):
    path = project / ".proofsmith/runs" / RUN / "report.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 9'))
    complained(proofsmith("runs", "show", RUN), 3, "schema version 9")


def test_a_run_is_removed_with_all_its_files(project, proofsmith):
    assert proofsmith("runs", "rm", RUN).returncode == 0
    assert not (project / ".proofsmith/runs" / RUN).exists()


def test_what_the_model_was_asked_and_replied_is_shown_in_order(project, proofsmith):
    folder = project / ".proofsmith/runs" / RUN
    with Ledger(folder / "ledger.sqlite") as ledger:
        ledger.put("prompt", "optimize-1", "make it fast\x1b[2J")
        ledger.put("reply", "optimize-1", Reply(text="like so"))
        ledger.put("prompt", "repair-2", "mend it")
    text = proofsmith("runs", "show", RUN, "--calls").stdout
    assert text.index("make it fast\\u001b[2J") < text.index("like so") < text.index("mend it")
    assert "(no reply was recorded)" in text
    calls = json.loads(proofsmith("runs", "show", RUN, "--calls", "--json").stdout)["calls"]
    assert [(c["move"], c["reply"]) for c in calls] == [
        ("optimize-1", "like so"),
        ("repair-2", None),
    ]


def test_a_run_without_a_ledger_has_no_calls_to_show(project, proofsmith):
    complained(proofsmith("runs", "show", RUN, "--calls"), 2, "has no ledger")
