import json
from dataclasses import replace
from math import comb

import pytest

from proofsmith.planners.plansearch import PlanSearch, Shape
from proofsmith.types import Status
from tests.planners.scripted import PLAN, drive, observations, outcome_of

WORDS = [
    "apple",
    "bread",
    "cloud",
    "delta",
    "eagle",
    "flame",
    "grape",
    "house",
    "igloo",
    "joker",
    "knife",
    "lemon",
]


class World:
    """Answers every stage; `right_plan` is the text of the plan whose program is right."""

    def __init__(self, n_observations=4, right_after=None):
        self.n, self.right_after = n_observations, right_after
        self.programs = self.asked = 0

    def __call__(self, move):
        self.asked += 1
        if move.kind == "observe":
            return observations(
                *(f"{word} {self.asked} {word}{self.asked}" for word in WORDS[: self.n])
            )
        if move.kind == "plan":
            return json.dumps({"plan": f"plan number{self.asked}"})
        if move.kind == "pseudocode":
            return json.dumps({"plan": f"pseudo number{self.asked}"})
        if move.kind == "criticise":
            return json.dumps({"input": "n=0", "fix": f"fixed number{self.asked}"})
        assert move.answer == "code"
        self.programs += 1
        right = self.right_after is not None and self.programs > self.right_after
        return "code", outcome_of(
            f"program {self.programs}", right=right, behaviour=str(self.programs)
        )


def kinds(moves):
    return [move.kind for move in moves]


@pytest.mark.parametrize("n", [0, 1, 3, 5])
def test_the_published_procedure_makes_every_combination_of_order_two(n):
    shape = Shape(exhaustive=True, layers=1, calls=10_000)
    moves = drive(PlanSearch(PLAN, shape), World(n))
    combos = 1 + n + comb(n, 2)
    assert kinds(moves).count("plan") == combos
    assert kinds(moves).count("criticise") == combos
    assert kinds(moves).count("pseudocode") == 2 * combos
    assert kinds(moves).count("implement") == 2 * combos


def test_the_published_second_layer_expands_every_non_empty_combination_once():
    shape = Shape(exhaustive=True, layers=2, calls=10_000)
    moves = drive(PlanSearch(PLAN, shape), World(2), most=10_000)
    first = 1 + 2 + 1
    assert kinds(moves).count("observe") == 1 + (first - 1)
    # the shared empty combination is planned once
    assert kinds(moves).count("plan") == first + (first - 1) * (first - 1)


@pytest.mark.parametrize("calls", [0, 1, 2, 7, 30])
@pytest.mark.parametrize("width", [1, 4])
def test_the_budget_of_calls_is_never_exceeded(calls, width):
    assert len(drive(PlanSearch(PLAN, Shape(calls=calls)), World(), width=width)) == calls


@pytest.mark.parametrize("width", [1, 8])
def test_a_verified_program_stops_the_spending_within_the_wave_in_flight(width):
    world = World(right_after=3)
    moves = drive(PlanSearch(PLAN, Shape()), world, width=width)
    first = kinds(moves).index("implement")
    assert world.programs >= 4
    assert len(moves) - first <= 3 * 3 + 2 * width


def test_programs_exist_early_because_later_stages_come_first():
    moves = drive(PlanSearch(PLAN, Shape(calls=9, fixes=0)), World())
    assert kinds(moves) == ["observe"] + ["plan", "implement"] * 4


def test_a_plan_quotes_its_observations_and_the_code_its_plan():
    moves = drive(PlanSearch(PLAN, Shape(calls=40, fixes=0)), World())
    pairs = [m for m in moves if m.kind == "plan" and m.prompt.count("\n- ") == 2]
    assert pairs
    code = [m for m in moves if m.kind == "implement"]
    assert all("plan number" in m.prompt for m in code)
    assert all("THE BRIEF" in m.prompt for m in moves)


def test_observations_that_repeat_are_kept_once():
    strategy = PlanSearch(PLAN, Shape(calls=2))
    drive(
        strategy,
        lambda move: observations(
            "Same thing here", "same THING, here!", "", "other words entirely"
        ),
    )
    assert strategy.dump()["observations"] == ["Same thing here", "other words entirely"]


def test_combinations_are_new_while_there_are_new_ones():
    strategy = PlanSearch(PLAN, Shape(calls=41, fixes=0, layers=1))
    drive(strategy, World(8))
    combos = [tuple(c) for c in strategy.dump()["combos"]]
    assert len(combos) == len(set(combos)) >= 19


@pytest.mark.parametrize(
    "text", ["", "I'm sorry, I cannot do that.", "[]", '{"observations": 3}', "{"]
)
def test_useless_replies_end_the_search_without_exceeding_the_budget(text):
    moves = drive(PlanSearch(PLAN, Shape(calls=25)), lambda move: text)
    assert 1 < len(moves) <= 25


def test_a_plan_that_repeats_is_not_coded_again():
    def same(move):
        return (
            observations("one fact")
            if move.kind == "observe"
            else json.dumps({"plan": "always this"})
        )

    def world(move):
        return ("code", outcome_of("x", behaviour="b")) if move.answer == "code" else same(move)

    moves = drive(PlanSearch(PLAN, Shape(calls=30, fixes=0)), world)
    assert kinds(moves).count("implement") == 1


def test_programs_that_show_nothing_new_end_the_search():
    def world(move):
        found = World()(move)
        return (
            ("code", outcome_of(move.id, passed=3, behaviour="same"))
            if move.answer == "code"
            else found
        )

    n = iter(range(10_000))

    def fresh(move):
        return json.dumps({"plan": f"p{next(n)}"}) if move.kind == "plan" else world(move)

    moves = drive(PlanSearch(PLAN, Shape(patience=5, fixes=0)), fresh, most=400)
    assert kinds(moves).count("implement") <= 7


