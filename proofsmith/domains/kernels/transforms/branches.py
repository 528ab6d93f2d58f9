"""Turn conditional assignments into selections, so that loops have straight-line bodies."""

from dataclasses import replace

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
    Stmt,
    Var,
    While,
    names,
    statements,
)
from proofsmith.domains.kernels.transforms.program import Program


def select(program: Program) -> Program | None:
    """Replace `if (test) x = e;` by `x = test ? e : x;` in the innermost loops; None when there is none."""
    body = _outer(program.body, program)
    return None if body == program.body else program.with_body(body)


def _outer(body: Body, program: Program) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner) | While(body=inner):
                deep = any(isinstance(s, (For, While)) for s in statements(inner))
                out.append(
                    replace(stmt, body=_outer(inner, program) if deep else _flatten(inner, program))
                )
            case If(test=test, then=then, other=other):
                out.append(If(test, _outer(then, program), _outer(other, program)))
            case _:
                out.append(stmt)
    return tuple(out)


def _flatten(body: Body, program: Program) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        chain = _chain(stmt) if isinstance(stmt, If) else None
        if chain is not None:
            out.append(chain)
        elif isinstance(stmt, If) and _plain(stmt.then) and _plain(stmt.other):
            out += _selected(stmt, program)
        else:
            out.append(stmt)
    return tuple(out)


def _plain(body: Body) -> bool:
    return all(isinstance(s, Assign) and isinstance(s.target, (Var, Index)) for s in body)


def _selected(stmt: If, program: Program) -> Body:
    """Return the selections; the test is computed once when an assignment changes what it reads."""
    test: Expr = stmt.test
    branches = (*stmt.then, *stmt.other)
    assigned = frozenset().union(*(names(s.target) for s in branches if isinstance(s, Assign)))
    out: list[Stmt] = []
    if len(branches) > 1 and assigned & names(test):
        name = program.fresh("chosen")
        out.append(Declare("const int", name, test))
        test = Var(name)
    for chosen, branch in ((True, stmt.then), (False, stmt.other)):
        for inner in branch:
            assert isinstance(inner, Assign)
            out.append(_guarded(inner, test, chosen=chosen))
    return tuple(out)


def _chain(stmt: If) -> Assign | None:
    """Read `if (p) x = a; else if (q) x = b; else x = c;` as one selection; None for anything else."""
    then, other = _only(stmt.then), _only(stmt.other)
    if then is None or other is None or (then.target, then.op) != (other.target, other.op):
        return None
    return Assign(then.target, then.op, Choice(stmt.test, then.value, other.value))


def _only(body: Body) -> Assign | None:
    """Return the one assignment that a branch amounts to."""
    if len(body) != 1:
        return None
    found = _chain(body[0]) if isinstance(body[0], If) else body[0]
    simple = isinstance(found, Assign) and isinstance(found.target, (Var, Index))
    return found if isinstance(found, Assign) and simple else None


def _guarded(stmt: Assign, test: Expr, *, chosen: bool) -> Assign:
    keep: Expr = Num("0") if stmt.op in ("+=", "-=", "|=", "^=") else stmt.target
    value = stmt.value
    if keep == stmt.target and stmt.op != "=":
        value = Bin(stmt.op[:-1], stmt.target, value)
    op = stmt.op if keep != stmt.target else "="
    return Assign(
        stmt.target, op, Choice(test, value, keep) if chosen else Choice(test, keep, value)
    )
