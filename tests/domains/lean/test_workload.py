"""Folders and published sets become files of one problem each; what needs Mathlib is refused by name when read."""

import json

import pytest

from proofsmith.domains.lean import source
from proofsmith.domains.lean.workload import split
from proofsmith.errors import UsageError
from proofsmith.types import Goal
from tests.cli.command import proofsmith

MINIF2F = {
    "name": "mathd_1",
    "header": "import Mathlib\nopen Nat",
    "formal_statement": "theorem mathd_1 (x : ℕ) : x = x := by\n",
}
FORMALMATH = {
    "theorem_names": ["algebra/../17"],
    "autoformalization": "import Mathlib\n\ntheorem algebra_17 : 1 + 1 = 2 := by sorry",
}
OWN = {"id": "own_1", "name": "T", "prelude": "def f := 1", "statement": ": f = 1", "set": "own"}


def written(tmp_path, *rows):
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def test_rows_of_published_sets_become_files_that_leave_their_theorem_open(tmp_path):
    files = split(written(tmp_path, MINIF2F, FORMALMATH, OWN), {}, tmp_path / "into")
    assert [path.name for path in files] == [
        "00001_mathd_1.lean",
        "00002_algebra____17.lean",
        "00003_own_1.lean",
    ]
    texts = [path.read_text() for path in files]
    assert texts[0] == "import Mathlib\nopen Nat\n\ntheorem mathd_1 (x : ℕ) : x = x := sorry\n"
    assert texts[1] == FORMALMATH["autoformalization"] + "\n"
    assert texts[2] == "def f := 1\n\ntheorem T : f = 1 := sorry\n"
    problem = source.read(files[2], Goal.SOLVE, {})
    assert [t.statement.name for t in source.document_of(problem).targets] == ["T"]
    with pytest.raises(UsageError, match="needs --project"):
        source.read(files[0], Goal.SOLVE, {})


def test_the_files_of_a_folder_are_its_problems_and_lakes_own_is_none(tmp_path):
    for name in ("b.lean", "a.lean", "lakefile.lean", "notes.md"):
        (tmp_path / name).write_text("theorem T : True := sorry\n")
    assert [path.name for path in split(tmp_path, {}, tmp_path)] == ["a.lean", "b.lean"]


HALF = """\
import MiniF2F.Minif2fImport
open BigOperators Real Nat

theorem mathd_1
  (n : ℕ) :
  n = n := by sorry

theorem imo_2 : (1 : ℝ) = 1 :=
  by sorry
"""


def test_the_project_of_minif2f_is_taken_apart_into_its_theorems(tmp_path):
    suite = tmp_path / "MiniF2F"
    (suite / "Test").mkdir(parents=True)
    (suite / "Valid.lean").write_text(HALF)
    (suite / "Test.lean").write_text("import MiniF2F.Test.imo_3\n")
    (suite / "Test" / "imo_3.lean").write_text(
        "import Mathlib\n\ntheorem imo_3 : 1 = 1 := by sorry"
    )
    (tmp_path / "lakefile.lean").write_text("import Lake\n")
    files = split(tmp_path, {}, tmp_path / "into")
    assert [path.name for path in files] == [
        "Valid_mathd_1.lean",
        "Valid_imo_2.lean",
        "imo_3.lean",
    ]
    head = "import MiniF2F.Minif2fImport\nopen BigOperators Real Nat\n\n"
    assert files[1].read_text() == f"{head}theorem imo_2 : (1 : ℝ) = 1 :=\n  by sorry\n"
    with pytest.raises(UsageError, match="needs --project"):
        source.read(files[0], Goal.SOLVE, {})


@pytest.mark.parametrize("text", ["", "[1]\n", "{\n", '{"name": "x"}\n'])
def test_a_set_that_cannot_be_read_is_refused(tmp_path, text):
    path = tmp_path / "set.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError):
        split(path, {}, tmp_path / "into")


def test_rows_that_need_mathlib_are_listed_as_not_runnable(tmp_path):
    done = proofsmith("prove", written(tmp_path, MINIF2F, FORMALMATH), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    *lines, place = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("refused: `import Mathlib` needs --project" in line for line in lines)
    folder = tmp_path / place.removeprefix("the files are in ")
    assert {line.split()[0] for line in lines} == {path.name for path in folder.glob("*.lean")}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_set_is_settled_row_by_row(tmp_path, lean):
    false = OWN | {"id": "own_2", "statement": "(n : Nat) : n + f = n"}
    argv = ("prove", written(tmp_path, OWN, false), "--no-model")
    done = proofsmith(*argv, cwd=tmp_path, timeout=500)
    assert done.returncode == 0, done.stderr
    one, two, _, count, within = done.stdout.splitlines()
    assert "solved" in one
    assert "disproved" in two
    assert "1 solved, 1 disproved (2 by rules, 0 by the model), 0 not runnable" in count
    assert within.startswith("settled within: 1 s ")
