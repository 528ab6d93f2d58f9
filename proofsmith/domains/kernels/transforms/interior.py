"""Cut a loop at the edges of what its inner loops guard against: in the interior no guard is needed."""

from collections.abc import Mapping
from dataclasses import replace

from proofsmith.domains.kernels.transforms.affine import constant_stride, plus
from proofsmith.domains.kernels.transforms.guards import (
    Limits,
    block,
    conjunction,
    countable,
    declare,
    extreme,
    guard,
    ordered,
)
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Choice,
    Expr,
    For,
    If,
    Index,
    Stmt,
    While,
    names,
    substitute,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program

_Ranges = Mapping[str, tuple[Expr, Expr]]
"""First and last value of the inner loops' variables."""


def split(program: Program) -> Program | None:
    """Cut the loops that store what guarded loops in them found into first part, interior and last part.

    `for (x...) for (d = -2; d <= 2; d++) if (x + d >= 0 && x + d < n) ...` runs without a test for `2 <= x < n - 2`.
    Conditions that the loop does not change decide whether there is an interior. None when nothing is guarded so.
    """
    body = _split(program.body, program)
    return None if body == program.body else program.with_body(body)


def _split(body: Body, program: Program) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                deeper = replace(stmt, body=_split(inner, program))
                out += (deeper,) if deeper != stmt else _cut(stmt, program)
            case While(body=inner):
                out.append(replace(stmt, body=_split(inner, program)))
            case If(test=test, then=then, other=other):
                out.append(If(test, _split(then, program), _split(other, program)))
            case _:
                out.append(stmt)
    return tuple(out)


def _cut(loop: For, program: Program) -> Body:
    """Return the three parts; the loop as it is when no guard inside depends on it."""
    stores = any(isinstance(s, Assign) and isinstance(s.target, Index) for s in loop.body)
    if not stores or not countable(loop, program):
        return (loop,)
    limits = Limits()
    clean = _unguarded(loop.body, {}, loop, limits)
    if not (limits.lower or limits.upper):
        return (loop,)
    new: list[Stmt] = []
    first = extreme(loop.lower, limits.lower, ">", "first", new, program)
    first = Choice(Bin("<", first, loop.upper), first, loop.upper)
    exists = conjunction(limits.around)
    if exists is not None:  # without an interior the last part does everything
        first = Choice(exists, first, loop.lower)
    first = declare(first, "first", new, program)
    end = extreme(loop.upper, limits.upper, "<", "end", new, program)
    beyond: Expr = Bin(">", end, first)
    if exists is not None:
        beyond = Bin("&&", exists, beyond)
    end = declare(Choice(beyond, end, first), "end", new, program)
    new.append(replace(loop, upper=first))
    new.append(replace(loop, lower=first, upper=end, body=clean))
    new.append(replace(loop, lower=end))
    return block(new)


def _unguarded(body: Body, ranges: _Ranges, loop: For, limits: Limits) -> Body:
    """Return the statements without the guards that hold in the interior, which `limits` describe."""
    out: list[Stmt] = []
    for stmt in body:
        if not isinstance(stmt, For):
            out.append(stmt)
            continue
        changing = written(loop.body) | {loop.var}
        known = dict(ranges)
        if stmt.step > 0 and not (names(stmt.lower) | names(stmt.upper)) & changing:
            known[stmt.var] = (stmt.lower, plus(stmt.upper, -1))
        inner = _lifted(stmt, known, loop, limits)
        out.append(replace(stmt, body=_unguarded(inner, known, loop, limits)))
    return tuple(out)


def _lifted(inner: For, ranges: _Ranges, loop: For, limits: Limits) -> Body:
    """Return the body of an inner loop without those parts of its guard that hold in the interior."""
    found = guard(inner.body)
    if found is None:
        return inner.body
    left = []
    for part, whole in found.parts():
        sides = ordered(whole)
        worst = _worst(sides, ranges) if sides is not None else None
        fixed = worst is not None and not (names(worst[0]) | names(worst[1])) & written(loop.body)
        if worst is None or not fixed or not limits.take(*worst, loop.var):
            left.append(part)
    return found.with_test(left)


def _worst(sides: tuple[Expr, Expr], ranges: _Ranges) -> tuple[Expr, Expr] | None:
    """Return both sides of `high >= low` where the inner loops leave the least between them; None when unknown."""
    high, low = sides
    for var, (first, last) in ranges.items():
        step = constant_stride(Bin("-", high, low), var)
        if step is None:
            return None
        at = first if step > 0 else last
        high, low = substitute(high, {var: at}), substitute(low, {var: at})
    return high, low
