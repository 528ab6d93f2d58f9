"""Prompts are deterministic, keep to their budget, stay flat over long runs and still hold what a step depends on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.errors import UsageError
from proofsmith.memory.context import Part, assemble, slices, trimmed
from proofsmith.tools.tokens import estimate
from proofsmith.types import Message, ToolCall

EARLY = 10
BUDGET_TOKENS = 3000


def module(number):
    """One file of a growing project: two facts each, calls the previous file and one early file."""
    before, early = number - 1, number % EARLY
    uses = (
        f"from mod{before} import work{before}\nfrom mod{early} import work{early}\n"
        if number >= EARLY
        else ""
    )
    calls = f"work{before}(x) + work{early}(x)" if number >= EARLY else "x"
    padding = "".join(f"    y{i} = x + {i}\n" for i in range(30))
    return (
        f"{uses}LIMIT{number} = {number * 7919}\n\n"
        f"def work{number}(x, scale={number * 104729}):\n{padding}    return {calls}\n"
    )


def prompt_of(step, files):
    """What a step is told when it must connect the ten early files and the newest one."""
    needs = [f"mod{i}.py" for i in range(EARLY)] + [f"mod{step - 1}.py"]
    parts = [
        Part(name="Task", text="Grow the project by one file.", pinned=True),
        *slices(files, needs, budget_tokens=BUDGET_TOKENS - 400),
        Part(name="Lessons", text="keep functions small\n" * 200, rank=60, cut=True),
        Part(name="Your step", text=f"Write mod{step}.py.", pinned=True),
    ]
    return assemble(parts, budget_tokens=BUDGET_TOKENS)


def test_a_run_of_200_steps_keeps_its_prompt_flat_and_its_early_facts():
    files, sizes = {}, {}
    for step in range(200 + 1):
        if step >= EARLY:
            sizes[step] = (
                prompt_of(step, files).tokens if step % 10 == 0 else sizes.get(step - 1, 0)
            )
        if step in (50, 100, 200):
            text = prompt_of(step, files).text
            facts = [f"LIMIT{i} = {i * 7919}\n" for i in range(EARLY)]
            facts += [f"def work{i}(x, scale={i * 104729}):" for i in range(EARLY)]
            present = [fact in text for fact in facts]
            assert len(present) == 20
            assert sum(present) >= 19
        files[f"mod{step}.py"] = module(step)
    assert max(sizes.values()) <= BUDGET_TOKENS
    assert abs(sizes[200] - sizes[50]) <= 0.1 * sizes[50]


def test_the_same_parts_give_the_same_prompt_and_the_recipe_names_every_part():
    parts = [
        Part(name="A", text="a" * 400, rank=1),
        Part(name="B", text="b" * 4000, rank=2, cut=True),
        Part(name="C", text="c" * 4000, rank=3),
        Part(name="D", text="do it", pinned=True),
    ]
    prompt = assemble(parts, budget_tokens=400)
    assert assemble(parts, budget_tokens=400) == prompt
    assert [(i.name, i.form) for i in prompt.recipe] == [
        ("A", "whole"),
        ("B", "cut"),
        ("C", "left out"),
        ("D", "whole"),
    ]
    assert prompt.text.endswith("do it")


@given(
    st.lists(
        st.builds(
            Part,
            name=st.sampled_from(["x", "naïve"]),
            text=st.text(max_size=900),
            rank=st.integers(0, 5),
            cut=st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(0, 800),
)
def test_no_prompt_is_larger_than_its_budget(parts, budget_tokens):
    assert assemble(parts, budget_tokens=budget_tokens).tokens <= budget_tokens


def test_pinned_parts_that_cannot_fit_are_an_error_not_a_silent_cut():
    with pytest.raises(UsageError, match="pinned part 'Task' does not fit into 50 tokens"):
        assemble([Part(name="Task", text="x" * 1000, pinned=True)], budget_tokens=50)


@st.composite
def conversations(draw):
    messages = [Message(role="system", content="s"), Message(role="user", content="task")]
    for turn in range(draw(st.integers(0, 8))):
        calls = draw(st.integers(0, 3))
        made = tuple(ToolCall(id=f"{turn}-{i}", name="read", arguments="{}") for i in range(calls))
        text = "w" * draw(st.integers(0, 300))
        messages.append(Message(role="assistant", content=text, tool_calls=made))
        messages += [
            Message(role="tool", content="r" * draw(st.integers(0, 300)), tool_call_id=call.id)
            for call in made
        ]
    return messages


@given(conversations(), st.integers(0, 400))
def test_a_tool_call_and_its_results_stay_or_go_together(messages, budget_tokens):
    kept = trimmed(messages, budget_tokens=budget_tokens)
    asked = {call.id for m in kept for call in m.tool_calls}
    answered = {m.tool_call_id for m in kept if m.role == "tool"}
    assert asked == answered
    assert list(kept[:2]) == messages[:2]
    assert list(kept[-1:]) == messages[-1:]


def test_far_symbols_are_shown_as_signatures_only():
    source = (
        "int far(int x) {\n  return x + 12345;\n}\n"
        "int mid(int x) {\n  return far(x);\n}\n"
        "int near(int x) {\n  return mid(x);\n}\n"
    )
    files = {"a.c": source}
    (part,) = slices(files, ["near"], budget_tokens=500)
    assert "return mid(x);" in part.text
    assert "return far(x);" in part.text
    assert "int far(int x) {" in part.text
    assert "12345" not in part.text
    assert estimate(part.text) < 100
