"""First-order recurrences along a loop: compute the independent part first, then scan it with vectors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.affine import constant_stride, plus, poly
from proofsmith.domains.kernels.transforms.branches import select
from proofsmith.domains.kernels.transforms.hints import IVDEP
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Call,
    Choice,
    Declare,
    Expr,
    For,
    If,
    Index,
    Num,
    Stmt,
    Un,
    Var,
    While,
    names,
    root,
    statements,
    substitute,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.normal import localise
from proofsmith.domains.kernels.transforms.program import Program, index_type
from proofsmith.domains.kernels.transforms.scans import function, helper
from proofsmith.domains.kernels.transforms.straight_line import execute
from proofsmith.domains.kernels.transforms.vectors import ELEMENTS

ONE = Num("1")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """`x[j] = combine(rest[j], x[j-1])`: `sum` is rest + factor*x, `min` and `max` are of rest and x + factor."""

    kind: str
    factor: Expr
    rest: Expr


def split(value: Expr, previous: Expr) -> Recurrence | None:
    """Separate `previous` from the rest of `value`; None when it does not enter in one of the three ways.

    A minimum or maximum in one branch of a selection is taken out of it, as dynamic programs over strings allow when
    the other branch is never beaten; tests tell whether they do.
    """
    match value:
        case Choice(test=test, then=then, other=other) if previous not in walk(test):
            return _lifted(test, then, other, previous)
        case Call(name="min" | "max" as kind, args=args):
            return _extremum(kind, args, previous)
    found = _linear(value, previous)
    if found is None or found[0] is None or found[1] is None:
        return None
    return Recurrence("sum", found[0], found[1])


def _lifted(test: Expr, then: Expr, other: Expr, previous: Expr) -> Recurrence | None:
    inside, beside = (then, other) if previous in walk(then) else (other, then)
    found = split(inside, previous) if previous not in walk(beside) else None
    if found is None or found.kind == "sum":
        return None
    pair = (found.rest, beside) if inside == then else (beside, found.rest)
    return Recurrence(found.kind, found.factor, Choice(test, *pair))


def _extremum(kind: str, args: tuple[Expr, ...], previous: Expr) -> Recurrence | None:
    terms = list(_terms(kind, args))
    with_it = [a for a in terms if previous in walk(a)]
    others = [a for a in terms if previous not in walk(a)]
    found = _linear(with_it[0], previous) if len(with_it) == 1 and others else None
    if found is None or found[0] != ONE:
        return None
    rest = others[0]
    for other in others[1:]:
        rest = Choice(Bin("<" if kind == "min" else ">", other, rest), other, rest)
    return Recurrence(kind, found[1] or Num("0"), rest)


def _terms(kind: str, args: tuple[Expr, ...]) -> Iterator[Expr]:
    for arg in args:
        if isinstance(arg, Call) and arg.name == kind:
            yield from _terms(kind, arg.args)
        else:
            yield arg


def _linear(expr: Expr, unknown: Expr) -> tuple[Expr | None, Expr | None] | None:
    """Return (factor, rest) with expr = factor*unknown + rest, None for zero; None when it is not linear."""
    if expr == unknown:
        return ONE, None
    if unknown not in walk(expr):
        return None, expr
    match expr:
        case Un(op="-", inner=inner):
            found = _linear(inner, unknown)
            return found and (_negated(found[0]), _negated(found[1]))
        case Bin(op="+" | "-" as op, left=left, right=right):
            a, b = _linear(left, unknown), _linear(right, unknown)
            return None if a is None or b is None else (_add(op, a[0], b[0]), _add(op, a[1], b[1]))
        case Bin(op="*", left=left, right=right):
            scaled, by = (left, right) if unknown in walk(left) else (right, left)
            found = None if unknown in walk(by) else _linear(scaled, unknown)
            return found and (_scale("*", found[0], by), _scale("*", found[1], by))
        case Bin(op="/", left=left, right=right) if unknown not in walk(right):
            found = _linear(left, unknown)
            return found and (_scale("/", found[0], right), _scale("/", found[1], right))
        case _:
            return None


def _negated(expr: Expr | None) -> Expr | None:
    return None if expr is None else Un("-", expr)


def _add(op: str, a: Expr | None, b: Expr | None) -> Expr | None:
    if b is None:
        return a
    if a is None:
        return b if op == "+" else Un("-", b)
    return Bin(op, a, b)


def _scale(op: str, expr: Expr | None, by: Expr) -> Expr | None:
    if expr is None:
        return None
    return by if expr == ONE and op == "*" else Bin(op, expr, by)


@dataclass(frozen=True, slots=True)
class _Row:
    """A loop whose stores follow a recurrence: where they go, what starts it, how it goes on."""

    place: Index
    first: Expr
    carry: str
    recurrence: Recurrence
    exclusive: bool = False


def scan(program: Program, *, vector: bool) -> Program | None:
    """Split the innermost recurrences into an independent loop and a scan; None when there is none.

    With `vector` the scan runs in vectors, in logarithmic steps: sums are reordered. Without, one by one.
    """
    program = localise(program)
    program = select(program) or program
    kinds = program.kinds()
    helpers: list[str] = []

    def rewritten(loop: For) -> Body | None:
        row = _row(loop)
        if row is None:
            return None
        known = kinds.get(root(row.place))
        if known is None or known.pointers != 1 or known.type not in ELEMENTS:
            return None
        if vector:
            helpers.append(helper(row.recurrence.kind, known.type, exclusive=row.exclusive))
        return _emit(program, loop, row, known.type, vector=vector)

    body = _replace(program.body, rewritten)
    return None if body == program.body else program.with_body(body, *dict.fromkeys(helpers))


def _replace(body: Body, change: Callable[[For], Body | None]) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                if any(isinstance(s, (For, While)) for s in statements(inner)):
                    out.append(replace(stmt, body=_replace(inner, change)))
                else:
                    new = change(stmt)
                    out += [stmt] if new is None else new
            case While(body=inner):
                out.append(replace(stmt, body=_replace(inner, change)))
            case If(test=test, then=then, other=other):
                out.append(If(test, _replace(then, change), _replace(other, change)))
            case _:
                out.append(stmt)
    return tuple(out)


def _row(loop: For) -> _Row | None:
    effect = execute(loop.body)
    if effect is None or len(effect.stores) != 1 or loop.step != 1:
        return None
    place, value = effect.stores[0]
    if constant_stride(place.index, loop.var) != 1 or len(effect.carried) > 1:
        return None
    if effect.carried:
        (name, new), previous = next(iter(effect.carried.items())), Var(next(iter(effect.carried)))
        found = split(new, previous)
        if found is None or value not in (new, previous) or name in names(found.rest):
            return None
        exclusive = value == previous
        if exclusive and (found.kind != "sum" or found.factor != ONE):
            return None
        return _checked(loop, _Row(place, previous, name, found, exclusive))
    before = [p for p in walk(value) if isinstance(p, Index) and _precedes(p, place)]
    found = split(value, before[0]) if before else None
    if found is None:
        return None
    start = substitute(before[0], {loop.var: loop.lower})
    return _checked(loop, _Row(place, start, "", found))


def _checked(loop: For, row: _Row) -> _Row | None:
    """Refuse factors that change along the loop and rests that read stored elements again."""
    changing = written((loop,))
    if names(row.recurrence.factor) & (changing | {loop.var}):
        return None
    again = [
        p for p in walk(row.recurrence.rest) if isinstance(p, Index) and _precedes(p, row.place)
    ]
    return None if again else row


def _precedes(read: Index, stored: Index) -> bool:
    """Say whether `read` is the element just before `stored`."""
    if read.array != stored.array:
        return False
    return poly(Bin("-", stored.index, read.index)) == {(): 1}


_CHUNK = 1024
"""Elements between two scans, so that they stay in the first-level cache."""


def _emit(program: Program, loop: For, row: _Row, element: str, *, vector: bool) -> Body:
    kind = index_type(loop, program.kinds())
    chunk, end = program.fresh(loop.var + "0"), program.fresh(loop.var + "_end")
    carry = program.fresh("carry")
    recurrence = row.recurrence
    low, high = Var(chunk), Var(end)
    independent = replace(
        loop,
        lower=low,
        upper=high,
        body=(Assign(row.place, "=", recurrence.rest),),
        pragmas=(IVDEP,),
    )
    if vector:
        start = Un("&", substitute(row.place, {loop.var: low}))
        arguments = (start, Bin("-", high, low), recurrence.factor, Var(carry))
        name = function(recurrence.kind, element, exclusive=row.exclusive)
        combine: Body = (Assign(Var(carry), "=", Call(name, arguments)),)
    else:
        combine = (_one_by_one(loop, row, low, high, carry),)
    limit = Choice(
        Bin("<", Bin("-", loop.upper, low), Num(str(_CHUNK))), loop.upper, plus(low, _CHUNK)
    )
    chunks = For(
        chunk,
        kind,
        loop.lower,
        loop.upper,
        _CHUNK,
        (Declare("const " + kind, end, limit), independent, *combine),
    )
    last = (Assign(Var(row.carry), "=", Var(carry)),) if row.carry else ()
    return (
        If(Bin("<", loop.lower, loop.upper), (Declare(element, carry, row.first), chunks, *last)),
    )


def _one_by_one(loop: For, row: _Row, low: Expr, high: Expr, carry: str) -> For:
    found, rest = row.recurrence, row.place
    moved: Expr = Var(carry)
    if found.kind == "sum":
        new: Expr = Bin("+", rest, moved if found.factor == ONE else Bin("*", found.factor, moved))
    else:
        moved = Bin("+", moved, found.factor)
        new = Choice(Bin("<" if found.kind == "min" else ">", rest, moved), rest, moved)
    store = Assign(rest, "=", Var(carry))
    step = Assign(Var(carry), "=", new)
    body: Body = (step, store)
    if row.exclusive:
        body = (
            Declare("const __auto_type", "before", Var(carry)),
            step,
            Assign(rest, "=", Var("before")),
        )
    return replace(loop, lower=low, upper=high, body=body, pragmas=())
