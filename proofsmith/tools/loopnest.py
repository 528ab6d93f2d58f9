"""Read counted loops, array subscripts and scalar uses of C and C++ from syntax nodes."""

from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.tools.syntax import Node, literal_value

_REVERSED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Loop:
    """A counted loop `for (variable = start; variable + offset relation bound; variable += step)`."""

    variable: str
    type: str
    """Type when the loop declares its variable, else empty."""
    start: Node
    relation: str
    """One of `<`, `<=`, `>`, `>=`."""
    bound: Node
    step: int
    body: Node
    node: Node
    inner: tuple["Loop", ...]
    """The counted loops directly inside, in source order."""
    offset: Node | None = None
    """What the test adds to the variable, only in loops that `uneven` reads."""

    @property
    def perfect(self) -> bool:
        """True when the body is exactly one counted loop."""
        statements = self.body.children if self.body.kind == "compound_statement" else (self.body,)
        return len(self.inner) == 1 and [s.start for s in statements] == [self.inner[0].node.start]

    def nest(self) -> tuple["Loop", ...]:
        """Return this loop and, while there is exactly one inside, the inner ones."""
        return (self, *(self.inner[0].nest() if len(self.inner) == 1 else ()))


def loops(node: Node) -> tuple[Loop, ...]:
    """Return the outermost counted loops at or below `node`."""
    return tuple(_loops(node))


def _loops(node: Node) -> Iterator[Loop]:
    loop = counted(node) if node.kind == "for_statement" else None
    if loop is not None:
        yield loop
        return
    for child in node.children:
        yield from _loops(child)


def counted(node: Node) -> Loop | None:
    """Read one `for_statement`; None when it is not a counted loop."""
    head = _initial(node.field("initializer"))
    test = _test(node.field("condition"), head[0]) if head else None
    step = _step(node.field("update"), head[0]) if head else None
    body = node.field("body")
    if head is None or test is None or step is None or body is None:
        return None
    if (step > 0) != (test[0] in ("<", "<=")):
        return None
    variable, kind, start = head
    return Loop(variable, kind, start, test[0], test[1], step, body, node, loops(body))


@dataclass(frozen=True, slots=True)
class Uneven:
    """An ascending loop that `counted` leaves out: `for (v = start; v + offset < bound; v += pace)`.

    `loop.step` is 0 when `pace` is an expression.
    """

    loop: Loop
    pace: Node | None


def uneven(node: Node) -> Uneven | None:
    """Read one `for_statement` whose step or tested value is an expression; None when it is no such loop."""
    head, update, body = (
        _initial(node.field("initializer")),
        node.field("update"),
        node.field("body"),
    )
    condition = node.field("condition")
    if head is None or update is None or body is None or condition is None:
        return None
    test, offset = _test(condition, head[0]), None
    if test is None:
        test, offset = _offset_test(condition, head[0])
    step, pace = _step(update, head[0]) or 0, None
    if step == 0:
        pace = _pace(update, head[0])
    if test is None or test[0] not in ("<", "<=") or step < 0 or (step == 0 and pace is None):
        return None
    return Uneven(Loop(*head, test[0], test[1], step, body, node, loops(body), offset), pace)


def _offset_test(node: Node, variable: str) -> tuple[tuple[str, Node] | None, Node | None]:
    """Read `variable + offset relation bound`."""
    left, operator, right = (node.field(name) for name in ("left", "operator", "right"))
    if not (left and operator and right) or left.kind != "binary_expression":
        return None, None
    first, sign, second = (left.field(name) for name in ("left", "operator", "right"))
    if not (first and sign and second) or sign.text != "+" or variable in names(right):
        return None, None
    if variable not in (first.text, second.text) or operator.text not in _REVERSED:
        return None, None
    offset = second if first.text == variable else first
    return (None, None) if variable in names(offset) else ((operator.text, right), offset)


def _pace(update: Node, variable: str) -> Node | None:
    """Read `variable += pace`."""
    left, operator, right = (update.field(name) for name in ("left", "operator", "right"))
    if not (left and operator and right) or operator.text != "+=" or left.text != variable:
        return None
    return None if variable in names(right) else right


