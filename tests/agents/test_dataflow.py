import asyncio

import pytest
from pydantic import BaseModel

from benchmarks.virtual_time import run
from proofsmith.agents.dataflow import Dataflow, ToolPolicy
from proofsmith.agents.journal import MemoryJournal
from proofsmith.errors import UsageError
from proofsmith.planners.dag import Plan


class Args(BaseModel):
    s: float = 1.0
    a: object = None


class World:
    """Tools that sleep, fail or echo, and a record of what was called."""

    def __init__(self):
        self.calls = []
        self.alive = self.peak = 0

    async def call(self, tool, arguments):
        self.calls.append((tool, arguments.a))
        self.alive += 1
        self.peak = max(self.peak, self.alive)
        try:
            await asyncio.sleep(arguments.s)
        finally:
            self.alive -= 1
        if tool == "fail":
            raise UsageError("no such file")
        if tool == "bug":
            raise TypeError("a programming error")
        return arguments.a


async def written(*lines, gap_s=0.0, then=None):
    for line in lines:
        yield line + "\n"
        await asyncio.sleep(gap_s)
    if then is not None:
        raise then


def execute(*lines, gap_s=0.0, then=None, world=None, **options):
    world = world or World()

    async def main():
        plan = Plan(dict.fromkeys(("t", "fail", "bug", "lane"), Args), latency_s={"lane": 1})
        flow = Dataflow(plan, world.call, **options)
        return plan, await flow.run(written(*lines, gap_s=gap_s, then=then))

    plan, trace = run(main())
    return world, plan, trace


def states(plan):
    return {t: seen.state for t, seen in sorted(plan.observations.items())}


def test_a_task_starts_when_its_inputs_are_there_and_not_with_the_next_plan_line():
    _, _, trace = execute("1. t(1.0, 'x')", "2. t(1.2, $1)", "3. t(1.3)", gap_s=1.5)
    starts = {span.task: span.start_s for span in trace.spans}
    assert starts == pytest.approx({1: 0.0, 2: 1.5, 3: 3.0})
    _, _, trace = execute("1. t(1.1, 'x')", "2. t(1.2, $1)", "3. t(0.1)", gap_s=0.5)
    starts = {span.task: span.start_s for span in trace.spans}
    assert starts[2] == pytest.approx(1.1)


def test_equal_calls_run_once_whether_finished_or_in_flight():
    world, plan, _ = execute("1. t(1.0, 'x')", "2. t(1.0, 'x')", "3. t(1.0, $1)", "4. t(1, 'y')")
    assert sorted(world.calls) == [("t", "x"), ("t", "y")]
    assert [plan.observations[n].value for n in (1, 2, 3)] == ["x"] * 3


def test_a_failing_tool_is_a_value_and_its_dependants_are_skipped_with_the_cause():
    _, plan, _ = execute("1. fail()", "2. t(1, $1)", "3. t(1)")
    assert states(plan) == {1: "failed", 2: "skipped", 3: "done"}
    assert plan.observations[1].cause == "no such file"


def test_a_failed_call_is_not_remembered_as_a_result():
    world, _, _ = execute("1. fail(0.1)", "2. t(1)", "3. fail(0.1, $2)", "4. fail(0.1, $2)")
    assert [tool for tool, _ in world.calls].count("fail") == 2
    world, plan, _ = execute("1. fail(0.1)", policies={"fail": ToolPolicy(tries=3)})
    assert [tool for tool, _ in world.calls].count("fail") == 3
    assert states(plan) == {1: "failed"}


def test_a_bug_in_a_tool_ends_the_run_at_once_and_leaves_nothing_running():
    world = World()
    with pytest.raises(ExceptionGroup) as caught:
        execute("1. t(100)", "2. bug(1)", world=world)
    assert caught.value.subgroup(TypeError) is not None
    assert world.alive == 0


def test_a_call_past_its_deadline_is_a_failure():
    _, plan, trace = execute("1. t(100)", policies={"t": ToolPolicy(deadline_s=5)})
    assert "no answer in 5 s" in plan.observations[1].cause
    assert trace.wall_s == pytest.approx(5)


def test_a_run_past_its_deadline_cancels_what_is_open():
    world, plan, trace = execute("1. t(1)", "2. t(100)", "3. t(1, $2)", wall_s=10)
    assert states(plan) == {1: "done", 2: "cancelled", 3: "skipped"}
    assert trace.ended_by == "deadline"
    assert world.alive == 0


