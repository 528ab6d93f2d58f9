"""Tabulate expensive calls that a loop repeats for each iteration of a loop around it."""

from collections.abc import Iterator
from dataclasses import replace

from proofsmith.domains.kernels.transforms.affine import difference
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Body,
    Call,
    Declare,
    Expr,
    For,
    Index,
    Stmt,
    Var,
    names,
    splice_in,
    statements,
    substitute,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program, kind
from proofsmith.domains.kernels.transforms.scratch import INCLUDE, allocate, guarded, valid_around
from proofsmith.domains.kernels.transforms.vectors import ELEMENTS

PURE = frozenset(
    (
        *(
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "atan2",
            "sinh",
            "cosh",
            "tanh",
            "exp",
            "exp2",
        ),
        *("expm1", "log", "log2", "log10", "log1p", "pow", "sqrt", "cbrt", "hypot", "erf"),
    )
)
"""Functions of <math.h> whose value depends on their arguments alone; their float versions end in f."""


def tabulate(program: Program) -> Program | None:
    """Compute locals that call functions once per loop index, in a table; None where nothing repeats.

    `for r: for k: { w = cos(k); ... }` becomes `for k: table[k] = cos(k); for r: for k: { w = table[k]; ... }`.
    """
    body, done = program.body, False
    for loop in [s for s in statements(program.body) if isinstance(s, For)]:
        new = _tabled(program.with_body(body), loop)
        if new is not None:
            body, done = new, True
    return program.with_body(body, INCLUDE) if done else None


def _tabled(program: Program, loop: For) -> Body | None:
    entries = list(_entries(loop))
    if not entries or loop.step != 1:
        return None
    needed = frozenset().union(
        names(loop.lower), names(loop.upper), *(names(v) for _, v in entries)
    )
    around = valid_around(program.body, loop, needed - {loop.var})
    if around is None or around is loop or loop.var in names(loop.lower) | names(loop.upper):
        return None
    count, here = difference(loop.upper, loop.lower), difference(Var(loop.var), loop.lower)
    arrays: list[Declare] = []
    fill: list[Stmt] = []
    inner = loop.body
    for stmt, value in entries:
        name = program.fresh(stmt.name + "_table", [a.name for a in arrays])
        arrays.append(allocate(kind(stmt).type, name, count))
        fill.append(Assign(Index(Var(name), here), "=", value))
        inner = tuple(replace(s, value=Index(Var(name), here)) if s is stmt else s for s in inner)
    filling = replace(loop, body=tuple(fill), pragmas=())
    use = splice_in((around,), loop, (replace(loop, body=inner),))
    return splice_in(program.body, around, guarded(arrays, (filling, *use), (around,)))


def _entries(loop: For) -> Iterator[tuple[Declare, Expr]]:
    """Yield locals of the loop body that call pure functions of the loop variable, with their full values."""
    known: dict[str, Expr] = {}
    changing = written(loop.body)
    for stmt in loop.body:
        if not isinstance(stmt, Declare) or stmt.value is None or stmt.extents:
            continue
        value = substitute(stmt.value, known)
        called = [p.name for p in walk(value) if isinstance(p, Call)]
        pure = all(name in PURE or name.removesuffix("f") in PURE for name in called)
        reads = any(isinstance(p, Index) for p in walk(value))
        fixed = not (names(value) - {loop.var}) & changing
        if pure and fixed and not reads:
            known[stmt.name] = value
            if called and loop.var in names(value) and kind(stmt).type in ELEMENTS:
                yield stmt, value
