"""The examples are built again from their recorded replies, with no endpoint and with a kill on the way."""

import json
import signal
import sqlite3
from contextlib import closing

import pytest

from tests.cli.command import ROOT, complained, proofsmith

EXPENSES = ROOT / "examples/expenses"


def build(folder, **changes):
    words = ("build", EXPENSES / "SPEC.md", "--out", "project", "--jobs", 1)
    return proofsmith(
        *words, "--replies", EXPENSES / "replies.jsonl", cwd=folder, timeout=200, **changes
    )


@pytest.mark.slow
def test_the_recorded_build_of_14_files_is_replayed_after_a_kill(tmp_path):
    killed = build(tmp_path, PROOFSMITH_FAILPOINT="build.judged:3")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "project").exists()
    done = build(tmp_path)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "project"
    assert len([path for path in project.rglob("*") if path.is_file()]) >= 12
    fixed = (project / "tests/test_acceptance.py").read_text()
    assert fixed in (EXPENSES / "SPEC.md").read_text()
    (run,) = (tmp_path / ".proofsmith/runs").iterdir()
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        rows = db.execute("SELECT payload FROM records WHERE kind = 'judgement'")
        results = [json.loads(text)["result"] for (text,) in rows]
    assert results.count("fail") >= 2
    with closing(sqlite3.connect(run / "program.sqlite")) as db:
        log = [text for (text,) in db.execute("SELECT text FROM operations")]
    assert sum("change of plan" in text for text in log) == 1
    replayed = proofsmith("runs", "replay", run.name, cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout
    assert proofsmith("runs", "list", cwd=tmp_path).stdout.startswith(run.name)


@pytest.mark.slow
def test_a_reply_that_was_not_recorded_ends_the_build_with_one_line(tmp_path):
    (tmp_path / "SPEC.md").write_text("# Something else\n")
    words = ("build", "SPEC.md", "--out", "x", "--replies", EXPENSES / "replies.jsonl")
    done = proofsmith(*words, cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert "has no reply to this request" in done.stdout
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "out", "words"),
    [
        (b"", "x", "is empty"),
        (b" \n", "x", "is empty"),
        (b"\xff\xfe", "x", "not UTF-8"),
        (None, "x", "cannot read"),
        (b"# A\n", "SPEC.md", "is a file"),
        (b"# A\n" * 40_000, "x", "does not fit"),
        (b"# A\n```python path=../a.py\nx\n```\n", "x", "leaves its folder"),
        (b"# A\n", "big", "larger than 16 MiB"),
    ],
)
def test_a_specification_or_folder_that_cannot_be_used_is_one_line(tmp_path, text, out, words):
    (tmp_path / "big").mkdir()
    with (tmp_path / "big/data.bin").open("wb") as file:
        file.truncate(100 << 20)
    if text is not None:
        (tmp_path / "SPEC.md").write_bytes(text)
    recorded = ("--replies", EXPENSES / "replies.jsonl")
    done = proofsmith("build", "SPEC.md", "--out", out, *recorded, "-q", cwd=tmp_path)
    complained(done, 2, words)
    assert (tmp_path / "big/data.bin").stat().st_size == 100 << 20


def test_building_without_a_model_is_refused(tmp_path):
    (tmp_path / "SPEC.md").write_text("# A\n")
    complained(proofsmith("build", "SPEC.md", "--out", "x", cwd=tmp_path), 2, "needs a model")
