"""Read a streamed tool plan, as JSON lines or in LLMCompiler's text grammar, into typed lines."""

import ast
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from proofsmith.types import JSON

JOIN = "join"
MOST_LINE_CHARS = 16_384

_ACTION = re.compile(r"\s*(\d+)\s*[.)]\s*(\w+)\s*\(", re.ASCII)
_OBJECT = re.compile(r'\s*\{\s*"(?:id|tool)"\s*:')
_THOUGHT = re.compile(r"\s*thought\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)
_BARE = re.compile(r"\$(?:\{[\w.-]+\}|[\w-]+(?:\.[\w-]+)*)")
_FURNITURE = re.compile(r"\s*(?:```\w*|[\[\],]|<\w+>|#.*|//.*)?\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One action as the planner wrote it; nothing is known yet about its tool."""

    id: int
    tool: str
    named: Mapping[str, JSON] = field(default_factory=dict)
    positional: tuple[JSON, ...] = ()
    over: str = ""
    """Reference to a list: the call is made once per element, which `$item` names."""
    most: int = 16
    """Bound on the number of elements."""
    condition: str = ""
    """Reference that must be truthy for the task to run."""
    enough: str = "all"
    """For `join`: `all` waits for every task, `any` for the first that succeeds."""
    thought: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A line that cannot be used; `id` is what it declared, None when even that is unreadable."""

    reason: str
    text: str
    id: int | None = None


class _Row(BaseModel):
    """The JSON form of a line."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tool: str
    id: Annotated[int, Field(ge=0)] | None = None
    args: dict[str, JsonValue] | list[JsonValue] = {}
    over: str = Field(default="", alias="map")
    most: int = Field(default=16, ge=1, le=64)
    condition: str = Field(default="", alias="if")
    when: Literal["all", "any"] = "all"
    thought: str = ""


class PlanReader:
    """Incremental reader: feed it chunks as they arrive, get lines as soon as they are complete."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._rest = ""
        self._statement = ""
        self._thought = ""

    def feed(self, chunk: str) -> list[PlanLine | Fault]:
        """Add `chunk` (any split of the text, many lines or half a line) and return what became complete."""
        *lines, self._rest = (self._rest + chunk).split("\n")
        if len(self._rest) + len(self._statement) > MOST_LINE_CHARS:
            lines, self._rest = [*lines, self._rest], ""
        found: list[PlanLine | Fault] = []
        for line in lines:
            found += self._take(line)
        return found

    def close(self) -> list[PlanLine | Fault]:
        """Return what the end of the stream completes; a half-written line is a fault."""
        found = self._take(self._rest) if self._rest else []
        self._rest = ""
        return [*found, *self._flush()]

    def _take(self, line: str) -> list[PlanLine | Fault]:
        starts = _starts_statement(line, inside=bool(self._statement))
        found = self._flush() if starts else []
        if self._statement:
            self._statement += "\n" + line
        elif starts:
            self._statement = line
        else:
            self._note(line)
            return found
        parsed = _parse(self._statement, self._thought)
        if parsed is not None or len(self._statement) > MOST_LINE_CHARS:
            found += self._flush()
        return found

    def _flush(self) -> list[PlanLine | Fault]:
        statement, self._statement = self._statement, ""
        if not statement:
            return []
        parsed = _parse(statement, self._thought) or Fault(
            reason="the line is not complete", text=statement, id=_declared(statement)
        )
        self._thought = ""
        return [parsed]

    def _note(self, line: str) -> None:
        """Keep prose before an action as its thought; it is never an error and never costs a repair."""
        match = _THOUGHT.match(line)
        if match or not _FURNITURE.match(line):
            self._thought = (match[1] if match else line).strip()


def _starts_statement(line: str, *, inside: bool) -> bool:
    """Say whether a new action begins here; inside an unfinished one only an unmistakable head counts."""
    if _ACTION.match(line):
        return True
    return bool(_OBJECT.match(line)) if inside else line.lstrip().startswith("{")


def _declared(text: str) -> int | None:
    match = re.search(r'"id"\s*:\s*(\d+)', text) or re.match(r"\s*(\d+)", text)
    return int(match[1]) if match else None


def _parse(text: str, thought: str) -> PlanLine | Fault | None:
    """Return the line, a fault when it can never become right, None when more text may complete it."""
    if text.lstrip().startswith("{"):
        return _parse_json(text, thought)
    return _parse_action(text, thought)


def _parse_json(text: str, thought: str) -> PlanLine | Fault | None:
    bare = text.strip().removesuffix(",")
    try:
        data = json.loads(bare, strict=False)
    except json.JSONDecodeError as error:
        unfinished = error.pos >= len(bare) or error.msg.startswith("Unterminated")
        return None if unfinished else Fault(reason=error.msg, text=text, id=_declared(text))
    except RecursionError:
        return Fault(reason="nested too deeply", text=text, id=_declared(text))
    return _typed(data, text, thought)


def _typed(data: JSON, text: str, thought: str) -> PlanLine | Fault:
    try:
        row = _Row.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return Fault(reason=f"'{where}': {first['msg']}", text=text, id=_declared(text))
    if row.id is None and row.tool != JOIN:
        return Fault(reason="'id' is missing", text=text)
    try:
        _written(row.args)
    except ValueError as error:
        return Fault(reason=f"'args': {error}", text=text, id=row.id)
    return PlanLine(
        id=row.id or 0,
        tool=row.tool,
        named=row.args if isinstance(row.args, dict) else {},
        positional=tuple(row.args) if isinstance(row.args, list) else (),
        over=row.over,
        most=row.most,
        condition=row.condition,
        enough=row.when,
        thought=row.thought or thought,
        text=text,
    )


def _written(*values: object) -> None:
    """Raise ValueError or TypeError unless `values` can be stored: JSON numbers, and text without lone surrogates."""
    json.dumps(values, ensure_ascii=False, allow_nan=False).encode()


def _parse_action(text: str, thought: str) -> PlanLine | Fault | None:
    head = _ACTION.match(text)
    assert head is not None
    body, closed = _arguments(text[head.end() :])
    number, tool = int(head[1]), head[2]
    if not closed:
        return None
    try:
        with (
            warnings.catch_warnings()
        ):  # Python's remarks on odd literals are not for the user's terminal
            warnings.simplefilter("error", SyntaxWarning)
            call = ast.parse(f"f({body})", mode="eval").body
        assert isinstance(call, ast.Call)
        positional = tuple(ast.literal_eval(part) for part in call.args)
        named = {part.arg: ast.literal_eval(part.value) for part in call.keywords if part.arg}
        _written(positional, named)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return Fault(reason="arguments must be constants or $id", text=text, id=number)
    return PlanLine(
        id=number, tool=tool, positional=positional, named=named, thought=thought, text=text
    )


def _arguments(text: str) -> tuple[str, bool]:
    """Copy up to the closing parenthesis, quoting bare `$id`; say whether the parenthesis was there."""
    out: list[str] = []
    depth, quote, position = 1, "", 0
    while position < len(text):
        char = text[position]
        bare = _BARE.match(text, position) if not quote and char == "$" else None
        if bare:
            out.append(repr(bare[0]))
            position = bare.end()
            continue
        if quote and char == "\\":
            out.append(text[position : position + 2])
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
            char = "\\n" if char == "\n" else char
        elif char in "\"'":
            quote = char
        depth += 0 if quote else (char in "([{") - (char in ")]}")
        if depth == 0:
            return "".join(out), True
        out.append(char)
        position += 1
    return "".join(out), False
