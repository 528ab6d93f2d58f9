"""Name what a source text means: a digest that ignores layout, comments, names of locals and the order of strangers.

Strangers are definitions that do not know each other. Two texts that mean different things must never share a digest,
so whatever is not understood is taken as it stands. Tokens keep their order; an expression is never rearranged, since
even floating-point addition does not commute.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from proofsmith.tools import normal_c, normal_python, normal_sql, normal_verilog
from proofsmith.tools.definitions import Definition
from proofsmith.tools.syntax import Language
from proofsmith.types import digest

MOST_BYTES = 1_000_000
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_BLOCK = r"/\*\s*proofsmith.*?\*/|"
_LINES = r"^[ \t]*({0})\s*proofsmith[^\n]*(?:\n[ \t]*\1[^\n]*)*"
_CONTRACTS = {
    ".py": re.compile(_LINES.format("#"), re.M),
    ".sql": re.compile(_BLOCK + _LINES.format("--"), re.M | re.S),
}
_CONTRACT = re.compile(_BLOCK + _LINES.format("//"), re.M | re.S)
"""Comments that are addressed to this product say what a file must do: they count, and so do the names in them."""
Reader = Callable[[str, frozenset[str]], list[Definition] | None]


def _c(text: str, kept: frozenset[str]) -> list[Definition] | None:
    return normal_c.definitions(text, kept, Language.C)


def _cpp(text: str, kept: frozenset[str]) -> list[Definition] | None:
    return normal_c.definitions(text, kept, Language.CPP)


READERS: Mapping[str, Reader] = {
    ".c": _c,
    ".h": _c,
    ".cc": _cpp,
    ".cpp": _cpp,
    ".cxx": _cpp,
    ".hpp": _cpp,
    ".py": normal_python.definitions,
    ".sql": normal_sql.definitions,
    ".v": normal_verilog.definitions,
    ".sv": normal_verilog.definitions,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A file's digest, and whether its text was understood."""

    digest: str
    understood: bool


def name(path: str, text: str, kept: frozenset[str] = frozenset()) -> Named:
    r"""Return the digest of one file; identifiers in `kept` are known to others and never renamed.

    >>> name("a.py", "def f(n):\n    total = n\n    return total\n").digest == name(
    ...     "a.py", "def f(n):  # doubles\n    s = n\n    return s\n").digest
    True
    >>> name("a.py", "x = 1 - y").digest == name("a.py", "x = y - 1").digest
    False
    """
    suffix = PurePosixPath(path).suffix
    reader = READERS.get(suffix)
    spoken = _CONTRACTS.get(suffix, _CONTRACT)
    contract = "\n".join(match[0] for match in spoken.finditer(text))
    known = kept | mentioned(contract)
    found = reader(text, known) if reader and len(text) <= MOST_BYTES else None
    if found is None:
        return Named(digest("text", text), understood=False)
    pieces = (digest(*d.tokens) for d in ordered(found))
    return Named(digest("form", contract, *pieces), understood=True)


def names(files: Mapping[str, str], kept: frozenset[str] = frozenset()) -> str:
    """Return one digest of several files by path; what one file mentions, no other may rename."""
    used = {path: mentioned(text) for path, text in files.items()}
    parts = []
    for path in sorted(files):
        others = frozenset().union(*(used[other] for other in files if other != path))
        parts += [path, name(path, files[path], kept | others).digest]
    return digest(*parts)


def mentioned(text: str) -> frozenset[str]:
    """Return every identifier in a text of any language."""
    return frozenset(_IDENTIFIER.findall(text))


def ordered(found: Sequence[Definition]) -> list[Definition]:
    """Return the definitions in their canonical order: the least one first that waits for none before it.

    Neighbours may only be exchanged when they do not know each other, so equal results mean that one order was made
    from the other by such exchanges (the lexicographic normal form of a trace; Anisimov and Knuth, 1979).
    """
    left = list(found)
    result = []
    while left:
        free = [d for i, d in enumerate(left) if all(d.commutes(before) for before in left[:i])]
        least = min(free, key=lambda d: d.tokens)
        left.remove(least)
        result.append(least)
    return result
