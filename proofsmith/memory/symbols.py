"""Cut source files into symbols and follow who mentions whom: what a step must see of code that it does not edit."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from proofsmith.tools import syntax

_PARSED = {".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".py"}
_HARDWARE = {".v", ".sv", ".vh", ".svh"}
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_BLOCK = re.compile(
    r"^[ \t]*(?:module|package|interface)\s+(?:automatic\s+)?(\w+).*?^[ \t]*end(?:module|package|interface)\b[^\n]*",
    re.MULTILINE | re.DOTALL,
)
_DEFINED = re.compile(
    r"\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:unique\s+)?(?:materialized\s+)?"
    r"(?:table|view|function|index|type|procedure)\s+(?:if\s+not\s+exists\s+)?[\"`\[]?([\w.]+)",
    re.IGNORECASE,
)
_STATEMENT = re.compile(r"(?:'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|[^;'\"])+;?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A named piece of a file; the rest of the file, outside all named pieces, is one symbol named like the file."""

    path: str
    name: str
    line: int
    """First line, from 1."""
    text: str

    @property
    def signature(self) -> str:
        r"""The head of the text: up to the line that opens the body, at most four lines.

        >>> Symbol(path="a.py", name="f", line=1, text="def f(x):\n    return x").signature
        'def f(x):'
        """
        head = []
        for text in self.text.splitlines()[:4]:
            head.append(text.rstrip())
            if text.rstrip().endswith((":", "{", ";", "(")):
                break
        return "\n".join(head)


def cut(path: str, text: str) -> tuple[Symbol, ...]:
    r"""Cut one file into symbols in source order; every line with text belongs to exactly one symbol.

    Python, C and C++ are parsed; Verilog is cut at modules, SQL at statements; anything else is one symbol.

    >>> [s.name for s in cut("a.sql", "CREATE TABLE t (x int);\nCREATE VIEW v AS SELECT x FROM t;")]
    ['t', 'v']
    """
    lines = text.splitlines()
    named: list[Symbol] = []
    last = 0
    for name, first, end in sorted(_ranges(path, text), key=lambda r: (r[1], -r[2])):
        if first > last and end >= first:
            body = "\n".join(lines[first - 1 : end])
            named.append(Symbol(path=path, name=name, line=first, text=body))
            last = end
    taken = {n for s in named for n in range(s.line, s.line + s.text.count("\n") + 1)}
    rest = [(n, t) for n, t in enumerate(lines, 1) if n not in taken and t.strip()]
    if rest:
        body = "\n".join(t for _, t in rest)
        stem = PurePosixPath(path).stem
        named.append(Symbol(path=path, name=stem, line=rest[0][0], text=body))
    return tuple(sorted(named, key=lambda s: s.line))


def _ranges(path: str, text: str) -> Iterable[tuple[str, int, int]]:
    suffix = PurePosixPath(path).suffix
    if suffix in _PARSED:
        for entry in syntax.outline(text, syntax.language_of(path)):
            yield entry.name, entry.line, entry.last_line
    elif suffix in _HARDWARE:
        for match in _BLOCK.finditer(text):
            yield match[1], *_lines(text, match.start(), match.end())
    elif suffix == ".sql":
        for match in _STATEMENT.finditer(text):
            defined = _DEFINED.match(re.sub(r"--[^\n]*|/\*.*?\*/", " ", match[0], flags=re.DOTALL))
            if defined:
                start = match.end() - len(match[0].lstrip())
                yield defined[1].rpartition(".")[2], *_lines(text, start, match.end())


def _lines(text: str, start: int, end: int) -> tuple[int, int]:
    return text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1


def mentioned(text: str) -> frozenset[str]:
    """Return every identifier in `text`, comments and strings included: an over-approximation of what it uses."""
    return frozenset(_IDENTIFIER.findall(text))


class Index:
    """The symbols of a set of files and the edges between them: A uses B when B's name occurs in A's text."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Cut `files` (path to text) into symbols."""
        self.symbols = tuple(s for path in sorted(files) for s in cut(path, files[path]))
        self._by_name: dict[str, list[Symbol]] = {}
        for symbol in self.symbols:
            self._by_name.setdefault(symbol.name, []).append(symbol)

    def reach(self, roots: Iterable[str]) -> Mapping[Symbol, int]:
        """Return the symbols that `roots` lead to and their distance, nearest first.

        A root is a path (all its symbols), a symbol's name, or any text in which names occur; distance 0 is what the
        roots name. Deterministic: ties are in order of path and line.
        """
        start = [s for s in self.symbols if any(self._named(s, root) for root in roots)]
        distance = dict.fromkeys(start, 0)
        queue = deque(start)
        while queue:
            here = queue.popleft()
            for used in self._used(here):
                if used not in distance:
                    distance[used] = distance[here] + 1
                    queue.append(used)
        return distance

    def _named(self, symbol: Symbol, root: str) -> bool:
        return root == symbol.path or symbol.name in mentioned(root)

    def _used(self, symbol: Symbol) -> list[Symbol]:
        names = mentioned(symbol.text) - {symbol.name}
        found = [s for name in names for s in self._by_name.get(name, ())]
        return sorted(found, key=lambda s: (s.path, s.line))
