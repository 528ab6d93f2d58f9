from dataclasses import replace

import pytest

from benchmarks.simulation import PLAN as SIMULATED
from benchmarks.simulation import answer, problems, regimes, search, verify
from proofsmith.planners.best_of import BestOf
from proofsmith.planners.portfolio import Portfolio, default_arms
from proofsmith.planners.triage import Mixing
from proofsmith.types import Move, Reply, Status
from tests.planners.scripted import PLAN, drive, outcome_of


class Arm:
    """A strategy whose programs have the values given, at a cost in tokens; then it is finished."""

    def __init__(self, name, passed):
        self.name, self.passed, self.asked, self.told = name, passed, 0, []

    @property
    def finished(self):
        return self.asked >= len(self.passed)

    def ask(self, limit):
        moves = []
        while len(moves) < limit and not self.finished:
            moves.append(Move(id=f"{self.name}-{self.asked}", kind="solve", prompt=self.name))
            self.asked += 1
        return moves

    def tell(self, move, reply, outcome):
        self.told.append(move.id)

    def dump(self):
        return {"asked": self.asked}

    def load(self, state):
        self.asked = state["asked"]


def responder(arms, right=()):
    def respond(move):
        name, _, number = move.id.partition(":")[2].rpartition("-")
        text = f"{name}{number}"
        passed = arms[name].passed[int(number)]
        return "code", outcome_of(text, passed=passed, behaviour=text, right=move.id in right)

    return respond


def run(passed_by_arm, *, right=(), most=200, **mixing):
    arms = {name: Arm(name, passed) for name, passed in passed_by_arm.items()}
    strategy = Portfolio(PLAN, arms=arms, mixing=Mixing(**mixing), seed=4)
    return arms, strategy, drive(strategy, responder(arms, right), most=most)


def test_cheap_direct_samples_come_first_and_alone():
    _, _, moves = run({"direct": [1] * 50, "tree": [1] * 50}, opening=4)
    assert [m.id.partition(":")[0] for m in moves[:4]] == ["direct"] * 4
    assert [m.tier for m in moves[:4]] == ["cheap"] * 4
    assert "tree" in {m.id.partition(":")[0] for m in moves[4:]}


def test_a_right_program_ends_the_search():
    _, _, moves = run({"direct": [1] * 50, "tree": [1] * 50}, right=("direct:direct-2",))
    assert moves[-1].id == "direct:direct-2"


