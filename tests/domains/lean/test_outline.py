"""Definitions that are open in part: the terms are a candidate's, the rest of the body stays the file's."""

from dataclasses import replace

import pytest

from proofsmith.domains.lean import holes, outline, source
from proofsmith.domains.lean.outline import Misfilled
from proofsmith.types import Status
from tests.domains.lean.test_holes import problem_of, verdict_on

SUM = """\
/-- Adds them up. -/
def total : List Nat → Nat
  | [] => 0
  | x :: xs => sorry

theorem total_append (l m : List Nat) : total (l ++ m) = total l + total m := sorry
"""
SIZE = """\
def size (n : Int) : Int := if n < 0 then sorry else n

theorem size_nonneg (n : Int) : 0 ≤ size n := sorry
"""
SHIFT = """\
namespace S
def step (k n : Nat) : Nat := match n with
  | 0 => k
  | m + 1 => sorry + (1 + step k m)

theorem step_eq (k n : Nat) : step k n = k + n := sorry
end S
"""
TWO = """\
def both (a : Nat) (h : 0 < a) : Nat := if k : a = 1 then sorry else a - sorry

theorem both_one (a : Nat) (h : 0 < a) : both a h = 1 := sorry
"""
BELOW = """\
def half (n : Nat) : Fin (n + 1) := ⟨n / 2, sorry⟩

theorem half_le (n : Nat) : (half n).val * 2 ≤ n := sorry
"""
APPEND = """theorem total_append (l m : List Nat) : total (l ++ m) = total l + total m := by
  induction l <;> simp_all [total] <;> omega
"""
NONNEG = "theorem size_nonneg (n : Int) : 0 ≤ size n := by\n  unfold size\n  split <;> omega\n"
STEP = "theorem step_eq (k n : Nat) : step k n = k + n := by\n  induction n <;> simp [step] <;> omega\n"
HALF = "theorem half_le (n : Nat) : (half n).val * 2 ≤ n := by\n  simp [half]; omega\n"
BOTH = """theorem both_one (a : Nat) (h : 0 < a) : both a h = 1 := by
  unfold both
  split <;> omega
"""


HONEST = {
    "a branch with a call of itself": (
        SUM,
        SUM.replace("sorry", "x + total xs", 1).partition("theorem")[0] + APPEND,
    ),
    "a branch of an `if`": (SIZE, SIZE.replace("sorry", "-n", 1).partition("theorem")[0] + NONNEG),
    "a part of a sum, with a comment and a helper": (
        SHIFT,
        "namespace S\ndef none (_ : Nat) : Nat := 0\n\n"
        + SHIFT.partition("theorem")[0].partition("\n")[2].replace("sorry", "/- no more -/ none m")
        + STEP.replace("simp [step]", "simp [step, none]")
        + "end S\n",
    ),
    "two places under a named condition": (
        TWO,
        "def both (a : Nat) (h : 0 < a) : Nat := if k : a = 1 then a else a - (a - 1)\n\n" + BOTH,
    ),
    "a proof inside a definition": (
        BELOW,
        "def half (n : Nat) : Fin (n + 1) := ⟨n / 2, by omega⟩\n\n" + HALF,
    ),
}

CHANGED = {
    "the other branch": (SIZE, "def size (n : Int) : Int := if n < 0 then -n else 0\n\n" + NONNEG),
    "the condition": (
        SIZE,
        "def size (n : Int) : Int := if n < 5 then n * n else n\n\n"
        + NONNEG.replace("omega", "first | omega | exact Int.mul_self_nonneg _"),
    ),
    "a term that leaves its place": (
        SIZE,
        "def size (n : Int) : Int := if n < 0 then 0 else if n < 9 then 1 else n\n\n"
        "theorem size_nonneg (n : Int) : 0 ≤ size n := by\n  unfold size\n  grind\n",
    ),
    "an equation more": (
        SUM,
        "def total : List Nat → Nat\n  | [] => 0\n  | x :: [] => 0\n  | x :: xs => 0\n\n" + APPEND,
    ),
    "an equation before": (
        SUM,
        "def total : List Nat → Nat\n  | [] => 0\n  | [x] => 0\n  | x :: xs => x * 0\n\n"
        + APPEND.replace("total] <;> omega", "total]"),
    ),
    "what the term is added to": (
        SHIFT,
        SHIFT.partition("theorem")[0].replace("sorry + (1 + step k m)", "1 + (0 + step k m)")
        + STEP
        + "end S\n",
    ),
    "a precedence": (
        SHIFT,
        SHIFT.partition("theorem")[0].replace("sorry +", "if true then 1 + step k m else 0 +")
        + STEP
        + "end S\n",
    ),
    "the body with a name hidden": (
        SIZE,
        "instance : LT Int := ⟨fun _ _ => True⟩\ninstance (a b : Int) : Decidable (a < b) := .isTrue trivial\n"
        "def size (n : Int) : Int := if n < 0 then 0 else n\n\n"
        "theorem size_nonneg (n : Int) : 0 ≤ size n := by decide\n",
    ),
    "a law of its own": (
        SIZE,
        "def size_outline_ (_ : Int → Int) (_ : Int → Int) : Int → Int := fun _ => 0\n"
        "def size (n : Int) : Int := if n < 0 then 0 else n\n"
        "theorem size_law_ : ∃ g : Int → Int, size = size_outline_ size g := ⟨id, rfl⟩\n\n"
        + NONNEG,
    ),
    "the place still open": (SUM, SUM.partition("theorem")[0] + APPEND),
    "a choice": (
        TWO,
        "theorem one : ∃ x : Nat, x = 1 := ⟨1, rfl⟩\n"
        "def both (a : Nat) (h : 0 < a) : Nat := if k : a = 1 then Classical.choose one else a - (a - 1)\n\n"
        "theorem both_one (a : Nat) (h : 0 < a) : both a h = 1 := by\n  unfold both\n"
        "  split\n  · exact Classical.choose_spec one\n  · omega\n",
    ),
}


