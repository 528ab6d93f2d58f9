"""A proof with gaps is no proof but a position: its goals go to the search, which asks for one step on them."""

import json
from pathlib import Path

import pytest

from proofsmith.api import solve
from proofsmith.domains.lean import source
from proofsmith.domains.lean.verify import verify
from proofsmith.model import ScriptedModel
from proofsmith.planners.best_of import Plan
from proofsmith.planners.proofsearch import ProofSearch, Proving
from proofsmith.types import (
    Budget,
    Candidate,
    Conclusion,
    Depth,
    Goal,
    Outcome,
    Reply,
    Status,
    Usage,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

RECORDED = Path(__file__).parents[2] / "fixtures/lean/recorded.jsonl"
FILE = "theorem gauss (n : Nat) : 2 * (List.range (n + 1)).sum = n * (n + 1) := sorry\n"
HEAD = FILE.removesuffix("sorry\n")
SKETCH = """by
  have step (k : Nat) : (List.range (k + 1)).sum = (List.range k).sum + k := by sorry
  induction n with
  | zero => rfl
  | succ k ih => rw [step, Nat.mul_add, ih]; grind
"""
SOLVED = SKETCH.replace("by sorry", "by\n    rw [List.range_succ, List.sum_append_nat]; simp")


def problem_in(folder, text=FILE):
    path = folder / "Gauss.lean"
    path.write_text(text)
    return source.read(path, Goal.SOLVE, {})


async def verdict_of(problem, text, pair):
    checker, referee = pair

    async def borrow(_):
        return checker

    candidate = Candidate(files={"Gauss.lean": text})
    return candidate, await verify(problem, candidate, Depth.QUICK, borrow, referee)


async def test_the_goals_of_a_sketch_reach_the_next_prompt_and_its_completion_is_proved(
    pair, tmp_path
):
    problem = problem_in(tmp_path)
    plan = Plan(
        brief="", files=problem.files, solving=True, model=True, rules=False, required=Status.PROVED
    )
    strategy = ProofSearch(plan, Proving(whole=0, sketches=1))
    prompts = []
    for text in (HEAD + SKETCH, HEAD + SOLVED):
        (move,) = strategy.ask(1)
        prompts.append(move.prompt)
        candidate, verdict = await verdict_of(problem, text, pair)
        goals = tuple(verdict.evidence[-1].facts.get("goals", ()))
        outcome = Outcome(candidate=candidate, verdict=verdict, states=goals)
        strategy.tell(move, Reply(text=text, finish="stop", usage=Usage()), outcome)
        if text.endswith(SKETCH):
            assert verdict.status is Status.FAILED
            assert len(goals) == 1
    assert "⊢ (List.range (k + 1)).sum = (List.range k).sum + k" in prompts[1]
    assert verdict.status is Status.PROVED
    assert strategy.finished


async def test_a_sketch_of_another_statement_is_no_position(pair, tmp_path):
    weaker = HEAD.replace("n * (n + 1)", "2 * (List.range (n + 1)).sum") + "by sorry\n"
    _, verdict = await verdict_of(problem_in(tmp_path), weaker, pair)
    assert verdict.status is Status.FAILED
    assert "goals" not in verdict.evidence[-1].facts


async def test_with_recorded_replies_the_search_settles_what_it_settles_without_and_more(
    lean, tmp_path
):
    kept = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]
    (reply,) = [row["reply"] for row in kept if row["id"] == "own_list_120"]
    easy = "theorem T (a b : Nat) : a * b + a = a * (b + 1) := sorry\n"
    cases = {
        "hard": (reply.partition(":= by")[0] + ":= sorry\n", reply),
        "easy": (easy, easy.replace("sorry", "by exact missing")),
    }
    settled = {}
    for name, (text, said) in cases.items():
        path = tmp_path / f"{name}.lean"
        path.write_text(text)
        answer = f"### {path.name}\n```lean\n{said}\n```\n"
        for model in (None, ScriptedModel(lambda _, answer=answer: answer)):
            report = await solve(
                path,
                model=model,
                budget=Budget(wall_s=120.0 if model or name == "easy" else 5.0),
                runs_dir=tmp_path / "runs",
            )
            settled[name, model is not None] = report.conclusion is Conclusion.SOLVED
    assert settled["easy", False]
    assert settled["easy", True]
    assert settled["hard", True]