def test_the_arm_that_climbs_gets_most_of_the_moves():
    climbing = [min(9, 3 + n // 3) for n in range(200)]
    arms, _, _ = run({"direct": [2] * 200, "tree": climbing, "other": [2] * 200}, most=120)
    assert arms["tree"].asked > 2 * max(arms["direct"].asked, arms["other"].asked)


def test_until_something_is_right_no_arm_gets_less_than_its_floor_however_poor_it_looks():
    passed = {"direct": [9] * 300, "rethink": [1] * 300}
    arms, _, _ = run(passed, most=200, patience=300)
    assert arms["rethink"].asked >= 0.59 * 200
    arms = {"direct": Arm("direct", [9] * 300), "rethink": Arm("rethink", [1] * 300)}
    strategy = Portfolio(replace(PLAN, solving=False), arms=arms, seed=4)
    drive(strategy, responder(arms, right=("direct:direct-1",)), most=150)
    assert arms["rethink"].asked < 0.4 * 150, "floors end with the first right program"


def test_a_wide_window_is_not_filled_from_one_arm_because_nothing_of_it_came_back_yet():
    arms = {"direct": Arm("direct", [9] * 99), "rethink": Arm("rethink", [1] * 99)}
    asked = [move.id.partition(":")[0] for move in Portfolio(PLAN, arms=arms, seed=4).ask(30)]
    assert asked[:3] == ["direct"] * 3
    assert 17 <= asked.count("rethink") <= 24


def test_no_arm_is_starved_at_first():
    arms, _, _ = run({"direct": [5] * 200, "tree": [5] * 200, "other": [5] * 200}, most=60)
    assert min(arm.asked for arm in arms.values()) >= 5


def test_when_every_arm_is_finished_the_search_is():
    arms, strategy, moves = run({"direct": [1] * 4, "tree": [1] * 7})
    assert len(moves) == 11
    assert strategy.finished
    assert arms["tree"].told == [f"tree-{n}" for n in range(7)]


def test_a_search_without_improvement_ends():
    _, _, moves = run({"direct": [5] * 500, "tree": [5] * 500}, patience=30)
    assert len(moves) == 31


def test_a_repair_of_what_is_nearly_right_goes_to_the_cheap_model():
    class Repairing(Arm):
        def ask(self, limit):
            return [replace(m, kind="repair", parents=(parent,)) for m in super().ask(limit)]

    near = outcome_of("near", passed=9)
    parent = near.candidate.id
    strategy = Portfolio(
        PLAN, arms={"direct": Repairing("direct", [1] * 9)}, mixing=Mixing(opening=1)
    )
    (first,) = strategy.ask(1)
    strategy.tell(first, Reply(text="x"), near)
    assert strategy.ask(1)[0].tier == "cheap"
    parent = "somebody else"
    assert strategy.ask(1)[0].tier == "strong"


def test_it_says_which_strategy_wrote_how_many_programs_for_how_many_tokens():
    _, strategy, _ = run({"direct": [1] * 4, "tree": [1] * 7})
    assert (
        strategy.summary == "shares: direct 4 programs, 0.4k tokens; tree 7 programs, 0.7k tokens"
    )
    assert Portfolio(replace(PLAN, model=False)).summary == ""


def test_ideas_are_thought_about_longer_once_nothing_gets_better():
    class Thinking(Arm):
        def ask(self, limit):
            return [replace(m, answer="text") for m in super().ask(limit)]

    arms = {"direct": Arm("direct", [5] * 6), "thinking": Thinking("thinking", [0] * 30)}
    strategy = Portfolio(PLAN, arms=arms, mixing=Mixing(opening=1, deep_after=4), seed=1)
    tiers = []
    while moves := strategy.ask(1):
        (move,) = moves
        number = strategy.dump()["stale"]
        tiers.append((move.answer, move.tier, number >= 4))
        wrote = outcome_of("p", passed=5) if move.answer == "code" else None
        strategy.tell(move, Reply(text="x"), wrote)
    assert {tier for answer, tier, stuck in tiers if answer == "text" and stuck} == {"deep"}
    assert {tier for answer, tier, stuck in tiers if answer == "text" and not stuck} == {"strong"}
    assert "deep" not in {tier for answer, tier, _ in tiers if answer == "code"}


def test_arms_fit_the_problem():
    assert set(default_arms(replace(PLAN, model=False), 0)) == {"direct"}
    assert set(default_arms(PLAN, 0)) == {"direct", "plansearch", "rethink"}
    assert "evolve" in default_arms(replace(PLAN, solving=False), 0)
    lean = default_arms(replace(PLAN, required=Status.PROVED), 0)
    assert not isinstance(lean["direct"], BestOf)


def test_without_a_model_its_moves_are_those_of_the_rules():
    plan = replace(PLAN, model=False, rules=True, solving=False)
    alone, mixed = BestOf(plan), Portfolio(plan)
    for _ in range(9):
        one, other = alone.ask(1), mixed.ask(1)
        assert [m.kind for m in one] == [m.kind for m in other]
        if one:
            alone.tell(one[0], None, None)
            mixed.tell(other[0], None, None)


@pytest.mark.parametrize("text", ["", "I cannot do that."])
def test_useless_replies_end_the_search(text):
    plan = replace(PLAN, samples=20, patience=20)
    assert len(drive(Portfolio(plan), lambda move: text, most=2000)) < 1500


def test_a_model_that_is_gone_ends_the_search():
    assert len(drive(Portfolio(PLAN), lambda move: None)) < 12


@pytest.mark.parametrize("width", [1, 4])
def test_a_search_resumes_mid_flight_with_identical_next_moves(width):
    (model,) = problems(regimes()["compositional"], 1, 3)

    def respond(move):
        reply = answer(model, move)
        return reply.text, verify(reply, move)

    def build():
        return Portfolio(replace(SIMULATED, solving=False), seed=2)

    moves = drive(build(), respond, width=width, most=80, twin=build)
    assert len({move.id.partition(":")[0] for move in moves}) == 4


def test_it_solves_what_single_strategies_solve():
    solved = {}
    for name, build in {
        "direct": lambda n: BestOf(SIMULATED),
        "portfolio": lambda n: Portfolio(SIMULATED, seed=n),
    }.items():
        models = problems(regimes()["compositional"], 12, 8)
        solved[name] = sum(search(m, build(n), tokens=30_000).solved for n, m in enumerate(models))
    assert solved["portfolio"] > solved["direct"]
