import asyncio
from dataclasses import dataclass, field, replace

import pytest

from proofsmith.agents.rounds import Rounds
from proofsmith.errors import ModelError, SandboxError, UsageError
from proofsmith.model import ScriptedModel
from proofsmith.planners.best_of import Plan
from proofsmith.planners.evolve import Evolve
from proofsmith.planners.plansearch import PlanSearch, Shape
from proofsmith.types import Budget, Move, Status
from tests.agents.toy import NAME, ToyDomain, cost_of, run_of, text_of


async def search(run):
    return await Rounds(run, run.strategy({})).drive()


def costs(end):
    return [cost_of(outcome.candidate) for outcome in end.outcomes]


async def test_rules_alone_climb_until_they_are_exhausted(tmp_path):
    end = await search(run_of(tmp_path, budget=Budget()))
    assert end.ended_by == "finished"
    right = [cost_of(o.candidate) for o in end.outcomes if o.verdict.status is Status.TESTED]
    assert min(right) == 5
    assert any(o.verdict.status is Status.FAILED for o in end.outcomes)


async def test_the_budget_of_attempts_is_exact_at_any_width(tmp_path):
    for width in (1, 2, 5):
        folder = tmp_path / str(width)
        folder.mkdir()
        run = run_of(folder, budget=Budget(attempts=7), width=width)
        end = await search(run)
        assert end.ended_by == "budget:attempts"
        assert len(end.outcomes) == 7
        assert run.budget.spend.attempts == 7


async def test_at_most_width_attempts_work_at_once_and_none_while_a_pair_is_timed(tmp_path):
    delays = dict.fromkeys(range(-300, 200), 0.002)
    domain = ToyDomain(delays=delays)
    await search(run_of(tmp_path, domain, budget=Budget(attempts=12), width=3))
    assert domain.most_verifying == 3
    assert domain.overlaps == 0


async def test_the_path_of_a_search_does_not_depend_on_which_attempt_ends_first(tmp_path):
    paths = []
    for number, delays in enumerate(({}, {90: 0.03, -100: 0.02}, {105: 0.03, 75: 0.01})):
        folder = tmp_path / str(number)
        folder.mkdir()
        domain = ToyDomain(delays=delays)
        paths.append(costs(await search(run_of(folder, domain, width=3))))
    assert paths[0] == paths[1] == paths[2]


async def test_a_second_session_takes_everything_from_the_ledger(tmp_path):
    first = await search(run_of(tmp_path))
    domain = ToyDomain()
    again = run_of(tmp_path, domain)
    second = await search(again)
    assert second.outcomes == first.outcomes
    assert domain.verified == []
    assert domain.measured == []
    assert again.budget.spend.attempts == 10


async def test_a_larger_budget_goes_on_where_the_smaller_one_ended(tmp_path):
    first = await search(run_of(tmp_path, budget=Budget(attempts=4)))
    domain = ToyDomain()
    second = await search(run_of(tmp_path, domain, budget=Budget(attempts=9)))
    assert costs(second)[:4] == costs(first)
    assert len(domain.verified) == 5


async def test_candidates_that_compile_to_the_same_code_are_measured_once(tmp_path):
    domain = ToyDomain(same_code=True)
    end = await search(run_of(tmp_path, domain, budget=Budget(attempts=9)))
    digits = {cost_of(o.candidate) % 10 for o in end.outcomes if o.comparisons}
    assert len(domain.measured) == len(digits)


async def test_a_dead_sandbox_is_tried_twice_and_never_counts_against_the_candidate(tmp_path):
    end = await search(run_of(tmp_path, ToyDomain(deaths={90: 1}), budget=Budget(attempts=2)))
    assert end.outcomes[0].verdict.status is Status.TESTED


async def test_a_sandbox_that_dies_twice_ends_the_run_and_leaves_no_outcome(tmp_path):
    run = run_of(tmp_path, ToyDomain(deaths={75: 2}), width=2)
    with pytest.raises(SandboxError):
        await search(run)
    healed = await search(run_of(tmp_path, width=2))
    assert 75 in [cost_of(o.candidate) for o in healed.outcomes if o.comparisons]


