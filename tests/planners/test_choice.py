from dataclasses import replace

import pytest

from proofsmith.errors import UsageError
from proofsmith.planners.choice import NAMES, strategy_of
from proofsmith.types import Candidate, Comparison, ComparisonVerdict
from tests.planners.scripted import PLAN, drive, outcome_of

TEXT = (
    '{"observations": [{"claim": "loads stride"}], "plan": "swap the loops", '
    '"thoughts": [{"thought": "block the loops"}], "blame": 1}'
)
OPTIMISING = replace(PLAN, solving=False, rules=True, patience=12)


def gained(candidate, ratio):
    """A right outcome of `candidate` with a measured ratio."""
    faster = ComparisonVerdict.FASTER
    compared = Comparison(
        metric="t", verdict=faster, ratio=ratio, low=ratio, high=ratio, pairs=9, method="m"
    )
    right = outcome_of("", right=True, behaviour=candidate.id)
    return replace(right, candidate=candidate, comparisons=(compared,))


def respond(move):
    """Rules change settings and gain a little; code gains more; text fits every form."""
    if move.kind == "rule":
        settings = {"flags": move.id}
        files = PLAN.files if not move.parents else {"a.txt": move.parents[0]}
        return None, gained(Candidate(files=files, settings=settings), 1.5)
    if move.answer == "text":
        return TEXT
    return "code", gained(Candidate(files={"a.txt": move.id}), 2.0)


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_uses_rules_and_the_model_and_resumes_with_identical_moves(name):
    strategy = strategy_of(name, OPTIMISING, seed=3)
    twin = lambda: strategy_of(name, OPTIMISING, seed=3)  # noqa: E731
    moves = drive(strategy, respond, width=2, most=40, twin=twin)
    kinds = {move.kind for move in moves}
    assert "rule" in kinds
    assert len(kinds) > 1


@pytest.mark.parametrize("name", ["plansearch", "rethink"])
def test_new_code_is_judged_under_the_best_settings_that_rules_found(name):
    moves = drive(strategy_of(name, OPTIMISING, seed=1), respond, most=40)
    thought = [m for m in moves if m.kind in ("implement", "write")]
    assert thought
    assert all(move.parents for move in thought)


@pytest.mark.parametrize("name", ["plansearch", "rethink"])
def test_rules_build_on_what_a_thoughtful_strategy_wrote(name):
    written = set()

    def noted(move):
        answer = respond(move)
        if move.kind != "rule" and move.answer == "code":
            written.add(answer[1].candidate.id)
        return answer

    moves = drive(strategy_of(name, OPTIMISING, seed=1), noted, most=60)
    parents = {parent for move in moves if move.kind == "rule" for parent in move.parents}
    assert parents & written


def test_an_unknown_name_and_a_missing_model_are_usage_errors():
    with pytest.raises(UsageError, match="unknown strategy"):
        strategy_of("annealing", OPTIMISING, seed=0)
    with pytest.raises(UsageError, match="needs a model"):
        strategy_of("rethink", replace(OPTIMISING, model=False), seed=0)
    assert strategy_of("portfolio", replace(OPTIMISING, model=False), seed=0).ask(1)
