"""Find reductions inside loops: accumulators, the loops that reduce, and the loops that could be tiled around them."""

from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.kernels.transforms.emission import leftovers
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Declare,
    Expr,
    For,
    If,
    Index,
    Stmt,
    Var,
    While,
    names,
    statements,
    walk,
    written,
)


@dataclass(frozen=True, slots=True)
class Accumulation:
    """`place op= value` with op + or -, where place does not change in the reducing loops."""

    place: Expr
    op: str
    value: Expr
    stmt: Stmt


@dataclass(frozen=True, slots=True)
class Contraction:
    """A nest: up to two tile loops (outer first), then one or more perfectly nested reducing loops."""

    tiles: tuple[For, ...]
    reducing: tuple[For, ...]
    before: Body
    after: Body
    """Statements around the reducing loops in the innermost tile loop."""
    sums: tuple[Accumulation, ...]

    @property
    def outermost(self) -> For:
        """The statement that a rewrite replaces."""
        return (*self.tiles, *self.reducing)[0]

    @property
    def inner(self) -> Body:
        """The straight-line statements that are repeated."""
        return self.reducing[-1].body


def accumulation(stmt: Stmt) -> Accumulation | None:
    """Read `x += e`, `x -= e`, `x = x + e`, `x = e + x` or `x = x - e`."""
    if not isinstance(stmt, Assign):
        return None
    place, value, found = stmt.target, stmt.value, None
    if stmt.op in ("+=", "-="):
        found = Accumulation(place, stmt.op[0], value, stmt)
    elif stmt.op == "=" and isinstance(value, Bin) and value.op in ("+", "-"):
        found = _spread(place, value, stmt)
    if found is None or any(part == place for part in walk(found.value)):
        return None
    return found


def _spread(place: Expr, value: Bin, stmt: Stmt) -> Accumulation | None:
    """Read `place` as the first or last term of a sum: `x + a - b` adds `a - b`."""
    if value.left == place:
        return Accumulation(place, value.op, value.right, stmt)
    if value.right == place and value.op == "+":
        return Accumulation(place, "+", value.left, stmt)
    return None


def find(body: Body) -> Iterator[Contraction]:
    """Yield the contractions in source order, each with as many tile loops as its nest allows."""
    yield from _find(body, (), leftovers(body))


def _find(body: Body, parents: tuple[For, ...], rests: list[For]) -> Iterator[Contraction]:
    for stmt in body:
        match stmt:
            case For() if not any(stmt is rest for rest in rests):
                found = _at(stmt, parents)
                if found is not None:
                    yield found
                else:
                    yield from _find(stmt.body, (*parents, stmt), rests)
            case While():
                yield from _find(stmt.body, (), rests)
            case If():
                yield from _find((*stmt.then, *stmt.other), (), rests)
            case _:
                pass


def _at(loop: For, parents: tuple[For, ...]) -> Contraction | None:
    """Read a contraction whose outermost reducing loop is `loop`."""
    chain = _chain(loop)
    sums = _sums(chain)
    if not sums:
        return None
    tiles = [p for p in parents[-1:] if p.step == 1]
    before: Body = ()
    after: Body = ()
    if tiles:
        index = next(i for i, s in enumerate(tiles[0].body) if s is loop)
        before, after = tiles[0].body[:index], tiles[0].body[index + 1 :]
        if any(isinstance(s, (For, While)) for s in statements((*before, *after))):
            return Contraction((), chain, (), (), sums)
        if len(parents) > 1 and parents[-2].body == (tiles[0],) and parents[-2].step == 1:
            tiles.insert(0, parents[-2])
    return Contraction(tuple(tiles), chain, before, after, sums)


def _chain(loop: For) -> tuple[For, ...]:
    """Return the perfectly nested loops that start at `loop`."""
    chain = [loop]
    while len(chain[-1].body) == 1 and isinstance(chain[-1].body[0], For):
        chain.append(chain[-1].body[0])
    return tuple(chain)


def _sums(chain: tuple[For, ...]) -> tuple[Accumulation, ...]:
    """Return the accumulations when the loops do nothing else but declare temporaries."""
    inner, variables = chain[-1].body, {loop.var for loop in chain}
    local = {s.name for s in inner if isinstance(s, Declare) and not s.extents}
    sums = []
    for stmt in inner:
        if isinstance(stmt, Declare) and not stmt.extents and stmt.value is not None:
            continue
        found = accumulation(stmt)
        if found is None or names(found.place) & (variables | local):
            return ()
        if not isinstance(found.place, (Var, Index)):
            return ()
        sums.append(found)
    places = [s.place for s in sums]
    if len(set(places)) != len(places) or any(loop.step != 1 for loop in chain):
        return ()
    read = {part for s in sums for part in walk(s.value)}
    return () if read & set(places) else tuple(sums)


def reduction_last(loop: For) -> For | None:
    """Move the reducing loops of a perfect nest inside the others, keeping their order; None when nothing moves.

    `for k, j: C[i,j] += A[i,k]*B[k,j]` becomes `for j, k: ...`. Bounds must not depend on loops that move.
    """
    chain = _chain(loop)
    found = [accumulation(s) for s in chain[-1].body if isinstance(s, Assign)]
    if not found or any(f is None for f in found) or len(chain) < 2:
        return None
    fixed = frozenset().union(*(names(f.place) for f in found if f is not None))
    outer = [c for c in chain if c.var in fixed]
    inner = [c for c in chain if c.var not in fixed]
    order = outer + inner
    if not inner or not outer or order == list(chain):
        return None
    for position, moved in enumerate(order):
        later = {c.var for c in order[position:]}
        if (names(moved.lower) | names(moved.upper)) & later:
            return None
    return nest(order, chain[-1].body)


def nest(loops: list[For], body: Body) -> For:
    """Wrap statements in loops, outermost first."""
    for loop in reversed(loops):
        body = (For(loop.var, loop.type, loop.lower, loop.upper, loop.step, body),)
    result = body[0]
    assert isinstance(result, For)
    return result


def mutated(contraction: Contraction) -> frozenset[str]:
    """Return every name that the nest assigns."""
    return written((contraction.outermost,))
