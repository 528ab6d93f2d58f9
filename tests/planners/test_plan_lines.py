import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.plan_lines import Fault, PlanLine, PlanReader


def read(text, cut=10_000):
    reader = PlanReader()
    found = []
    for start in range(0, len(text), cut):
        found += reader.feed(text[start : start + cut])
    return [*found, *reader.close()]


@pytest.mark.parametrize(
    ("text", "named", "positional"),
    [
        ('{"id": 1, "tool": "t", "args": {"a": [1, "$2"]}}', {"a": [1, "$2"]}, ()),
        ('{"id": 1, "tool": "t", "args": ["x", 2]}', {}, ("x", 2)),
        ('{"id": 1, "tool": "t"},', {}, ()),
        ('{"id": 1, "tool": "t", "args": {"a": "two\nlines"}}', {"a": "two\nlines"}, ()),
        ('{\n "id": 1,\n "tool": "t",\n "args":\n {"a": {\n}}\n}', {"a": {}}, ()),
        ('1. t("a", b=2)', {"b": 2}, ("a",)),
        ("1. t($12.ms, [$3])", {}, ("$12.ms", ["$3"])),
        ('1. t("keep $1 (inside) text")', {}, ("keep $1 (inside) text",)),
        ('1. t("two\nlines")', {}, ("two\nlines",)),
        ('1. t(\n  "a",\n  {"k": (1)}\n)', {}, ("a", {"k": 1})),
        (r'1. t("a\"b)")', {}, ('a"b)',)),
        ("1. t()", {}, ()),
        ('1. t("a") # why not', {}, ("a",)),
    ],
)
def test_both_grammars_give_the_same_lines(text, named, positional):
    (line,) = read(text)
    assert isinstance(line, PlanLine), line
    assert (line.id, line.tool, dict(line.named), line.positional) == (1, "t", named, positional)


@pytest.mark.parametrize(
    ("text", "number", "reason"),
    [
        ('{"id": 1, "tool": "t", "args": {"a": 1}', 1, "not complete"),
        ('{"id": 1 "tool": "t"}', 1, "delimiter"),
        ('{"id": "1", "tool": "t"}', None, "integer"),
        ('{"id": true, "tool": "t"}', None, "integer"),
        ('{"id": -1, "tool": "t"}', None, "greater"),
        ('{"id": 2, "tool": 7}', 2, "string"),
        ('{"id": 2, "tool": "t", "args": "x"}', 2, "args"),
        ('{"id": 2, "tool": "t", "shell": "rm"}', 2, "shell"),
        ('{"id": 2, "tool": "t", "map": "$1", "most": 1000}', 2, "most"),
        ('{"tool": "t"}', None, "missing"),
        ("3. t(open('x'))", 3, "constants"),
        ("3. t(__import__('os'))", 3, "constants"),
        ("3. t({1, 2})", 3, "constants"),
        ('3. t("never closed', 3, "not complete"),
        ("{" * 3000, None, "property name"),
        ('{"id": 1, "tool": ' + "[" * 9000, 1, ""),
    ],
)
def test_a_line_that_cannot_be_used_is_a_fault_with_its_reason(text, number, reason):
    (fault,) = read(text)
    assert isinstance(fault, Fault), fault
    assert reason in fault.reason
    assert fault.id == number


def test_two_lines_in_one_chunk_are_two_lines():
    reader = PlanReader()
    found = reader.feed('1. a("x")\n2. b($1)\n3. c(')
    assert [line.tool for line in found] == ["a", "b"]
    assert [line.tool for line in reader.feed("$2)\n")] == ["c"]


def test_thoughts_and_furniture_are_never_faults_and_the_thought_stays_with_its_action():
    text = 'Sure, here is the plan:\n```json\n[\nThought: look first\n{"id":1,"tool":"a"},\n]\n```\n<END_OF_PLAN>\n'
    (line,) = read(text)
    assert (line.tool, line.thought) == ("a", "look first")


def test_a_broken_line_does_not_swallow_the_next_one():
    fault, line = read('1. a("never closed\n2. b("x")\n')
    assert isinstance(fault, Fault)
    assert line.tool == "b"


def test_a_line_without_end_is_cut_off_at_the_cap():
    reader = PlanReader()
    found = reader.feed('{"id": 1, "tool": "a", "args": {"x": "')
    for _ in range(40):
        found += reader.feed("y" * 1000)
    assert isinstance(found[0], Fault)


PLAN = """Thought: go
1. a("x", [1, 2])
{"id": 2, "tool": "b", "args": {"t": "1. no(\\n"}}
3. c($1,
 "two
lines")
join
{"tool": "join"}
"""


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_the_split_into_chunks_never_matters(cuts):
    reader, rest, found = PlanReader(), PLAN, []
    for cut in cuts:
        found += reader.feed(rest[:cut])
        rest = rest[cut:]
    found += [*reader.feed(rest), *reader.close()]
    assert found == read(PLAN)
    assert [line.tool for line in found] == ["a", "b", "c", "join"]


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_exception(text):
    for found in read(text, cut=7):
        assert isinstance(found, PlanLine | Fault)
