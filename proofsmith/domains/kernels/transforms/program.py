"""A C file with one function lowered for rewriting; renders back to the whole file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.emission import lines
from proofsmith.domains.kernels.transforms.ir import Body, Declare, For, mentioned, statements
from proofsmith.domains.kernels.transforms.lowering import Lowering, inlinable
from proofsmith.tools.syntax import Edit, Function, Parameter, functions, language_of, parse, splice

_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\(([\w\s,]*)\))?[ \t]+((?:.*\\\n)*.*)$", re.M)
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Kind:
    """Element type and pointer depth of a name."""

    type: str
    pointers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The text around one function, its signature, its lowered body and the helpers that rewriting added."""

    head: str
    signature: str
    parameters: tuple[Parameter, ...]
    result: str
    body: Body
    tail: str
    helpers: tuple[str, ...] = ()

    def kinds(self) -> dict[str, Kind]:
        """Return the type of every parameter and local name."""
        known = {p.name: Kind(p.type, p.pointers) for p in self.parameters}
        for stmt in statements(self.body):
            if isinstance(stmt, Declare):
                known[stmt.name] = kind(stmt)
            elif isinstance(stmt, For) and stmt.type:
                known[stmt.var] = Kind(stmt.type)
        return known

    def fresh(self, stem: str, also: Iterable[str] = ()) -> str:
        """Return a name like `stem` that occurs nowhere in the function."""
        taken = mentioned(self.body) | {p.name for p in self.parameters} | set(also)
        taken |= set(_WORD.findall(self.head))
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}{count}"
        return name

    def with_body(self, body: Body, *helpers: str) -> "Program":
        """Return the program with another body and helper text, each once: earlier rewrites may have left it."""
        added = tuple(
            h for h in helpers if h and h not in self.helpers and h.strip("\n") not in self.head
        )
        return replace(self, body=body, helpers=self.helpers + added)

    def render(self) -> str:
        """Return the whole file."""
        block = "\n".join(lines(self.body))
        helpers = "".join(h.strip("\n") + "\n\n" for h in self.helpers)
        return f"{self.head}{helpers}{self.signature.rstrip()}\n{{\n{block}\n}}{self.tail}"


def index_type(loop: For, kinds: Mapping[str, Kind]) -> str:
    """Return the type of a loop variable, as C computes it where its declaration was not understood."""
    known = kinds.get(loop.var)
    return loop.type or (known.type if known else f"__typeof__({loop.var})")


def kind(stmt: Declare) -> Kind:
    """Return the type of a declared name."""
    words = [w for w in re.sub(r"\*", " * ", stmt.type).split() if w not in _QUALIFIERS]
    stars = words.count("*") + len(stmt.extents)
    return Kind(" ".join(w for w in words if w != "*"), stars)


_QUALIFIERS = ("const", "volatile", "restrict", "__restrict", "__restrict__", "register")


_DEEPEST = 120
_LARGEST = 20_000


def _unwieldy(function: Function) -> bool:
    """Say whether a function is nested too deeply or too long to be rewritten."""
    waiting, count = [(function.body, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > _DEEPEST or count > _LARGEST:
            return True
        waiting += [(child, depth + 1) for child in node.children]
    return False


def load(text: str, path: str, entry: str) -> Program | None:
    """Lower function `entry` of a file; None when it is absent, does not parse, or is too large to rewrite."""
    language = language_of(path)
    found = [f for f in functions(parse(text, language)) if f.name == entry]
    if not found or found[-1].node.broken or _unwieldy(found[-1]):
        return None
    expanded = _expand(text, found[-1])
    known = functions(parse(expanded, language))
    function = next(f for f in reversed(known) if f.name == entry)
    if function.node.broken or _unwieldy(function):
        return None
    data = expanded.encode()
    body = Lowering(inlinable(known)).body(function.body)
    start = function.node.start
    return Program(
        head=data[:start].decode(),
        signature=data[start : function.body.start].decode(),
        parameters=function.parameters,
        result=function.result,
        body=body,
        tail=data[function.body.end :].decode(),
    )


def _expand(text: str, function: Function) -> str:
    """Expand the file's own simple macros inside the function, at most a few thousand times."""
    before = text.encode()[: function.node.start].decode()
    macros = {
        m[1]: (m[3] if m[2] else None, m[4].replace("\\\n", " ").strip())
        for m in _MACRO.finditer(before)
        if not any(mark in m[4] for mark in ("#", "{", ";"))
    }
    body = function.body.text
    for _ in range(4000 if macros else 0):
        new = _once(body, macros)
        if new == body or len(new) > 200_000:
            break
        body = new
    return splice(text, [Edit(function.body.start, function.body.end, body)])


def _once(body: str, macros: dict[str, tuple[str | None, str]]) -> str:
    """Expand the first macro use."""
    for match in _WORD.finditer(body):
        if match[0] not in macros:
            continue
        given, value = macros[match[0]]
        if given is None:
            return body[: match.start()] + value + body[match.end() :]
        arguments = _arguments(body, match.end())
        if arguments is not None:
            names = [n.strip() for n in given.split(",")] if given.strip() else []
            if len(names) == len(arguments[0]):
                filled = _fill(value, dict(zip(names, arguments[0], strict=True)))
                return body[: match.start()] + filled + body[arguments[1] :]
    return body


def _fill(value: str, table: dict[str, str]) -> str:
    return _WORD.sub(lambda word: table.get(word[0], word[0]), value)


def _arguments(text: str, start: int) -> tuple[list[str], int] | None:
    """Return the arguments of a call that opens at or after `start`, and where it ends."""
    opening = re.compile(r"\s*\(").match(text, start)
    if opening is None:
        return None
    depth, parts, begin = 1, [], opening.end()
    for position in range(opening.end(), len(text)):
        letter = text[position]
        depth += (letter in "([") - (letter in ")]")
        if (letter == "," and depth == 1) or depth == 0:
            parts.append(text[begin:position].strip())
            begin = position + 1
        if depth == 0:
            return ([] if parts == [""] else parts), position + 1
    return None
