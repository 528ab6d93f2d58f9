"""Linear congruential streams: let lanes run ahead of each other, so that one long chain becomes many short ones."""

from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.branches import select
from proofsmith.domains.kernels.transforms.contraction import accumulation
from proofsmith.domains.kernels.transforms.emission import strip_head
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Declare,
    Expr,
    For,
    Index,
    Num,
    Stmt,
    Var,
    While,
    bind,
    mentioned,
    names,
    rename,
    root,
    splice_in,
    statements,
)
from proofsmith.domains.kernels.transforms.normal import localise
from proofsmith.domains.kernels.transforms.program import Program, index_type

_UNSIGNED = frozenset(
    [
        "unsigned",
        "unsigned int",
        "unsigned long",
        "unsigned long long",
        "uint32_t",
        "uint64_t",
        "size_t",
    ]
)


@dataclass(frozen=True, slots=True)
class _Stream:
    """`state = state*factor + addend`, `count` times in each iteration; other carried scalars are sums."""

    state: str
    factor: Expr
    addend: Expr
    count: int
    sums: tuple[str, ...]


def leapfrog(program: Program, lanes: int, *, exact: bool) -> Program | None:
    """Advance `lanes` copies of every congruential stream by whole strides; None when there is none.

    Lane l handles iterations l, l + lanes, ... and sees the very numbers that the original saw there; each sum is
    kept per lane. With `exact`, sums must be integers.
    """
    program = localise(program)
    program = select(program) or program
    body, done = program.body, False
    for loop in [s for s in statements(program.body) if isinstance(s, For)]:
        stream = _stream(program, loop, exact=exact)
        if stream is not None and loop.step == 1:
            new = _lanes(program.with_body(body), loop, stream, lanes)
            body, done = splice_in(body, loop, new), True
    return program.with_body(body) if done else None


def _stream(program: Program, loop: For, *, exact: bool) -> _Stream | None:
    updates: list[tuple[str, Expr, Expr]] = []
    sums: list[str] = []
    local = {s.name for s in loop.body if isinstance(s, Declare)}
    for stmt in loop.body:
        if isinstance(stmt, Declare) or (isinstance(stmt, Assign) and root(stmt.target) in local):
            continue
        if not isinstance(stmt, Assign) or not _admissible(stmt, loop):
            return None
        if isinstance(stmt.target, Var) and not _sorted_in(
            program, stmt, updates, sums, exact=exact
        ):
            return None
    if not updates or len(set(updates)) != 1 or set(sums) & {updates[0][0]}:
        return None
    name, factor, addend = updates[0]
    return _Stream(name, factor, addend, len(updates), tuple(dict.fromkeys(sums)))


def _admissible(stmt: Assign, loop: For) -> bool:
    """Accept scalars, and elements that belong to one iteration."""
    if isinstance(stmt.target, Index):
        return loop.var in names(stmt.target.index)
    return isinstance(stmt.target, Var)


def _sorted_in(
    program: Program,
    stmt: Assign,
    updates: list[tuple[str, Expr, Expr]],
    sums: list[str],
    *,
    exact: bool,
) -> bool:
    """File a scalar assignment under streams or sums; False when it is neither."""
    name, kinds = root(stmt.target), program.kinds()
    if name not in kinds or kinds[name].pointers:
        return False
    kind, step = kinds[name].type, _congruence(stmt)
    if step is not None and kind in _UNSIGNED:
        updates.append((name, *step))
        return True
    if accumulation(stmt) is None or (exact and kind in ("double", "float")):
        return False
    sums.append(name)
    return True


def _congruence(stmt: Assign) -> tuple[Expr, Expr] | None:
    """Read `s = s*a + c` or `s = s*a` with literals."""
    match stmt:
        case Assign(
            target=target,
            op="=",
            value=Bin(op="+", left=Bin(op="*", left=a, right=b), right=Num() as c),
        ):
            factor = b if a == target else a if b == target else None
            return (factor, c) if isinstance(factor, Num) else None
        case Assign(target=target, op="=", value=Bin(op="*", left=a, right=b)):
            factor = b if a == target else a if b == target else None
            return (factor, Num("0")) if isinstance(factor, Num) else None
        case Assign(op="*=", value=Num() as factor):
            return factor, Num("0")
        case _:
            return None


def _lanes(program: Program, loop: For, stream: _Stream, lanes: int) -> Body:
    kinds = program.kinds()
    state, kind = Var(stream.state), kinds[stream.state].type
    taken: list[str] = []

    def fresh(stem: str) -> str:
        taken.append(program.fresh(stem, taken))
        return taken[-1]

    lane, position = fresh("lane"), fresh(loop.var + "0")
    factor, addend = fresh("leap_factor"), fresh("leap_addend")
    states, here = fresh(stream.state + "_lane"), fresh(stream.state + "_here")
    totals = {name: fresh(name + "_lane") for name in stream.sums}
    count, lane_var, total = Num(str(lanes)), Var(lane), Num(str(lanes * stream.count))
    index = index_type(loop, kinds)

    def over_lanes(body: Body) -> For:
        return For(lane, "int", Num("0"), count, 1, body)

    chain = (
        Assign(Index(Var(states), lane_var), "=", Var(here)),
        *(_advanced(Var(here), stream.factor, stream.addend) for _ in range(stream.count)),
    )
    leap = (
        _advanced(Var(addend), stream.factor, stream.addend),
        Assign(Var(factor), "*=", stream.factor),
    )
    cells: dict[str, Expr] = {name: Index(Var(cell), lane_var) for name, cell in totals.items()}
    inner = bind(
        rename(loop.body, {stream.state: here}),
        {**cells, loop.var: Bin("+", Var(position), lane_var)},
    )
    work = over_lanes((
        Declare(kind, here, Index(Var(states), lane_var)),
        *inner,
        _advanced(Index(Var(states), lane_var), Var(factor), Var(addend)),
    ))  # fmt: skip
    blocks = While(strip_head(position, count, loop.upper), (work,), mentioned((work,)))
    start = over_lanes(tuple(Assign(cell, "=", Num("0")) for cell in cells.values()))
    finish: list[Stmt] = [Assign(state, "=", Index(Var(states), Num("0")))]
    finish += [over_lanes((Assign(Var(n), "+=", cell),)) for n, cell in cells.items()]
    return (
        Declare(kind, states, None, (count,)),
        *(Declare(kinds[n].type, cell, None, (count,)) for n, cell in totals.items()),
        Declare(kind, factor, Num("1")),
        Declare(kind, addend, Num("0")),
        Declare(kind, here, state),
        over_lanes(chain),
        For(lane, "int", Num("0"), total, 1, leap),
        *([start] if cells else []),
        Declare(index, position, loop.lower),
        blocks,
        *finish,
        replace(loop, lower=Var(position)),
    )


def _advanced(place: Expr, a: Expr, c: Expr) -> Assign:
    """Return one step of the stream: place = place * a + c."""
    return Assign(place, "=", Bin("+", Bin("*", place, a), c))
