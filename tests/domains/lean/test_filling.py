"""Open definitions filled in without a model: values read off equations, evaluated, or small and unrefuted."""

import itertools

import pytest

from proofsmith.domains.lean import filling, fillings, source
from proofsmith.domains.lean.verify import verify
from proofsmith.types import Candidate, Depth, Goal, Status

SUM = """\
def total : List Nat → Nat := sorry

theorem total_nil : total [] = 0 := sorry

theorem total_cons (x : Nat) (l : List Nat) : total (x :: l) = x + total l := sorry
"""
LARGER = """\
def larger (a b : Nat) : Nat := sorry

theorem larger_spec (a b : Nat) :
    a ≤ larger a b ∧ b ≤ larger a b ∧ (larger a b = a ∨ larger a b = b) := sorry
"""
ROOT = """\
def solution : Int := sorry

theorem spec (x : Int) : 3 * x + 7 = 1 ↔ x = solution := sorry
"""
EVALUATED = """\
def fact : Nat → Nat
  | 0 => 1
  | n + 1 => (n + 1) * fact n

def answer : Nat := sorry

theorem spec : fact 6 % 101 = answer := sorry
"""
PAIR = """\
def a : Nat := sorry

def b : Nat := sorry

theorem spec : a + b = 13 ∧ a = b + 5 := sorry
"""
IMPOSSIBLE = """\
def p : Bool := sorry

theorem spec : p = true ∧ p = false := sorry
"""


def document_of(text, folder):
    path = folder / "S.lean"
    path.write_text(text)
    problem = source.read(path, Goal.SOLVE, {"holes": True})
    return problem, source.document_of(problem)


def guesses(text, folder, count):
    _, document = document_of(text, folder)
    return list(itertools.islice(fillings.guesses(document, {}), count))


def test_equations_spell_a_definition_out(tmp_path):
    (first,) = guesses(SUM, tmp_path, 1)
    assert first["total"].split("\n  | ")[1:] == ["[] => 0", "x :: l => x + total l"]


def test_terms_over_the_arguments_come_simplest_first(tmp_path):
    found = [g["larger"] for g in guesses(LARGER, tmp_path, 12)]
    assert found[:2] == [":= a", ":= b"]
    assert ":= (max a b)" in found


def test_numbers_that_theorems_mention_come_before_others(tmp_path):
    found = [g["solution"] for g in guesses(ROOT, tmp_path, 12)]
    assert found[0] == ":= 3"
    assert ":= -2" in found


def test_a_guess_stands_in_the_file_in_the_place_of_the_hole(tmp_path):
    _, document = document_of(LARGER, tmp_path)
    text = fillings.written(document, {"larger": ":= a"})
    assert text == LARGER.replace("Nat := sorry", "Nat := a")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio(loop_scope="session")
class TestByRule:
    """Each file is filled in by the rules alone, then judged like any candidate."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            (SUM, "total l"),
            (LARGER, "max a b"),
            (ROOT, ":= -2"),
            (EVALUATED, ":= 13"),
            (PAIR, "a : Nat := 9"),
        ],
    )
    async def test_the_first_filling_is_proved(self, pair, tmp_path, text, value):
        checker, referee = pair

        async def borrow(_):
            return checker

        problem, _ = document_of(text, tmp_path)
        candidate = await anext(filling.propose(problem, frozenset(), checker))
        assert value in candidate.files["S.lean"]
        verdict = await verify(problem, candidate, Depth.QUICK, borrow, referee)
        assert verdict.status is Status.PROVED, verdict.feedback

    async def test_what_no_guess_fills_is_left_alone(self, pair, tmp_path):
        problem, _ = document_of(IMPOSSIBLE, tmp_path)
        found = [c async for c in filling.propose(problem, frozenset(), pair[0])]
        assert found == []

    async def test_definitions_that_a_model_knew_are_proved_by_rule(self, pair, tmp_path):
        problem, _ = document_of(PAIR, tmp_path)
        text = PAIR.replace("a : Nat := sorry", "a : Nat := 3 * 3")
        text = text.replace("b : Nat := sorry", "b : Nat := 4")
        parent = Candidate(files={"S.lean": text})
        (found,) = [c async for c in filling.go_on(problem, parent, frozenset(), pair[0])]
        assert "3 * 3" in found.files["S.lean"]
        assert "sorry" not in found.files["S.lean"]
