"""What the conditions around a subscript say of the largest values in it."""

from collections.abc import Iterator, Sequence

from proofsmith.domains.kernels import polynomials
from proofsmith.domains.kernels.polynomials import Polynomial
from proofsmith.tools.syntax import Node

_HOLDS = {"<": (1, -1), "<=": (1, 0), ">": (-1, -1), ">=": (-1, 0)}
"""Which side is the smaller one, and what is taken from the larger one to reach it."""
_FAILS = {">=": "<", ">": "<=", "<=": ">", "<": ">="}
_JUMPS = ("continue_statement", "return_statement", "break_statement")


def split_off(index: Polynomial, node: Node, sizes: Sequence[str]) -> tuple[Polynomial, Polynomial]:
    """Return what no condition bounds of an index at `node`, and the largest value of the rest.

    With y < h around it, `y*w + x` is x and (h - 1)*w.
    """
    known: Polynomial = {}
    for least, most in _guards(node, sizes):
        for scale in ((), *((name,) for name in sizes)):
            count = min(index.get(tuple(sorted((*p, *scale))), 0) // c for p, c in least.items())
            if count > 0:
                index = polynomials.add(index, polynomials.multiply(least, {scale: -count}))
                known = polynomials.add(known, polynomials.multiply(most, {scale: count}))
    return index, known


def _guards(node: Node, sizes: Sequence[str]) -> Iterator[tuple[Polynomial, Polynomial]]:
    """Yield sums of names with positive factors and the largest value that each has where `node` is evaluated.

    `if (y + d >= 0 && y + d < h) ... a[y + d]` gives y + d and h - 1, and so does `if (y + d >= h) continue;` before.
    """
    for test, negated in _tests(node):
        for operator, left, right in _comparisons(test, negated=negated):
            smaller, off = _HOLDS[operator]
            low, high = (left, right) if smaller == 1 else (right, left)
            a, b = polynomials.of(low), polynomials.of(high)
            if a is None or b is None:
                continue
            whole = polynomials.add(a, polynomials.multiply(b, {(): -1}))
            moving = {p: c for p, c in whole.items() if not set(p) <= set(sizes)}
            most = {p: -c for p, c in whole.items() if set(p) <= set(sizes)}
            if moving and all(c > 0 for c in moving.values()) and any(p for p in most):
                yield moving, polynomials.add(most, {(): off})


def _tests(node: Node) -> Iterator[tuple[Node, bool]]:
    """Yield the conditions that decide whether a node is reached, and whether they have to fail."""
    inner, outer = node, node.parent
    while outer is not None and outer.kind != "function_definition":
        test = outer.field("condition")
        if test is not None and inner == outer.field("consequence"):
            yield test, False
        if outer.kind == "compound_statement":
            for earlier in outer.children:
                if earlier.end > inner.start:
                    break
                skipped = earlier.field("condition") if earlier.kind == "if_statement" else None
                if skipped is not None and _jumps(earlier.field("consequence")):
                    yield skipped, True
        inner, outer = outer, outer.parent


def _jumps(node: Node | None) -> bool:
    if node is not None and node.kind == "compound_statement" and len(node.children) == 1:
        node = node.children[0]
    return node is not None and node.kind in _JUMPS


def _comparisons(test: Node, *, negated: bool) -> Iterator[tuple[str, Node, Node]]:
    """Yield the comparisons that all hold when the test does, or fails when `negated`."""
    if test.kind in ("parenthesized_expression", "condition_clause") and len(test.children) == 1:
        yield from _comparisons(test.children[0], negated=negated)
        return
    left, right, sign = test.field("left"), test.field("right"), test.field("operator")
    if left is None or right is None or sign is None:
        return
    if sign.text == ("||" if negated else "&&"):
        yield from _comparisons(left, negated=negated)
        yield from _comparisons(right, negated=negated)
    elif sign.text in _HOLDS:
        yield _FAILS[sign.text] if negated else sign.text, left, right
