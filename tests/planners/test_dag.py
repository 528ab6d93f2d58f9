import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from proofsmith.planners.dag import Observation, Plan
from proofsmith.planners.plan_lines import PlanLine, PlanReader


class Args(BaseModel):
    a: str | list | dict | None = None
    n: int = Field(default=1, le=9)


class Needy(BaseModel):
    path: str


def plan(**more):
    return Plan({"t": Args, "slow": Args, "needy": Needy}, **more)


def line(text):
    reader = PlanReader()
    (found,) = [*reader.feed(text), *reader.close()]
    assert isinstance(found, PlanLine)
    return found


def grow(a_plan, *texts):
    ready = []
    for text in texts:
        fault, now = a_plan.add(line(text))
        assert fault is None, fault
        ready += now
    return ready


def done(value=None):
    return Observation(state="done", value=value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9. nope()", "unknown tool 'nope'"),
        ("9. t(1, 2, 3)", "takes 2 arguments"),
        ('9. t("x", a="y")', "given twice"),
        ("9. t(zzz=1)", "no argument 'zzz'"),
        ("9. t(n='many')", "argument 'n'"),
        ("9. t(n=10)", "argument 'n'"),
        ("9. needy()", "needs the argument 'path'"),
        ("9. t($9)", "cycle"),
        ("9. t($12)", "$12 is not planned"),
        ('9. t("costs $5")', "$$"),
        ("9. t($item)", "$item"),
        ('{"id": 9, "tool": "t", "map": "all"}', "not a reference"),
        ("1. t()", "already used"),
    ],
)
def test_a_bad_line_is_refused_with_a_reason_and_leaves_the_plan_as_it_was(text, reason):
    a_plan = plan()
    grow(a_plan, "1. t()")
    fault, ready = a_plan.add(line(text))
    assert fault is not None
    assert reason in fault.reason
    assert not ready
    assert set(a_plan.tasks) == {1}


def test_task_12_is_not_task_1_followed_by_a_2():
    a_plan = plan()
    grow(a_plan, "1. t()", "12. t()", "13. t($12)")
    a_plan.finish(1, done("one"))
    a_plan.finish(12, done("$1"))
    assert a_plan.calls(13) == [{"a": "$1"}]


def test_a_task_becomes_ready_when_the_last_of_its_inputs_is_there():
    a_plan = plan()
    assert grow(a_plan, "1. t()", "2. t()", '3. t("$1 $2")') == [1, 2]
    assert a_plan.finish(2, done()) == []
    assert a_plan.finish(1, done()) == [3]
    assert grow(a_plan, "4. t($3)") == []
    assert grow(a_plan, "5. t($2)") == [5]


def test_a_failure_skips_everything_below_it_with_the_cause():
    a_plan = plan()
    grow(a_plan, "1. t()", "2. t($1)", "3. t($2)", "4. t()")
    a_plan.finish(1, Observation(state="failed", cause="disk full"))
    assert {t: seen.state for t, seen in a_plan.observations.items()} == {
        1: "failed",
        2: "skipped",
        3: "skipped",
    }
    assert "disk full" in a_plan.observations[3].cause
    assert a_plan.open_ids == [4]


def test_a_line_that_refers_to_one_under_repair_waits_for_it():
    a_plan = plan()
    fault, _ = a_plan.add(line("1. nope()"))
    assert fault
    assert grow(a_plan, "2. t($1)") == []
    assert grow(a_plan, "1. t()") == [1]
    assert a_plan.finish(1, done()) == [2]


def test_a_repair_cannot_close_a_cycle():
    a_plan = plan()
    a_plan.declare_broken(1)
    grow(a_plan, "2. t($1)", "3. t($2)")
    fault, _ = a_plan.add(line("1. t($3)"))
    assert fault is not None
    assert "cycle" in fault.reason
    a_plan.lose(1, fault.reason)
    assert a_plan.observations[3].state == "skipped"
    assert a_plan.open_ids == []


