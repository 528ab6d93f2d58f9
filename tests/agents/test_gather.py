import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from benchmarks.virtual_time import run
from proofsmith.agents.gather import Gatherer, default_plan
from proofsmith.agents.journal import MemoryJournal
from proofsmith.errors import ModelError, SandboxError
from proofsmith.types import Goal, Problem, Reply

PROBLEM = Problem(
    id="p",
    domain="kernels",
    goal=Goal.SPEED,
    text="void f(void) {}",
    files={"f.c": "void f(void) {}"},
)


class Nothing(BaseModel):
    pass


class Named(BaseModel):
    name: str


class FakeTool:
    def __init__(self, name, arguments, answer):
        self.name, self.arguments, self._answer = name, arguments, answer
        self.description = f"answers {name}"
        self.calls = 0

    async def run(self, problem, arguments, sandbox):
        self.calls += 1
        await asyncio.sleep(1)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class FreshOnly:
    def fresh(self, *, inputs=None):
        return self


class Planner:
    """A model whose plans and answers are given; an exception is raised instead of returned."""

    def __init__(self, plans, replies=()):
        self.plans, self.replies, self.prompts = list(plans), list(replies), []

    async def stream(self, messages, *, max_output_tokens, temperature, seed):
        self.prompts.append(messages[-1].content)
        for part in self.plans.pop(0):
            if isinstance(part, Exception):
                raise part
            yield part

    async def complete(self, messages, **_):
        self.prompts.append(messages[-1].content)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return Reply(text=reply)


def tools(**answers):
    kinds = {"outline": Nothing, "premises": Named}
    return [FakeTool(name, kinds.get(name, Nothing), answer) for name, answer in answers.items()]


def gather(some_tools, model=None, *, question="what is slow?", answer=False, **options):
    gatherer = Gatherer(PROBLEM, some_tools, FreshOnly(), model=model, **options)
    return run(gatherer.run(question, answer=answer))


def row(number, tool, **args):
    return json.dumps({"id": number, "tool": tool, "args": args}) + "\n"


def test_without_a_model_every_tool_that_needs_no_argument_runs_at_once():
    found = gather(tools(outline=[1], profile="hot", premises=2))
    assert dict(found.facts) == {"outline": [1], "profile": "hot"}
    assert found.model_calls == 0
    assert found.trace.wall_s == pytest.approx(1)
    assert found.critical_path_s == pytest.approx(1)


def test_without_tools_nothing_is_asked():
    model = Planner([])
    assert gather([], model).facts == {}
    assert model.prompts == []


def test_a_model_plans_with_references_between_tools():
    model = Planner([[row(1, "outline"), row(2, "premises", name="$1.0"), '{"tool":"join"}']])
    found = gather(tools(outline=["f"], premises=7), model)
    assert dict(found.facts) == {"outline": ["f"], "premises": 7}
    assert "premises(name: str): answers premises" in model.prompts[0]
    assert '"$1"' in model.prompts[0]
    assert found.model_calls == 1


def test_the_second_task_of_a_tool_has_its_own_name():
    plan = [row(1, "premises", name="a"), row(2, "premises", name="b")]
    assert set(gather(tools(premises=7), Planner([plan])).facts) == {"premises", "premises.2"}


@pytest.mark.parametrize(
    "plan", [[], [""], ["I cannot help with that."], [ModelError("down")], ["1. nope(\n" * 3]]
)
def test_a_planner_that_plans_nothing_is_replaced_by_the_default_plan(plan):
    model = Planner([plan], ["", "", "", ""])
    assert dict(gather(tools(outline=[1]), model).facts) == {"outline": [1]}


