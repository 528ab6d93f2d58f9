"""JSON schemas of pydantic models: export for an endpoint, extraction from a reply, one-line repair messages."""

import json
import re
from itertools import islice
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError

from proofsmith.types import JSON

M = TypeVar("M", bound=BaseModel)
JSON_FENCE = re.compile(r"^[ \t]*```(?:json)?[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.S | re.M)
EXPLAINED = 5
"""Complaints listed in one repair message; more of them rarely help an author."""

STARTS = 64
"""Brackets in a chatty reply at which a value is looked for; bounds the work on a hostile one."""


class Misfit(ValueError):
    """A text is not JSON of the wanted model; the message is one line that its author can act on."""


def export(model: type[BaseModel]) -> tuple[dict[str, JSON], bool]:
    """Return the JSON schema of `model`, and whether it is in the strict subset that endpoints enforce.

    Strict means that every object lists all its properties as required and allows no others, which a
    free-form mapping cannot satisfy; such a schema is returned as it is.

    >>> class Point(BaseModel):
    ...     x: int = 0
    >>> schema, strict = export(Point)
    >>> strict, schema["required"], schema["additionalProperties"]
    (True, ['x'], False)
    """
    schema = cast(dict[str, JSON], model.model_json_schema())
    if not _is_closed(schema):
        return schema, False
    return cast(dict[str, JSON], _strict(schema)), True


def _is_closed(node: JSON) -> bool:
    if isinstance(node, list):
        return all(_is_closed(item) for item in node)
    if not isinstance(node, dict):
        return True
    if node.get("type") == "object" and "properties" not in node:
        return False
    if node.get("additionalProperties") not in (None, False):
        return False
    return all(_is_closed(value) for value in node.values())


def _strict(node: JSON) -> JSON:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _strict(value) for key, value in node.items() if key != "default"}
    properties = node.get("properties")
    if node.get("type") == "object" and isinstance(properties, dict):
        closed["properties"] = {name: _strict(value) for name, value in properties.items()}
        closed["required"] = list(properties)
        closed["additionalProperties"] = False
    return closed


def extract(text: str) -> str:
    """Return the JSON value inside a chatty reply: the whole text, a fenced block, or the first whole value.

    >>> extract('Sure! {"a": [1, 2]} Anything else?')
    '{"a": [1, 2]}'
    """
    stripped = text.strip()
    fenced: list[str] = JSON_FENCE.findall(text)
    for candidate in (stripped, *(block.strip() for block in fenced)):
        if _is_json(candidate):
            return candidate
    decoder = json.JSONDecoder()
    for match in islice(re.finditer(r"[{\[]", stripped), STARTS):
        try:
            _, end = decoder.raw_decode(stripped, match.start())
        except (ValueError, RecursionError):
            continue
        return stripped[match.start() : end]
    return stripped


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parse(model: type[M], text: str) -> M:
    """Read `text` as `model`; raises Misfit with every complaint on one line.

    >>> class Point(BaseModel):
    ...     x: int
    >>> parse(Point, '{"x": "far"}')
    Traceback (most recent call last):
    proofsmith.tools.schema.Misfit: x: Input should be a valid integer, unable to parse string as an integer
    """
    try:
        return model.model_validate_json(extract(text))
    except ValidationError as error:
        raise Misfit(explain(error)) from None


def explain(error: ValidationError) -> str:
    """Write a validation error as one line: where, what, at most five complaints."""
    found = []
    for item in error.errors(include_url=False, include_input=False)[:EXPLAINED]:
        where = ".".join(str(part) for part in item["loc"])
        what = " ".join(item["msg"].split())
        found.append(f"{where}: {what}" if where else what)
    rest = error.error_count() - len(found)
    return "; ".join(found) + (f"; and {rest} more" if rest else "")
