import asyncio
import json
from dataclasses import replace

import pytest
from pydantic import BaseModel

from proofsmith.agents.facts import gather, gather_for_report, policies, recharge
from proofsmith.agents.gather import Gatherer
from proofsmith.agents.offers import Catalogue, Outline, Where, offered
from proofsmith.agents.rounds import Rounds
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.errors import SandboxError
from proofsmith.model import ScriptedModel
from proofsmith.types import Budget, Profile
from tests.agents.toy import ToyDomain, ToySandbox, problem_of, run_of


class Nothing(BaseModel):
    pass


class Named(BaseModel):
    name: str


class Counter:
    """A tool that answers how often it was called."""

    def __init__(self, name, arguments):
        self.name, self.arguments, self.calls = name, arguments, 0
        self.description = name

    async def run(self, problem, arguments, sandbox):
        self.calls += 1
        return self.calls


async def test_tools_without_arguments_are_called_without_spending_a_token(tmp_path):
    tool = Counter("hot", Nothing)
    run = run_of(tmp_path, ToyDomain(tools=(tool,)), model=ScriptedModel([]))
    facts = await gather(run)
    assert facts["hot"] == 1
    assert "outline" in facts
    assert run.budget.spend.model_calls == 0


async def test_what_was_gathered_is_not_gathered_again(tmp_path):
    tool = Counter("hot", Nothing)
    domain = ToyDomain(tools=(tool,))
    await gather(run_of(tmp_path, domain, model=ScriptedModel([])))
    assert (await gather(run_of(tmp_path, domain, model=ScriptedModel([]))))["hot"] == 1
    assert tool.calls == 1


async def test_a_tool_with_arguments_is_called_by_a_plan_that_the_budget_pays(tmp_path):
    plan = '{"id": 1, "tool": "row", "args": {"name": "x"}}\n{"tool": "join"}\n'
    domain = ToyDomain(tools=(Counter("row", Named),))
    run = run_of(tmp_path, domain, model=ScriptedModel([plan]), budget=Budget(tokens=100_000))
    assert (await gather(run))["row"] == 1
    assert run.budget.spend.model_calls == 1
    assert 0 < run.budget.spend.tokens < 100_000


async def test_a_budget_that_is_too_small_for_planning_leaves_the_calls_that_need_no_plan(tmp_path):
    domain = ToyDomain(tools=(Counter("row", Named), Counter("hot", Nothing)))
    run = run_of(tmp_path, domain, model=ScriptedModel([]), budget=Budget(tokens=100))
    facts = await gather(run)
    assert facts["hot"] == 1
    assert run.budget.spend.tokens == 0
    assert run.budget.left.tokens == 100


async def test_a_run_without_a_model_gathers_nothing(tmp_path):
    tool = Counter("hot", Nothing)
    assert await gather(run_of(tmp_path, ToyDomain(tools=(tool,)))) == {}
    assert tool.calls == 0


async def test_an_outline_names_functions_and_lines():

    code = {"a.py": "def f():\n    pass\n\n\nclass C:\n    x = 1\n"}

    assert await Outline().run(replace(problem_of(), files=code), Where(), None) == {
        "a.py": ["function f 1-2", "class C 5-6"]
    }


class Straggling(Counter):
    """Answers at once, but one of its calls hangs when it is made for the first time."""

    repeatable = True

    def __init__(self, late):
        super().__init__("row", Named)
        self.late, self.asked = late, []

    async def run(self, problem, arguments, sandbox):
        self.asked.append(arguments.name)
        if arguments.name == self.late and self.asked.count(self.late) == 1:
            await asyncio.sleep(3600)
        return arguments.name


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_late_call_of_a_tool_that_changes_nothing_is_made_a_second_time(repeatable):
    tool = Straggling(late="r9")
    tool.repeatable = repeatable
    rows = [{"id": n, "tool": "row", "args": {"name": f"r{n}"}} for n in range(1, 10)]
    plan = "\n".join(json.dumps(row) for row in [*rows, {"tool": "join"}])
    gatherer = Gatherer(
        problem_of(),
        [tool],
        ToySandbox(),
        model=ScriptedModel([plan, "finish"]),
        policies=policies([tool], width=2),
        wall_s=60.0 if repeatable else 5.0,
        replans=0,
    )
    found = await gatherer.run("")
    assert tool.asked.count("r9") == 1 + repeatable
    assert found.trace.hedges == int(repeatable)
    assert (found.facts.get("row.9") == "r9") == repeatable


