"""The loop language that transformations rewrite: immutable expressions and statements, walking, substitution."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Num:
    """A literal, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Var:
    """A plain name."""

    name: str


@dataclass(frozen=True, slots=True)
class Un:
    """A prefix operator: - + ! ~ * &."""

    op: str
    inner: "Expr"


@dataclass(frozen=True, slots=True)
class Bin:
    """A binary operator; assignments are statements."""

    op: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Index:
    """`array[index]`; several dimensions nest."""

    array: "Expr"
    index: "Expr"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a plain name."""

    name: str
    args: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """`(type)inner`."""

    type: str
    inner: "Expr"


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? then : other`."""

    test: "Expr"
    then: "Expr"
    other: "Expr"


@dataclass(frozen=True, slots=True)
class Member:
    """`inner.name` or `inner->name`."""

    inner: "Expr"
    op: str
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """Anything else, verbatim; `names` are the identifiers in it."""

    text: str
    names: frozenset[str] = frozenset()


Expr: TypeAlias = Num | Var | Un | Bin | Index | Call | Cast | Choice | Member | Text


@dataclass(frozen=True, slots=True)
class Declare:
    """One local variable: `type name[extents] = value`; pointers belong to `type`."""

    type: str
    name: str
    value: Expr | None = None
    extents: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Assign:
    """`target op value` with op one of = += -= *= /= ...; `x++` is `x += 1`."""

    target: Expr
    op: str
    value: Expr


@dataclass(frozen=True, slots=True)
class For:
    """An ascending counted loop over lower <= var < upper; `type` is empty when var is declared outside.

    A step that is not a literal stands in `pace`, and `step` is 0.
    """

    var: str
    type: str
    lower: Expr
    upper: Expr
    step: int
    body: tuple["Stmt", ...]
    pragmas: tuple[str, ...] = ()
    pace: Expr | None = None


@dataclass(frozen=True, slots=True)
class If:
    """A conditional."""

    test: Expr
    then: tuple["Stmt", ...]
    other: tuple["Stmt", ...] = ()


@dataclass(frozen=True, slots=True)
class While:
    """Any other loop or a plain block: `head { body }`, head verbatim; `test` when head is `while (test)`."""

    head: str
    body: tuple["Stmt", ...]
    names: frozenset[str] = frozenset()
    test: Expr | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """Statements that are not understood, verbatim; `names` are the identifiers in them."""

    text: str
    names: frozenset[str] = frozenset()


Stmt: TypeAlias = Declare | Assign | For | If | While | Raw
Body: TypeAlias = tuple[Stmt, ...]


