"""Symbolic execution of a straight-line loop body: what it stores and carries, in terms of values at its start."""

from dataclasses import dataclass

from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Call,
    Choice,
    Declare,
    Expr,
    Index,
    Stmt,
    Var,
    names,
    rebuild,
    root,
    substitute,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """Stores in order, and the new values of scalars that live on, all over the values before the body."""

    stores: tuple[tuple[Index, Expr], ...]
    carried: dict[str, Expr]


def execute(body: Body) -> Effect | None:
    """Execute declarations and assignments; None when anything else occurs or a store may be read again."""
    values: dict[str, Expr] = {}
    local: set[str] = set()
    stores: list[tuple[Index, Expr]] = []
    for stmt in body:
        pair = _assignment(stmt)
        if pair is None:
            return None
        target, given = pair
        value = substitute(given, values)
        for place, stored in stores:
            value = _replaced(value, place, stored)
            if root(place) in names(value):
                return None
        if isinstance(target, Var):
            values[target.name] = value
            local |= {target.name} if isinstance(stmt, Declare) else set()
        elif isinstance(target, Index):
            at = substitute(target, values)
            if not isinstance(at, Index) or not root(at):
                return None
            stores.append((at, minima(value)))
        else:
            return None
    carried = {n: minima(v) for n, v in values.items() if n not in local}
    return Effect(tuple(stores), carried)


def _assignment(stmt: Stmt) -> tuple[Expr, Expr] | None:
    if isinstance(stmt, Declare) and stmt.value is not None and not stmt.extents:
        return Var(stmt.name), stmt.value
    if isinstance(stmt, Assign):
        value = stmt.value if stmt.op == "=" else Bin(stmt.op[:-1], stmt.target, stmt.value)
        return stmt.target, value
    return None


def _replaced(value: Expr, place: Expr, stored: Expr) -> Expr:
    if value == place:
        return stored
    return rebuild(value, lambda part: _replaced(part, place, stored))


def minima(expr: Expr) -> Expr:
    """Write selections of the smaller or larger value as calls of `min` and `max`, innermost first.

    >>> a, b = Var("a"), Var("b")
    >>> minima(Choice(Bin("<", a, b), a, b))
    Call(name='min', args=(Var(name='a'), Var(name='b')))
    """
    expr = rebuild(expr, minima)
    match expr:
        case Choice(test=Bin(op="<" | "<=" | ">" | ">=" as op, left=a, right=b), then=x, other=y):
            if {x, y} == {a, b} and a != b:
                smaller = (x == a) == op.startswith("<")
                return Call("min" if smaller else "max", (x, y))
    return expr
