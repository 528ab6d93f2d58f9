import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.replies import alike, fingerprint, items, number_of, read_object, text_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('Sure {not json} then {"a": {"b": "}"}} bye', {"a": {"b": "}"}}),
        ('```json\n{"a": "two\nlines"}\n```', {"a": "two\nlines"}),
        ("", {}),
        ("I cannot help with that.", {}),
        ('{"a": ', {}),
        ("[1, 2]", {}),
        ("{" * 5000, {}),
    ],
)
def test_an_object_is_found_in_any_wrapping(text, expected):
    assert read_object(text) == expected


@given(st.text())
def test_any_text_gives_an_object(text):
    assert isinstance(read_object(text), dict)


@pytest.mark.parametrize(
    "data", [None, 3, "x", [], {"l": "no list", "n": "no number"}, {"n": True}]
)
def test_fields_of_the_wrong_type_count_as_absent(data):
    assert items(data, "l") == []
    assert number_of(data, "n", 0.5) == 0.5
    assert text_of(data, "t") in ("", "x")


def test_texts_that_say_the_same_are_alike():
    one = fingerprint("The inner loop reads A column by column, which misses the cache.")
    assert alike(
        one, fingerprint("the inner loop reads a column by column, which misses the CACHE!")
    )
    assert not alike(one, fingerprint("The outer loop is independent and can run in parallel."))
