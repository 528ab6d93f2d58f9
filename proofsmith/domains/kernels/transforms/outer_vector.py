"""Vectorise a loop around other loops: neighbouring iterations become lanes, several vectors hide latency."""

from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.affine import constant_stride
from proofsmith.domains.kernels.transforms.emission import leftovers, strip_head
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Cast,
    Declare,
    Expr,
    For,
    Index,
    Num,
    Stmt,
    Text,
    Un,
    Var,
    While,
    expressions,
    mentioned,
    root,
    splice_in,
    statements,
    substitute,
)
from proofsmith.domains.kernels.transforms.normal import localise
from proofsmith.domains.kernels.transforms.program import Kind, Program, index_type, kind
from proofsmith.domains.kernels.transforms.vectors import (
    ELEMENTS,
    NotVectorizable,
    Widener,
    lanes,
    typedef,
    vector_type,
)


def vectorise(program: Program, copies: int) -> Program | None:
    """Widen every loop that holds loops and whose iterations store side by side; None when there is none."""
    whole = localise(program)
    body, helpers = whole.body, list[str]()
    rests = leftovers(whole.body)
    for loop in [s for s in statements(whole.body) if isinstance(s, For) and s not in rests]:
        if loop.step != 1 or not any(isinstance(s, (For, While)) for s in statements(loop.body)):
            continue
        element = _element(whole, loop)
        if element is None:
            continue
        try:
            new = _Lanes(whole.with_body(body), loop, element, copies).strips()
        except NotVectorizable:
            continue
        if any(s is loop for s in statements(body)):
            body = splice_in(body, loop, new)
            helpers.append(typedef(element))
    return whole.with_body(body, *dict.fromkeys(helpers)) if helpers else None


def _element(program: Program, loop: For) -> str | None:
    """Return the one element type of all arrays that the loop stores side by side."""
    kinds = program.kinds()
    stores = [
        s.target
        for s in statements(loop.body)
        if isinstance(s, Assign) and isinstance(s.target, Index)
    ]
    types = {kinds[root(t)].type if root(t) in kinds else "" for t in stores}
    side_by_side = all(constant_stride(t.index, loop.var) == 1 for t in stores)
    if len(types) != 1 or not side_by_side or not types <= ELEMENTS.keys():
        return None
    return types.pop()


@dataclass(slots=True)
class _Lanes:
    """Writes the widened loop."""

    program: Program
    loop: For
    element: str
    copies: int

    def strips(self) -> Body:
        """Return wide strips, then the original loop over what is left."""
        start = self.program.fresh(self.loop.var + "0")
        kinds = self.program.kinds()
        kind_of = index_type(self.loop, kinds)
        count = lanes(self.element)
        out: list[Stmt] = [Declare(kind_of, start, self.loop.lower)]
        for copies in dict.fromkeys([self.copies, 1]):
            size: Expr = count if copies == 1 else Bin("*", Num(str(copies)), count)
            wide = self._widened(kinds, start, copies)
            out.append(While(strip_head(start, size, self.loop.upper), wide, mentioned(wide)))
        return (*out, replace(self.loop, lower=Var(start), pragmas=()))

    def _widened(self, kinds: dict[str, Kind], start: str, copies: int) -> Body:
        widener = Widener(self.loop.var, self.element, kinds)
        self._spread(widener)
        return tuple(self._block(self.loop.body, widener, start, copies))

    def _spread(self, widener: Widener) -> None:
        """Find every local whose value differs between lanes, through loops too."""
        local = {s.name: kind(s) for s in statements(self.loop.body) if isinstance(s, Declare)}
        for _ in range(len(local) + 1):
            for stmt in statements(self.loop.body):
                target, value = _set(stmt)
                if target in local and value is not None and widener.varies(value):
                    widener.expect(local[target].type)
                    widener.wide.add(target)

    def _block(self, body: Body, widener: Widener, start: str, copies: int) -> list[Stmt]:
        out: list[Stmt] = []
        for stmt in body:
            if isinstance(stmt, (For, While)):
                opaque = isinstance(stmt, While) and bool(stmt.head) and stmt.test is None
                if opaque or any(widener.varies(e) for e in expressions(stmt)):
                    raise NotVectorizable("lanes would take different paths")
                inner = tuple(self._block(stmt.body, widener, start, copies))
                out.append(replace(stmt, body=inner))
            else:
                out += self._copies(stmt, widener, start, copies)
        return out

    def _copies(self, stmt: Stmt, widener: Widener, start: str, copies: int) -> list[Stmt]:
        """Return one statement for each register copy; scalars that all lanes share stay single."""
        if not isinstance(stmt, (Declare, Assign)):
            raise NotVectorizable("only assignments have a vector form")
        target, _ = _set(stmt)
        stored = isinstance(stmt, Assign) and isinstance(stmt.target, Index)
        if not stored and target not in widener.wide:
            return [stmt]
        return [self._copy(stmt, widener, start, number) for number in range(copies)]

    def _copy(self, stmt: Declare | Assign, widener: Widener, start: str, number: int) -> Stmt:
        count = lanes(self.element)
        here: Expr = Var(start)
        if number:
            here = Bin("+", here, count if number == 1 else Bin("*", Num(str(number)), count))
        values: dict[str, Expr] = {n: Var(f"{n}_{number}") for n in widener.wide}
        values[self.loop.var] = here
        vector = vector_type(self.element)
        if isinstance(stmt, Declare):
            value = None
            if stmt.value is not None:
                value = substitute(widener.widen(stmt.value), values)
                if not widener.varies(stmt.value):
                    value = _broadcast(value, vector)
            return Declare(vector, f"{stmt.name}_{number}", value)
        given = widener.widen(stmt.value)
        value = substitute(given, values)
        if stmt.op == "=" and not widener.varies(stmt.value):
            value = _broadcast(value, vector)
        if isinstance(stmt.target, Var):
            return Assign(Var(f"{stmt.target.name}_{number}"), stmt.op, value)
        place = substitute(stmt.target, values)
        return Assign(Un("*", Cast(f"{vector} *", Un("&", place))), stmt.op, value)


def _set(stmt: Stmt) -> tuple[str, Expr | None]:
    """Return the scalar that a statement sets, and its new value."""
    if isinstance(stmt, Declare) and not stmt.extents:
        return stmt.name, stmt.value
    if isinstance(stmt, Assign) and isinstance(stmt.target, Var):
        return stmt.target.name, stmt.value if stmt.op == "=" else Bin("+", stmt.target, stmt.value)
    return "", None


def _broadcast(value: Expr, vector: str) -> Expr:
    """Return a vector with `value` in every lane."""
    return Bin("+", Text(f"({vector}){{0}}"), value)
