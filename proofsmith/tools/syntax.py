"""Parse C, C++ and Python text: nodes, functions, calls, constants, comments; cut and splice by byte range."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import PurePath

import tree_sitter
import tree_sitter_c
import tree_sitter_cpp
import tree_sitter_python


class Language(StrEnum):
    """A language that can be parsed here."""

    C = "c"
    CPP = "c++"
    PYTHON = "python"


_SUFFIXES = {
    **dict.fromkeys((".c", ".h"), Language.C),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp"), Language.CPP),
    ".py": Language.PYTHON,
}
_GRAMMARS: dict[Language, Callable[[], object]] = {
    Language.C: tree_sitter_c.language,
    Language.CPP: tree_sitter_cpp.language,
    Language.PYTHON: tree_sitter_python.language,
}
_NUMBERS = ("number_literal", "char_literal", "integer", "float")


@cache
def _grammar(language: Language) -> tree_sitter.Language:
    return tree_sitter.Language(_GRAMMARS[language]())


class Node:
    """A read-only view of one syntax node; byte offsets, 1-based lines."""

    __slots__ = ("_node",)

    def __init__(self, node: tree_sitter.Node) -> None:
        """Wrap a node of the parser."""
        self._node = node

    def __eq__(self, other: object) -> bool:
        """Nodes are equal when they are the same place of the same tree."""
        return isinstance(other, Node) and self._node == other._node

    def __hash__(self) -> int:
        """Hash by identity in the tree."""
        return hash(self._node)

    @property
    def kind(self) -> str:
        """Name of the grammar rule, e.g. `for_statement`."""
        return self._node.type

    @property
    def text(self) -> str:
        """The source text that this node covers."""
        return (self._node.text or b"").decode(errors="replace")

    @property
    def start(self) -> int:
        """First byte."""
        return self._node.start_byte

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self._node.end_byte

    @property
    def line(self) -> int:
        """Line of the first byte, from 1."""
        return self._node.start_point[0] + 1

    @property
    def children(self) -> tuple["Node", ...]:
        """Named children without comments."""
        return tuple(Node(c) for c in self._node.named_children if c.type != "comment")

    @property
    def tokens(self) -> tuple["Node", ...]:
        """All children, punctuation and comments too."""
        return tuple(Node(c) for c in self._node.children)

    @property
    def parent(self) -> "Node | None":
        """The enclosing node, None at the root."""
        return Node(self._node.parent) if self._node.parent else None

    @property
    def broken(self) -> bool:
        """True when the text below does not parse."""
        return self._node.has_error

    def field(self, name: str) -> "Node | None":
        """Return the child in the grammar's field `name`, None when absent."""
        found = self._node.child_by_field_name(name)
        return Node(found) if found else None

    def all(self, name: str) -> tuple["Node", ...]:
        """Return every child in the grammar's field `name`."""
        return tuple(Node(c) for c in self._node.children_by_field_name(name))

    def walk(self) -> Iterator["Node"]:
        """Yield this node and everything below in source order, however deep."""
        waiting = [self._node]
        while waiting:
            node = waiting.pop()
            yield Node(node)
            waiting += reversed(node.children)

    def find(self, *kinds: str) -> Iterator["Node"]:
        """Yield nodes of the given kinds at or below this one in source order."""
        return (node for node in self.walk() if node.kind in kinds)


def language_of(path: str) -> Language:
    """Return the language by file suffix; C when the suffix is unknown.

    >>> language_of("a/k.cpp")
    <Language.CPP: 'c++'>
    """
    return _SUFFIXES.get(PurePath(path).suffix, Language.C)


def parse(text: str, language: Language = Language.C) -> Node:
    """Parse `text`; errors do not raise but leave `broken` nodes.

    >>> parse("int f(void) { return 1; }").broken
    False
    """
    return Node(tree_sitter.Parser(_grammar(language)).parse(text.encode()).root_node)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the bytes `start` to `end` by `text`; an insertion when both are equal."""

    start: int
    end: int
    text: str


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits given in byte offsets of the UTF-8 encoding; raises ValueError when they overlap.

    >>> splice("é = 1;", [Edit(5, 6, "22")])
    'é = 22;'
    """
    data, done, parts = text.encode(), 0, []
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if not done <= edit.start <= edit.end <= len(data):
            raise ValueError(f"edit {edit.start}:{edit.end} overlaps another or leaves the text")
        parts += [data[done : edit.start], edit.text.encode()]
        done = edit.end
    return b"".join([*parts, data[done:]]).decode()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `const double *restrict A` has type `double`, 1 pointer, const and restrict."""

    name: str
    type: str
    pointers: int = 0
    const: bool = False
    """The pointee, or the value when there is no pointer, is const."""
    restrict: bool = False
    extents: tuple[str, ...] = ()
    """Texts in brackets, outermost first: `double A[][n]` has ("", "n") and one pointer level."""
    reference: bool = False
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function definition; `result` is its type without storage class, `pointers` included."""

    name: str
    result: str
    parameters: tuple[Parameter, ...]
    static: bool
    node: Node
    body: Node


def functions(root: Node) -> tuple[Function, ...]:
    """Return the function definitions below `root` in source order (C and C++)."""
    found = (_function(node) for node in root.find("function_definition"))
    return tuple(f for f in found if f is not None)