async def test_a_model_that_never_answers_leaves_half_of_the_time_to_the_rules(tmp_path):
    class Mute(ScriptedModel):
        async def complete(self, messages, **options):
            await asyncio.sleep(600)

    run = run_of(tmp_path, model=Mute.silent(), budget=Budget(wall_s=4.0, attempts=30), width=2)
    end = await search(run)
    assert "no answer" in end.model_error.message
    assert len(end.outcomes) > 4  # more than fit beside two calls


async def test_a_request_to_stop_drains_what_is_in_flight_and_starts_nothing(tmp_path):
    domain = ToyDomain(delays={90: 0.05})
    run = run_of(tmp_path, domain, budget=Budget())
    task = asyncio.create_task(search(run))
    await asyncio.sleep(0.01)
    run.stop.set()
    end = await task
    assert end.ended_by == "interrupted"
    assert costs(end) == [90]


async def test_the_wall_budget_ends_a_search_in_the_middle_of_an_attempt(tmp_path):
    domain = ToyDomain(delays={90: 30.0})
    run = run_of(tmp_path, domain, budget=Budget(wall_s=0.4))
    end = await search(run)
    assert end.ended_by == "budget:wall_s"
    assert run.budget.spend.wall_s < 20.0
    assert run.budget.spend.attempts == 0


async def test_model_moves_and_rule_moves_share_the_search(tmp_path):
    model = ScriptedModel(["cost = 40", "cost = 0", "cost = 39", "no code at all"] * 10)
    run = run_of(tmp_path, model=model, budget=Budget(attempts=8))
    end = await search(run)
    makers = {o.candidate.move.split(":")[0] for o in end.outcomes}
    assert "rule" in makers
    assert "repair" in makers
    assert 39 in costs(end)
    assert run.budget.spend.model_calls > 2


async def test_a_spent_token_budget_stops_the_model_and_not_the_rules(tmp_path):
    model = ScriptedModel(["cost = 40"] * 3)
    run = run_of(tmp_path, model=model, budget=Budget(tokens=20, attempts=6))
    end = await search(run)
    assert run.budget.spend.model_calls == 0
    assert len(end.outcomes) == 6


async def test_an_endpoint_that_fails_leaves_the_rules_and_is_reported_when_they_end(tmp_path):
    model = ScriptedModel([ModelError("the endpoint answers 401", http_status=401)])
    end = await search(run_of(tmp_path, model=model, budget=Budget(), plan={"patience": 500}))
    assert end.ended_by == "model"
    assert end.model_error is not None
    assert len(end.outcomes) > 5


async def test_an_unreadable_reply_is_asked_for_again_once_with_the_reason(tmp_path):
    model = ScriptedModel(["no code", "cost = 40", "nothing", "nothing again"])
    plan = {"samples": 2, "rules": False}
    run = run_of(tmp_path, model=model, plan=plan)
    end = await search(run)
    assert costs(end) == [40]
    second, last = model.requests[1].messages[0].content, model.requests[-1].messages[0].content
    assert "no code in the reply" in second
    assert second.startswith(model.requests[0].messages[0].content)
    assert "nothing" in last
    assert len(model.requests) == 4
    assert run.budget.spend.model_calls == 4
    resumed = await search(run_of(tmp_path, model=ScriptedModel.silent(), plan=plan))
    assert resumed.outcomes == end.outcomes


async def test_an_unreadable_reply_is_not_asked_for_again_without_budget(tmp_path):
    model = ScriptedModel(["no code"])
    run = run_of(tmp_path, model=model, budget=Budget(tokens=5100, attempts=3), plan={"samples": 2})
    end = await search(run)
    assert len(model.requests) == 1
    assert len(end.outcomes) == 3


async def test_a_refusal_of_one_call_does_not_end_the_use_of_the_model(tmp_path):
    refused = ModelError("the model declined", tokens=9, only_this_call=True)
    model = ScriptedModel([refused, refused, "cost = 40"])
    plan = {"samples": 2, "rules": False}
    run = run_of(tmp_path, model=model, plan=plan)
    end = await search(run)
    assert costs(end) == [40]
    assert end.ended_by == "finished"
    assert "declined" not in str(end.model_error)
    assert run.budget.spend.tokens >= 18


