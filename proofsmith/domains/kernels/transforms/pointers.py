"""Subscripts in one form: rows that pointers name and arrays of arrays become plain elements of plain arrays."""

from dataclasses import replace

from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Cast,
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
    map_expressions,
    mentioned,
    names,
    rebuild,
    statements,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.lowering import Lowering
from proofsmith.domains.kernels.transforms.program import Kind, Program, kind
from proofsmith.tools.syntax import Parameter, parse


def plain(program: Program) -> Program:
    """Return the program with `row[j]` written as `A[i * n + j]`, and `A[i][j]` of a parameter `A[n][m]` likewise."""
    body = program.body
    for parameter in program.parameters:
        if len(parameter.extents) > 1:
            body = _flat(program.with_body(body), parameter)
    made = program if body is program.body else program.with_body(body)
    return made.with_body(_resolved(made.body, made.kinds()))


def _flat(program: Program, parameter: Parameter) -> Body:
    """Access a parameter of several dimensions through a flat pointer; unchanged when it is used in another way."""
    sizes = [_expression(text) for text in parameter.extents[1:]]
    if any(size is None for size in sizes):
        return program.body
    name = program.fresh(parameter.name + "_flat")
    known = [size for size in sizes if size is not None]

    def change(expr: Expr) -> Expr:
        indices, array = _indices(expr)
        if array == Var(parameter.name) and len(indices) == len(known) + 1:
            flat = change(indices[0])
            for size, index in zip(known, indices[1:], strict=True):
                flat = Bin("+", Bin("*", flat, size), change(index))
            return Index(Var(name), flat)
        return rebuild(expr, change)

    body = tuple(map_expressions(s, change) for s in program.body)
    if parameter.name in mentioned(body):
        return program.body
    qualifier = "const " if parameter.const else ""
    pointer = f"{qualifier}{parameter.type} *"
    return (Declare(pointer, name, Cast(pointer.strip(), Var(parameter.name))), *body)


def _expression(text: str) -> Expr | None:
    found = next(parse(f"int x = {text};").find("init_declarator"), None)
    value = found.field("value") if found is not None else None
    return Lowering().expr(value) if value is not None and text else None


def _indices(expr: Expr) -> tuple[list[Expr], Expr]:
    indices: list[Expr] = []
    while isinstance(expr, Index):
        indices.insert(0, expr.index)
        expr = expr.array
    return indices, expr


def _resolved(body: Body, kinds: dict[str, Kind]) -> Body:
    """Replace elements of local row pointers that never move by elements of the array they point into."""
    out: list[Stmt] = []
    rest = body
    while rest:
        stmt, rest = rest[0], rest[1:]
        match stmt:
            case For(body=inner) | While(body=inner):
                stmt = replace(stmt, body=_resolved(inner, kinds))
            case If(test=test, then=then, other=other):
                stmt = If(test, _resolved(then, kinds), _resolved(other, kinds))
            case Declare():
                target = _row(stmt, kinds)
                if target is not None and _stays(stmt, target, rest):
                    rest = _replaced(rest, stmt.name, target)
                    if stmt.name not in mentioned(rest):
                        continue
            case _:
                pass
        out.append(stmt)
    return tuple(out)


def _row(stmt: Declare, kinds: dict[str, Kind]) -> tuple[str, Expr] | None:
    """Read `type *row = A + offset` or `&A[offset]` into the array and the offset."""
    here = kind(stmt)
    if here.pointers != 1 or stmt.extents:
        return None
    match stmt.value:
        case Bin(op="+", left=Var(name=name), right=offset):
            pass
        case Un(op="&", inner=Index(array=Var(name=name), index=offset)):
            pass
        case _:
            return None
    return (name, offset) if kinds.get(name) == here else None


def _stays(stmt: Declare, target: tuple[str, Expr], rest: Body) -> bool:
    """Say whether neither the pointer nor what it is computed from is assigned later in the block."""
    assigned = (s.target for s in statements(rest) if isinstance(s, Assign))
    moved = any(target == Var(stmt.name) for target in assigned)
    loads = any(isinstance(p, Index) for p in walk(target[1]))
    return not moved and not loads and not names(target[1]) & written(rest)


def _replaced(body: Body, name: str, target: tuple[str, Expr]) -> Body:
    return tuple(map_expressions(s, lambda e: _through(e, name, target)) for s in body)


def _through(expr: Expr, name: str, target: tuple[str, Expr]) -> Expr:
    expr = rebuild(expr, lambda part: _through(part, name, target))
    if isinstance(expr, Index) and expr.array == Var(name):
        array, offset = target
        zero = Num("0")
        if zero in (offset, expr.index):
            return Index(Var(array), expr.index if offset == zero else offset)
        return Index(Var(array), Bin("+", offset, expr.index))
    return expr