def test_a_planner_that_dies_loses_only_what_it_had_not_written():
    _, plan, trace = execute("1. t(3, 'x')", then=ConnectionError("reset"), gap_s=1)
    assert states(plan) == {1: "done"}
    assert trace.planner_error == "reset"


def test_a_planner_that_stalls_is_cut_off_by_the_deadline_and_ready_work_still_ran():
    _, plan, trace = execute("1. t(1)", "2. t(1)", gap_s=1000, wall_s=20)
    assert states(plan) == {1: "done"}
    assert trace.ended_by == "deadline"


def test_a_cycle_ends_as_failures_without_a_repairer():
    _, plan, _ = execute("1. t(1, $2)", "2. t(1, $1)")
    assert states(plan) == {1: "failed", 2: "skipped"}


def test_good_lines_run_while_a_bad_one_is_repaired():
    async def repair(fault):
        await asyncio.sleep(2)
        return '{"id": 1, "tool": "t", "args": {"a": "mended"}}'

    _, plan, trace = execute("1. nope()", "2. t(1, $1)", "3. t(1)", repair=repair)
    assert states(plan) == {1: "done", 2: "done", 3: "done"}
    starts = {span.task: span.start_s for span in trace.spans}
    assert starts == pytest.approx({3: 0, 1: 2, 2: 3})


@pytest.mark.parametrize("text", ["", "I cannot do that.", '{"id": 1, "tool": "nope"}', "2. t()"])
def test_a_useless_repair_gives_the_line_up_and_is_not_repeated(text):
    asked = []

    async def repair(fault):
        asked.append(fault)
        return text

    _, plan, trace = execute("1. nope()", "2. t(1, $1)", repair=repair)
    assert states(plan) == {1: "failed", 2: "skipped"}
    assert len(asked) == 1
    assert trace.faults


def test_repairs_are_bounded():
    asked = []

    async def repair(fault):
        asked.append(fault)
        return ""

    execute(*(f"{n}. nope()" for n in range(1, 9)), repair=repair, repairs=3)
    assert len(asked) == 3


def test_slots_bound_a_tool_and_the_longest_path_goes_first():
    world, _, trace = execute(
        "1. lane(1, 'a')",
        "2. lane(1, 'b')",
        "3. lane(1, 'c')",
        "4. t(1, $3)",
        policies={"lane": ToolPolicy(slots=1)},
    )
    assert [a for tool, a in world.calls if tool == "lane"] == ["a", "c", "b"]
    assert {span.task: span.cause for span in trace.spans} == {
        1: "plan",
        2: "slot",
        3: "slot",
        4: "input",
    }


def test_join_any_ends_with_the_first_success():
    world, plan, trace = execute(
        "1. fail(1)", "2. t(3)", "3. t(50)", '{"tool":"join","when":"any"}'
    )
    assert trace.wall_s == pytest.approx(3)
    assert states(plan) == {1: "failed", 2: "done", 3: "cancelled"}
    assert world.alive == 0


def test_the_caller_can_end_a_run_as_soon_as_it_knows_enough():
    _, plan, trace = execute(
        "1. t(1, 'hit')",
        "2. t(50)",
        enough=lambda seen: any(obs.value == "hit" for obs in seen.values()),
    )
    assert trace.ended_by == "early join"
    assert states(plan)[2] == "cancelled"


def test_a_map_calls_once_per_distinct_element_and_keeps_order_and_failures():
    world, plan, _ = execute(
        "1. t(1, ['a', 'b', 'a'])", '{"id":2,"tool":"t","map":"$1","args":{"a":"<$item>"}}'
    )
    assert plan.observations[2].value == ["<a>", "<b>", "<a>"]
    assert len(world.calls) == 3
    _, plan, _ = execute("1. t(1, [])", '{"id":2,"tool":"t","map":"$1"}', "3. t(1, $2)")
    assert plan.observations[3].value == []
    _, plan, _ = execute("1. t(1, 'text')", '{"id":2,"tool":"t","map":"$1"}')
    assert states(plan)[2] == "failed"
    _, plan, _ = execute(
        "1. t(1, [0.5, 'x'])", '{"id":2,"tool":"t","map":"$1","args":{"s":"$item"}}'
    )
    assert states(plan)[2] == "failed"
    assert "s:" in plan.observations[2].cause


