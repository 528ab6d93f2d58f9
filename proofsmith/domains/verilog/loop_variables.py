"""Variables that `for` loops count with: yosys takes their value from the header alone, and loses it in two places."""

import re
from collections.abc import Iterator

from proofsmith.domains.verilog.syntax import Node, parse

_LOOP = re.compile(r"\bfor\s*\((?:\s*(\w+)\s*=)?")
_NAMES = ("IdentifierName", "IdentifierSelectName", "Declarator")
_ROUTINES = ("FunctionDeclaration", "TaskDeclaration")


def named(text: str) -> frozenset[str]:
    """Return the variables of loops that are declared outside of them.

    >>> sorted(named("for (i = 0; i < 4; i = i + 1) for (int k = 0; k < 2; k++) ;"))
    ['i']
    """
    return frozenset(_LOOP.findall(text)) - {""}


def lost(text: str) -> str:
    """Return which loop sets its own variable, or lends it to a function or a task; empty when none does.

    >>> lost("module m; always @* for (i = 0; i < 4; i = i + 1) if (a[i]) i = 4; endmodule")
    'line 1: the loop sets its variable i'
    """
    if not _LOOP.search(text):
        return ""
    tree = parse(text)
    loops = list(tree.find("ForLoopStatement"))
    if len(loops) + len(list(tree.find("LoopGenerate"))) < len(_LOOP.findall(text)):
        return "a loop is nested too deep"
    for loop in loops:
        name = next(_roots(loop.parts[0]), "")
        if name in _changed(loop.parts[-1]):
            return f"line {loop.line}: the loop sets its variable {name}"
        module, own = loop.inside("ModuleDeclaration") or tree, loop.inside(*_ROUTINES)
        if _narrow(loop, name, module.text):
            return f"line {loop.line}: {name} may be too narrow to end the loop"
        for other in module.find(*_ROUTINES):
            if other is not own and name in set(_roots(other)) - set(_roots(other, "Declarator")):
                return f"line {other.line}: {name}, which a loop counts with, is used outside of it"
    return ""


def _narrow(loop: Node, name: str, module: str) -> bool:
    """Say whether a vector counts that cannot be told to reach a value which ends the loop; yosys widens it."""
    declared = re.search(
        rf"\b(?:reg|logic|bit)\s*\[\s*(\d+)\s*:\s*0\s*\][^;]*\b{re.escape(name)}\b", module
    )
    if declared is None or len(loop.parts) < 2:
        return False
    test = re.fullmatch(rf"{re.escape(name)}\s*(<=?|!=)\s*(\d+)\s*", loop.parts[1].text)
    return test is None or int(test[2]) + (test[1] == "<=") >= 2 << int(declared[1])


def _changed(node: Node) -> Iterator[str]:
    """Yield the names that a statement assigns to, or hands to a task."""
    call = node.kind == "InvocationExpression" and node.parent is not None
    if node.kind.endswith(("AssignmentExpression", "crementExpression")):
        yield from _roots(node.parts[0], indices=False)
    elif call and node.parent is not None and node.parent.kind.endswith("Statement"):
        yield from _roots(node.parts[-1], indices=False)
    for part in node.parts:
        yield from _changed(part)


def _roots(node: Node, *kinds: str, indices: bool = True) -> Iterator[str]:
    """Yield the first words of the names, or of the nodes of `kinds`, in `node`."""
    for found in node.find(*(kinds or _NAMES)):
        if indices or found.inside("ElementSelect") is None:
            yield found.children[0].text
