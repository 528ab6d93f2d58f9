"""Copy strided operands of reductions into transposed scratch arrays, so that neighbouring columns are contiguous."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.affine import constant_stride, difference, plus
from proofsmith.domains.kernels.transforms.contraction import Contraction, find
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Cast,
    For,
    Index,
    Stmt,
    Var,
    expressions,
    map_expressions,
    names,
    splice_in,
    substitute,
    swap,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program
from proofsmith.domains.kernels.transforms.scratch import INCLUDE, allocate, guarded, valid_around


@dataclass(frozen=True, slots=True)
class _Operand:
    """A place `array[index]` that strides along the column loop."""

    place: Index
    column: For
    depth: For


def transpose(program: Program) -> Program | None:
    """Replace every strided operand of every contraction by a transposed copy; None when there is none.

    When memory for the copy is short, the original loops run.
    """
    body, done = program.body, False
    for contraction in find(program.body):
        for operand in dict.fromkeys(_strided(contraction)):
            around = _place(program.body, contraction, operand)
            if around is None:
                continue
            new = _copied(program.with_body(body), around, operand)
            if new is not None:
                body, done = splice_in(body, around, new), True
                break
    return program.with_body(body, INCLUDE) if done else None


def _strided(contraction: Contraction) -> Iterator[_Operand]:
    """Yield operands indexed by the column loop and the reducing loop alone, with a stride along the columns."""
    if not contraction.tiles:
        return
    column, depth = contraction.tiles[-1], contraction.reducing[-1]
    others = {t.var for t in contraction.tiles[:-1]} | {r.var for r in contraction.reducing[:-1]}
    changing = written((contraction.outermost,))
    for stmt in contraction.inner:
        for expr in expressions(stmt):
            for part in walk(expr):
                if not isinstance(part, Index) or not isinstance(part.array, Var):
                    continue
                used = names(part.index)
                both = {column.var, depth.var} <= used and not used & others
                if (
                    both
                    and part.array.name not in changing
                    and constant_stride(part.index, column.var) != 1
                ):
                    yield _Operand(part, _widest(column, contraction.tiles[:-1]), depth)


def _widest(loop: For, outer: tuple[For, ...]) -> For:
    """Return the loop over all iterations that it makes for any value of the outer loops."""
    lower, upper = loop.lower, loop.upper
    for around in reversed(outer):
        last = plus(around.upper, -1)
        for bound, largest in ((lower, False), (upper, True)):
            step = constant_stride(bound, around.var)
            if step:
                bound = substitute(
                    bound, {around.var: last if (step > 0) == largest else around.lower}
                )
            lower, upper = (lower, bound) if largest else (bound, upper)
    return replace(loop, lower=lower, upper=upper)


def _place(body: Body, contraction: Contraction, operand: _Operand) -> Stmt | None:
    """Return the outermost statement around the nest in which the copy stays valid."""
    loops = {operand.column.var, operand.depth.var}
    bounds = (operand.column.lower, operand.column.upper, operand.depth.lower, operand.depth.upper)
    needed = (names(operand.place) | frozenset().union(*(names(b) for b in bounds))) - loops
    if any(names(b) & loops for b in bounds):
        return None
    return valid_around(body, contraction.outermost, needed)


def _copied(program: Program, around: Stmt, operand: _Operand) -> Body | None:
    known = program.kinds().get(
        operand.place.array.name if isinstance(operand.place.array, Var) else ""
    )
    if known is None or known.pointers != 1:
        return None
    name = program.fresh(f"{operand.place.array.name}_turned")  # type: ignore[union-attr]
    column, depth = operand.column, operand.depth
    width = difference(column.upper, column.lower)
    height = difference(depth.upper, depth.lower)
    row, here = difference(Var(depth.var), depth.lower), difference(Var(column.var), column.lower)
    turned = Index(Var(name), Bin("+", Bin("*", row, width), here))
    array = allocate(known.type, name, Bin("*", Cast("size_t", width), height))
    fill = For(
        column.var, column.type or "int", column.lower, column.upper, 1,
        (
            For(
                depth.var, depth.type or "int", depth.lower, depth.upper, 1,
                (Assign(turned, "=", operand.place),),
            ),
        ),
    )  # fmt: skip
    used = map_expressions(around, lambda e: swap(e, operand.place, turned))
    return guarded([array], (fill, used), (around,))
