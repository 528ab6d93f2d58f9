"""Tell the compiler what it cannot see: pointers that do not overlap, loops without carried dependences."""

from dataclasses import replace

from proofsmith.domains.kernels.transforms.affine import stride
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Body,
    For,
    If,
    Index,
    Stmt,
    While,
    statements,
)
from proofsmith.domains.kernels.transforms.program import Program
from proofsmith.tools.syntax import Edit, functions, parse, splice

IVDEP = "#pragma GCC ivdep"


def restrict(program: Program) -> Program | None:
    """Mark every pointer parameter as not overlapping the others; the function's type stays the same."""
    found = functions(parse(program.signature + "{}"))
    edits = []
    for parameter in found[-1].parameters if found else ():
        node = parameter.node
        if node is None or parameter.pointers != 1 or parameter.restrict or parameter.extents:
            continue
        name = [n for n in node.find("identifier") if n.text == parameter.name]
        if name:
            edits.append(Edit(name[-1].start, name[-1].start, "__restrict "))
    return replace(program, signature=splice(program.signature, edits)) if edits else None


def independent(program: Program) -> Program | None:
    """Declare the iterations of every innermost counted loop independent."""
    body = _mark(program.body)
    return None if body == program.body else program.with_body(body)


def _mark(body: Body) -> Body:
    return tuple(_marked(stmt) for stmt in body)


def _marked(stmt: Stmt) -> Stmt:
    match stmt:
        case For(body=inner):
            if any(isinstance(s, (For, While)) for s in statements(inner)):
                return replace(stmt, body=_mark(inner))
            if IVDEP in stmt.pragmas or _scatters(stmt):
                return stmt
            return replace(stmt, pragmas=(*stmt.pragmas, IVDEP))
        case While(body=inner):
            return replace(stmt, body=_mark(inner))
        case If(test=test, then=then, other=other):
            return If(test, _mark(then), _mark(other))
        case _:
            return stmt


def _scatters(loop: For) -> bool:
    """Say whether some store goes to a place that is not a straight line in the loop variable."""
    stores = [s.target for s in statements(loop.body) if isinstance(s, Assign)]
    places = [t for t in stores if isinstance(t, Index)]
    return any(not stride(place.index, loop.var) for place in places)