def test_a_resumed_run_repeats_no_finished_call():
    lines, journal = ("1. t(1, 'x')", "2. t(1, $1)", "3. t(9, 'late')"), MemoryJournal()
    _, plan, _ = execute(*lines, wall_s=5, journal=journal)
    assert states(plan)[3] == "cancelled"
    world, plan, _ = execute(*lines, journal=journal)
    assert world.calls == [("t", "late")]
    assert set(states(plan).values()) == {"done"}
    world, _, _ = execute(*lines, journal=journal)
    assert world.calls == []


def test_a_long_chain_of_remembered_results_needs_no_deep_stack():
    async def main():
        plan, journal = Plan({"t": Args}, most_tasks=5000), MemoryJournal()
        world = World()
        flow = Dataflow(plan, world.call, journal=journal)
        lines = ["1. t(0.0, 'x')", *(f"{n}. t(0.0, ${n - 1})" for n in range(2, 3000))]
        await flow.run(written("\n".join(lines)))
        return world, plan

    world, plan = run(main())
    assert len(world.calls) == 1
    assert plan.open_ids == []


def test_a_replan_keeps_finished_work_and_patches_the_failed_part():
    world = World()

    async def main():
        plan = Plan({"t": Args, "fail": Args})
        flow = Dataflow(plan, world.call)
        await flow.run(written("1. t(1, 'x')", "2. fail(1)", '3. t(1, "$1 $2")'))
        assert states(plan) == {1: "done", 2: "failed", 3: "skipped"}
        await flow.run(written("2. t(1, 'y')"))
        return plan

    plan = run(main())
    assert plan.observations[3].value == "x y"
    assert world.calls == [("t", "x"), ("fail", None), ("t", "y"), ("t", "x y")]


def test_cancelling_the_run_from_outside_leaves_nothing_running():
    world = World()

    async def main():
        flow = Dataflow(Plan({"t": Args}), world.call)
        task = asyncio.create_task(flow.run(written("1. t(100)")))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert world.alive == 0


class Straggling(World):
    """Answers at once, but the first call for `late` takes its time; a second one for the same does not."""

    def __init__(self, late, *, second_fails=False, first_fails=False):
        super().__init__()
        self.late, self.second_fails, self.first_fails = late, second_fails, first_fails

    async def call(self, tool, arguments):
        again = (tool, arguments.a) in self.calls
        if arguments.a != self.late:
            return await super().call(tool, arguments)
        value = await super().call(tool, Args(s=0.2 if again else 9.0, a=arguments.a))
        if self.second_fails if again else self.first_fails:
            raise UsageError("gone")
        return value


def hedged(world, *, slots=1, hedged=True):
    lines = [f"{n}. t(0.1, {n})" for n in range(1, 13)]
    policies = {"t": ToolPolicy(slots=slots, hedged=hedged)}
    return execute(*lines, world=world, policies=policies, gap_s=0.5)


def test_a_late_call_is_made_a_second_time_and_the_first_answer_counts():
    world, plan, trace = hedged(Straggling(late=12), slots=2)
    assert plan.observations[12].value == 12
    assert trace.hedges == 1
    ends = {span.task: span.end_s for span in trace.spans}
    assert ends[12] == pytest.approx(5.5 + 0.125 + 0.2)
    assert world.alive == 0, "the late call is ended"
    assert world.calls.count(("t", 12)) == 2


@pytest.mark.parametrize(
    ("slots", "allowed", "late"), [(1, True, 12), (2, False, 12), (2, True, 2)]
)
def test_no_second_call_without_a_free_slot_permission_or_known_durations(slots, allowed, late):
    world, plan, trace = hedged(Straggling(late=late), slots=slots, hedged=allowed)
    assert trace.hedges == 0
    assert world.calls.count(("t", late)) == 1
    assert states(plan) == dict.fromkeys(range(1, 13), "done")


def test_a_second_call_that_fails_leaves_the_first_one_its_time():
    _, plan, trace = hedged(Straggling(late=12, second_fails=True), slots=2)
    assert plan.observations[12].value == 12
    assert trace.wall_s == pytest.approx(5.5 + 9.0)


def test_a_call_fails_when_both_of_its_tries_do():
    _, plan, _ = hedged(Straggling(late=12, second_fails=True, first_fails=True), slots=2)
    assert plan.observations[12].cause == "gone"
