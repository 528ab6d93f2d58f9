from proofsmith.domains.lean import repetition, source

FILE = """\
import Std

/-- Adds one. -/
def inc (n : Nat) := n + 1 -- the next number

namespace Foo
open Nat

theorem early (n : Nat) : inc n > 0 := sorry

theorem last (n : Nat) : inc n = n + 1 := sorry

end Foo
#print axioms Foo.last
"""


def left(candidate):
    document = source.take_apart(FILE, "Foo.last")
    return " ".join(source.proof_of(document, document.targets[0], candidate).split())


def test_definitions_repeated_without_documentation_and_in_another_layout_are_cut():
    candidate = """\
def inc (n : Nat) :=
  n + 1

namespace Foo
theorem help : True := trivial
theorem last (n : Nat) : inc n = n + 1 := rfl
end Foo
"""
    assert left(candidate) == (
        "theorem help : True := trivial theorem last (n : Nat) : inc n = n + 1 := rfl"
    )


def test_a_proof_of_an_earlier_theorem_does_not_declare_it_again():
    whole = FILE.replace("0 := sorry", "0 := Nat.succ_pos n").replace("+ 1 := sorry", "+ 1 := rfl")
    assert left(whole) == "theorem last (n : Nat) : inc n = n + 1 := rfl"


def test_a_definition_that_differs_in_a_word_or_a_string_stays():
    assert "n + 2" in repetition.cut_front(FILE, "def inc (n : Nat) := n + 2\n")
    assert repetition.cut_front('def s := "a"\n', 'def s := "b"\n')


def test_an_unknown_command_in_front_and_lemmas_behind_stay():
    text = (
        "irreducible_def x := 1\ntheorem last : True := trivial\ntheorem more : True := trivial\n"
    )
    assert repetition.cut_back("end Foo\n", repetition.cut_front(FILE, text)) == text
