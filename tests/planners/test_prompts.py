"""Prompts keep to their caps, end in the instruction, and ask for what the reader of replies reads."""

from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.planners import prompts
from proofsmith.planners.best_of import render
from proofsmith.planners.prompts import fill
from proofsmith.tools.edits import read_reply

CODE = {"src/k.c": "int f;\n", "k.h": "/* ```c */\n"}
FIELDS = {"brief": "GOAL: speed", "code": render(CODE), "feedback": "wrong at n=3"} | {
    "gain": "2.00",
    "reached": "rule:tile(i)",
}
KINDS = {
    "solve": ("brief", "code"),
    "optimize": ("brief", "code"),
    "improve": ("brief", "code", "gain", "reached"),
    "repair": ("brief", "code", "feedback"),
}


def filled(kind, **changed):
    return fill(kind, **{name: {**FIELDS, **changed}[name] for name in KINDS[kind]})


@pytest.mark.parametrize("kind", KINDS)
def test_every_section_is_there_and_the_instruction_stands_last(kind):
    prompt = filled(kind)
    assert all(FIELDS[name] in prompt for name in KINDS[kind])
    assert prompt.rindex("# Task") > max(prompt.index(FIELDS[name]) for name in KINDS[kind])
    assert prompt.endswith("A short reason may stand before them.")
    assert "$" not in prompt


@pytest.mark.parametrize("kind", KINDS)
def test_long_sections_lose_their_middle_and_never_the_instruction(kind):
    long = dict.fromkeys(("brief", "code", "feedback"), f"first {'x' * 200000} last")
    prompt = filled(kind, **long)
    caps = sum(prompts.CAP_TOKENS[name] for name in KINDS[kind] if name in prompts.CAP_TOKENS)
    assert len(prompt) < (caps + 500) * 4
    assert (
        prompt.count("first xxx")
        == prompt.count("xxx last")
        == len({*KINDS[kind]} - {"gain", "reached"})
    )
    assert "<<<<<<< SEARCH" in prompt.split("# Task")[1]


@given(
    st.dictionaries(st.sampled_from(["src/k.c", "k.h"]), st.text("a`~#\n ", min_size=1), min_size=1)
)
@settings(max_examples=200, deadline=None)
def test_a_reply_in_the_form_in_which_files_are_shown_gives_these_files(changed):
    wanted = {name: text.removesuffix("\n") + "\n" for name, text in changed.items()}
    assert read_reply(render(wanted), CODE, list(CODE)) == {**CODE, **wanted}


def test_a_reply_in_the_form_for_long_files_is_read():
    form = files(prompts).joinpath("form_edits.md").read_text()
    reply = form.replace("src/name.c", "src/k.c")
    lines = "lines copied exactly from above, enough of them to stand there only once"
    found = read_reply(reply, {"src/k.c": f"x\n{lines}\n"}, ["src/k.c"])
    assert found == {"src/k.c": "x\nthe lines that take their place\n"}


def test_a_dollar_in_a_value_is_kept():
    assert "costs $brief and $5" in filled("solve", brief="costs $brief and $5")


def test_a_missing_field_is_an_error():
    with pytest.raises(KeyError):
        fill("repair", brief="x", code="y")