def test_a_refuted_program_is_repaired_once_with_what_the_run_showed():
    def world(move):
        if move.kind == "repair":
            assert "7 tests fail" in move.prompt
            assert "the failing code" in move.prompt
        return (
            ("c", outcome_of("the failing code", passed=3))
            if move.answer == "code"
            else World()(move)
        )

    moves = drive(PlanSearch(PLAN, Shape(calls=5, fixes=1)), world)
    assert kinds(moves)[:4] == ["observe", "plan", "implement", "repair"]
    assert kinds(moves)[4] == "plan"


@pytest.mark.parametrize(("confirmed", "repairs"), [(True, 1), (False, 0)])
def test_a_critics_input_spends_a_repair_only_when_running_it_confirms_it(confirmed, repairs):
    weak = replace(PLAN, required=Status.PROVED, probe="n=NUMBER")

    def world(move):
        if move.kind == "criticise":
            assert "n=NUMBER" in move.prompt
        if move.kind == "probe":
            assert move.prompt == "n=0"
            assert move.parents
            return None, outcome_of("x", passed=0) if confirmed else None
        if move.answer == "code":
            return "c", outcome_of(f"{move.id}", right=True)
        return World()(move)

    strategy = PlanSearch(weak, Shape(calls=8, critic=True))
    moves = drive(strategy, world, most=6)
    assert kinds(moves)[:4] == ["observe", "plan", "criticise", "implement"]
    assert kinds(moves).count("probe") == 1
    assert kinds(moves).count("repair") == repairs


def doubted(confirmed, stated):
    """Drive a search whose first program is a gain, and whose critic states an input."""

    def world(move):
        if move.kind == "refute":
            if "the fast code" not in move.prompt:
                return json.dumps({"input": ""})
            return json.dumps({"input": stated, "why": "it looks odd"})
        if move.kind == "probe":
            assert json.loads(move.prompt) == stated
            wrong = outcome_of("the fast code", passed=3, move="wrong")
            return None, wrong if confirmed else outcome_of("the fast code", right=True, gain=3.0)
        if move.kind == "repair":
            assert "7 tests fail" in move.prompt
            return "c", outcome_of("repaired", right=True, gain=2.0)
        if move.answer == "code":
            return "c", outcome_of("the fast code", right=True, gain=3.0)
        return World()(move)

    plan = replace(PLAN, solving=False, probe="JSON")
    strategy = PlanSearch(plan, Shape(calls=6))
    return drive(strategy, world, twin=lambda: PlanSearch(plan, Shape(calls=6)))


def test_a_new_best_program_is_put_to_a_critic_whose_input_is_run():
    moves = doubted(confirmed=True, stated={"n": 3})
    assert kinds(moves)[:6] == ["observe", "plan", "implement", "refute", "probe", "repair"]
    later = next(move for move in moves[6:] if move.answer == "text")
    assert "at least 3.00 times" not in later.prompt, "a refuted program is no bar"


def test_a_program_that_holds_on_the_stated_input_stays_the_bar():
    moves = doubted(confirmed=False, stated={"n": 3})
    assert "repair" not in kinds(moves)
    assert "at least 3.00 times" in moves[5].prompt


def test_an_observation_whose_programs_are_refuted_by_execution_is_retired_for_the_whole_search():
    rests = []

    def world(move):
        if move.kind == "observe":
            return observations("the false claim", "a sound fact", "another truth entirely")
        if move.kind == "plan":
            rests.append("the false claim" in move.prompt)
            return json.dumps({"plan": f"plan{' false' * rests[-1]} number{len(rests)}"})
        if move.kind == "refute":
            return json.dumps({"input": {"n": 1}})
        if move.kind == "probe":
            wrong = move.parents[0] in false
            return None, outcome_of("x", passed=0) if wrong else outcome_of(
                "x", right=True, gain=2.0
            )
        made = outcome_of(move.id, right=True, gain=2.0 + len(rests))
        false.update({made.candidate.id} if " false" in move.prompt else ())
        return "c", made

    false = set()
    plan = replace(PLAN, solving=False, probe="JSON")
    shape = Shape(calls=160, fixes=0, layers=1, order=1, patience=999)
    drive(PlanSearch(plan, shape), world, twin=lambda: PlanSearch(plan, shape), most=400)
    assert sum(rests) == 2
    assert len(rests) > 20


def test_a_critic_that_finds_nothing_spends_nothing_more():
    assert "probe" not in kinds(doubted(confirmed=True, stated={}))


def test_a_critic_without_a_runner_corrects_the_plan_before_it_is_coded():
    moves = drive(PlanSearch(PLAN, Shape(calls=4, critic=True)), World())
    assert kinds(moves) == ["observe", "plan", "criticise", "implement"]
    assert "fixed number" in moves[-1].prompt


def test_a_model_that_is_gone_ends_the_search():
    assert len(drive(PlanSearch(PLAN), lambda move: None)) == 1


@pytest.mark.parametrize("exhaustive", [False, True])
@pytest.mark.parametrize("width", [1, 5])
def test_a_search_resumes_mid_flight_with_identical_next_moves(width, exhaustive):
    shape = Shape(calls=60, exhaustive=exhaustive)
    drive(
        PlanSearch(PLAN, shape, seed=3),
        World(),
        width=width,
        twin=lambda: PlanSearch(PLAN, shape, seed=3),
    )
