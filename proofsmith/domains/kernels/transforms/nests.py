"""Loop order: bring the loop that walks contiguously to the inside of every nest, and cut nests into cache tiles."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations

from proofsmith.domains.kernels.transforms.affine import constant_stride, equal, plus, poly, stride
from proofsmith.domains.kernels.transforms.contraction import nest
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Choice,
    Declare,
    Expr,
    For,
    If,
    Index,
    Num,
    Raw,
    Stmt,
    Var,
    While,
    bind,
    expressions,
    names,
    root,
    statements,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program, index_type

_DEEPEST = 5


def interchange(program: Program) -> Program | None:
    """Order each perfect nest by stride, the most contiguous loop innermost; None when all are in order."""
    return _each(program, _ordered)


def _each(program: Program, change: Callable[[For], For | None]) -> Program | None:
    body = _visit(program.body, change)
    return None if body == program.body else program.with_body(body)


def _visit(body: Body, change: Callable[[For], For | None]) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                new = change(stmt)
                out.append(new if new is not None else replace(stmt, body=_visit(inner, change)))
            case While(body=inner):
                out.append(replace(stmt, body=_visit(inner, change)))
            case If(test=test, then=then, other=other):
                out.append(If(test, _visit(then, change), _visit(other, change)))
            case _:
                out.append(stmt)
    return tuple(out)


def perfect(loop: For) -> list[For]:
    """Return the loops of the perfect nest that starts at `loop`, outermost first."""
    chain = [loop]
    while len(chain[-1].body) == 1 and isinstance(chain[-1].body[0], For):
        chain.append(chain[-1].body[0])
    return chain


def _ordered(loop: For) -> For | None:
    chain = perfect(loop)
    leaves = any(isinstance(s, Raw) for s in statements(chain[-1].body))
    if not 2 <= len(chain) <= _DEEPEST or leaves or not _bounded(tuple(chain)):
        return None
    legal = [order for order in permutations(chain) if _bounded(order)]
    costs = {order: tuple(cost(c, chain[-1].body) for c in reversed(order)) for order in legal}
    best = min(legal, key=lambda order: (costs[order], order != tuple(chain)))
    if best[-1] is chain[-1] or costs[best] >= costs[tuple(chain)]:
        return None  # only a new innermost loop is worth the risk that the order mattered
    return nest(list(best), chain[-1].body)


def _bounded(order: tuple[For, ...]) -> bool:
    """Say whether no bound depends on a loop that would come later."""
    inside: set[str] = set()
    for loop in reversed(order):
        inside.add(loop.var)
        if (names(loop.lower) | names(loop.upper)) & inside or loop.step == 0:
            return False
    return True


def cost(loop: For, body: Body) -> int:
    """Add up how the accesses of `body` move with the loop: 0 fixed, 1 contiguous, more for far strides and stores."""
    total = 0
    for stmt in statements(body):
        for position, expr in enumerate(expressions(stmt)):
            for part in walk(expr):
                if isinstance(part, Index) and loop.var in names(part.index):
                    stored = position == 0 and isinstance(stmt, Assign) and part is stmt.target
                    near, far = (
                        constant_stride(part.index, loop.var),
                        stride(part.index, loop.var),
                    )
                    reach = max((len(m) for m in far), default=0) if far else 0
                    strided = (12 if stored else 8) + reach
                    total += 1 if near is not None and abs(near) == 1 else strided
    return total


def cache_tiles(program: Program, size: int) -> Program | None:
    """Cut the two innermost loops of nests without a contiguous order into squares; None when there is none."""
    taken: list[str] = []

    def squares(loop: For) -> For | None:
        chain = perfect(loop)
        if len(chain) < 2 or any(c.step != 1 for c in chain[-2:]) or not _bounded(tuple(chain)):
            return None
        outer, inner = chain[-2:]
        if outer.var in names(inner.lower) | names(inner.upper):  # squares need a rectangle
            return None
        if not (_strided(outer, inner.body) and _strided(inner, inner.body)):
            return None
        rows, columns = (_strip(program, c, size, taken) for c in (outer, inner))
        return nest([*chain[:-2], rows[0], columns[0], rows[1], columns[1]], inner.body)

    return _each(program, squares)


def _strided(loop: For, body: Body) -> bool:
    return any(_far(loop, body))


def _far(loop: For, body: Body) -> Iterator[bool]:
    for stmt in statements(body):
        for expr in expressions(stmt):
            for part in walk(expr):
                if isinstance(part, Index) and loop.var in names(part.index):
                    yield constant_stride(part.index, loop.var) is None and bool(
                        stride(part.index, loop.var)
                    )


def _strip(program: Program, loop: For, size: int, taken: list[str]) -> tuple[For, For]:
    """Split a loop into one over tiles and one inside a tile."""
    taken.append(program.fresh(loop.var + "_tile", taken))
    first = Var(taken[-1])
    kind = index_type(loop, program.kinds())
    left: Expr = Bin("<", Bin("-", loop.upper, first), Num(str(size)))
    end = Choice(left, loop.upper, plus(first, size))
    return (
        For(first.name, kind, loop.lower, loop.upper, size, ()),
        replace(loop, lower=first, upper=end),
    )


def fuse(program: Program, delay: int) -> Program | None:
    """Run neighbouring loops over the same range together, the second `delay` iterations behind; None without any.

    What the first one wrote is then still in the cache when the second one reads it.
    """

    def visit(body: Body) -> Body:
        out: list[Stmt] = []
        for stmt in body:
            if isinstance(stmt, (For, While)):
                stmt = replace(stmt, body=visit(stmt.body))
            last = out[-1] if out else None
            if isinstance(stmt, For) and isinstance(last, For) and _alike(last, stmt):
                out[-1] = _behind(last, stmt, delay)
            else:
                out.append(stmt)
        return tuple(out)

    body = visit(program.body)
    return None if body == program.body else program.with_body(body)


def _alike(first: For, second: For) -> bool:
    """Say whether two loops around loops have the same range."""
    deep = all(any(isinstance(s, For) for s in c.body) for c in (first, second))
    steps = first.step == second.step == 1 and bool(first.type and second.type)
    return deep and steps and equal(first.lower, second.lower) and equal(first.upper, second.upper)


def _behind(first: For, second: For, delay: int) -> For:
    here: Expr = Var(first.var)
    late = plus(here, -delay)
    moved = bind(second.body, {second.var: late})
    if delay == 0:
        return replace(first, body=(*first.body, *moved))
    body: Body = (
        If(Bin("<", here, first.upper), first.body),
        If(Bin(">=", here, plus(first.lower, delay)), moved),
    )
    return replace(first, upper=plus(first.upper, delay), body=body)


def parallel(program: Program) -> Program | None:
    """Share the outermost loops whose iterations touch nothing of each other among threads; None without any.

    Tests see a race only by luck, so this is strict: scalars must be local, and every array that is written must move
    with the loop, all of its subscripts alike.
    """

    def shared(loop: For) -> For | None:
        deep = any(isinstance(s, For) for s in statements(loop.body))
        if not deep or loop.step != 1 or loop.pragmas or not _private(loop):
            return None
        return replace(loop, pragmas=("#pragma omp parallel for",))

    return _each(program, shared)


def _private(loop: For) -> bool:
    local = {s.name for s in statements(loop.body) if isinstance(s, Declare)}
    local |= {s.var for s in statements(loop.body) if isinstance(s, For) and s.type}
    if any(isinstance(s, Raw) for s in statements(loop.body)) or not written(loop.body):
        return False
    shared = written(loop.body) - local
    for stmt in statements(loop.body):
        for expr in expressions(stmt):
            for part in walk(expr):
                if isinstance(part, Var) and part.name in shared and not _array(loop, part.name):
                    return False
                if isinstance(part, Index) and root(part) in shared and not _own(part, loop.var):
                    return False
    return True


def _array(loop: For, name: str) -> bool:
    everywhere = (p for s in statements(loop.body) for e in expressions(s) for p in walk(e))
    return any(isinstance(p, Index) and p.array == Var(name) for p in everywhere)


def _own(place: Index, var: str) -> bool:
    """Say whether the element belongs to one iteration: it moves with `var` and is not whole steps away."""
    step = stride(place.index, var)
    if not step:
        return False
    rest = {m for m in poly(place.index) if Var(var) not in m}
    return not rest & step.keys()
