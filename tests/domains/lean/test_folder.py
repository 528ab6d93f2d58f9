"""Modules of a user's folder stand before the statement as text, each after those that it needs."""

import pytest

from proofsmith.domains.lean import folder, source
from proofsmith.errors import UsageError
from proofsmith.types import Goal

BASE = "import Std\n\nnamespace Base\ndef inc (n : Nat) := n + 1\nopen Nat\n"
MORE = "import Base\nimport Data.Base\n\ndef twice (n : Nat) := Base.inc (Base.inc n)\n"
FILE = "import More\nimport Std\n\n\ntheorem T (n : Nat) : twice n = n + 2 := sorry\n"


@pytest.fixture
def project(tmp_path):
    for name, text in {"Base": BASE, "More": MORE, "Data/Base": "def three := 3\n"}.items():
        path = tmp_path / f"{name}.lean"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "S.lean").write_text(FILE)
    return tmp_path


def test_modules_come_after_what_they_need_and_close_what_they_open(project):
    problem = source.read(
        project / "S.lean", Goal.SOLVE, {"project": str(project)}, as_text=project
    )
    assert list(problem.files) == [
        "S.lean",
        "project/Base.lean",
        "project/Data/Base.lean",
        "project/More.lean",
    ]
    document = source.document_of(problem)
    statement = document.targets[0].statement
    assert statement.context.imports == ("Init", "Std")
    prelude = statement.context.prelude
    assert prelude.index("def inc") < prelude.index("def twice")
    assert "import" not in prelude
    assert prelude.count("end Base") == 1
    assert problem.editable == ("S.lean",)


def test_an_error_is_placed_in_the_file_or_in_a_module(project):
    (project / "S.lean").write_text(FILE.replace("theorem", "def x := 1\n\ntheorem"))
    problem = source.read(
        project / "S.lean", Goal.SOLVE, {"project": str(project)}, as_text=project
    )
    document = source.document_of(problem)
    target = document.targets[0]
    lines = target.statement.context.prelude.splitlines()
    where = lines.index("def x := 1") + 1
    assert source.line_of(document, target, where, in_prelude=True) == 5
    assert source.line_of(document, target, 3, in_prelude=True) == 0
    assert source.line_of(document, target, 1, in_prelude=False) == 7


def test_lines_are_counted_behind_imports_and_blank_lines(tmp_path):
    text = "import Std\n\n\ndef bad : Nat := true\n\ntheorem T : True := sorry\n"
    document = source.take_apart(text)
    assert source.line_of(document, document.targets[0], 1, in_prelude=True) == 4


def test_a_module_that_only_lake_could_build_is_refused(project):
    with pytest.raises(UsageError, match="Mathlib/Tactic.lean") as caught:
        folder.modules(project, ["Mathlib.Tactic"])
    assert "lake build" in caught.value.hint


def test_modules_that_import_each_other_are_refused(project):
    (project / "Base.lean").write_text("import More\n")
    with pytest.raises(UsageError, match="imports itself"):
        folder.modules(project, ["More"])
