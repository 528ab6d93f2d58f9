"""Is a given answer the known one: other forms of it are, other values are not, and questions are no answers."""

import pytest

from proofsmith.domains.lean import answers
from proofsmith.errors import UsageError
from proofsmith.types import Candidate, Depth, Goal, Status

NUMBER = """\
def fact : Nat → Nat
  | 0 => 1
  | n + 1 => (n + 1) * fact n

def answer : Nat := 120

theorem spec : fact 5 = answer := by decide
"""
FORMULA = "def answer (n : Nat) : Nat := n * (n + 1) / 2\n"
SOLUTIONS = "namespace Q\ndef solution : Nat → Prop := fun n => n = 3 ∨ n = 5\nend Q\n"
CLAIM = "abbrev my_solution : Prop := True\n"
CASES = {
    "another term": (NUMBER, "def answer : Nat := 2 * 60", Status.PROVED),
    "a quotient": (NUMBER, "def answer : Nat := 3600 / 30", Status.PROVED),
    "another value": (NUMBER, "def answer : Nat := 119", Status.FAILED),
    "another type": (NUMBER, "def answer : Int := 120", Status.FAILED),
    "the question": (NUMBER, "def answer : Nat := fact 5", Status.FAILED),
    "the known answer by name": (NUMBER, "def answer : Nat := answer", Status.FAILED),
    "nothing": (NUMBER, "def answer : Nat := sorry", Status.FAILED),
    "an axiom": (NUMBER, "axiom a : Nat\ndef answer : Nat := a", Status.FAILED),
    "a choice": (NUMBER, "def answer : Nat := Classical.choice ⟨120⟩", Status.FAILED),
    "an expanded formula": (
        FORMULA,
        "def answer (n : Nat) : Nat := (n * n + n) / 2",
        Status.PROVED,
    ),
    "another name": (FORMULA, "def answer : Nat → Nat := fun k => k * (1 + k) / 2", Status.PROVED),
    "another formula": (
        FORMULA,
        "def answer (n : Nat) : Nat := n * (n - 1) / 2",
        Status.FAILED,
    ),
    "a recursion for a formula": (
        FORMULA,
        "def answer : Nat → Nat\n  | 0 => 0\n  | n + 1 => answer n + n + 1",
        Status.FAILED,
    ),
    "the same set": (
        SOLUTIONS,
        "namespace Q\ndef solution : Nat → Prop := fun n => n = 5 ∨ n = 3\nend Q",
        Status.PROVED,
    ),
    "another set": (
        SOLUTIONS,
        "namespace Q\ndef solution : Nat → Prop := fun n => n = 5\nend Q",
        Status.FAILED,
    ),
    "a quantifier": (
        SOLUTIONS,
        "namespace Q\ndef solution : Nat → Prop := fun n => ∃ k, k = n ∧ (k = 3 ∨ k = 5)\nend Q",
        Status.FAILED,
    ),
    "a true proposition": (CLAIM, "abbrev my_solution : Prop := 1 = 1", Status.PROVED),
    "the wrong one": (CLAIM, "abbrev my_solution : Prop := False", Status.FAILED),
}


def problem_of(text, folder):
    path = folder / "S.lean"
    path.write_text(text)
    return answers.read(path, Goal.SPEED, {"answers": True})


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio(loop_scope="session")
async def test_answers_are_judged_by_weak_tactics_alone(pair, tmp_path):
    checker, referee = pair

    async def borrow(_):
        return checker

    wrong = []
    for name, (text, candidate, status) in CASES.items():
        problem = problem_of(text, tmp_path)
        verdict = await answers.verify(
            problem, Candidate(files={"S.lean": candidate}), Depth.QUICK, borrow, referee
        )
        if verdict.status is not status:
            wrong.append((name, verdict.status, verdict.feedback))
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theorem t : True := trivial\n", "gives no answer"),
        ("def answer : Nat := sorry\n", "an open answer"),
        ("def answer : Nat := 1\ndef x_answer : Nat := 2\n", "more than one"),
    ],
)
def test_a_file_without_one_answer_is_refused(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        problem_of(text, tmp_path)


def test_answers_are_compared_and_not_searched_for(tmp_path):
    (tmp_path / "S.lean").write_text(NUMBER)
    with pytest.raises(UsageError, match="somebody gave"):
        answers.read(tmp_path / "S.lean", Goal.SOLVE, {"answers": True})
