"""Machines are simulated as the problems define them, and endless ones get an invariant."""

import pytest

from proofsmith.domains.lean import endless, machine_problems, machines
from proofsmith.domains.lean.checker import Context, Statement
from proofsmith.domains.lean.source import with_script
from proofsmith.domains.lean.verify import judge_text
from proofsmith.types import Status

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
    sweep = endless.repetition(SWEEP)
    assert sweep is not None
    assert (sweep.period, sweep.free) == (1, (True, False))
    (script,) = endless.proofs(SWEEP, goal)
    assert "(l : List Nat)" in script
    cycle = endless.repetition(BOUNCE)
    assert cycle is not None
    assert cycle.period == 2
    assert list(endless.proofs(BEAVER, goal)) == []
    assert list(machines.proofs(SWEEP, goal)) == []


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
async def test_machines_that_never_halt_are_proved_to_run_on(pair):
    checker, referee = pair
    found = machine_problems.problems(20, seed=11, states=3)
    for problem in (p for p in found if p.kind == "runs"):
        context = Context(prelude=problem.prelude)
        text = f"theorem T {problem.statement} := by sorry"
        goal = Statement(context=context, name="T", text=text)
        script = next(endless.proofs(problem.prelude, problem.statement))
        judged = await judge_text(goal, with_script(goal, script), checker, referee)
        assert judged.status is Status.PROVED, (problem.prelude, judged.reason)


def test_texts_without_a_machine_get_nothing():
    assert list(machines.proofs("def f := 1", ": ∃ k, k = f")) == []


def test_generated_machines_halt_when_their_problem_says_and_the_seed_decides():
    found = list(machine_problems.problems(24, seed=7, states=3))
    assert found == list(machine_problems.problems(24, seed=7, states=3))
    assert found != list(machine_problems.problems(24, seed=8, states=3))
    assert {p.kind for p in found} == set(machine_problems.KINDS)
    for problem in found:
        if problem.kind == "runs":
            assert machines.halting_steps(problem.prelude, most=5000) is None
            continue
        assert machines.halting_steps(problem.prelude) == problem.steps
        told = problem.statement.rpartition("= ")[2]
        if problem.kind in ("ones", "broken"):
            assert (int(told) == problem.ones) == problem.truth
        assert next(iter(machines.proofs(problem.prelude, problem.statement)))


def test_machines_that_run_longer_can_be_asked_for_within_reason():
    assert all(p.steps >= 12 for p in machine_problems.problems(4, seed=1, states=4, least=12))
    with pytest.raises(ValueError, match="no machine of 1 states"):
        list(machine_problems.problems(1, seed=1, states=1, least=50))
