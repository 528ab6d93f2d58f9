"""Definitions that a candidate fills in: cheating ones earn nothing, honest ones are proved."""

import pytest

from proofsmith.domains.lean import holes, source
from proofsmith.domains.lean.verify import verify
from proofsmith.errors import UsageError
from proofsmith.types import Candidate, Depth, Goal, Status

TWICE = """\
def double (n : Nat) : Nat := sorry

theorem double_eq (n : Nat) : double n = n + n := sorry
"""
PARITY = """\
namespace P
open Nat

/-- The greatest number whose square is at most `n`. -/
def root (n : Nat) : Nat := sorry

def isRoot (r n : Nat) : Prop := r * r ≤ n ∧ n < (r + 1) * (r + 1)

theorem root_spec (n : Nat) : isRoot (root n) n := sorry

theorem root_gcd (n : Nat) : root n * gcd 1 n = root n := sorry
end P
"""
ANSWER = """\
def fact : Nat → Nat
  | 0 => 1
  | n + 1 => (n + 1) * fact n

def answer : Nat := sorry

theorem spec : fact 5 = answer := sorry
"""
TYPE = """\
abbrev Small : Type := sorry

def least : Small := sorry

theorem two : ∀ a b c : Small, a = b ∨ b = c ∨ a = c := sorry
"""
PICK = """\
theorem some_root : ∃ x : Nat, x * x = 49 := ⟨7, rfl⟩

def pick : Nat := sorry

theorem pick_spec : pick * pick = 49 := sorry
"""
DOUBLE = "def double (n : Nat) : Nat := 2 * n\n\n"
EQ = "theorem double_eq (n : Nat) : double n = n + n := by\n  unfold double\n  omega\n"
ROOT = """\
def up (n r : Nat) : Nat → Nat
  | 0 => r
  | k + 1 => if (r + 1) * (r + 1) ≤ n then up n (r + 1) k else r

theorem up_spec (n r k : Nat) (h : r * r ≤ n) (far : n < (r + k + 1) * (r + k + 1)) :
    up n r k * up n r k ≤ n ∧ n < (up n r k + 1) * (up n r k + 1) := by
  induction k generalizing r with
  | zero => exact ⟨h, far⟩
  | succ k ih =>
    unfold up
    split
    · exact ih _ (by assumption) (by rw [show r + 1 + k + 1 = r + (k + 1) + 1 by omega]; exact far)
    · exact ⟨h, by omega⟩

def root (n : Nat) : Nat := up n 0 n
"""
ROOT_PROOFS = """\
theorem root_spec (n : Nat) : isRoot (root n) n := by
  unfold isRoot root
  exact up_spec n 0 n (by omega) (by
    have : n + 1 ≤ (0 + n + 1) * (0 + n + 1) := by
      rw [Nat.zero_add]; exact Nat.le_mul_of_pos_left _ (by omega)
    omega)

theorem root_gcd (n : Nat) : root n * gcd 1 n = root n := by
  simp
"""


def parity(definitions, proofs=ROOT_PROOFS):
    middle = "def isRoot (r n : Nat) : Prop := r * r ≤ n ∧ n < (r + 1) * (r + 1)\n"
    return f"namespace P\nopen Nat\n{definitions}\n{middle}\n{proofs}end P\n"