SAME = {"the place still open", "a choice", "a precedence"}
"""One that does not elaborate, and two whose body is the file's, as far as the law goes."""


def test_the_replay_checkers_law_is_made_of_the_files_text_alone(tmp_path):
    (hole,) = source.holes_of(source.document_of(problem_of(SUM, tmp_path)))
    asked = outline.outline_of(hole, ["x : Nat\nxs : List Nat\n⊢ Nat"])
    assert asked.definition.endswith("  | [] => 0\n  | x :: xs => (gap1_ x xs)")
    proved = asked.proved("def total : List Nat → Nat\n  | [] => 0\n  | x :: xs => x + total xs\n")
    assert proved.startswith(f"{asked.definition}\n\n{asked.law} := by\n")
    assert "fun x xs => (x + total xs)" in proved
    with pytest.raises(Misfilled, match="rest of its body"):
        outline.terms_of("def f (n : Nat) := n + sorry * 2", "def f (n : Nat) := n + 1 * 3")
    with pytest.raises(Misfilled, match="before its first open place"):
        asked.proved("def total : List Nat → Nat\n  | [] => 1\n  | x :: xs => x\n")


@pytest.mark.parametrize(
    ("text", "contexts", "told"),
    [
        ("def f (n : Nat) : Nat := go n\nwhere go (n : Nat) : Nat := sorry", ["⊢ Nat"], "local"),
        ("def A.f (n : Nat) : Nat := n + sorry", ["n : Nat\n⊢ Nat"], "plain name"),
        ("def f (n : Nat) : Nat := n + sorry", [], "1 open places, Lean sees 0"),
        ("def f (n : Nat) : Nat := n + sorry", ["n : Nat\nx✝ : P n\n⊢ Q x✝"], "no name"),
        ("def f (n : Nat) : Nat := let x := n\n  sorry", ["n : Nat\nx : Nat := n\n⊢ Nat"], "let"),
        ("def f (n : Nat) := n + sorry", ["n : Nat\n⊢ Nat"], "type is missing"),
    ],
)
def test_a_part_that_is_not_understood_is_refused_with_its_reason(tmp_path, text, contexts, told):
    problem = problem_of(f"{text}\n\ntheorem T : 1 = 1 := sorry\n", tmp_path)
    (hole,) = source.holes_of(source.document_of(problem))
    with pytest.raises(Misfilled, match=told):
        outline.outline_of(hole, contexts)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio(loop_scope="session")
class TestJudged:
    """Each is judged as a candidate of the problem beside it."""

    @pytest.mark.parametrize("name", HONEST)
    async def test_honest_fillings_are_proved(self, pair, tmp_path, name):
        verdict = await verdict_on(*HONEST[name], tmp_path, pair)
        assert verdict.status is Status.PROVED, verdict.feedback

    @pytest.mark.parametrize("name", CHANGED)
    async def test_a_changed_body_is_refused(self, pair, tmp_path, name):
        verdict = await verdict_on(*CHANGED[name], tmp_path, pair)
        assert verdict.status is Status.FAILED, verdict.feedback

    @pytest.mark.parametrize("name", sorted(CHANGED.keys() - SAME))
    async def test_the_law_alone_refuses_a_changed_body(self, pair, tmp_path, name):
        """What an elaborator that a candidate has subverted may export: the definition, and no honest law."""
        checker, referee = pair
        text, candidate = CHANGED[name]
        problem = problem_of(text, tmp_path)
        document = source.document_of(problem)
        (hole,) = source.holes_of(document)
        (asked,) = (await holes.outlined(document, referee)).values()
        filling = holes.filled(problem, candidate)
        ((start, end),) = filling.places
        value = filling.document.text[start:end]
        lie = f"theorem {asked.own}_law_ : True := trivial\n"
        own = "" if "law_" in value else lie
        found = await checker.elaborate(
            filling.document.before(start),
            f"{value}\n{own}",
            name=hole.name,
            export=True,
            whole=True,
        )
        assert found.ok, found.first_error
        (target,) = document.targets
        outlines = {hole.name: asked}
        context = holes.context_of(document, target.start, [found.export], outlines)
        reading = await referee.read(replace(target.statement, context=context))
        assert "the rest of its body" in reading.error
        context = holes.context_of(document, target.start, [found.export], {})
        assert (await referee.read(replace(target.statement, context=context))).ok
