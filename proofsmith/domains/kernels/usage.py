"""How parameters are used in a function, as far as that says what values its calls may pass."""

from collections.abc import Sequence
from enum import IntEnum

from proofsmith.domains.kernels import polynomials
from proofsmith.tools import loopnest
from proofsmith.tools.syntax import Node

_HARMLESS = ("+", "-", "*", "&", "|", "^", "==", "!=", "<", "<=", ">", ">=", "&&", "||")
_DIVIDED = ("/", "%")
_WRAPPERS = ("parenthesized_expression", "cast_expression", "condition_clause")
_ASSIGNED = ("=", "+=", "-=", "*=", "&=", "|=", "^=")


def _uses(body: Node, name: str) -> list[Node]:
    return [n for n in body.find("identifier") if n.text == name]


def only_pointed_at(body: Node, pointer: str) -> bool:
    """Say whether a pointer occurs as `*pointer` and in no other way: it holds one element."""
    found = _uses(body, pointer)
    around = [n.parent for n in found]
    return bool(found) and all(
        p is not None and p.kind == "pointer_expression" and p.text.startswith("*") for p in around
    )


class Freedom(IntEnum):
    """How much the value of a scalar may vary before a function does what nobody meant it to do."""

    NONE = 0
    """It may be an index, the distance of a shift or an argument."""
    SOME = 1
    """It decides how often a loop runs, divides, or goes into a variable."""
    ANY = 2
    """It enters sums, products and comparisons only."""


def freedom(body: Node, scalar: str) -> Freedom:
    """Return how freely the values of an integer that counts no loop may be drawn."""
    return min((_freedom(n) for n in _uses(body, scalar)), default=Freedom.ANY)


def _freedom(node: Node) -> Freedom:
    """Climb from a value to the statement that it ends up in."""
    inner, outer, most = node, node.parent, Freedom.ANY
    while outer is not None and _passes(inner, outer):
        sign = outer.field("operator")
        divides = sign is not None and sign.text in _DIVIDED and inner == outer.field("right")
        most = Freedom.SOME if divides else most
        inner, outer = outer, outer.parent
    return min(most, _ended(inner, outer)) if outer is not None else Freedom.NONE


def _ended(inner: Node, outer: Node) -> Freedom:
    """Return what may be done with a value that `outer` takes."""
    if outer.kind == "assignment_expression":
        sign, target = outer.field("operator"), outer.field("left")
        if target is None or sign is None or sign.text not in _ASSIGNED or target == inner:
            return Freedom.NONE
        stored = target.kind in ("subscript_expression", "pointer_expression")
        return Freedom.ANY if stored else Freedom.SOME
    if outer.kind in ("return_statement", "if_statement"):
        return Freedom.ANY
    looped = outer.kind in ("for_statement", "while_statement", "init_declarator")
    return Freedom.SOME if looped else Freedom.NONE


def _passes(inner: Node, outer: Node) -> bool:
    """Say whether `inner` is an operand of `outer` that may have any value."""
    if outer.kind != "binary_expression":
        return outer.kind == "conditional_expression" or outer.kind in _WRAPPERS
    sign = outer.field("operator")
    shifted = (">>",) if inner == outer.field("left") else ()
    known = (*_HARMLESS, *_DIVIDED, *shifted)
    return sign is not None and sign.text in known


def radii(loops: Sequence[loopnest.Loop], sizes: Sequence[str]) -> set[str]:
    """Return the sizes r of windows from -r to r around places that a loop keeps r away from the edge."""
    found = set()
    for loop in loops:
        start = polynomials.of(loop.start)
        for name in sizes:
            if start == {(name,): -1} and any(
                name in loopnest.names(other.bound) | loopnest.names(other.start)
                for other in loops
                if _holds(other, loop)
            ):
                found.add(name)
    return found


def _holds(outer: loopnest.Loop, inner: loopnest.Loop) -> bool:
    return (
        outer.node.start < inner.node.start
        and inner.node.end <= outer.node.end
        and (polynomials.of(outer.start) != polynomials.of(inner.start))
    )


def offsets_of(loop: loopnest.Loop) -> str | None:
    """Return the array of row starts behind `for (k = rows[i]; k < rows[i + 1]; k++)`, None for other loops."""
    ends = (*loopnest.subscripts(loop.start), *loopnest.subscripts(loop.bound))
    if loop.relation != "<" or [e.node.text for e in ends] != [loop.start.text, loop.bound.text]:
        return None
    here, there = (polynomials.of(e.indices[0]) for e in ends)
    if here is None or there is None or ends[0].array != ends[1].array:
        return None
    return ends[0].array if polynomials.add(here, {(): 1}) == there else None


def largest_radius(extents: Sequence[str]) -> str | None:
    """Return the largest radius of a window that fits into all `extents`, None without any.

    >>> largest_radius(["h", "w"])
    '(min(h, w) - 1) / 2'
    """
    if not extents:
        return None
    shortest = extents[0] if len(extents) == 1 else f"min({', '.join(extents)})"
    return f"({shortest} - 1) / 2"
