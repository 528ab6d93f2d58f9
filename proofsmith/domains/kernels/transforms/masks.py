"""Searches that stop at the first mismatch, done for a block of starting points at a time with byte masks."""

from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.branches import select
from proofsmith.domains.kernels.transforms.emission import strip_head
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Declare,
    Expr,
    For,
    If,
    Index,
    Num,
    Raw,
    Stmt,
    Un,
    Var,
    While,
    bind,
    mentioned,
    splice_in,
    statements,
)
from proofsmith.domains.kernels.transforms.normal import localise
from proofsmith.domains.kernels.transforms.program import Program, index_type


@dataclass(frozen=True, slots=True)
class _Search:
    """For each start: from `first` while below `limit`, go on as long as `same`; on reaching the limit do `found`."""

    start: For
    var: str
    type: str
    first: Expr
    limit: Expr
    same: Expr
    found: Body


def mask(program: Program, block: int) -> Program | None:
    """Compare one position for `block` starting points at once, until none is alive; None when nothing searches."""
    whole = localise(program)
    body, done = whole.body, False
    for loop in [s for s in statements(whole.body) if isinstance(s, For)]:
        search = _counting(loop) or _flagged(loop)
        if search is not None:
            new = _blocks(whole.with_body(body), search, block)
            body, done = splice_in(body, loop, new), True
    if not done:
        return None
    made = whole.with_body(body)
    return select(made) or made


def _counting(loop: For) -> _Search | None:
    """Read `j = first; while (j < limit && same) j++; if (j == limit) found;` and the form with `break`."""
    body = loop.body
    declared = ""
    if body and isinstance(body[0], Declare) and body[0].value is None:
        declared, body = body[0].type, body[1:]
    if len(body) == 2 and isinstance(body[0], For):
        return _broken(loop, body[0], body[1], declared)
    if len(body) != 3 or not isinstance(body[1], While) or not isinstance(body[2], If):
        return None
    first = _first(body[0], declared)
    if first is None or loop.step != 1 or body[2].other:
        return None
    var, kind, value = first
    step = body[1].body == (Assign(Var(var), "+=", Num("1")),)
    match body[1].test:
        case Bin(op="&&", left=Bin(op="<", left=Var(name=name), right=limit), right=same) if (
            name == var
        ):
            ended = body[2].test in (Bin("==", Var(var), limit), Bin(">=", Var(var), limit))
            if step and ended and var not in mentioned(body[2].then):
                return _Search(loop, var, kind, value, limit, same, body[2].then)
    return None


def _first(stmt: Stmt, declared: str) -> tuple[str, str, Expr] | None:
    if isinstance(stmt, Declare) and stmt.value is not None and not stmt.extents:
        return stmt.name, stmt.type, stmt.value
    if isinstance(stmt, Assign) and isinstance(stmt.target, Var) and stmt.op == "=":
        return stmt.target.name, declared, stmt.value
    return None


def _broken(loop: For, inner: For, end: Stmt, declared: str) -> _Search | None:
    """Read `for (j...) if (differ) break; if (j == limit) found;`."""
    if len(inner.body) != 1 or not isinstance(inner.body[0], If) or not isinstance(end, If):
        return None
    stop = inner.body[0]
    leaves = [s.text for s in stop.then if isinstance(s, Raw)] == ["break;"] and not stop.other
    ended = end.test == Bin("==", Var(inner.var), inner.upper) and not end.other
    if not leaves or len(stop.then) != 1 or not ended or inner.step != 1 or loop.step != 1:
        return None
    same = Un("!", stop.test)
    return _Search(
        loop, inner.var, inner.type or declared, inner.lower, inner.upper, same, end.then
    )


def _flagged(loop: For) -> _Search | None:
    """Read `ok = 1; for (j...) if (differ) { ok = 0; break; } if (ok) found;`."""
    if len(loop.body) != 3 or not isinstance(loop.body[1], For) or not isinstance(loop.body[2], If):
        return None
    flag, (inner, end) = _first(loop.body[0], ""), loop.body[1:]
    if (
        flag is None
        or not isinstance(inner, For)
        or not isinstance(end, If)
        or len(inner.body) != 1
    ):
        return None
    stop = inner.body[0]
    if not isinstance(stop, If) or stop.other or len(stop.then) != 2 or end.other:
        return None
    cleared, left = stop.then
    leaves = isinstance(left, Raw) and left.text == "break;"
    if cleared != Assign(Var(flag[0]), "=", Num("0")) or not leaves or flag[2] != Num("1"):
        return None
    if end.test != Var(flag[0]) or inner.step != 1 or loop.step != 1:
        return None
    same = Un("!", stop.test)
    return _Search(loop, inner.var, inner.type or "int", inner.lower, inner.upper, same, end.then)


def _blocks(program: Program, search: _Search, block: int) -> Body:
    loop, taken = search.start, list[str]()

    def fresh(stem: str) -> str:
        taken.append(program.fresh(stem, taken))
        return taken[-1]

    position, lane, alive, some = (
        fresh(loop.var + "0"),
        fresh("lane"),
        fresh("alive"),
        fresh("some"),
    )
    kind = index_type(loop, program.kinds())
    here: dict[str, Expr] = {loop.var: Bin("+", Var(position), Var(lane))}
    cell = Index(Var(alive), Var(lane))

    def over_lanes(body: Body) -> For:
        return For(lane, "int", Num("0"), Num(str(block)), 1, body)

    same = bind((Assign(cell, "&=", _truth(search.same)),), here)
    compare: Body = (
        Declare("unsigned char", some, Num("0")),
        over_lanes((*same, Assign(Var(some), "|=", cell))),
        If(Un("!", Var(some)), (Raw("break;"),)),
    )
    work: Body = (
        Declare("unsigned char", alive, None, (Num(str(block)),)),
        over_lanes((Assign(cell, "=", Num("1")),)),
        For(search.var, search.type or "int", search.first, search.limit, 1, compare),
        over_lanes((If(cell, bind(search.found, here)),)),
    )
    return (
        Declare(kind, position, loop.lower),
        While(strip_head(position, Num(str(block)), loop.upper), work, mentioned(work)),
        replace(loop, lower=Var(position)),
    )


def _truth(test: Expr) -> Expr:
    """Write a test as 0 or 1."""
    match test:
        case Un(op="!", inner=Bin(op="!=", left=a, right=b)):
            return Bin("==", a, b)
        case Bin(op="==" | "!=" | "<" | ">" | "<=" | ">="):
            return test
        case _:
            return Un("!", Un("!", test))
