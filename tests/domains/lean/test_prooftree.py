"""A finished proof is shown step by step, with the goals between the steps and the cases below theirs."""

import pytest

from proofsmith.domains.lean import prooftree
from proofsmith.domains.lean.checker import Context, Statement

SUM = """\
theorem help : True := trivial

theorem T (n : Nat) : n + 0 = n ∧ 0 + n = n := by
  constructor
  · have := help
    rfl
  · induction n with
    | zero => rfl
    | succ k ih =>
      simp
"""


def test_the_script_is_that_of_the_last_theorem():
    script = prooftree.script_of(SUM)
    assert script.startswith("constructor\n· have")
    assert prooftree.script_of("theorem T : True := trivial") == ""
    assert prooftree.script_of("theorem T : 1 = 1 := by rfl") == "rfl"


def test_a_script_is_cut_where_a_step_begins():
    blocks = prooftree.blocks_of(prooftree.script_of(SUM))
    assert [block.split()[0] for block in blocks] == ["constructor", "·", "·"]
    blocks = prooftree.blocks_of(
        "cases n with\n| zero => rfl\n| succ n =>\n  simp\n<;> omega\nexact h"
    )
    assert len(blocks) == 2


def test_a_case_faces_the_goal_of_its_name_also_below_another_case():
    goals = ("case right.zero\n⊢ 0 + 0 = 0", "case right.succ\n⊢ 0 + (n + 1) = n + 1")
    assert prooftree._facing("| zero => rfl", goals) == goals[:1]
    assert prooftree._facing("| succ n ih => simp", goals) == goals[1:]


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(600)
async def test_steps_carry_their_goals_and_times(pair):
    text = "theorem T (n : Nat) : n + 0 = n ∧ 0 + n = n := by sorry"
    statement = Statement(context=Context(), name="T", text=text)
    steps = await prooftree.grown(statement, SUM, pair[0])
    assert [step.tactic.split()[0] for step in steps] == ["constructor", "·", "·"]
    assert len(steps[0].goals) == 2
    assert steps[0].ms > 0
    induction = steps[2].steps[0]
    assert induction.goals == ()
    zero, successor = induction.steps
    assert "0 + 0 = 0" in zero.goals[0]
    assert "k + 1" in successor.goals[0] or "n✝ + 1" in successor.goals[0]
    told = prooftree.written(steps)
    assert "no goals left" in told
    assert "| zero => rfl" in told
    assert await prooftree.grown(statement, "theorem T : 1 = 1 := rfl", pair[0]) == ()
