"""Machines are simulated as the problems define them, and endless ones get an invariant."""

from proofsmith.domains.lean import machines

BEAVER = """\
def m : TM := ⟨2, fun q s => match q, s with
  | 0, 0 => some (1, .R, 1)
  | 0, 1 => some (1, .L, 1)
  | 1, 0 => some (1, .L, 0)
  | 1, 1 => some (1, .R, 99)
  | _, _ => none⟩
"""
SWEEP = (
    "def m : TM := ⟨1, fun q s => match q, s with\n  | 0, 0 => some (1, .R, 0)\n  | _, _ => none⟩\n"
)
BOUNCE = (
    "def m : TM := ⟨2, fun q s => match q, s with\n  | 0, 0 => some (0, .R, 1)\n"
    "  | 1, 0 => some (0, .L, 0)\n  | _, _ => none⟩\n"
)


def test_the_two_state_champion_halts_after_six_steps_with_four_ones():
    assert machines.halting_steps(BEAVER) == 6
    rules, tape = machines.table(BEAVER), machines.Tape()
    while tape.step(rules):
        pass
    assert tape.ones() == 4
    assert tape.lean().startswith("⟨99, [")


def test_a_halting_goal_gets_its_step_count_as_witness():
    scripts = list(machines.proofs(BEAVER, ": ∃ k, halted m (run m k start) = true"))
    assert scripts[0] == "exact ⟨6, by decide⟩"


def test_endless_machines_get_an_invariant():
    goal = "(k : Nat) : halted m (run m k start) = false"
    assert machines.halting_steps(SWEEP, most=1000) is None
    (sweep,) = machines.proofs(SWEEP, goal)
    assert "c.right = []" in sweep
    cycles = list(machines.proofs(BOUNCE, goal))
    assert all("c = ⟨0, [], 0, []⟩" in script for script in cycles)
    assert list(machines.proofs(BEAVER, goal)) == []


def test_texts_without_a_machine_get_nothing():
    assert list(machines.proofs("def f := 1", ": ∃ k, k = f")) == []
