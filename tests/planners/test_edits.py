import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.edits import combined, compatible, edits

LINES = st.lists(st.sampled_from("abcdef"), max_size=12)


def text(lines):
    return {"k.c": "\n".join(lines) + "\n" if lines else ""}


@given(LINES, LINES)
def test_edits_of_one_version_and_nothing_give_that_version(base, other):
    found = edits(text(base), text(other))
    assert (found == []) == (base == other)


def test_changes_in_different_places_are_combined():
    base = {"k.c": "a\nb\nc\nd\ne\n"}
    one, two = edits(base, {"k.c": "A\nb\nc\nd\ne\n"}), edits(base, {"k.c": "a\nb\nc\nd\nE\nF\n"})
    assert compatible(one, two)
    assert combined(base, one, two) == combined(base, two, one) == {"k.c": "A\nb\nc\nd\nE\nF\n"}


def test_changes_of_the_same_or_touching_lines_are_refused():
    base = {"k.c": "a\nb\nc\n"}
    one, two = edits(base, {"k.c": "X\nb\nc\n"}), edits(base, {"k.c": "Y\nb\nc\n"})
    assert not compatible(one, two)
    with pytest.raises(ValueError, match="overlap"):
        combined(base, one, two)


def test_a_new_file_is_an_edit_that_fits_any_other():
    base = {"k.c": "a\n"}
    one, two = edits(base, {"k.c": "b\n"}), edits(base, {"k.c": "a\n", "k.h": "h\n"})
    assert combined(base, one, two) == {"k.c": "b\n", "k.h": "h\n"}
