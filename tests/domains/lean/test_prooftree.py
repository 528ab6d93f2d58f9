"""A finished proof is shown step by step, with the goals between the steps and the cases below theirs."""

from proofsmith.domains.lean import prooftree

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
