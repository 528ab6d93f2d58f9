"""The worked program proofs: the true ones are proved by rules alone, the false ones refuted, as each file says."""

from pathlib import Path

import pytest

from proofsmith.domains.lean import proposers, source
from proofsmith.domains.lean.checker import MOST_DEATHS, Checker, Context
from proofsmith.domains.lean.verify import verify
from proofsmith.errors import SandboxError
from proofsmith.types import Candidate, Depth, Goal, Status

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

FOLDER = Path(__file__).parents[3] / "examples/lean"
FILES = sorted(FOLDER.glob("*.lean"))


async def test_there_are_ten_and_three_are_false():
    assert len(FILES) >= 10
    assert sum(": false" in path.read_text("utf-8") for path in FILES) == 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_the_rules_settle_it(pair, path):
    checker, referee = pair
    problem = source.read(path, Goal.SOLVE, {})
    found = [c async for c in proposers.propose(problem, frozenset(), checker)]
    assert found, "the rules leave it open"

    async def borrow(_):
        return checker

    verdict = await verify(problem, found[-1], Depth.QUICK, borrow, referee)
    false = ": false" in problem.text
    assert verdict.status is (Status.FAILED if false else Status.PROVED), verdict.feedback
    assert {e.status for e in verdict.evidence} == {Status.PROVED}
    assert bool(found[-1].settings.get("disproof")) == false


MANY = """\
theorem first (n : Nat) : n + 0 = n := sorry

def twice (n : Nat) := n + n

theorem second (n : Nat) : twice n = 2 * n := sorry

theorem third (n : Nat) : twice (n + 0) = 2 * n := sorry
"""


async def test_several_theorems_are_judged_on_the_original_text(pair, tmp_path):
    checker, referee = pair
    path = tmp_path / "Many.lean"
    path.write_text(MANY)
    problem = source.read(path, Goal.SOLVE, {})

    async def borrow(_):
        return checker

    async def judged(text):
        candidate = Candidate(files={path.name: text})
        return await verify(problem, candidate, Depth.QUICK, borrow, referee)

    right = (
        MANY.replace("n + 0 = n := sorry", "n + 0 = n := rfl")
        .replace("theorem second", "theorem help : True := trivial\n\ntheorem second")
        .replace("twice n = 2 * n := sorry", "twice n = 2 * n := by unfold twice; omega")
        .replace("= 2 * n := sorry", "= 2 * n := by rw [first]; exact second n")
    )
    verdict = await judged(right)
    assert verdict.status is Status.PROVED, verdict.feedback
    assert len(verdict.evidence) == 3
    half = right.replace("twice n = 2 * n := by unfold twice; omega", "twice n = 2 * n := sorry")
    assert (await judged(half)).status is Status.FAILED
    circular = MANY.replace("n + 0 = n := sorry", "n + 0 = n := first n")
    assert (await judged(circular)).status is Status.FAILED
    forged = right.replace("n + n", "2 * n")
    assert (await judged(forged)).status is not Status.PROVED


async def test_an_open_theorem_before_the_one_that_is_named_is_no_ground_to_stand_on(
    pair, tmp_path
):
    checker, referee = pair
    path = tmp_path / "Two.lean"
    path.write_text(
        "theorem false_one : (1 : Nat) = 2 := sorry\n\ntheorem T : (2 : Nat) = 3 := sorry\n"
    )
    problem = source.read(path, Goal.SOLVE, {"theorem": "T"})

    async def borrow(_):
        return checker

    text = problem.text.replace(
        "(2 : Nat) = 3 := sorry", "(2 : Nat) = 3 := by simpa using false_one"
    )
    candidate = Candidate(files={path.name: text})
    verdict = await verify(problem, candidate, Depth.QUICK, borrow, referee)
    assert verdict.status is Status.FAILED
    whole = source.read(path, Goal.REFUTE, {})
    lie = "theorem false_one_disproof : ¬ false_one_claim := by unfold false_one_claim; decide\n"
    lie += "theorem T_disproof : ¬ T_claim := fun _ => by simpa using false_one\n"
    candidate = Candidate(files={path.name: lie})
    verdict = await verify(whole, candidate, Depth.QUICK, borrow, referee)
    assert verdict.status is not Status.PROVED


async def test_a_theorem_whose_hypotheses_contradict_each_other_is_proved_with_a_warning(
    pair, tmp_path
):
    checker, referee = pair

    async def borrow(_):
        return checker

    async def judged(hypothesis):
        path = tmp_path / "V.lean"
        path.write_text(f"theorem T (n : Nat) (h : {hypothesis}) : n < 4 := sorry\n")
        problem = source.read(path, Goal.SOLVE, {})
        text = problem.text.replace("sorry", "by omega")
        candidate = Candidate(files={path.name: text})
        return await verify(problem, candidate, Depth.QUICK, borrow, referee)

    verdict = await judged("n < 3 ∧ 5 < n")
    assert verdict.status is Status.PROVED
    assert "contradict" in verdict.feedback
    assert verdict.evidence[0].facts["vacuous"] is True
    verdict = await judged("n < 3")
    assert verdict.status is Status.PROVED
    assert verdict.feedback == ""


async def test_three_texts_in_a_row_that_kill_the_checker_are_the_machines_fault():
    class Dead:
        async def request(self, payload):
            raise SandboxError("died twice")

        async def close(self):
            pass

    checker = Checker(Dead(), None)
    for _ in range(MOST_DEATHS - 1):
        assert (await checker.elaborate(Context(), "theorem T : True := trivial")).ended == "died"
    with pytest.raises(SandboxError):
        await checker.elaborate(Context(), "theorem T : True := trivial")
