"""Normal forms: the same loops written so that other transformations recognise them."""

from collections.abc import Iterator
from dataclasses import replace

from proofsmith.domains.kernels.transforms.affine import stride
from proofsmith.domains.kernels.transforms.contraction import reduction_last
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Body,
    Declare,
    For,
    If,
    Index,
    Raw,
    Stmt,
    Var,
    While,
    expressions,
    mentioned,
    names,
    statements,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program


def localise(program: Program) -> Program:
    """Declare scalars in the innermost block that uses them, when that block assigns them first.

    `double t; for (...) { t = a[i]; s += t; }` becomes `for (...) { double t = a[i]; s += t; }`.
    """
    body = program.body
    for stmt in program.body:
        if isinstance(stmt, Declare) and stmt.value is None and not stmt.extents:
            rest = tuple(s for s in body if s is not stmt)
            moved = _sink(rest, stmt)
            if moved is not None:
                body = moved
    return program if body is program.body else program.with_body(body)


def _sink(body: Body, declared: Declare) -> Body | None:
    """Return the statements with the declaration moved inside; None when it must stay."""
    using = [s for s in body if declared.name in mentioned((s,))]
    if not using:
        return body
    first = using[0]
    if isinstance(first, Assign) and first.target == Var(declared.name) and first.op == "=":
        if declared.name in names(first.value):
            return None
        new: Stmt = replace(declared, value=first.value)
        return tuple(new if s is first else s for s in body)
    out = []
    for stmt in body:
        if stmt not in using:
            out.append(stmt)
            continue
        if not isinstance(stmt, For):
            return None
        if stmt.var == declared.name:
            if stmt.type:
                return None
            out.append(replace(stmt, type=declared.type))
            continue
        inner = (
            None
            if any(declared.name in names(e) for e in expressions(stmt))
            else _sink(stmt.body, declared)
        )
        if inner is None:
            return None
        out.append(replace(stmt, body=inner))
    return tuple(out)


def distribute(body: Body) -> Body:
    """Split every loop around loops and other statements into one loop for each, where nothing passes between them."""
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                inner = distribute(inner)
                groups = _groups(inner)
                whole = len(groups) < 2 or _linked(groups) or not _aligned(groups, stmt.var)
                out += [replace(stmt, body=g) for g in ([inner] if whole else groups)]
            case While(body=inner):
                out.append(replace(stmt, body=distribute(inner)))
            case If(test=test, then=then, other=other):
                out.append(If(test, distribute(then), distribute(other)))
            case _:
                out.append(stmt)
    return tuple(out)


def _groups(body: Body) -> list[Body]:
    """Return each loop alone and each run of other statements; one group when there is no loop."""
    groups: list[list[Stmt]] = []
    for stmt in body:
        if isinstance(stmt, For) or not groups or isinstance(groups[-1][-1], For):
            groups.append([stmt])
        else:
            groups[-1].append(stmt)
    loops = sum(isinstance(g[0], For) for g in groups)
    return [tuple(g) for g in groups] if loops else [body]


def _linked(groups: list[Body]) -> bool:
    """Say whether a scalar that one group sets is used in a later one, or something leaves the loop."""
    if any(isinstance(s, Raw) for g in groups for s in statements(g)):
        return True
    for position, group in enumerate(groups):
        scalars = {s.name for s in group if isinstance(s, Declare)}
        scalars |= {
            s.target.name
            for s in statements(group)
            if isinstance(s, Assign) and isinstance(s.target, Var)
        }
        later = frozenset().union(*(mentioned(g) for g in groups[position + 1 :]))
        if later & scalars:
            return True
    return False


def _aligned(groups: list[Body], var: str) -> bool:
    """Say whether every array that the groups share and write moves alike with the loop everywhere.

    Then one iteration of a group touches only what the same iteration of another one touches.
    """
    changed = frozenset().union(*(written(g) for g in groups))
    everywhere = [e for g in groups for s in statements(g) for e in expressions(s)]
    steps: dict[str, list[object]] = {}
    for expr in everywhere:
        for part in walk(expr):
            if (
                isinstance(part, Index)
                and isinstance(part.array, Var)
                and part.array.name in changed
            ):
                steps.setdefault(part.array.name, []).append(stride(part.index, var))
    return all(found[0] and all(f == found[0] for f in found) for found in steps.values())


def reduce_last(body: Body) -> Body:
    """Move reducing loops inside the others in every perfect nest."""
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                moved = reduction_last(stmt)
                out.append(moved if moved is not None else replace(stmt, body=reduce_last(inner)))
            case While(body=inner):
                out.append(replace(stmt, body=reduce_last(inner)))
            case _:
                out.append(stmt)
    return tuple(out)


def forms(program: Program) -> Iterator[tuple[str, Program]]:
    """Yield the program in its normal forms, most regular first, each once; names say what was done."""
    whole = localise(program)
    split = whole.with_body(distribute(whole.body))
    seen: set[str] = set()
    for label, form in (
        ("distribute, reduce innermost", split.with_body(reduce_last(split.body))),
        ("reduce innermost", whole.with_body(reduce_last(whole.body))),
        ("distribute", split),
        ("", whole),
    ):
        text = form.render()
        if text not in seen:
            seen.add(text)
            yield ("" if text == whole.render() else label), form
