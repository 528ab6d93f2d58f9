"""A random JSON value that fits a schema, as a simulated model would answer it."""

import random
from collections.abc import Callable
from typing import cast

from proofsmith.types import JSON

Schema = dict[str, JSON]
MANY = (3, 6)
"""Items of a list that names no bounds."""


def specimen(schema: Schema, rng: random.Random, word: Callable[[str, random.Random], str]) -> JSON:
    """Return a value that fits `schema`, a pydantic export; `word` makes the text of the field it is given.

    >>> specimen({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, random.Random(1), str)
    []
    """
    definitions = cast(dict[str, Schema], schema.get("$defs", {}))
    return _value(schema, "", definitions, rng, word)


def _value(
    node: Schema,
    field: str,
    definitions: dict[str, Schema],
    rng: random.Random,
    word: Callable[[str, random.Random], str],
) -> JSON:
    def inner(child: JSON, name: str) -> JSON:
        return _value(cast(Schema, child), name, definitions, rng, word)

    if "$ref" in node:
        return inner(definitions[str(node["$ref"]).rpartition("/")[2]], field)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return rng.choice(cast(list[JSON], node["enum"]))
    if "anyOf" in node:
        return inner(cast(list[JSON], node["anyOf"])[0], field)
    kind = node.get("type")
    if kind == "object":
        properties = cast(dict[str, JSON], node.get("properties", {}))
        return {name: inner(child, name) for name, child in properties.items()}
    if kind == "array":
        low = cast(
            int, node.get("minItems", min(MANY[0], cast(int, node.get("maxItems", MANY[0]))))
        )
        high = cast(int, node.get("maxItems", max(low, MANY[1])))
        return [inner(node.get("items", {}), field) for _ in range(rng.randint(low, high))]
    return _scalar(node, field, rng, word)


def _scalar(
    node: Schema, field: str, rng: random.Random, word: Callable[[str, random.Random], str]
) -> JSON:
    kind = node.get("type")
    low = cast(float, node.get("minimum", node.get("exclusiveMinimum", 0)))
    high = cast(float, node.get("maximum", node.get("exclusiveMaximum", low + 10)))
    if kind == "integer":
        first = int(low) + ("exclusiveMinimum" in node)
        return rng.randint(first, max(first, int(high) - ("exclusiveMaximum" in node)))
    if kind == "number":
        return low + (high - low) * rng.uniform(0.05, 0.95)
    if kind == "boolean":
        return rng.random() < 0.5
    return None if kind == "null" else word(field, rng)
