"""References between plan tasks: found in arguments and resolved structurally, never by rewriting text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from proofsmith.types import JSON, canonical

_REFERENCE = re.compile(
    r"\$\$|\$(?:\{(?P<b>\d+|item)(?P<bp>(?:\.[\w-]+)*)\}|(?P<a>\d+|item\b)(?P<ap>(?:\.[\w-]+)*))"
)
ITEM = "item"
"""What `$item` names inside a mapped task: the current element."""


class ReferenceFault(ValueError):
    """A reference names a field or an index that the observation does not have."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`$3.hot.0.line`: task 3, then a path of keys and indices; task `item` is the element of a map."""

    task: int | str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the spelling of a plan."""
        return ".".join((f"${self.task}", *self.path))


def _reference(match: re.Match[str]) -> Reference | None:
    name = match["b"] or match["a"]
    if name is None:
        return None
    path = tuple((match["bp"] or match["ap"] or "").split(".")[1:])
    return Reference(ITEM if name == ITEM else int(name), path)


def references(value: JSON) -> Iterator[Reference]:
    """Yield every reference in `value`, depth first; `$$` is a literal dollar sign.

    >>> [str(r) for r in references({"a": "$12.ms", "b": ["${1}+${2}", "$$3"]})]
    ['$12.ms', '$1', '$2']
    """
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            found = _reference(match)
            if found is not None:
                yield found
    elif isinstance(value, list):
        for part in value:
            yield from references(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from references(part)


def follow(reference: Reference, values: Mapping[int | str, JSON]) -> JSON:
    """Return the value that `reference` names; raises ReferenceFault when it does not exist."""
    if reference.task not in values:
        raise ReferenceFault(f"{reference}: ${reference.task} has no value")
    value = values[reference.task]
    for step in reference.path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise ReferenceFault(f"{reference}: nothing at '{step}'")
    return value


def resolve(value: JSON, values: Mapping[int | str, JSON]) -> JSON:
    """Replace references in `value`: a whole-string reference keeps its type, one inside text is written out.

    Observations are inserted once and never scanned again, so a `$1` inside one stays as it is.

    >>> resolve(["$12", "n=$1"], {12: {"a": 1}, 1: "$12"})
    [{'a': 1}, 'n=$12']
    """
    if isinstance(value, list):
        return [resolve(part, values) for part in value]
    if isinstance(value, dict):
        return {key: resolve(part, values) for key, part in value.items()}
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    reference = _reference(whole) if whole else None
    if reference is not None:
        return follow(reference, values)
    return _REFERENCE.sub(lambda match: _written(match, values), value)


def _written(match: re.Match[str], values: Mapping[int | str, JSON]) -> str:
    reference = _reference(match)
    if reference is None:
        return "$"
    found = follow(reference, values)
    return found if isinstance(found, str) else canonical(found)