async def test_recorded_replies_are_not_asked_for_again(tmp_path):
    replies = ["cost = 40", "cost = 30", "cost = 20"]
    plan = {"samples": 3}
    first = await search(run_of(tmp_path, model=ScriptedModel(replies), plan=plan))
    second = await search(run_of(tmp_path, model=ScriptedModel([]), plan=plan))
    assert first.outcomes == second.outcomes


async def test_a_reply_that_the_deadline_left_unjudged_is_counted_all_the_same(tmp_path):
    model = ScriptedModel(["cost = 40"])
    domain = ToyDomain(delays={40: 30.0})
    run = run_of(tmp_path, domain, model=model, budget=Budget(wall_s=0.5), plan={"rules": False})
    end = await search(run)
    assert end.ended_by == "budget:wall_s"
    assert run.budget.spend.model_calls == 1
    assert run.budget.spend.tokens > 0


class OneMove:
    """A strategy that asks for a single model move of a given tier."""

    def __init__(self, tier):
        self.left = [Move(id="only", kind="optimise", prompt="make it cheaper", tier=tier)]

    def ask(self, limit):
        return [self.left.pop()] if self.left and limit else []

    def tell(self, move, reply, outcome):
        pass

    def dump(self):
        return {}

    def load(self, state):
        pass


@pytest.mark.parametrize(("tier", "effort"), [("cheap", "low"), ("strong", None), ("deep", "high")])
async def test_a_cheap_move_asks_for_little_effort_and_a_deep_one_for_much(tmp_path, tier, effort):
    model = ScriptedModel(["cost = 40"])
    await Rounds(run_of(tmp_path, model=model), OneMove(tier)).drive()
    assert [asked.effort for asked in model.requests] == [effort]


async def test_a_repair_is_told_what_the_candidate_changed_and_what_is_left_of_the_budget(tmp_path):
    model = ScriptedModel(["cost = 0", "cost = 40"])
    plan = {"samples": 2, "rules": False}
    budget = Budget(attempts=8, tokens=90_000)
    run = run_of(tmp_path, model=model, budget=budget, plan=plan)
    end = await search(run)
    assert costs(end) == [0, 40]
    prompt = model.requests[1].messages[0].content
    assert "cost 0 is not allowed" in prompt
    assert "-cost = 100" in prompt
    assert "+cost = 0" in prompt
    assert "7 of 8 attempts and " in prompt
    assert "of 90,000 tokens are left for the whole search" in prompt
    resumed = await search(run_of(tmp_path, model=ScriptedModel.silent(), budget=budget, plan=plan))
    assert resumed.outcomes == end.outcomes


class Becoming(ToyDomain):
    """Costs become the same when they have the same last digit."""

    async def behaviour(self, problem, candidate, sandbox):
        return f"ends in {cost_of(candidate) % 10}"


async def test_candidates_that_become_the_same_are_judged_once_and_again_not_after_a_restart(
    tmp_path,
):
    domain, model = Becoming(), ScriptedModel(["cost = 40", "cost = 30", "cost = 31"])
    plan = {"samples": 3, "rules": False, "repairs": 0}
    end = await search(run_of(tmp_path, domain, model=model, plan=plan))
    assert costs(end) == [40, 30, 31]
    assert [cost for cost, _ in domain.verified] == [40, 31]
    assert end.outcomes[1].comparisons == end.outcomes[0].comparisons
    fresh = Becoming()
    later = ScriptedModel(["cost = 21"])
    plan["samples"] = 4
    await search(run_of(tmp_path, fresh, model=later, plan=plan))
    assert fresh.verified == []