def test_what_waits_for_a_process_may_be_called_twice_and_what_measures_may_not(tmp_path):
    run = run_of(tmp_path, ToyDomain())
    chosen = policies((*KernelsDomain().tools, *offered(run)), width=2)
    assert {name for name, policy in chosen.items() if policy.hedged} == {"remarks", "recall"}
    assert not chosen["profile"].hedged


async def test_a_profile_tells_in_one_word_what_bounds_the_original(tmp_path):
    run = run_of(tmp_path, ToyDomain())
    tool = next(tool for tool in offered(run) if tool.name == "profile")
    made = Profile(summary="slow", facts={"limited_by": "memory", "symptoms": []})
    run.ledger.put("profile", "original", made, problem_id=run.problem.id)
    told = await tool.run(run.problem, tool.arguments(), run.sandbox)
    assert told == {"summary": "slow", "symptoms": [], "bound": "memory"}


async def test_without_a_plan_of_the_model_results_flow_into_the_tools_that_need_them(tmp_path):
    class Following(BaseModel):
        hot: int

    class Doubler(Counter):
        async def run(self, problem, arguments, sandbox):
            return 2 * arguments.hot

    domain = ToyDomain(tools=(Doubler("double", Following), Counter("hot", Nothing)))
    facts = await gather(run_of(tmp_path, domain, model=ScriptedModel([])))
    assert facts["hot"] == 1
    assert facts["double"] == 2


async def test_a_tool_that_fails_leaves_the_facts_of_the_others(tmp_path):
    class Broken(Counter):
        async def run(self, problem, arguments, sandbox):
            raise SandboxError("the compiler died")

    domain = ToyDomain(tools=(Broken("broken", Nothing), Counter("hot", Nothing)))
    facts = await gather(run_of(tmp_path, domain, model=ScriptedModel([])))
    assert facts["hot"] == 1
    assert "broken" not in facts


async def test_a_tiny_budget_is_left_to_the_search(tmp_path):
    tool = Counter("hot", Nothing)
    run = run_of(
        tmp_path, ToyDomain(tools=(tool,)), model=ScriptedModel([]), budget=Budget(attempts=3)
    )
    assert await gather(run) == {}
    assert tool.calls == 0


async def test_what_an_earlier_run_found_is_recalled(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    earlier = run_of(tmp_path / "one")
    await Rounds(earlier, earlier.strategy({})).drive()
    later = run_of(tmp_path / "two", model=ScriptedModel([]))
    facts = await gather(later)
    assert any("at least" in line for line in facts["recall"])
    assert len(facts["recall"]) <= 6


async def test_the_catalogue_answers_to_the_symptoms_of_a_profile(tmp_path):
    run = replace(run_of(tmp_path), win_rates={"scalar-replacement": 0.9, "restrict": 0.1})
    tool = Catalogue(run)
    asked = tool.arguments(profile={"symptoms": ["aliasing"]})
    problem = replace(problem_of(), domain="kernels")
    lines = await tool.run(problem, asked, None)
    assert lines[0].startswith("scalar-replacement")
    assert not any(line.startswith("restrict") for line in lines[:2])


async def test_a_run_without_a_model_gathers_for_its_report_what_needs_no_plan(tmp_path):
    tool = Counter("hot", Nothing)
    run = run_of(tmp_path, ToyDomain(tools=(tool,)), budget=Budget(wall_s=30.0))
    await gather(run)
    assert tool.calls == 0
    facts = await gather_for_report(run)
    assert facts["hot"] == 1
    assert "outline" in facts
    assert await gather_for_report(run) == facts
    assert tool.calls == 1


async def test_a_report_gathers_nothing_when_the_time_is_used_up(tmp_path):
    tool = Counter("hot", Nothing)
    run = run_of(tmp_path, ToyDomain(tools=(tool,)), budget=Budget(wall_s=0.0))
    assert await gather_for_report(run) == {}
    assert tool.calls == 0


async def test_what_gathering_cost_is_counted_again_in_a_later_session(tmp_path):
    plan = '{"id": 1, "tool": "row", "args": {"name": "x"}}\n{"tool": "join"}\n'
    domain = ToyDomain(tools=(Counter("row", Named),))
    budget = Budget(tokens=100_000)
    first = run_of(tmp_path, domain, model=ScriptedModel([plan]), budget=budget)
    await gather(first)
    later = run_of(tmp_path, domain, model=ScriptedModel.silent(), budget=budget)
    recharge(later.ledger, later.budget)
    await gather(later)
    assert later.budget.spend.tokens == first.budget.spend.tokens > 0
    assert later.budget.spend.model_calls == 1
    assert later.budget.left.tokens == first.budget.left.tokens