def _function(node: Node) -> Function | None:
    declarator, stars, body = node.field("declarator"), 0, node.field("body")
    while declarator is not None and declarator.kind in (
        "pointer_declarator",
        "reference_declarator",
    ):
        stars += declarator.kind == "pointer_declarator"
        declarator = declarator.field("declarator") or (declarator.children or (None,))[-1]
    if declarator is None or declarator.kind != "function_declarator" or body is None:
        return None
    name, given = declarator.field("declarator"), declarator.field("parameters")
    if name is None or given is None:
        return None
    parameters = tuple(
        _parameter(p)
        for p in given.children
        if p.kind == "parameter_declaration" and p.text.strip() != "void"
    )
    storage = {c.text for c in node.children if c.kind == "storage_class_specifier"}
    result = " ".join([*_qualifiers(node), _type(node)]) + " " * bool(stars) + "*" * stars
    return Function(name.text, result, parameters, "static" in storage, node, body)


def _qualifiers(node: Node) -> list[str]:
    return [c.text for c in node.children if c.kind == "type_qualifier"]


def _type(node: Node) -> str:
    found = node.field("type")
    return " ".join(found.text.split()) if found else ""


def _parameter(node: Node) -> Parameter:
    """Unwrap the declarator from the outside in."""
    pointers, restrict, reference, name = 0, False, False, ""
    extents: list[str] = []
    inner = node.field("declarator")
    while inner is not None:
        if inner.kind in ("identifier", "field_identifier"):
            name = inner.text
            break
        if inner.kind == "function_declarator":
            name = next((n.text for n in inner.find("identifier")), "")
            return Parameter(name, f"{_type(node)} (*)()", 1, node=node)
        if "pointer" in inner.kind:
            pointers += 1
            restrict |= any(
                c.text.strip("_") == "restrict"
                for c in inner.children
                if c.kind in ("type_qualifier", "ms_pointer_modifier")
            )
        elif "array" in inner.kind:
            size = inner.field("size")
            extents.append(size.text if size else "")
            restrict |= "restrict" in _qualifiers(inner)
        reference |= "reference" in inner.kind
        inner = inner.field("declarator") or (inner.children[-1] if inner.children else None)
    return Parameter(
        name,
        _type(node),
        pointers + bool(extents),
        "const" in _qualifiers(node),
        restrict,
        tuple(reversed(extents)),
        reference,
        node,
    )


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a plain name."""

    name: str
    arguments: tuple[Node, ...]
    node: Node


def calls(node: Node) -> tuple[Call, ...]:
    """Return the calls at or below `node` in source order."""
    found = []
    for call in node.find("call_expression", "call"):
        name, given = call.field("function"), call.field("arguments")
        if name is not None and given is not None:
            found.append(Call(name.text, given.children, call))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or character literal with its value; a literal minus sign is part of it."""

    value: int | float
    node: Node


def constants(node: Node) -> tuple[Constant, ...]:
    """Return the literals at or below `node` whose value is known, in source order.

    >>> [c.value for c in constants(parse("double x = -2.5e3f; long y = 0x1fUL + 'a' - 010;"))]
    [-2500.0, 31, 97, 8]
    """
    found = []
    for literal in node.find(*_NUMBERS):
        value = literal_value(literal.text)
        if value is not None:
            parent = literal.parent
            negative = parent is not None and parent.kind == "unary_expression"
            negative = negative and parent is not None and parent.text.startswith("-")
            found.append(Constant(-value if negative else value, literal))
    return tuple(found)


_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, "'": 39, '"': 34, "a": 7, "b": 8, "f": 12}


def literal_value(text: str) -> int | float | None:
    r"""Return the value of a C or Python literal, None when it is not understood.

    >>> literal_value("1'000u"), literal_value("0x1.8p1"), literal_value("'\\n'"), literal_value("1e3f")
    (1000, 3.0, 10, 1000.0)
    """
    if text.startswith("'") and text.endswith("'"):
        inner = text[1:-1]
        if inner.startswith("\\"):
            return _ESCAPES.get(inner[1:])
        return ord(inner) if len(inner) == 1 else None
    digits = text.replace("'", "").replace("_", "").lower()
    try:
        if digits.startswith("0x"):
            digits = digits.rstrip("ul")
            return float.fromhex(digits) if "p" in digits else int(digits, 16)
        if digits.startswith("0b"):
            return int(digits.rstrip("ul"), 2)
        whole = digits.rstrip("ul")
        if whole.isdigit():
            return int(whole, 8 if whole.startswith("0") else 10)
        return float(digits.rstrip("fl"))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an outline."""

    kind: str
    name: str
    line: int
    last_line: int


_OUTLINED = {
    "function_definition": "function",
    "class_definition": "class",
    "class_specifier": "class",
    "struct_specifier": "struct",
}


def outline(text: str, language: Language = Language.C) -> tuple[Entry, ...]:
    r"""Return functions, classes and structs with their line ranges in source order.

    >>> [(e.kind, e.name, e.line) for e in outline("def f():\n    pass\n", Language.PYTHON)]
    [('function', 'f', 1)]
    """
    found = []
    for node in parse(text, language).find(*_OUTLINED):
        name, function = node.field("name"), None
        if name is None and node.kind == "function_definition":
            function = _function(node)
        title = name.text if name else function.name if function else ""
        if title and node.field("body") is not None:
            found.append(
                Entry(_OUTLINED[node.kind], title, node.line, node.line + node.text.count("\n"))
            )
    return tuple(found)
