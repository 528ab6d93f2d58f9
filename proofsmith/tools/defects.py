"""Seed small defects into Python source, one at a time: what a test suite must notice to be worth anything."""

from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.tools.syntax import Edit, Language, Node, parse, splice

SWAPS = {
    "==": "!=",
    "!=": "==",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "//": "*",
    "%": "*",
    "**": "*",
    "and": "or",
    "or": "and",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
    "+=": "-=",
    "-=": "+=",
    "*=": "+=",
}
_OPERATIONS = frozenset(
    {"comparison_operator", "binary_operator", "boolean_operator", "augmented_assignment"}
)
_TRUTH = {"true": "False", "false": "True"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect: the line it is in, what was changed, and the whole text with it."""

    line: int
    change: str
    text: str


def mutants(text: str, *, limit: int) -> tuple[Mutant, ...]:
    r"""Return at most `limit` mutants, spread evenly over `text`; the same text gives the same ones.

    The operators are the classical ones: relational, arithmetic and logical replacement, constants moved by one,
    conditions negated, results dropped (Jia and Harman, 2011, table 3).

    >>> [m.change for m in mutants("def f(x):\n    return x + 1\n", limit=9)]
    ['return x + 1 -> return None', '+ -> -', '1 -> 2']
    """
    edits = list(_edits(parse(text, Language.PYTHON)))
    step = max(1.0, len(edits) / max(limit, 1))
    chosen = [edits[int(n * step)] for n in range(min(limit, len(edits)))]
    return tuple(
        Mutant(line=node.line, change=f"{node.text} -> {edit.text}", text=splice(text, [edit]))
        for node, edit in chosen
    )


def _edits(root: Node) -> Iterator[tuple[Node, Edit]]:
    for node in root.walk():
        replacement = _replacement(node)
        if replacement is not None:
            yield node, Edit(node.start, node.end, replacement)


def _replacement(node: Node) -> str | None:
    parent = node.parent.kind if node.parent else ""
    if node.kind in SWAPS and parent in _OPERATIONS:
        return SWAPS[node.kind]
    if node.kind in _TRUTH:
        return _TRUTH[node.kind]
    if node.kind == "integer" and node.text.isdigit():
        return str(int(node.text) + 1) if len(node.text) < 40 else None
    if node.kind == "not_operator":
        operand = node.field("argument")
        return operand.text if operand else None
    if node.kind == "return_statement" and node.children and node.children[0].kind != "none":
        return "return None"
    return None