def test_a_failure_is_joined_and_patched_once():
    model = Planner(
        [[row(1, "outline"), row(2, "profile")], [row(2, "premises", name="f")]],
        ["Replan(use premises instead)", "Finish(enough)"],
    )
    some = tools(outline=[1], profile=SandboxError("perf is missing"), premises=7)
    found = gather(some, model)
    assert dict(found.facts) == {"outline": [1], "premises": 7}
    assert found.replans == 1
    assert some[0].calls == 1
    assert "perf is missing" in model.prompts[1]
    assert "use premises instead" in model.prompts[2]


def test_replans_are_bounded():
    model = Planner(
        [[row(1, "profile")], [row(1, "profile")]], ["Replan(again)", "Replan(again)", "Replan(x)"]
    )
    found = gather(tools(profile=SandboxError("no perf")), model)
    assert found.replans == 1
    assert found.failures == {"profile": "no perf"}


def test_a_joiner_that_dies_leaves_the_facts():
    model = Planner([[row(1, "outline"), row(2, "profile")]], [ModelError("down")])
    found = gather(tools(outline=[1], profile=SandboxError("x")), model)
    assert dict(found.facts) == {"outline": [1]}


def test_a_question_is_answered_from_the_results():
    model = Planner([[row(1, "outline")]], ["Thought: easy\nFinish(the loop (line 3))"])
    assert gather(tools(outline=[1]), model, answer=True).answer == "the loop (line 3)"


def test_a_bad_line_costs_one_repair_call():
    model = Planner([["1. outlin()\n"]], [row(1, "outline")])
    found = gather(tools(outline=[1]), model)
    assert dict(found.facts) == {"outline": [1]}
    assert "unknown tool 'outlin'" in model.prompts[1]


def test_a_resumed_gather_asks_and_calls_nothing_again():
    journal = MemoryJournal()
    gather(tools(outline=[1]), Planner([[row(1, "outline")]]), journal=journal)
    again = tools(outline=[2])
    found = gather(again, Planner([]), journal=journal)
    assert dict(found.facts) == {"outline": [1]}
    assert again[0].calls == 0
    assert found.model_calls == 0


def test_the_summary_compares_the_time_with_the_critical_path():
    assert "1.00x the critical path" in gather(tools(outline=[1])).summary


def test_the_default_plan_skips_tools_that_need_arguments():
    by_name = {tool.name: tool for tool in tools(outline=1, premises=2)}
    assert "premises" not in default_plan(by_name)


LINES = [
    row(1, "outline"),
    row(2, "premises", name="$1.0"),
    row(12, "premises", name="$1 and ${2} and $12"),
    row(3, "premises", name="$4"),
    row(4, "premises", name="$3"),
    row(1, "premises", name="$1"),
    row(5, "nothing of the kind"),
    row(6, "premises", nome="x"),
    '{"id": 7, "tool": "outline", "map": "$1", "args": {}}\n',
    '{"id": 8, "tool": "outline", "if": "$99.x", "args": {}}\n',
    "9. premises(name='a', name='b')\n",
    "Thought: $1 is not $12\n",
    '{"id": 10, "tool": "outline", "args": ',
    "\n\n```json\n",
    '{"tool":"join","when":"any"}\n',
    "\x00\ud83d" + "{" * 200,
]


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=14),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    dies=st.booleans(),
    fixed=st.sampled_from(["", "no", row(6, "premises", name="x"), row(1, "outline") * 2]),
)
def test_any_plan_in_any_pieces_ends_with_every_task_accounted_for(lines, cuts, dies, fixed):
    text, chunks = "".join(lines), []
    while text:
        size = cuts[len(chunks) % len(cuts)]
        chunks.append(text[:size])
        text = text[size:]
    plan = [*chunks, *([ModelError("gone")] if dies else [])]
    replies = [fixed] * 20 + ["Finish(enough)"]
    found = gather(tools(outline=["$1", "$12"], premises="${1}"), Planner([plan, [], []], replies))
    assert set(found.facts).isdisjoint(found.failures)
    assert all(
        value in (["$1", "$12"], "${1}") or isinstance(value, list)
        for value in found.facts.values()
    )