def _initial(node: Node | None) -> tuple[str, str, Node] | None:
    """Return variable, declared type and first value."""
    if node is None:
        return None
    if node.kind == "assignment_expression":
        left, right, operator = node.field("left"), node.field("right"), node.field("operator")
        plain = left is not None and left.kind == "identifier"
        if plain and left and right and operator and operator.text == "=":
            return left.text, "", right
        return None
    declared = node.all("declarator")
    if node.kind != "declaration" or len(declared) != 1 or declared[0].kind != "init_declarator":
        return None
    name, value, kind = (
        declared[0].field("declarator"),
        declared[0].field("value"),
        node.field("type"),
    )
    if name is None or value is None or kind is None or name.kind != "identifier":
        return None
    return name.text, kind.text, value


def _test(node: Node | None, variable: str) -> tuple[str, Node] | None:
    if node is None or node.kind != "binary_expression":
        return None
    left, operator, right = node.field("left"), node.field("operator"), node.field("right")
    if left is None or operator is None or right is None or operator.text not in _REVERSED:
        return None
    if left.text == variable and variable not in names(right):
        return operator.text, right
    if right.text == variable and variable not in names(left):
        return _REVERSED[operator.text], left
    return None


def _step(node: Node | None, variable: str) -> int | None:
    if node is None:
        return None
    operator = node.field("operator")
    if node.kind == "update_expression":
        argument = node.field("argument")
        same = argument is not None and argument.text == variable
        return {"++": 1, "--": -1}.get(operator.text) if same and operator else None
    left, right = node.field("left"), node.field("right")
    if node.kind != "assignment_expression" or not (left and right and operator):
        return None
    if left.text != variable:
        return None
    if operator.text == "=" and right.kind == "binary_expression":
        first, sign, amount = right.field("left"), right.field("operator"), right.field("right")
        if not (first and sign and amount) or first.text != variable:
            return None
        return _amount(sign.text, amount)
    return _amount(operator.text.removesuffix("="), right)


def _amount(sign: str, node: Node) -> int | None:
    value = literal_value(node.text)
    if not isinstance(value, int) or value == 0 or sign not in ("+", "-"):
        return None
    return value if sign == "+" else -value


def names(node: Node) -> frozenset[str]:
    """Return the identifiers at or below `node`."""
    return frozenset(n.text for n in node.find("identifier"))


@dataclass(frozen=True, slots=True)
class Subscript:
    """`array[indices[0]][indices[1]]...`; `written` and `read` say how it is used."""

    array: str
    indices: tuple[Node, ...]
    written: bool
    read: bool
    node: Node


def subscripts(node: Node) -> tuple[Subscript, ...]:
    """Return the outermost subscripts of plain names at or below `node` in source order."""
    found = []
    for outer in node.find("subscript_expression"):
        parent = outer.parent
        if (
            parent is not None
            and parent.kind == "subscript_expression"
            and parent.start == outer.start
        ):
            continue
        indices: list[Node] = []
        array: Node | None = outer
        while array is not None and array.kind == "subscript_expression":
            index = array.field("index") or array.field("indices")
            if index is not None and index.kind == "subscript_argument_list":
                index = index.children[0]
            if index is not None:
                indices.append(index)
            array = array.field("argument")
        if array is not None and array.kind == "identifier":
            written, read = _use(outer)
            found.append(Subscript(array.text, tuple(reversed(indices)), written, read, outer))
    return tuple(found)


def _use(node: Node) -> tuple[bool, bool]:
    """Return whether the place `node` is written and read."""
    parent = node.parent
    while parent is not None and parent.kind == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None:
        return False, True
    if parent.kind == "update_expression":
        return True, True
    operator = parent.field("operator")
    if parent.kind == "assignment_expression" and parent.field("left") == node:
        return True, operator is not None and operator.text != "="
    if parent.kind == "pointer_expression" and parent.text.startswith("&"):
        return True, True
    return False, True


@dataclass(frozen=True, slots=True)
class Scalars:
    """Plain names below a node by use; a name can be in both sets. Declared names are listed apart."""

    read: frozenset[str]
    written: frozenset[str]
    declared: frozenset[str]


def scalars(node: Node) -> Scalars:
    """Return plain names that are read, written and declared at or below `node` (arrays count as read)."""
    read: set[str] = set()
    written: set[str] = set()
    declared: set[str] = set()
    for name in node.find("identifier"):
        parent = name.parent
        if parent is None or (
            parent.kind == "call_expression" and parent.field("function") == name
        ):
            continue
        if parent.field("declarator") == name:
            declared.add(name.text)
            continue
        writes, reads = _use(name)
        if writes:
            written.add(name.text)
        if reads:
            read.add(name.text)
    return Scalars(frozenset(read), frozenset(written), frozenset(declared))
