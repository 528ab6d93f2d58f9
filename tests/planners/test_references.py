import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.references import ReferenceFault, references, resolve

TEXT = st.text(max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "values", "expected"),
    [
        ("$12", {1: "one", 12: {"ms": 3}}, {"ms": 3}),
        ("$12.ms", {12: {"ms": 3}}, 3),
        ("${12.ms} ms", {12: {"ms": 3}}, "3 ms"),
        ("$1.hot.0.line", {1: {"hot": [{"line": 7}]}}, 7),
        ("$1+$2", {1: 1, 2: [2]}, "1+[2]"),
        ("$$1 costs", {1: "x"}, "$1 costs"),
        ("$1", {1: "$2", 2: "injected"}, "$2"),
        ("a $1 b", {1: "$2 ${2} $$", 2: "injected"}, "a $2 ${2} $$ b"),
        (["$1", {"k": "$1"}], {1: True}, [True, {"k": True}]),
        ("$item.name", {"item": {"name": "f"}}, "f"),
        ("$items", {}, "$items"),
        (3.5, {}, 3.5),
    ],
)
def test_references_are_resolved_structurally(value, values, expected):
    assert resolve(value, values) == expected


@pytest.mark.parametrize("value", ["$1.missing", "$1.0", "$1.hot.9", "$1.hot.x", "$2", "$1.hot.-1"])
def test_a_reference_to_nothing_is_a_fault_and_not_a_text(value):
    with pytest.raises(ReferenceFault, match=r"nothing at|has no value"):
        resolve(value, {1: {"hot": [1]}})


@given(VALUES)
def test_an_observation_arrives_unchanged_whatever_it_holds(value):
    assert resolve("$1", {1: value, 2: "injected", 12: "injected"}) == value


@given(TEXT, TEXT)
def test_text_that_was_inserted_is_never_scanned_again(observation, around):
    plain = around.replace("$", "")
    assert resolve(f"{plain}${{1}}", {1: observation, 2: "no"}) == plain + observation


@given(TEXT)
def test_doubling_every_dollar_makes_any_text_literal(text):
    escaped = text.replace("$", "$$")
    assert not [*references(escaped)]
    assert resolve(escaped, {}) == text
