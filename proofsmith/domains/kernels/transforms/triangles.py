"""Triangular nests: from gathering all earlier steps to pushing each finished step forward; fusion of what matches."""

from dataclasses import replace

from proofsmith.domains.kernels.transforms.affine import equal, plus
from proofsmith.domains.kernels.transforms.ir import (
    Body,
    For,
    If,
    Stmt,
    Var,
    While,
    bind,
    names,
    statements,
)
from proofsmith.domains.kernels.transforms.nests import cost, interchange
from proofsmith.domains.kernels.transforms.program import Program


def push(program: Program) -> Program | None:
    """Turn `for j: { for k < j: S(j,k); T(j) }` into `for k: { T(k); for j > k: S(j,k) }` where that is contiguous.

    This is the step from a dot-product form of elimination to its row-update form. Loops over the same range that
    then follow each other are fused. None when nothing turns.
    """
    body = _visit(program.body)
    if body == program.body:
        return None
    made = program.with_body(body)
    made = interchange(made) or made
    return made.with_body(_fused(made.body))


def _visit(body: Body) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                out.append(_pushed(stmt) or replace(stmt, body=_visit(inner)))
            case While(body=inner):
                out.append(replace(stmt, body=_visit(inner)))
            case If(test=test, then=then, other=other):
                out.append(If(test, _visit(then), _visit(other)))
            case _:
                out.append(stmt)
    return tuple(out)


def _pushed(outer: For) -> For | None:
    """Return the turned nest when its inner loop runs from the same start up to the outer variable."""
    if len(outer.body) < 2 or not isinstance(outer.body[0], For) or outer.step != 1:
        return None
    inner, after = outer.body[0], outer.body[1:]
    deep = any(isinstance(s, (For, While)) for s in statements((*inner.body, *after)))
    if deep or inner.step != 1 or not equal(inner.upper, Var(outer.var)):
        return None
    if not equal(inner.lower, outer.lower) or cost(outer, inner.body) >= cost(inner, inner.body):
        return None
    if outer.var in names(inner.lower):
        return None
    finish = bind(after, {outer.var: Var(inner.var)})
    update = replace(outer, lower=plus(Var(inner.var), 1), body=inner.body)
    return replace(inner, lower=outer.lower, upper=outer.upper, body=(*finish, update))


def _fused(body: Body) -> Body:
    """Fuse neighbouring loops over the same range, and join equal loops whose ranges meet."""
    out: list[Stmt] = []
    for stmt in body:
        if isinstance(stmt, (For, While)):
            stmt = replace(stmt, body=_fused(stmt.body))
        last = out[-1] if out else None
        if (
            isinstance(stmt, For)
            and isinstance(last, For)
            and (joined := _joined(last, stmt)) is not None
        ):
            out[-1] = joined
        else:
            out.append(stmt)
    return tuple(out)


def _joined(first: For, second: For) -> For | None:
    if first.step != 1 or second.step != 1 or not first.type or not second.type:
        return None
    moved = bind(second.body, {second.var: Var(first.var)})
    if equal(first.lower, second.lower) and equal(first.upper, second.upper):
        return replace(first, body=_fused((*first.body, *moved)))
    if equal(first.upper, second.lower) and moved == first.body:
        return replace(first, upper=second.upper)
    return None
