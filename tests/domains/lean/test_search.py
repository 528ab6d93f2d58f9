"""The search over goal states proves what needs several steps; its scripts hold as a whole."""

import pytest

from proofsmith.domains.lean import shape, source
from proofsmith.domains.lean.checker import Context, Statement
from proofsmith.domains.lean.goals import read
from proofsmith.domains.lean.prover import attempts
from proofsmith.domains.lean.search import GoalSearch
from proofsmith.domains.lean.steps import Steps

PRELUDE = """\
inductive Tree where
  | leaf : Tree
  | node : Tree → Nat → Tree → Tree
def Tree.flip : Tree → Tree
  | .leaf => .leaf
  | .node l v r => .node r.flip v l.flip
def Tree.total : Tree → Nat
  | .leaf => 0
  | .node l v r => l.total + v + r.total
def join : List Nat → List Nat → List Nat
  | [], b => b
  | x :: a, b => x :: join a b
def back : List Nat → List Nat
  | [] => []
  | x :: a => join (back a) [x]
"""


def statement(claim: str) -> Statement:
    return Statement(
        context=Context(prelude=PRELUDE), name="T", text=f"theorem T {claim} := by sorry"
    )


def test_steps_follow_the_shape_of_the_goal():
    form = shape.read(PRELUDE, "(t : Tree) : t.flip.total = t.total")
    assert form.functions == ("Tree.flip", "Tree.total")
    steps = [s.tactic for s in Steps(form).steps(read("t : Tree\n⊢ t.flip.total = t.total"))]
    assert any(s.startswith("induction t") for s in steps)
    steps = [s.tactic for s in Steps(form).steps(read("h : ∃ x, p x\n⊢ p ∧ q"))]
    assert "constructor" in steps
    assert "obtain ⟨w, hw⟩ := h" in steps


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("claim", "laws"),
    [
        ("(t : Tree) : t.flip.total = t.total", False),
        ("(p : Nat → Prop) (f : Fin 3 → Bool) : ∃ i j, i ≠ j ∧ f i = f j", False),
        ("(p q : Nat → Prop) (n : Nat) (h : ∀ x, p x ↔ ¬ p x) : q n", False),
        ("(a b : List Nat) : back (back (join a b)) = join a b", True),
    ],
)
async def test_a_proof_of_several_steps_elaborates_as_a_whole(pair, claim, laws):
    checker, _ = pair
    goal = statement(claim)
    form = shape.read(PRELUDE, source.claim_of(goal))
    search = GoalSearch(checker, Steps(form), lambda: True)
    assert await search.begin(goal)
    if laws:
        assert await search.explore(form, 4)
    script = await search.prove(150)
    assert script
    assert "sorry" not in script
    assert (await checker.elaborate(goal.context, source.with_script(goal, script))).ok


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
async def test_what_is_false_is_not_proved_and_the_search_ends(pair):
    checker, _ = pair
    goal = statement("(t : Tree) : t.flip.total = t.total + 1")
    search = GoalSearch(
        checker, Steps(shape.read(PRELUDE, source.claim_of(goal))), lambda: search.tactics < 60
    )
    assert await search.begin(goal)
    assert await search.prove(1000) is None


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
async def test_what_the_first_steps_leave_open_is_told_as_a_sketch_with_its_goals(pair):
    checker, _ = pair
    goal = Statement(
        context=Context(), name="T", text="theorem T (l : List Nat) : l.length ≤ 7 := by sorry"
    )
    proof = await anext(attempts(goal, checker))
    assert proof.sketch
    assert "sorry" in proof.script
    assert (await checker.elaborate(goal.context, proof.text)).ok
    gaps = await checker.gaps(goal.context, proof.text)
    assert gaps
    assert all("⊢" in gap for gap in gaps)