def parts(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct sub-expressions."""
    match expr:
        case Un(inner=inner) | Cast(inner=inner) | Member(inner=inner):
            return (inner,)
        case Bin(left=left, right=right):
            return (left, right)
        case Index(array=array, index=index):
            return (array, index)
        case Call(args=args):
            return args
        case Choice(test=test, then=then, other=other):
            return (test, then, other)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield the expression and everything below it."""
    yield expr
    for part in parts(expr):
        yield from walk(part)


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return `expr` with `change` applied to each direct sub-expression."""
    match expr:
        case Un() | Cast() | Member():
            return replace(expr, inner=change(expr.inner))
        case Bin(op=op, left=left, right=right):
            return Bin(op, change(left), change(right))
        case Index(array=array, index=index):
            return Index(change(array), change(index))
        case Call(name=name, args=args):
            return Call(name, tuple(change(a) for a in args))
        case Choice(test=test, then=then, other=other):
            return Choice(change(test), change(then), change(other))
        case _:
            return expr


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """Replace variables by expressions."""
    if isinstance(expr, Var):
        return values.get(expr.name, expr)
    return rebuild(expr, lambda part: substitute(part, values))


def swap(expr: Expr, old: Expr, new: Expr) -> Expr:
    """Replace every occurrence of the expression `old` by `new`."""
    return new if expr == old else rebuild(expr, lambda part: swap(part, old, new))


def names(expr: Expr) -> frozenset[str]:
    """Return the identifiers that the expression mentions, array names included, function names not."""
    found: set[str] = set()
    for part in walk(expr):
        if isinstance(part, Var):
            found.add(part.name)
        elif isinstance(part, Text):
            found |= part.names
    return frozenset(found)


def statements(body: Iterable[Stmt]) -> Iterator[Stmt]:
    """Yield every statement, outer before inner, in source order."""
    for stmt in body:
        yield stmt
        match stmt:
            case For(body=inner) | While(body=inner):
                yield from statements(inner)
            case If(then=then, other=other):
                yield from statements(then)
                yield from statements(other)
            case _:
                pass


def expressions(stmt: Stmt) -> tuple[Expr, ...]:
    """Return the expressions that the statement itself evaluates, assigned places first."""
    match stmt:
        case Declare(value=value, extents=extents):
            return (*extents, *([value] if value is not None else []))
        case Assign(target=target, value=value):
            return (target, value)
        case For(lower=lower, upper=upper, pace=pace):
            return (lower, upper, *([pace] if pace is not None else []))
        case If(test=test):
            return (test,)
        case While(test=test) if test is not None:
            return (test,)
        case _:
            return ()


def mentioned(body: Iterable[Stmt]) -> frozenset[str]:
    """Return every identifier that occurs in the statements."""
    found: set[str] = set()
    for stmt in statements(body):
        for expr in expressions(stmt):
            found |= names(expr)
        if isinstance(stmt, Declare):
            found.add(stmt.name)
        elif isinstance(stmt, For):
            found.add(stmt.var)
        elif isinstance(stmt, (While, Raw)):
            found |= stmt.names
    return frozenset(found)


def written(body: Iterable[Stmt]) -> frozenset[str]:
    """Return names of scalars and arrays that the statements assign; opaque statements count for all they mention."""
    found: set[str] = set()
    for stmt in statements(body):
        if isinstance(stmt, Assign):
            found.add(root(stmt.target))
        elif isinstance(stmt, Declare):
            found.add(stmt.name)
        elif isinstance(stmt, For):
            found.add(stmt.var)
        elif isinstance(stmt, Raw) or (isinstance(stmt, While) and stmt.test is None):
            found |= stmt.names
    return frozenset(found)


def root(expr: Expr) -> str:
    """Return the name at the bottom of a place: `A` for `A[i][j]`; empty when there is none."""
    while isinstance(expr, (Index, Member, Un)):
        expr = expr.array if isinstance(expr, Index) else expr.inner
    return expr.name if isinstance(expr, Var) else ""


def map_expressions(stmt: Stmt, change: Callable[[Expr], Expr]) -> Stmt:
    """Return the statement with `change` applied to every expression in it and below."""
    match stmt:
        case Declare(value=value, extents=extents):
            new = None if value is None else change(value)
            return replace(stmt, value=new, extents=tuple(change(e) for e in extents))
        case Assign(target=target, op=op, value=value):
            return Assign(change(target), op, change(value))
        case For(lower=lower, upper=upper, body=body, pace=pace):
            inner = tuple(map_expressions(s, change) for s in body)
            new = None if pace is None else change(pace)
            return replace(stmt, lower=change(lower), upper=change(upper), body=inner, pace=new)
        case If(test=test, then=then, other=other):
            return If(
                change(test),
                tuple(map_expressions(s, change) for s in then),
                tuple(map_expressions(s, change) for s in other),
            )
        case While(body=body, test=test):
            inner = tuple(map_expressions(s, change) for s in body)
            return replace(stmt, body=inner, test=None if test is None else change(test))
        case _:
            return stmt


def bind(body: Iterable[Stmt], values: Mapping[str, Expr]) -> Body:
    """Replace variables by expressions in statements; bound loop variables must not be among them."""
    return tuple(map_expressions(s, lambda e: substitute(e, values)) for s in body)


def rename(body: Iterable[Stmt], new: Mapping[str, str]) -> Body:
    """Rename variables, their declarations and loop variables too."""
    values = {old: Var(name) for old, name in new.items()}

    def visit(stmt: Stmt) -> Stmt:
        if isinstance(stmt, Declare):
            stmt = replace(stmt, name=new.get(stmt.name, stmt.name))
        elif isinstance(stmt, For):
            stmt = replace(
                stmt,
                var=new.get(stmt.var, stmt.var),
                body=tuple(visit(s) for s in stmt.body),
            )
        elif isinstance(stmt, While):
            stmt = replace(stmt, body=tuple(visit(s) for s in stmt.body))
        elif isinstance(stmt, If):
            stmt = If(
                stmt.test, tuple(visit(s) for s in stmt.then), tuple(visit(s) for s in stmt.other)
            )
        return stmt

    return bind((visit(s) for s in body), values)


def splice_in(body: Body, old: Stmt, new: Iterable[Stmt]) -> Body:
    """Return the statements with the statement object `old` (by identity) replaced, at any depth."""
    out: list[Stmt] = []
    for stmt in body:
        if stmt is old:
            out += new
            continue
        match stmt:
            case For() | While():
                inner = splice_in(stmt.body, old, new)
                out.append(stmt if inner == stmt.body else replace(stmt, body=inner))
            case If(test=test, then=then, other=other):
                out.append(If(test, splice_in(then, old, new), splice_in(other, old, new)))
            case _:
                out.append(stmt)
    return tuple(out)


def int_value(expr: Expr) -> int | None:
    """Return the value of an integer literal, None for anything else."""
    if isinstance(expr, Num):
        digits = expr.text.rstrip("uUlL")
        return int(digits) if digits.isdigit() and (digits == "0" or digits[0] != "0") else None
    return None
