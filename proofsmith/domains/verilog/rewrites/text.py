"""What a rewrite sees of one source text: its tree, its declarations, and the forms that expressions take."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proofsmith.domains.verilog.syntax import TOKEN, Edit, Node, parse

ASSIGNMENTS = ("NonblockingAssignmentExpression", "AssignmentExpression")
PARENTHESES = "ParenthesizedExpression"
_NUMBER = re.compile(r"(?:(\d+)?\s*'[sS]?([bodhBODH])\s*)?([0-9a-fA-F_]+)$")
_BASES = {"b": 2, "o": 8, "d": 10, "h": 16}


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared signal: its width in bits when that is a number, and the node of its declaration."""

    name: str
    width: int | None
    signed: bool
    port: bool
    node: Node = field(repr=False)
    """The declarator."""
    span: Node | None = field(repr=False, default=None)
    """The range `[7:0]`, None for a scalar or an `integer`."""
    kind: str = ""
    """`reg`, `wire`, `logic`, `integer` or empty."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One rewrite: which rule, at which line, and what changes in the text."""

    rule: str
    line: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed text."""

    text: str
    root: Node
    declared: dict[str, Declared]

    @staticmethod
    def of(text: str) -> "Source":
        """Parse `text`."""
        root = parse(text)
        return Source(text, root, declarations(root))

    def width(self, node: Node) -> int | None:
        """Return the width of an expression by itself, None when it is not a matter of declarations alone."""
        return width_of(node, self.declared)

    def signed(self, node: Node) -> bool:
        """Say whether an expression reads a signed signal."""
        names = (n.text.strip() for n in node.find("IdentifierName"))
        return any(self.declared[n].signed for n in names if n in self.declared)

    def fresh(self, stem: str) -> str:
        """Return a name that starts with `stem` and stands nowhere in the text."""
        number = 0
        while f"{stem}{number}" in self.text:
            number += 1
        return f"{stem}{number}"


def declarations(root: Node) -> dict[str, Declared]:
    """Return what the text declares, by name; names that are declared in several modules are left out."""
    found: dict[str, Declared] = {}
    double: set[str] = set()
    modules: dict[str, Node | None] = {}
    for node in root.find("Declarator"):
        item = _declared(node)
        if item is None:
            continue
        module = node.inside("ModuleDeclaration")
        if item.name in found and modules[item.name] is not module:
            double.add(item.name)
        earlier = found.get(item.name)
        if earlier is None or earlier.port:
            port = item.port or (earlier is not None and earlier.port)
            width = item.width if item.span or earlier is None else earlier.width
            found[item.name] = Declared(
                item.name, width, item.signed, port, node, item.span, item.kind
            )
        modules.setdefault(item.name, module)
    return {name: item for name, item in found.items() if name not in double}


def _declared(node: Node) -> Declared | None:
    above = node.parent
    if above is None or above.kind in ("ParameterDeclaration", "GenvarDeclaration"):
        return None
    header = next((c for c in above.parts if c.kind.endswith("PortHeader")), None)
    port = header is not None
    holder = _inherited(above, header) if header is not None else above
    kinds = [n for n in holder.parts if n.kind.endswith("Type") or n.kind == "ImplicitType"]
    kind = kinds[0] if kinds else None
    name = next((c.text for c in node.children if c.kind == TOKEN), "")
    if not name:
        return None
    if any(p.kind == "VariableDimension" for p in node.parts):
        return None  # a memory
    word = kind.kind.removesuffix("Type").lower() if kind is not None else ""
    spans = [d for d in kind.parts if d.kind == "VariableDimension"] if kind is not None else []
    signed = kind is not None and re.search(r"\bsigned\b", kind.text) is not None
    if word == "integer":
        return Declared(name, 32, True, port, node, None, word)
    if not spans:
        return Declared(name, 1, signed, port, node, None, word)
    ends = re.fullmatch(r"\[\s*(\d+)\s*:\s*0\s*\]", spans[0].text.strip())
    width = int(ends[1]) + 1 if ends and len(spans) == 1 else None
    return Declared(name, width, signed, port, node, spans[0], word)


def _inherited(port: Node, header: Node) -> Node:
    """Return the header that holds for `port`: its own, or that of the nearest port before it in the list."""
    before = [n for n in port.parent.parts if n.start < port.start] if port.parent else []
    while not header.text.strip() and before:
        header = next((c for c in before.pop().parts if c.kind.endswith("PortHeader")), header)
    return header


def bare(node: Node) -> Node:
    """Return the expression inside its parentheses."""
    while node.kind == PARENTHESES and len(node.parts) == 1:
        node = node.parts[0]
    return node


def same(left: Node, right: Node) -> bool:
    """Say whether two expressions read the same but for white space and outer parentheses."""
    return re.sub(r"\s+", "", bare(left).text) == re.sub(r"\s+", "", bare(right).text)


def constant(node: Node) -> int | None:
    """Return the value of an unsigned literal."""
    match = _NUMBER.fullmatch(bare(node).text.strip())
    if not match:
        return None
    try:
        return int(match[3].replace("_", ""), _BASES[(match[2] or "d").lower()])
    except ValueError:
        return None


def width_of(node: Node, declared: dict[str, Declared]) -> int | None:
    """Return the self-determined width of an expression over declared signals; None when unknown."""
    node = bare(node)
    if node.kind == "IdentifierName":
        item = declared.get(node.text)
        return item.width if item else None
    if node.kind == "IdentifierSelectName":
        return _selected(node.text)
    if node.kind == "IntegerVectorExpression":
        size = node.text.partition("'")[0].strip()
        return int(size) if size.isdigit() else None
    if node.kind == "ConcatenationExpression":
        widths = [width_of(part, declared) for part in node.parts]
        return sum(w for w in widths if w is not None) if None not in widths else None
    if node.kind in ("AddExpression", "SubtractExpression", "MultiplyExpression"):
        widths = [width_of(part, declared) for part in node.parts]
        return max(w for w in widths if w is not None) if None not in widths else None
    return None


def _selected(text: str) -> int | None:
    part = re.search(r"\[\s*(\d+)\s*:\s*(\d+)\s*\]$", text)
    if part:
        return abs(int(part[1]) - int(part[2])) + 1
    return 1 if text.count("[") == 1 and ":" not in text else None


def operands(node: Node) -> tuple[Node, Node]:
    """Return both sides of a binary expression."""
    left, right = node.parts[0], node.parts[-1]
    return left, right


def operator(node: Node) -> str:
    """Return the operator of a binary expression."""
    return next((c.text for c in node.children if c.kind == TOKEN), "")


def target(node: Node) -> Node:
    """Return what an assignment assigns to."""
    return node.parts[0]


def assigned(root: Node) -> Iterator[Node]:
    """Yield every assignment, continuous and procedural."""
    yield from root.find(*ASSIGNMENTS)


def before(node: Node, lines: Sequence[str]) -> Edit:
    """Return the edit that puts `lines` in front of the module item that holds `node`."""
    item = node
    while item.parent is not None and item.parent.kind != "ModuleDeclaration":
        item = item.parent
    return Edit(item.start, item.start, "\n".join([*lines, ""]))