HONEST = {
    "a definition and its theorem": (TWICE, DOUBLE + EQ),
    "the other form of one type": (
        TWICE,
        "def double : Nat → Nat\n  | 0 => 0\n  | n + 1 => double n + 2\n\n"
        "theorem double_eq (n : Nat) : double n = n + n := by\n"
        "  induction n with\n  | zero => rfl\n  | succ n ih => rw [double, ih]; omega\n",
    ),
    "helpers beside it, used by the proofs": (PARITY, parity(ROOT)),
    "well-founded recursion": (
        TWICE,
        "def count (n acc : Nat) : Nat := if h : n = 0 then acc else count (n - 1) (acc + 2)\n"
        "termination_by n\n\n"
        "theorem count_eq (n acc : Nat) : count n acc = acc + n + n := by\n"
        "  induction n generalizing acc with\n  | zero => simp [count]\n"
        "  | succ n ih => rw [count]; simp [ih]; omega\n\n"
        "def double (n : Nat) : Nat := count n 0\n\n"
        "theorem double_eq (n : Nat) : double n = n + n := by simp [double, count_eq]\n",
    ),
    "an answer": (
        ANSWER,
        ANSWER.replace("Nat := sorry", "Nat := 2 * 60").replace("answer := sorry", "answer := rfl"),
    ),
    "a type of the candidate's own, and a value of it": (
        TYPE,
        "inductive Two where\n  | a\n  | b\nabbrev Small : Type := Two\n\ndef least : Small := .a\n\n"
        "theorem two : ∀ a b c : Small, a = b ∨ b = c ∨ a = c := by\n"
        "  intro a b c\n  cases a <;> cases b <;> cases c <;> simp\n",
    ),
    "a choice where the file says noncomputable": (
        PICK.replace("def pick", "noncomputable def pick"),
        "noncomputable def pick : Nat := Classical.choose some_root\n\n"
        "theorem pick_spec : pick * pick = 49 := Classical.choose_spec some_root\n",
    ),
}
RFL = "theorem double_eq (n : Nat) : double n = n + n := rfl\n"
HOSTILE = {
    "another type": (TWICE, "def double (n : Int) : Int := n + n\n\n" + EQ),
    "an argument more": (TWICE, "def double (n : Nat) (_ : False) : Nat := n\n\n" + EQ),
    "another universe": (
        TYPE,
        "abbrev Small : Type 1 := Type\n\ndef least : Small := Unit\n\n"
        "theorem two : ∀ a b c : Small, a = b ∨ b = c ∨ a = c := by grind\n",
    ),
    "the hole left open": (TWICE, "def double (n : Nat) : Nat := sorry\n\n" + EQ),
    "an open helper": (
        TWICE,
        "theorem h : ∀ n : Nat, ∃ k, k = n + n := fun n => by exact sorry\n" + DOUBLE + EQ,
    ),
    "an axiom": (
        TWICE,
        "axiom f : (g : Nat → Nat) ×' ∀ n, g n = n + n\ndef double (n : Nat) : Nat := f.1 n\n\n"
        "theorem double_eq (n : Nat) : double n = n + n := f.2 n\n",
    ),
    "a name of the statement shadowed": (
        PARITY,
        parity(
            "def gcd (a b : Nat) : Nat := 1\n" + ROOT, ROOT_PROOFS.replace("simp\n", "simp [gcd]\n")
        ),
    ),
    "the definition after it changed": (
        PARITY,
        parity(ROOT).replace("Prop := r * r ≤ n ∧", "Prop := r * r ≤ n ∨"),
    ),
    "an instance that changes what + means": (
        TWICE,
        "instance : HAdd Nat Nat Nat := ⟨fun a _ => a⟩\ndef double (n : Nat) : Nat := n\n\n" + RFL,
    ),
    "notation": (
        TWICE,
        'local infixl:65 " + " => fun (a _ : Nat) => a\ndef double (n : Nat) : Nat := n\n\n' + RFL,
    ),
    "a definition that is compiled as another": (
        TWICE,
        "def fast (n : Nat) : Nat := n + n\n@[implemented_by fast] def double (n : Nat) : Nat := 0\n\n"
        + EQ,
    ),
    "unsafe": (
        TWICE,
        "unsafe def loop (n : Nat) : Nat := loop n\nunsafe def double (n : Nat) : Nat := loop n\n\n"
        + RFL,
    ),
    "partial": (TWICE, "partial def double (n : Nat) : Nat := double n\n\n" + RFL),
    "opaque": (TWICE, "opaque double (n : Nat) : Nat\n\n" + RFL),
    "a theorem in its place": (TWICE, "theorem double : Nat → Nat := fun n => n + n\n\n" + RFL),
    "a weaker theorem": (
        TWICE,
        "def double (n : Nat) : Nat := 0\n\n"
        "theorem double_eq (n : Nat) (h : n = 0) : double n = n + n := by simp [double, h]\n",
    ),
    "a theorem of a like name": (
        TWICE,
        "theorem Own.double_eq : True := trivial\ndef double (n : Nat) : Nat := n\n\n"
        "theorem double_eq (n : Nat) : double n = n + n := by exact absurd n 0\n",
    ),
    "a theorem that seems open": (
        TWICE,
        "theorem also : (n : Nat) → n = n\n  | 0 => rfl\n  | n + 1 => rfl\n"
        "def double (n : Nat) : Nat := n\n\n" + RFL,
    ),
    "a choice that no program makes": (
        PICK,
        "def pick : Nat := Classical.choose some_root\n\n"
        "theorem pick_spec : pick * pick = 49 := Classical.choose_spec some_root\n",
    ),
    "the question for an answer": (
        ANSWER,
        ANSWER.replace("Nat := sorry", "Nat := fact 5").replace("answer := sorry", "answer := rfl"),
    ),
    "the question behind a helper": (
        ANSWER,
        ANSWER.replace(
            "def answer : Nat := sorry", "def again := fact 5\ndef answer : Nat := again"
        ).replace("answer := sorry", "answer := rfl"),
    ),
    "the question as a search": (
        ANSWER,
        ANSWER.replace(
            "Nat := sorry", "Nat := ((List.range 999).filter (fun n => n == 120)).head!"
        ).replace("answer := sorry", "answer := by decide +kernel"),
    ),
}