def test_a_replan_replaces_what_failed_and_keeps_what_is_finished():
    a_plan = plan()
    grow(a_plan, "1. t()", "2. t()", '3. t("$1 $2")', "4. t($3)")
    a_plan.finish(1, done("kept"))
    a_plan.finish(2, Observation(state="failed", cause="x"))
    assert a_plan.open_ids == []
    fault, _ = a_plan.add(line("1. t()"))
    assert fault is not None
    assert grow(a_plan, "2. slow()") == [2]
    assert a_plan.finish(2, done("new")) == [3]
    assert a_plan.calls(3) == [{"a": "kept new"}]
    assert a_plan.finish(3, done()) == [4]


def test_a_replan_does_not_revive_what_another_failure_still_blocks():
    a_plan = plan()
    grow(a_plan, "1. t()", "2. t()", '3. t("$1 $2")')
    for task_id in (1, 2):
        a_plan.finish(task_id, Observation(state="failed", cause="x"))
    grow(a_plan, "1. t()")
    assert a_plan.observations[3].state == "skipped"
    assert a_plan.finish(1, done()) == []
    grow(a_plan, "2. t()")
    assert a_plan.finish(2, done()) == [3]


def test_a_map_makes_one_bounded_call_per_element():
    a_plan = plan()
    grow(a_plan, "1. t()", '{"id":2,"tool":"t","map":"$1.f","most":2,"args":{"a":"$item.name!"}}')
    a_plan.finish(1, done({"f": [{"name": "x"}, {"name": "y"}, {"name": "z"}]}))
    assert a_plan.calls(2) == [{"a": "x!"}, {"a": "y!"}]


@pytest.mark.parametrize(
    ("value", "wanted"), [({"ok": True}, True), ({"ok": []}, False), ({}, False), (None, False)]
)
def test_a_condition_that_is_false_or_missing_keeps_a_task_from_running(value, wanted):
    a_plan = plan()
    grow(a_plan, "1. t()", '{"id":2,"tool":"t","if":"$1.ok"}')
    a_plan.finish(1, done(value))
    assert a_plan.wanted(2) is wanted


def test_ready_tasks_come_with_the_longest_path_first():
    a_plan = plan(latency_s={"t": 1, "slow": 10})
    grow(a_plan, "1. t()", "2. t($1)", "3. t($1)", "4. slow($3)")
    assert [a_plan.tail_s(n) for n in (1, 2, 3, 4)] == [12, 1, 11, 10]
    assert a_plan.finish(1, done()) == [3, 2]


def test_a_plan_longer_than_its_bound_is_cut():
    a_plan = plan(most_tasks=2)
    grow(a_plan, "1. t()", "2. t()")
    fault, _ = a_plan.add(line("3. t()"))
    assert fault is not None
    assert "at most 2" in fault.reason


def test_finish_times_follow_arrival_and_inputs():
    a_plan = plan()
    grow(a_plan, "1. t()", "2. t($1)", "3. t()")
    ends = a_plan.finish_times({1: 0.0, 2: 5.0, 3: 1.0}, {1: 2.0, 2: 1.0, 3: 1.0})
    assert ends == {1: 2.0, 2: 6.0, 3: 2.0}


@given(st.integers(2, 30), st.integers(0, 2**32))
def test_every_task_of_a_random_plan_runs_once_after_its_inputs(size, seed):
    rng = random.Random(seed)
    a_plan, started, order = plan(), set(), []
    pending = [
        (n, sorted(rng.sample(range(1, n), min(n - 1, rng.randrange(3)))))
        for n in range(1, size + 1)
    ]
    parents = dict(pending)
    ready = []
    while pending or ready:
        if pending and (not ready or rng.random() < 0.5):
            n, needs = pending.pop(0)
            ready += grow(a_plan, f'{n}. t("{" ".join(f"${p}" for p in needs)}")')
        else:
            task_id = ready.pop(rng.randrange(len(ready)))
            assert task_id not in started
            started.add(task_id)
            assert all(p in order for p in parents[task_id])
            order.append(task_id)
            failed = rng.random() < 0.1
            ready += a_plan.finish(
                task_id, Observation(state="failed", cause="x") if failed else done()
            )
    assert a_plan.open_ids == []
    skipped = {t for t, seen in a_plan.observations.items() if seen.state == "skipped"}
    assert started | skipped == set(a_plan.tasks)
    assert not started & skipped
