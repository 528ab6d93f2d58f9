"""Read what a model wrote for a strategy: JSON in any wrapping, claims, fingerprints of texts."""

import json
import re
from functools import lru_cache

from proofsmith.types import JSON

_WORD = re.compile(r"[a-z0-9_]+")
MOST_CLAIM_CHARS = 2000
MOST_INPUT_CHARS = 8000


def read_object(text: str) -> dict[str, JSON]:
    r"""Return the first JSON object in `text`, empty when there is none.

    >>> read_object('Sure!\n```json\n{"plan": "x"}\n```')
    {'plan': 'x'}
    >>> read_object("I cannot help with that.")
    {}
    """
    start = text.find("{")
    while start >= 0:
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            start = text.find("{", start + 1)
            continue
        return _storable(found) if isinstance(found, dict) else {}
    return {}


def _storable(found: dict[str, JSON]) -> dict[str, JSON]:
    r"""Replace escapes such as `\ud800` that stand for no character: no file and no request can hold them."""
    text = json.dumps(found, ensure_ascii=False)
    if text.isascii():
        return found
    clean: dict[str, JSON] = json.loads(text.encode(errors="replace"))
    return clean


def text_of(data: JSON, *names: str) -> str:
    """Return the first non-empty text among the fields `names` of an object, or the text itself, clipped."""
    if isinstance(data, str):
        return data.strip()[:MOST_CLAIM_CHARS]
    if isinstance(data, dict):
        for name in names:
            found = data.get(name)
            if isinstance(found, str) and found.strip():
                return found.strip()[:MOST_CLAIM_CHARS]
    return ""


def stated(data: JSON, name: str) -> str:
    """Return the field `name` of an object as a text: JSON of what is no text; empty when nothing is there.

    >>> stated({"input": {"n": 3}}, "input"), stated({"input": ""}, "input")
    ('{"n": 3}', '')
    """
    found = data.get(name) if isinstance(data, dict) else None
    if isinstance(found, dict | list) and found:
        return json.dumps(found)[:MOST_INPUT_CHARS]
    return found.strip()[:MOST_INPUT_CHARS] if isinstance(found, str) else ""


def items(data: JSON, name: str) -> list[JSON]:
    """Return the list `name` of an object, empty when it is none."""
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, list) else []


def number_of(data: JSON, name: str, default: float) -> float:
    """Return the finite number `name` of an object, else `default`."""
    found = data.get(name) if isinstance(data, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return default
    return float(found) if abs(found) < 1e9 else default


@lru_cache(maxsize=4096)
def fingerprint(text: str) -> str:
    """Return the words of `text` without case, order or repetition: equal for texts that say the same.

    >>> fingerprint("Use a HASH map.") == fingerprint("use a map, a hash")
    True
    """
    return " ".join(sorted(set(_WORD.findall(text.lower()))))


def alike(one: str, other: str, *, share: float = 0.8) -> bool:
    """Say whether two fingerprints have at least `share` of all their words in common."""
    a, b = set(one.split()), set(other.split())
    if min(len(a), len(b)) < share * max(len(a), len(b)):
        return False
    return len(a & b) >= share * len(a | b)