def problem_of(text, folder):
    path = folder / "S.lean"
    path.write_text(text)
    return source.read(path, Goal.SOLVE, {"holes": True})


async def verdict_on(text, candidate, folder, pair):
    checker, referee = pair

    async def borrow(_):
        return checker

    problem = problem_of(text, folder)
    return await verify(
        problem, Candidate(files={"S.lean": candidate}), Depth.QUICK, borrow, referee
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio(loop_scope="session")
class TestFillings:
    """Each is judged as a candidate of the problem beside it."""

    @pytest.mark.parametrize("name", HONEST)
    async def test_honest_fillings_are_proved(self, pair, tmp_path, name):
        verdict = await verdict_on(*HONEST[name], tmp_path, pair)
        assert verdict.status is Status.PROVED, verdict.feedback

    async def test_cheating_fillings_are_not(self, pair, tmp_path):
        accepted = []
        for name, (text, candidate) in HOSTILE.items():
            verdict = await verdict_on(text, candidate, tmp_path, pair)
            if verdict.status is not Status.FAILED:
                accepted.append((name, verdict.status, verdict.feedback))
        assert accepted == []


def test_the_theorems_that_are_judged_are_those_of_the_file(tmp_path):
    """A helper of the same last name, or one that looks open, is never taken for the theorem."""
    path = tmp_path / "S.lean"
    path.write_text(TWICE)
    problem = source.read(path, Goal.SOLVE, {"holes": True, "theorem": "double_eq"})
    helpers = (
        "theorem Own.double_eq : True := trivial\ntheorem also : (n : Nat) → n = n\n  | n => rfl\n"
    )
    filling = holes.filled(problem, helpers + DOUBLE + EQ)
    (target,) = filling.document.targets
    assert target.statement.name == "double_eq"
    assert filling.document.text[target.start :].startswith("theorem double_eq (n : Nat)")
    assert target.statement.context.prelude == (helpers + "\n" + DOUBLE).strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TWICE.replace(":= sorry\n\n", ":= n + n\n\n"), "no definition"),
    ],
)
def test_holes_that_are_none_are_refused(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        problem_of(text, tmp_path)
