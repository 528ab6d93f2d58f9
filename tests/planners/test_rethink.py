import json

import pytest

from proofsmith.planners.rethink import Rethink, Thinking
from proofsmith.planners.tree import FIELDS, ROOT
from proofsmith.types import Reply
from tests.planners.scripted import PLAN, drive, outcome_of


def thoughts(*texts):
    return json.dumps({"thoughts": [{"thought": t, "prior": 1 / len(texts)} for t in texts]})


class World:
    """New thoughts each time; the program passes as many tests as `score` says of its prompt."""

    def __init__(self, score=lambda prompt: 3, blame=99):
        self.score, self.blame, self.asked, self.programs = score, blame, 0, 0

    def __call__(self, move):
        self.asked += 1
        if move.kind == "think":
            return thoughts(*(f"thought{self.asked}{letter}" for letter in "abc"))
        if move.kind == "rethink":
            return json.dumps({"blame": self.blame, "thought": f"replacement{self.asked}"})
        self.programs += 1
        passed = self.score(move.prompt)
        text = f"program {self.programs}"
        return "code", outcome_of(text, right=passed >= 10, passed=passed, behaviour=text)


def kinds(moves):
    return [move.kind for move in moves]


def test_a_rollout_writes_rethinks_writes_again_and_then_expands():
    moves = drive(Rethink(PLAN, Thinking(calls=6, rethinks=1)), World())
    assert kinds(moves) == ["think", "write", "rethink", "write", "think", "write"]


def test_a_rethought_thought_replaces_the_old_one_in_place_with_prior_one():
    strategy = Rethink(PLAN, Thinking(calls=4, rethinks=1))
    moves = drive(strategy, World())
    node = strategy.dump()["tree"][1]
    assert node[1].startswith("replacement")
    assert node[2] == 1.0
    assert "replacement" in moves[3].prompt
    assert "thought1a" not in moves[3].prompt
    assert "thought1a" in strategy.dump()["retired"]


def test_an_indicted_ancestor_gets_a_new_branch_and_keeps_the_old_one_with_a_penalty():
    strategy = Rethink(PLAN, Thinking(calls=60, rethinks=1))
    drive(strategy, World(blame=1))
    rows = strategy.dump()["tree"]
    roots = [rows[i] for i in rows[ROOT][8]]
    penalised = [row for row in roots if row[7] < 1]
    fresh = [row for row in roots if row[1].startswith("replacement")]
    assert penalised
    assert fresh
    assert any(row[8] for row in penalised)


def test_a_replacement_that_was_tried_before_is_not_run_again():
    def world(move):
        if move.kind == "rethink":
            return json.dumps({"blame": 1, "thought": "thought1B"})
        return (
            World()(move)
            if move.kind != "think"
            else thoughts("thought1a", "thought1b", "thought1c")
        )

    moves = drive(Rethink(PLAN, Thinking(calls=4, rethinks=1)), world)
    assert kinds(moves) == ["think", "write", "rethink", "think"]


def test_a_replacement_whose_program_does_the_same_is_not_replaced_again():
    class Same(World):
        def __call__(self, move):
            said = super().__call__(move)
            same = outcome_of(f"program {self.programs}", passed=3, behaviour="same")
            return ("code", same) if move.kind == "write" else said

    how = Thinking(calls=5, rethinks=4)
    assert kinds(drive(Rethink(PLAN, how), Same()))[-2:] == ["write", "think"]
    assert kinds(drive(Rethink(PLAN, how), World()))[-2:] == ["write", "rethink"]


def test_the_search_stops_with_the_first_right_program():
    world = World(score=lambda prompt: 10 if world.programs >= 3 else 2)
    moves = drive(Rethink(PLAN, Thinking()), world)
    assert world.programs == 3
    assert kinds(moves)[-1] == "write"


def test_the_best_candidate_is_the_one_that_passes_most_whatever_came_later():
    passed = iter([3, 7, 2, 9, 1, 8, 4] + [0] * 100)
    made = {}

    def world(move):
        answer = World()(move)
        if move.answer != "code":
            return answer
        outcome = outcome_of(f"p{len(made)}", passed=next(passed), behaviour=str(len(made)))
        made[outcome.candidate.id] = outcome
        return "code", outcome

    strategy = Rethink(PLAN, Thinking(calls=30))
    drive(strategy, world)
    evidence = made[strategy.best].verdict.evidence[0]
    assert evidence.facts["passed"] == 9


