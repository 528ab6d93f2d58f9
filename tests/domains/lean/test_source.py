import pytest

from proofsmith.agents.report.summary import title
from proofsmith.domains.lean import source
from proofsmith.errors import UsageError
from proofsmith.types import Goal

FILE = """\
import Std

/-- Adds one. -/
def inc (n : Nat) := n + 1

namespace Foo

theorem first (n : Nat) (h : n = 3 := by omega) : inc n = n + 1 := by
  sorry -- to do

@[simp]
theorem done : True := trivial

theorem second :
    let x := 1; x = 1 := sorry
end Foo

theorem last : True
"""


def read(tmp_path, text, **options):
    path = tmp_path / "S.lean"
    path.write_text(text, encoding="utf-8")
    return source.read(path, Goal.SOLVE, options)


def test_open_theorems_are_found_with_full_names_and_what_stands_before_them():
    document = source.take_apart(FILE)
    names = [t.statement.name for t in document.targets]
    assert names == ["Foo.first", "Foo.second", "last"]
    assert document.imports == ("Init", "Std")
    first = document.targets[0].statement
    assert first.text.startswith("theorem first (n : Nat) (h : n = 3 := by omega) : inc n = n + 1")
    assert first.text.endswith(":= by sorry")
    assert "def inc" in first.context.prelude
    assert "theorem" not in first.context.prelude
    assert "let x := 1; x = 1" in document.targets[1].statement.text
    assert document.targets[2].statement.text == "theorem last : True := by sorry"


def test_a_comment_that_goes_on_below_an_import_is_refused():
    with pytest.raises(UsageError, match="begins beside an import"):
        source.take_apart("import Init /- about\n-/\ntheorem t : True := by sorry\n")


def test_a_theorem_can_be_named_with_or_without_its_namespace():
    for name in ("Foo.second", "second"):
        assert source.take_apart(FILE, name).targets[0].statement.name == "Foo.second"
    with pytest.raises(UsageError, match="no theorem 'third'"):
        source.take_apart(FILE, "third")


def test_a_proof_file_that_repeats_the_statement_file_is_cut_to_the_proof():
    document = source.take_apart(FILE, "last")
    target = document.targets[0]
    whole = FILE.replace(
        "theorem last : True", "theorem h : True := trivial\ntheorem last : True := h"
    )
    assert source.proof_of(document, target, whole).strip().startswith("theorem h")
    alone = "theorem last : True := trivial"
    assert source.proof_of(document, target, alone) == alone


def test_a_changed_definition_is_not_cut_and_so_is_declared_twice():
    document = source.take_apart(FILE, "last")
    whole = FILE.replace("n + 1\n\nnamespace", "n + 2\n\nnamespace") + " := trivial"
    assert "def inc" in source.proof_of(document, document.targets[0], whole)


def test_a_script_takes_the_place_of_sorry_and_the_rest_of_the_file_stays():
    document = source.take_apart(FILE)
    target = document.targets[0]
    text = source.with_proof(
        document, target, source.with_script(target.statement, "unfold inc\nrfl")
    )
    assert ":= by\n  unfold inc\n  rfl\n\n@[simp]" in text
    assert source.take_apart(text).targets[0].statement.name == "Foo.second"


TWO = """\
def inc (n : Nat) := n + 1

theorem first (n : Nat) : inc n = n + 1 := sorry

def dec (n : Nat) := n - 1

theorem second (n : Nat) : dec (inc n) = n := sorry
"""


def test_each_of_several_theorems_gets_its_own_proof_and_the_lemmas_before_it():
    document = source.take_apart(TWO)
    solved = TWO.replace("+ 1 := sorry", "+ 1 := rfl").replace(
        "theorem second (n : Nat) : dec (inc n) = n := sorry",
        "theorem help : True := trivial\n\ntheorem second (n : Nat) : dec (inc n) = n := rfl",
    )
    proofs = source.proofs_of(document, solved)
    assert proofs["first"].strip() == "theorem first (n : Nat) : inc n = n + 1 := rfl"
    assert "theorem help" in proofs["second"]
    assert "theorem first" not in proofs["second"]
    assert "def dec" not in proofs["second"]


def test_text_between_theorems_that_differs_is_not_cut():
    document = source.take_apart(TWO)
    forged = TWO.replace("n - 1", "n - 2")
    assert "def dec" in source.proofs_of(document, forged)["second"]


def test_a_file_that_lacks_one_of_the_theorems_is_not_taken_apart():
    document = source.take_apart(TWO)
    assert source.proofs_of(document, TWO.partition("def dec")[0]) == {}


def test_two_hundred_theorems_with_one_open():
    text = "\n".join(f"theorem t{i} : {i} = {i} := rfl" for i in range(200))
    text = text.replace("99 = 99 := rfl", "99 = 99 := sorry")
    assert [t.statement.name for t in source.take_apart(text).targets] == ["t99"]


def test_unicode_names_are_kept(tmp_path):
    problem = read(tmp_path, "theorem α₁_βγ' (x₁ : Nat) : x₁ = x₁ := sorry\n")
    assert source.document_of(problem).targets[0].statement.name == "α₁_βγ'"
    assert title(problem) == "S.lean"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("def f := 1\n", "leaves no theorem open"),
        ("import Mathlib\ntheorem T : True := sorry\n", "needs --project"),
        ("def f : Nat := sorry\ntheorem T : f = f := sorry\n", "left open"),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "S.lean"
    path.write_bytes(b"theorem T : True := \xff")
    with pytest.raises(UsageError, match="UTF-8"):
        source.read(path, Goal.SOLVE, {})
