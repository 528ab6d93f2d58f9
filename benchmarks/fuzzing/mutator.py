"""Derive hostile texts from well-formed ones: spans, lines, numbers, brackets, JSON values."""

import copy
import json
import random
import re
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

ODD = (
    "\0", "\r", "\r\n", "\x1b[2J", "\ufeff", "\u202e", "\u2028", "\x85", "é", "٣", "\\ud800", "𝟙", "\t",
    "", " ", "-", "--- ", "+++ ", "```", "~~~", "$", "{", "}", "[", "]", "(", ")", '"', "'", "\\", "\n",
)  # fmt: skip
NUMBERS = (
    "0",
    "-1",
    "1e999",
    "nan",
    "9" * 30,
    "9" * 400,
    "1e-400",
    "4294967296",
    "0x7f",
    "1.5",
    "²",
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 10**30, 1.5, 1e308, "", "x", "\0", "$1", [], {}, [[]], [None], {"": {}},
)  # fmt: skip
MOST_CHARS = 12_000
DEEP = (20, 120, 1500, 6000)
_NUMBER = re.compile(r"\d+")

Mutation = Callable[[random.Random, str, Sequence[str]], str]


def _span(rng: random.Random, text: str) -> tuple[int, int]:
    start = rng.randrange(len(text) + 1)
    return start, min(len(text), start + rng.choice((1, 2, 5, 20, 100)))


def _delete(rng: random.Random, text: str, _words: Sequence[str]) -> str:
    start, end = _span(rng, text)
    return text[:start] + text[end:]


def _repeat(rng: random.Random, text: str, _words: Sequence[str]) -> str:
    start, end = _span(rng, text)
    return text[:end] + text[start:end] * rng.choice((1, 2, 30)) + text[end:]


def _insert(rng: random.Random, text: str, words: Sequence[str]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(words if words and rng.randrange(3) else ODD) + text[at:]


def _word(rng: random.Random, text: str, words: Sequence[str]) -> str:
    """Exchange one known word for another, so that the text stays nearly well formed."""
    present = [word for word in words if word and word in text]
    if not present:
        return _insert(rng, text, words)
    return text.replace(rng.choice(present), rng.choice(words), rng.choice((1, -1)))


def _number(rng: random.Random, text: str, _words: Sequence[str]) -> str:
    found = [*_NUMBER.finditer(text)]
    if not found:
        return text
    one = rng.choice(found)
    near = str(int(one[0][:9]) + rng.choice((-1, 1, 2)))
    return text[: one.start()] + rng.choice((*NUMBERS, near, near, near)) + text[one.end() :]


def _lines(rng: random.Random, text: str, _words: Sequence[str]) -> str:
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(4)
    if what == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif what == 1:
        lines.insert(one, lines[other])
    elif what == 2:
        del lines[one]
    else:
        lines[one] = lines[one][1:] if rng.randrange(2) else " " + lines[one]
    return ("\r\n" if rng.randrange(20) == 0 else "\n").join(lines)


def _cut(rng: random.Random, text: str, _words: Sequence[str]) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _nest(rng: random.Random, text: str, _words: Sequence[str]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(("[", "(", "{", '{"a":', "-", "~")) * rng.choice(DEEP) + text[at:]


COMMON: tuple[Mutation, ...] = (
    _delete,
    _repeat,
    _insert,
    _insert,
    _word,
    _word,
    _number,
    _lines,
    _lines,
)
RARE: tuple[Mutation, ...] = (_cut, _nest)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value in a JSON tree."""
    found, stack = [], [value]
    while stack:
        node = stack.pop()
        keys = (
            node.keys()
            if isinstance(node, dict)
            else range(len(node))
            if isinstance(node, list)
            else ()
        )
        for key in keys:
            found.append((node, key))
            stack.append(node[key])
    return found


def _some(rng: random.Random, root: Any) -> Any:
    """Return a copy of a value from elsewhere in the document."""
    node, key = rng.choice(_places(root))
    return copy.deepcopy(node[key])


def _toml(value: Any) -> str:
    """Write a value inline; a lone null becomes empty text, which TOML can say."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return '""' if value is None else json.dumps(value)


def _document(root: Any, form: str, rng: random.Random) -> str:
    if form == "toml" and isinstance(root, dict):
        return "\n".join(f"{json.dumps(key)} = {_toml(value)}" for key, value in root.items())
    return json.dumps(root, ensure_ascii=bool(rng.randrange(2)))


def _tree(rng: random.Random, text: str, form: str) -> str:
    """Exchange, drop or add values of a document."""
    root = [json.loads(text) if form == "json" else tomllib.loads(text)]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        node, key = rng.choice(_places(root))
        what = rng.randrange(6)
        if what == 0 and isinstance(node, dict):
            del node[key]
        elif what == 1 and isinstance(node, dict):
            node[rng.choice(("extra", "", "id", str(key)))] = copy.deepcopy(rng.choice(VALUES))
        elif what == 2 and isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
        elif what == 3 and isinstance(node[key], int | float):
            node[key] = rng.choice((-node[key], str(node[key]), float(node[key]), float("nan")))
        else:
            node[key] = copy.deepcopy(rng.choice(VALUES)) if rng.randrange(2) else _some(rng, root)
        if not root:
            return ""
    return _document(root[0], form, rng)


def mutated(rng: random.Random, seeds: Sequence[str], words: Sequence[str], *, tree: str) -> str:
    """Return a text that is one of `seeds` after none, one or several mutations; `tree` says json or toml."""
    text = rng.choice(seeds)
    if tree and rng.randrange(4):
        return _tree(rng, text, tree)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5, 9))):
        kind = rng.choice(RARE) if rng.randrange(25) == 0 else rng.choice(COMMON)
        text = kind(rng, text, words)[:MOST_CHARS]
    return text + rng.choice(seeds) if rng.randrange(20) == 0 else text