@pytest.mark.parametrize("width", [1, 3, 8])
def test_leaves_in_flight_are_distinct_and_none_stays_counted_as_flying(width):
    strategy = Rethink(PLAN, Thinking(calls=80))
    drive(strategy, World(), width=width)
    rows = strategy.dump()["tree"]
    assert len(rows) > 20
    assert not any(row[6] for row in rows) or strategy.dump()["queue"]


def test_several_leaves_are_written_at_once():
    strategy = Rethink(PLAN, Thinking())
    (first,) = strategy.ask(8)
    strategy.tell(first, Reply(text=thoughts("a", "b", "c")), None)
    moves = strategy.ask(8)
    assert kinds(moves) == ["write"] * 3 + ["think"]
    assert len({move.prompt for move in moves}) == 4
    assert strategy.ask(8) == []


@pytest.mark.parametrize(
    "text", ["", "I cannot help.", "{}", '{"thoughts": [1, null, {}]}', '{"thoughts": "x"}']
)
def test_useless_replies_end_the_search(text):
    moves = drive(Rethink(PLAN, Thinking(calls=50)), lambda move: text)
    assert 1 < len(moves) <= 50


def test_replies_that_always_repeat_end_the_search():
    def world(move):
        if move.answer == "code":
            return "code", outcome_of("same", passed=1, behaviour="same")
        if move.kind == "think":
            return thoughts("same", "same", "same")
        return json.dumps({"blame": 1, "thought": "same"})

    moves = drive(Rethink(PLAN, Thinking(calls=300)), world)
    assert len(moves) < 100


@pytest.mark.parametrize("calls", [0, 1, 9])
def test_the_budget_of_calls_is_never_exceeded(calls):
    assert len(drive(Rethink(PLAN, Thinking(calls=calls)), World(), width=4)) == calls


def test_feedback_reaches_the_rethink_and_the_next_thoughts_unless_it_is_turned_off():
    moves = drive(Rethink(PLAN, Thinking(calls=12, rethinks=1)), World())
    assert "7 tests fail" in moves[2].prompt
    assert "program 1" in moves[2].prompt
    assert "7 tests fail" in moves[4].prompt
    assert "7 tests fail" not in moves[3].prompt
    blind = drive(Rethink(PLAN, Thinking(calls=12, rethinks=0, feedback=False)), World())
    assert not any("7 tests fail" in move.prompt for move in blind)


def test_a_model_that_is_gone_ends_the_search():
    assert len(drive(Rethink(PLAN), lambda move: None)) == 1


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("blame", [1, 99])
def test_a_search_resumes_mid_flight_with_identical_next_moves(width, blame):
    how = Thinking(calls=70)
    drive(Rethink(PLAN, how), World(blame=blame), width=width, twin=lambda: Rethink(PLAN, how))


def test_a_deeper_thought_is_written_into_the_program_of_the_thoughts_above_it():
    made = {}

    class Remembering(World):
        def __call__(self, move):
            said = super().__call__(move)
            if move.kind == "write":
                made[said[1].candidate.id] = said[1].candidate.files["a.txt"]
            return said

    moves = drive(Rethink(PLAN, Thinking(calls=30, rethinks=0)), Remembering())
    deeper = [move for move in moves if move.kind == "write" and move.parents]
    assert deeper
    for move in deeper:
        assert made[move.parents[0]] in move.prompt
        assert "7 tests fail" in move.prompt
        assert "base" in move.prompt, "the original is shown beside it"
    first = next(move for move in moves if move.kind == "write")
    assert first.parents == ()
    assert "Version that carries out" not in first.prompt


def test_programs_are_kept_only_while_a_thought_can_still_start_from_them():
    strategy = Rethink(PLAN, Thinking(calls=200, rethinks=1, depth=2))
    drive(strategy, World(blame=1), width=4)
    state = strategy.dump()
    rows = state["tree"]
    for index in state["programs"]:
        node = dict(zip(FIELDS, rows[int(index)], strict=True))
        assert node["live"] or node["flying"] or index in state["reports"]
