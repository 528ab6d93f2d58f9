"""Keep array elements in scalars while a loop works on them, and compute invariant parts once."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from proofsmith.domains.kernels.transforms.contraction import accumulation
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Body,
    Declare,
    Expr,
    For,
    If,
    Index,
    Stmt,
    Var,
    While,
    expressions,
    map_expressions,
    names,
    root,
    statements,
    swap,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program


def replace_elements(program: Program) -> Program | None:
    """Keep every array element that an innermost loop accumulates into in a local variable; None when there is none.

    `for j: y[i] += a[j];` becomes `t = y[i]; for j: t += a[j]; y[i] = t;`.
    """
    kinds = program.kinds()
    taken: list[str] = []

    def inside(loop: For) -> Body:
        places = list(dict.fromkeys(_places(loop)))
        before: list[Stmt] = []
        after: list[Stmt] = []
        for place in places:
            known = kinds.get(root(place))
            if known is None or known.pointers != _depth(place):
                continue
            name = program.fresh(root(place) + "_sum", taken)
            taken.append(name)
            before.append(Declare(known.type, name, place))
            after.append(Assign(place, "=", Var(name)))
            moved = map_expressions(loop, lambda e, p=place, n=name: swap(e, p, Var(n)))  # type: ignore[misc]
            assert isinstance(moved, For)
            loop = moved
        return (*before, loop, *after)

    body = _innermost(program.body, inside)
    return None if body == program.body else program.with_body(body)


def _depth(place: Expr) -> int:
    depth = 0
    while isinstance(place, Index):
        depth, place = depth + 1, place.array
    return depth


def _places(loop: For) -> Iterable[Expr]:
    changing = written(loop.body) | {loop.var}
    for stmt in loop.body:
        found = accumulation(stmt)
        if found is None or not isinstance(found.place, Index):
            continue
        if not names(found.place.index) & changing:
            yield found.place


def hoist(program: Program) -> Program | None:
    """Load array elements that do not change in an innermost loop once before it; None when there is none."""
    kinds = program.kinds()
    taken: list[str] = []

    def inside(loop: For) -> Body:
        changing = written(loop.body) | {loop.var}
        targets = {s.target for s in statements(loop.body) if isinstance(s, Assign)}
        before: list[Stmt] = []
        for place in dict.fromkeys(_loads(loop)):
            known = kinds.get(root(place))
            index = place.index if isinstance(place, Index) else None
            if index is None or known is None or known.pointers != _depth(place):
                continue
            if names(index) & changing or place in targets:
                continue
            name = program.fresh(root(place) + "_fixed", taken)
            taken.append(name)
            before.append(Declare("const " + known.type, name, place))
            moved = map_expressions(loop, lambda e, p=place, n=name: swap(e, p, Var(n)))  # type: ignore[misc]
            assert isinstance(moved, For)
            loop = moved
        return (*before, loop)

    body = _innermost(program.body, inside)
    return None if body == program.body else program.with_body(body)


def _loads(loop: For) -> Iterable[Expr]:
    for stmt in statements(loop.body):
        for expr in expressions(stmt):
            for part in walk(expr):
                if isinstance(part, Index) and isinstance(part.array, Var):
                    yield part


def _innermost(body: Body, change: Callable[[For], Body]) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                if any(isinstance(s, (For, While)) for s in statements(inner)):
                    out.append(replace(stmt, body=_innermost(inner, change)))
                else:
                    out += change(stmt)
            case While(body=inner):
                out.append(replace(stmt, body=_innermost(inner, change)))
            case If(test=test, then=then, other=other):
                out.append(If(test, _innermost(then, change), _innermost(other, change)))
            case _:
                out.append(stmt)
    return tuple(out)
