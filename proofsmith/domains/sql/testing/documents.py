"""JSON texts that hold something where queries look: values of every kind under the names and places of their paths."""

import json
import re

from sqlglot import exp

from proofsmith.domains.sql.gate import name_of

_LOOKING = (
    exp.JSONExtract,
    exp.JSONExtractScalar,
    exp.JSONBExtract,
    exp.JSONBExtractScalar,
    exp.JSONType,
)
_MOST_CONSTANTS = 6
_VALUES: tuple[object, ...] = (None, 1, "1", "A", True, {}, [1])
Path = tuple[str | int, ...]


def documents_of(expression: exp.Expr) -> tuple[list[str], set[str]]:
    """Return JSON texts with values at every path that is looked at, and the columns that must hold JSON for it."""
    looks = [*expression.find_all(*_LOOKING)]
    paths = dict.fromkeys(path for path in map(_path, looks) if path)
    literals = [*expression.find_all(exp.Literal)][:_MOST_CONSTANTS] if paths else []
    values = [*_VALUES, *(str(literal.this) for literal in literals if literal.is_string)]
    for literal in literals:
        if not literal.is_string:
            number = float(literal.this)
            values += [int(number) if number.is_integer() else number]
    columns = {column.name.lower() for look in looks for column in look.this.find_all(exp.Column)}
    if any(name_of(call) == "json_valid" for call in expression.find_all(exp.Anonymous)):
        columns = set()
    return [json.dumps(_within(path, value)) for path in paths for value in values], columns


def _path(look: exp.Expr) -> Path:
    """Return the names and places that lead to what is looked at, outermost first."""
    inner = look.this.unnest()
    before = _path(inner) if isinstance(inner, _LOOKING) else ()
    path = look.args.get("expression")
    if isinstance(path, exp.JSONPath):
        keys = [key.this for key in path.expressions if not isinstance(key, exp.JSONPathRoot)]
        return (*before, *(key for key in keys if isinstance(key, str | int)))
    words = re.findall(r"\w+", path.name) if isinstance(path, exp.Literal) else []
    return (*before, *(int(word) if word.isdigit() else word for word in words))


def _within(path: Path, value: object) -> object:
    for key in reversed(path):
        value = [None] * min(key, 9) + [value] if isinstance(key, int) else {key: value}
    return value
