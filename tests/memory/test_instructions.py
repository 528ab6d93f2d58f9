"""The instruction registry changes only through logged operations, and replays to the same program."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.instructions import (
    Add,
    Drop,
    Finish,
    Instruction,
    Registry,
    Revise,
    Split,
    Start,
    State,
    apply,
    ready,
)


def added(*steps):
    program = {}
    for name, needs in steps:
        step = Instruction(id=name, goal=f"do {name}", depends_on=tuple(needs))
        program = apply(program, Add(instruction=step))
    return program


def test_a_step_is_ready_once_everything_it_needs_has_passed():
    program = added(("a", ""), ("b", "a"), ("c", ""))
    assert ready(program) == ("a", "c")
    program = apply(program, Start(id="a"))
    assert ready(program) == ("c",)
    program = apply(program, Finish(id="a", passed=True, tokens=7))
    assert ready(program) == ("b", "c")
    assert program["a"].tokens == 7


def test_a_failed_step_can_be_tried_again_and_counts_its_attempts():
    program = added(("a", ""))
    for passed in (False, True):
        program = apply(apply(program, Start(id="a")), Finish(id="a", passed=passed, cost_usd=0.5))
    assert program["a"].state is State.PASSED
    assert program["a"].attempts == 2
    assert program["a"].cost_usd == 1.0


def test_an_unknown_cost_makes_the_sum_unknown():
    program = apply(added(("a", "")), Start(id="a"))
    assert apply(program, Finish(id="a", passed=True, cost_usd=None))["a"].cost_usd is None


def test_splitting_a_step_hands_its_dependants_to_the_last_part():
    program = added(("a", ""), ("b", "a"), ("c", "b"))
    parts = (
        Instruction(id="b1", goal="first"),
        Instruction(id="b2", goal="second", depends_on=("b1",)),
    )
    program = apply(program, Split(id="b", parts=parts))
    assert program["b"].state is State.DROPPED
    assert program["b1"].depends_on == ("a",)
    assert program["b2"].depends_on == ("a", "b1")
    assert program["c"].depends_on == ("b2",)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Start(id="zz"), "no instruction 'zz'"),
        (Start(id="b"), "waits for a"),
        (Finish(id="a", passed=True), "is waiting, not running"),
        (Add(instruction=Instruction(id="a", goal="again")), "already"),
        (
            Add(instruction=Instruction(id="d", goal="x", depends_on=("nope",))),
            "unknown instruction",
        ),
        (
            Split(
                id="a",
                parts=(
                    Instruction(id="p", goal="1", depends_on=("b",)),
                    Instruction(id="q", goal="2", depends_on=("p",)),
                ),
            ),
            "depend on each other",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_trace(tmp_path, operation, words):
    registry = Registry(tmp_path / "r")
    for name, needs in (("a", ()), ("b", ("a",))):
        registry.edit(Add(instruction=Instruction(id=name, goal="g", depends_on=needs)))
    with pytest.raises(UsageError, match=words):
        registry.edit(operation)
    registry.close()
    again = Registry(tmp_path / "r")
    assert len(again.log) == 2
    again.close()


def test_a_passed_step_cannot_be_rewritten_or_dropped():
    program = apply(apply(added(("a", "")), Start(id="a")), Finish(id="a", passed=True))
    for operation in (Revise(id="a", goal="other"), Drop(id="a"), Start(id="a")):
        with pytest.raises(UsageError, match="is passed"):
            apply(program, operation)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["add", "start", "pass", "fail", "drop", "revise"])),
        max_size=25,
    )
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_replaying_the_log_gives_the_same_program(tmp_path_factory, steps):
    database = tmp_path_factory.mktemp("r") / "log"
    registry = Registry(database)
    make = {
        "add": lambda n: Add(instruction=Instruction(id=n, goal=n)),
        "start": lambda n: Start(id=n),
        "pass": lambda n: Finish(id=n, passed=True, tokens=1),
        "fail": lambda n: Finish(id=n, passed=False, cost_usd=None),
        "drop": lambda n: Drop(id=n),
        "revise": lambda n: Revise(id=n, goal="new"),
    }
    for name, kind in steps:
        try:
            registry.edit(make[kind](name))
        except UsageError:
            continue
    registry.close()
    again = Registry(database)
    assert again.program == registry.program
    again.close()


def test_two_editors_of_one_log_cannot_overwrite_each_other(tmp_path):
    one, two = Registry(tmp_path / "r"), Registry(tmp_path / "r")
    one.edit(Add(instruction=Instruction(id="a", goal="g")))
    with pytest.raises(StoreError, match="edited by somebody else"):
        two.edit(Add(instruction=Instruction(id="b", goal="g")))
    one.close()
    two.close()


def test_a_damaged_log_is_reported_in_one_line(tmp_path):
    Registry(tmp_path / "r").close()
    with sqlite3.connect(tmp_path / "r") as database:
        database.execute('INSERT INTO operations VALUES (1, \'{"kind": "launch"}\')')
    database.close()
    with pytest.raises(StoreError, match="is damaged"):
        Registry(tmp_path / "r")
