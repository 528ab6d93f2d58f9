"""Break C and C++ functions on purpose, one small named way at a time: what a verifier must notice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proofsmith.tools import loopnest, syntax
from proofsmith.tools.syntax import Edit, Language, Node

_ARITHMETIC = {"+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<"}
_BITWISE = {"&": "|", "|": "&", "^": "|"}
_COMPARED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_ASSIGNED = {"+=": "=", "-=": "+=", "*=": "=", "/=": "*=", "|=": "=", "^=": "=", "&=": "="}
_NARROWER = {"double": "float", "float": "_Float16", "long": "signed char", "int": "signed char"}
_NARROWER |= {"size_t": "unsigned char", "int64_t": "signed char", "uint64_t": "unsigned char"}
_NARROWER |= {"uint32_t": "unsigned char", "int32_t": "signed char"}
_OPAQUE = ("initializer_list", "string_literal", "call_expression")
_ORDERED = ("-", "/", "%", "<<", ">>")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed version: which operator, on which 1-based line, from what to what, and the whole text."""

    operator: str
    line: int
    before: str
    after: str
    text: str


Change = tuple[Node, str]
"""A node and the text that takes its place."""


def mutants(text: str, language: Language = Language.C) -> tuple[Mutant, ...]:
    """Return every mutant of the functions in `text`, operator by operator, in source order.

    >>> [m.after for m in mutants("int f(int n) { return n - 1; }")]
    ['n + 1', '2', '1 - n']
    """
    root = syntax.parse(text, language)
    found = []
    for name, operator in OPERATORS.items():
        for function in syntax.functions(root):
            for node, after in operator(function.body):
                if after != node.text:
                    changed = syntax.splice(text, [Edit(node.start, node.end, after)])
                    found.append(Mutant(name, node.line, node.text, after, changed))
    return tuple(found)


def _loop_bound(body: Node) -> Iterator[Change]:
    """One iteration more or less."""
    for test in _loop_tests(body):
        sign = test.field("operator")
        swap = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}.get(sign.text if sign else "")
        if sign is not None and swap:
            yield test, _around(test, sign, swap)


def _loop_start(body: Node) -> Iterator[Change]:
    """The first iteration is left out."""
    for loop in body.find("for_statement"):
        counted = loopnest.counted(loop)
        if counted is not None:
            yield counted.start, f"{counted.start.text} {'+' if counted.step > 0 else '-'} 1"


def _operator(body: Node) -> Iterator[Change]:
    """Another arithmetic or bitwise operator."""
    for node, sign in _binary(body):
        other = (_ARITHMETIC | _BITWISE).get(sign.text)
        if other:
            yield node, _around(node, sign, other)


def _constant(body: Node) -> Iterator[Change]:
    """A neighbouring constant."""
    for constant in syntax.constants(body):
        text = constant.node.text
        if "." in text or "e" in text.lower() and not text.lower().startswith("0x"):
            yield constant.node, f"({text} * 1.0001)" if constant.value else "0.001"
        elif text.isdigit():
            yield constant.node, str(int(text) + 1)


def _index_swap(body: Node) -> Iterator[Change]:
    """Rows and columns exchanged."""
    for used in loopnest.subscripts(body):
        if len(used.indices) == 2:
            first, second = used.indices
            yield used.node, f"{used.array}[{second.text}][{first.text}]"
            continue
        names = list(used.indices[0].find("identifier"))
        texts = list(dict.fromkeys(n.text for n in names))
        if len(texts) >= 2:
            low, high = texts[0], texts[-1]
            other = {low: high, high: low}
            index = used.indices[0]
            edits = [
                Edit(n.start - index.start, n.end - index.start, other.get(n.text, n.text))
                for n in names
            ]
            yield index, syntax.splice(index.text, edits)


def _dropped_statement(body: Node) -> Iterator[Change]:
    """A statement is missing."""
    for node in body.find("expression_statement"):
        if node.children and node.children[0].kind != "cast_expression":
            yield node, ";"


def _initial_value(body: Node) -> Iterator[Change]:
    """A variable starts with something else."""
    for node in body.find("init_declarator"):
        value = node.field("value")
        if value is None or _is_loop(node) or value.kind in _OPAQUE:
            continue
        yield value, f"({value.text}) + 1"


def _stale_read(body: Node) -> Iterator[Change]:
    """The element before is read."""
    for used in loopnest.subscripts(body):
        if used.read and not used.written:
            index = used.indices[-1]
            yield index, f"({index.text}) ? ({index.text}) - 1 : 0"


def _narrow_type(body: Node) -> Iterator[Change]:
    """A local variable holds less."""
    for node in body.find("declaration"):
        kind = node.field("type")
        if kind is not None and kind.text in _NARROWER:
            yield kind, _NARROWER[kind.text]


def _operand_swap(body: Node) -> Iterator[Change]:
    """Operands of an operator that does not commute exchanged."""
    for node, sign in _binary(body):
        left, right = node.field("left"), node.field("right")
        if sign.text in _ORDERED and left is not None and right is not None:
            yield node, f"{_wrapped(right)} {sign.text} {_wrapped(left)}"


def _comparison(body: Node) -> Iterator[Change]:
    """A condition is turned round."""
    loops = set(_loop_tests(body))
    for node, sign in _binary(body):
        if sign.text in _COMPARED and node not in loops:
            yield node, _around(node, sign, _COMPARED[sign.text])


def _assignment(body: Node) -> Iterator[Change]:
    """An update becomes an assignment or the opposite update."""
    for node in body.find("assignment_expression"):
        sign, header = node.field("operator"), node.parent
        update = header is not None and header.kind == "for_statement"
        if sign is not None and sign.text in _ASSIGNED and not update:
            yield node, _around(node, sign, _ASSIGNED[sign.text])


OPERATORS: dict[str, Callable[[Node], Iterator[Change]]] = {
    "loop bound": _loop_bound,
    "loop start": _loop_start,
    "operator": _operator,
    "constant": _constant,
    "index swap": _index_swap,
    "dropped statement": _dropped_statement,
    "initial value": _initial_value,
    "stale read": _stale_read,
    "narrow type": _narrow_type,
    "operand swap": _operand_swap,
    "comparison": _comparison,
    "assignment": _assignment,
}


def _binary(body: Node) -> Iterator[tuple[Node, Node]]:
    for node in body.find("binary_expression"):
        sign = node.field("operator")
        if sign is not None:
            yield node, sign


def _loop_tests(body: Node) -> Iterator[Node]:
    for loop in body.find("for_statement"):
        test = loop.field("condition")
        if test is not None and test.kind == "binary_expression":
            yield test


def _is_loop(node: Node) -> bool:
    declaration = node.parent
    return (
        declaration is not None
        and declaration.parent is not None
        and declaration.parent.kind == "for_statement"
    )


def _around(node: Node, sign: Node, other: str) -> str:
    edit = Edit(sign.start - node.start, sign.end - node.start, other)
    return syntax.splice(node.text, [edit])


def _wrapped(node: Node) -> str:
    return f"({node.text})" if node.kind == "binary_expression" else node.text
