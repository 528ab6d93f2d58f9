"""Calls are found by name, declared to endpoints and read with one-line complaints."""

import time

import pytest
from pydantic import BaseModel, Field

from proofsmith.tools.registry import Registry
from proofsmith.tools.schema import Misfit, export, parse
from proofsmith.types import ToolCall


class Place(BaseModel):
    path: str
    line: int = Field(default=1, ge=1)


class Options(BaseModel):
    free: dict[str, str]
    place: Place | None = None


class Outline:
    name = "outline"
    description = "List the functions of a file."
    arguments = Place

    async def run(self, problem, arguments, sandbox):
        return None


def call(name, arguments):
    return ToolCall(id="1", name=name, arguments=arguments)


def test_arguments_are_read_as_the_tool_declares_them():
    tool, arguments = Registry([Outline()]).read(call("outline", '{"path": "a.c"}'))
    assert tool.name == "outline"
    assert arguments == Place(path="a.c", line=1)


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("outlin", "{}", "there is no tool 'outlin'; the tools are outline"),
        ("outline", "", "arguments of outline: path: Field required"),
        (
            "outline",
            '{"path": "a.c", "line": 0}',
            "line: Input should be greater than or equal to 1",
        ),
        ("outline", '{"path": ', "Invalid JSON"),
        ("outline", "[1]", "arguments of outline: Input should be an object"),
    ],
)
def test_a_wrong_call_gives_one_line_for_the_model(name, arguments, complaint):
    with pytest.raises(Misfit) as caught:
        Registry([Outline()]).read(call(name, arguments))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_declaration_is_strict_where_the_schema_allows_it():
    function = Registry([Outline()]).declarations()[0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False
    assert function["parameters"]["required"] == ["path", "line"]
    assert "default" not in function["parameters"]["properties"]["line"]


def test_a_free_mapping_is_exported_as_it_is():
    schema, strict = export(Options)
    assert not strict
    assert schema == Options.model_json_schema()


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        Registry([Outline(), Outline()])


@pytest.mark.parametrize(
    "reply",
    [
        '{"path": "a.c"}',
        'Here:\n```json\n{"path": "a.c"}\n```\nBye',
        'Here: {"path": "a.c"} or so',
        '  ```\n{"path": "a.c"}\n  ```',
        'first {not json} then {"path": "a.c"}',
    ],
)
def test_json_is_found_in_a_chatty_reply(reply):
    assert parse(Place, reply).path == "a.c"


def test_many_complaints_are_cut_to_five():
    class Many(BaseModel):
        a: int
        b: int
        c: int
        d: int
        e: int
        f: int
        g: int

    with pytest.raises(Misfit, match="e: Field required; and 2 more"):
        parse(Many, "{}")


def test_deep_nesting_is_a_misfit_and_not_a_crash():
    begun = time.process_time()
    with pytest.raises(Misfit):
        parse(Place, "[" * 100_000)
    assert time.process_time() - begun < 2