@dataclass
class Probed(ToyDomain):
    """Runs a stated input: costs up to `refuted` go wrong on the input `n=0`."""

    refuted: int = 0
    probes: list = field(default_factory=list)

    def form(self, problem):
        return "n=NUMBER"

    async def probe(self, problem, candidate, text, sandbox):
        if not text.startswith("n="):
            raise UsageError("no number is stated")
        self.probes.append((cost_of(candidate), text))
        wrong = text == "n=0" and cost_of(candidate) <= self.refuted
        return "it divides by n" if wrong else ""


def doubting(replies):
    """A model that answers PLANSEARCH: observations, a plan, then `replies` to what asks for code or an input."""
    left = list(replies)

    def answer(asked):
        prompt = asked.messages[0].content
        if '"observations"' in prompt:
            return '{"observations": [{"claim": "costs are small"}]}'
        if '"why"' in prompt and '"input"' in prompt:
            return left.pop(0)
        if '"plan"' in prompt:
            return f'{{"plan": "step {len(left)}"}}'
        return left.pop(0)

    return ScriptedModel(answer)


def plansearch_of(tmp_path, domain, model, calls, **other):
    plan = Plan(brief="b", files={NAME: text_of(100)}, model=True, rules=False, probe="n=NUMBER")
    shape = Shape(calls=calls)
    return run_of(tmp_path, domain, model=model, **other), PlanSearch(plan, shape)


async def test_a_counter_example_that_is_run_and_confirmed_takes_the_candidate_out(tmp_path):
    replies = ["cost = 40", '{"input": "n=0", "why": "zero"}', "cost = 60", '{"input": ""}']
    domain, model = Probed(refuted=50), doubting(replies)
    run, strategy = plansearch_of(tmp_path, domain, model, calls=6)
    end = await Rounds(run, strategy).drive()
    assert domain.probes == [(40, "n=0")]
    by_cost = {cost_of(o.candidate): o for o in end.outcomes}
    assert by_cost[40].verdict.status is Status.FAILED
    assert by_cost[60].verdict.status is Status.TESTED
    asked_to_repair = [r for r in model.requests if "it divides by n" in r.messages[0].content]
    assert len(asked_to_repair) == 1
    assert run.budget.spend.attempts == 2
    again = Probed(refuted=50)
    run, strategy = plansearch_of(tmp_path, again, ScriptedModel.silent(), calls=6)
    assert (await Rounds(run, strategy).drive()).outcomes == end.outcomes
    assert again.probes == []


@pytest.mark.parametrize("stated", ["n=7", "no input at all"])
async def test_an_input_on_which_it_holds_or_that_cannot_be_run_changes_nothing(tmp_path, stated):
    replies = ["cost = 40", f'{{"input": "{stated}", "why": "?"}}']
    run, strategy = plansearch_of(tmp_path, Probed(refuted=50), doubting(replies), calls=4)
    end = await Rounds(run, strategy).drive()
    assert [(cost_of(o.candidate), o.verdict.status) for o in end.outcomes] == [(40, Status.TESTED)]


class Classed(ToyDomain):
    """Says with every measurement what bounds a candidate."""

    async def measure(self, problem, base, candidate, sandbox, depth):
        (timed,) = await super().measure(problem, base, candidate, sandbox, depth)
        bound = "memory" if cost_of(candidate) < 50 else "compute"
        return (replace(timed, host={"bound": bound}),)


async def test_the_archive_of_a_run_holds_what_was_measured_with_its_interval_and_its_class(
    tmp_path,
):
    strategy = Evolve(Plan(brief="b", files={NAME: text_of(100)}))
    run = run_of(tmp_path, Classed(steps=(10, 60)), budget=Budget(attempts=2))
    end = await Rounds(run, strategy).drive()
    cells = strategy.dump()["cells"]
    assert cells.keys() == {"compute/minus", "memory/minus"}
    for outcome in end.outcomes:
        (found,) = [e for e in cells.values() if e["id"] == outcome.candidate.id]
        (timed,) = outcome.comparisons
        assert (found["low"], found["high"]) == (timed.low, timed.high)
        assert found["low"] < timed.ratio < found["high"]
    (move,) = [m for m in (*strategy.ask(9),) if m.parents][:1]
    assert move.parents == (cells["memory/minus"]["id"],)
