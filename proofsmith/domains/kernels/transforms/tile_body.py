"""The statements that compute one block of sums in vector registers."""

from dataclasses import dataclass, replace
from itertools import product

from proofsmith.domains.kernels.transforms.affine import constant_stride, plus
from proofsmith.domains.kernels.transforms.contraction import Contraction
from proofsmith.domains.kernels.transforms.emission import strip_head
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Call,
    Cast,
    Choice,
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
    map_expressions,
    names,
    substitute,
    swap,
)
from proofsmith.domains.kernels.transforms.program import Program, index_type
from proofsmith.domains.kernels.transforms.vectors import Widener, lanes, load, vector_type


@dataclass(frozen=True, slots=True)
class Axis:
    """A tile loop: the variable that holds the tile's first index, its size, and its register copies."""

    loop: For
    start: str
    size: Expr
    copies: int
    wide: bool

    @property
    def single(self) -> bool:
        """True when the tile is one iteration of this loop."""
        return self.copies == 1 and not self.wide

    def at(self, copy: int, lane_count: Expr) -> Expr:
        """Return the loop variable at a register copy."""
        if not self.wide or copy == 0:
            return plus(Var(self.start), copy)
        return Bin("+", Var(self.start), _times(copy, lane_count))


def _times(count: int, expr: Expr) -> Expr:
    return expr if count == 1 else Bin("*", Num(str(count)), expr)


def extreme(bound: Expr, axes: list[Axis], *, largest: bool) -> Expr:
    """Return the largest or smallest value that an affine bound takes over the tile."""
    for axis in axes:
        step = constant_stride(bound, axis.loop.var) or 0
        end: Expr = Var(axis.start)
        if step and (step > 0) == largest:
            size = int(axis.size.text) if isinstance(axis.size, Num) else None
            end = plus(end, size - 1) if size else plus(Bin("+", end, axis.size), -1)
        if step:
            bound = substitute(bound, {axis.loop.var: end})
    return bound


def moves(bound: Expr, axes: list[Axis]) -> bool:
    """Say whether a bound differs between the iterations of a tile."""
    return any(constant_stride(bound, a.loop.var) and not a.single for a in axes)


def least(a: Expr, b: Expr) -> Expr:
    """Return the smaller of two integer expressions."""
    return Choice(Bin("<", a, b), a, b)


class Tile:
    """Writes one block; scalar parts loop over the tile's elements, the main part holds it in registers."""

    def __init__(
        self,
        program: Program,
        contraction: Contraction,
        axes: list[Axis],
        mode: str,
        element: str,
        depth: int,
    ) -> None:
        """Choose names; `mode` is `columns`, `rows` or `depth`."""
        self.c, self.axes, self.element = contraction, axes, element
        self.deep = mode == "depth"
        self.depth = depth if self.deep else 1
        self.count = lanes(element)
        self.last = contraction.reducing[-1]
        self.kinds = program.kinds()
        taken = [a.start for a in axes]
        self.position = program.fresh(self.last.var + "0", taken)
        self.blocks = [f"block{i or ''}" for i, _ in enumerate(contraction.sums)]
        before = [s for s in contraction.before if isinstance(s, Declare) and not s.extents]
        self.declared = {s.name: s for s in before}
        self.places = [s.place for s in contraction.sums]
        sums = {p.name for p in self.places if isinstance(p, Var)}
        known = {n: s.value for n, s in self.declared.items() if s.value and n not in sums}
        self.inner = tuple(
            map_expressions(s, lambda e: _unfold(e, known)) for s in contraction.inner
        )

    def body(self) -> Body:
        """Return the statements of the tile."""
        low = extreme(self.last.lower, self.axes, largest=True)
        high = extreme(self.last.upper, self.axes, largest=False)
        out: list[Stmt] = []
        if self.axes:
            sizes = tuple(self.axes[i].size for i in self._layout())
            out += [Declare(self.element, block, None, sizes) for block in self.blocks]
            out += self._elements((*self.c.before, *self._keep()))
            if moves(self.last.lower, self.axes):
                out.append(self._partial(self.last.lower, least(low, self.last.upper)))
        out += self._main(low, high)
        out += self._finish()
        if self.deep or moves(self.last.upper, self.axes):
            return (*out, *self._tail())
        return (*out, *self._elements((*self._release(), *self.c.after)))

    # Element by element ----------------------------------------------------------------------

    def _elements(self, body: Body) -> Body:
        """Loop over the elements of the tile."""
        for axis in reversed(self.axes):
            start = Var(axis.start)
            body = (replace(axis.loop, lower=start, upper=Bin("+", start, axis.size), body=body),)
        return body

    def _cell(self, block: str) -> Expr:
        """Return the block's element for the current tile loop variables."""
        cell: Expr = Var(block)
        for position in self._layout():
            axis = self.axes[position]
            cell = Index(cell, Bin("-", Var(axis.loop.var), Var(axis.start)))
        return cell

    def _layout(self) -> list[int]:
        """Return the order of the block's dimensions: the wide one last, so that vectors are contiguous."""
        return sorted(range(len(self.axes)), key=lambda i: self.axes[i].wide)

    def _keep(self) -> Body:
        pairs = zip(self.blocks, self.places, strict=True)
        return tuple(Assign(self._cell(block), "=", place) for block, place in pairs)

    def _release(self) -> Body:
        """Restore the variables of the original iteration, each sum from its block."""
        cells = dict(zip(self.places, map(self._cell, self.blocks), strict=True))
        out: list[Stmt] = []
        for stmt in self.declared.values():
            out.append(replace(stmt, value=cells.pop(Var(stmt.name), stmt.value)))
        return (*out, *(Assign(place, "=", cell) for place, cell in cells.items()))

    def _blocked(self) -> Body:
        """Return the repeated statements with each sum kept in its block."""
        body = self.inner
        for place, block in zip(self.places, self.blocks, strict=True):
            cell = self._cell(block)
            body = tuple(map_expressions(s, lambda e, p=place, c=cell: swap(e, p, c)) for s in body)  # type: ignore[misc]
        return body

    def _partial(self, low: Expr, high: Expr) -> Stmt:
        """Reduce from `low` to `high` on the blocks; along the last tile loop inside when bounds allow."""
        loop = replace(self.last, lower=low, upper=high, body=self._blocked())
        if not self._together(low, high):
            return self._elements((loop,))[0]
        start = Var(self.axes[-1].start)
        last = replace(
            self.axes[-1].loop,
            lower=start,
            upper=Bin("+", start, self.axes[-1].size),
            body=loop.body,
        )
        body: Body = (replace(loop, body=(last,)),)
        if len(self.axes) == 2:
            start = Var(self.axes[0].start)
            rows = Bin("+", start, self.axes[0].size)
            body = (replace(self.axes[0].loop, lower=start, upper=rows, body=body),)
        return body[0]

    def _together(self, *bounds: Expr) -> bool:
        """Say whether all columns of a row share the bounds."""
        return not self.deep and not any(self.axes[-1].loop.var in names(b) for b in bounds)

    def _tail(self) -> Body:
        """Finish each sum and run what follows it, in the original order of rows."""
        rest = replace(self.last, lower=Var(self.position), body=self.inner)
        if not self.axes:
            return (rest,)
        if not self._together(rest.upper):
            return self._elements((*self._release(), rest, *self.c.after))
        column, row = self.axes[-1], self.axes[0]
        start = Var(column.start)
        across = replace(column.loop, lower=start, upper=Bin("+", start, column.size))
        body: Body = (
            replace(rest, body=(replace(across, body=self._blocked()),)),
            replace(across, body=(*self._release(), *self.c.after)),
        )
        if len(self.axes) == 1:
            return body
        start = Var(row.start)
        return (replace(row.loop, lower=start, upper=Bin("+", start, row.size), body=body),)

    # In registers ----------------------------------------------------------------------------

    def _copies(self) -> list[tuple[int, ...]]:
        return list(product(*(range(a.copies) for a in self.axes)))

    def _register(self, total: int, copy: tuple[int, ...], deep: int) -> str:
        return "_".join(
            [f"sum{total or ''}", *map(str, copy), *([str(deep)] if self.depth > 1 else [])]
        )

    def _corner(self, block: str, copy: tuple[int, ...]) -> Expr:
        """Return the block's element where a register copy starts."""
        cell: Expr = Var(block)
        for position in self._layout():
            axis, number = self.axes[position], copy[position]
            index: Expr = Num(str(number))
            if axis.wide and number:
                index = _times(number, self.count)
            cell = Index(cell, index)
        return cell

    def _main(self, low: Expr, high: Expr) -> Body:
        vector = vector_type(self.element)
        out: list[Stmt] = []
        for total, block in enumerate(self.blocks):
            for copy, deep in product(self._copies(), range(self.depth)):
                value = load(self._corner(block, copy), self.element)
                if self.deep:
                    value = Text(f"({vector}){{0}}")
                out.append(Declare(vector, self._register(total, copy, deep), value))
        kind = index_type(self.last, self.kinds)
        loops: list[Stmt] = [Declare(kind, self.position, low)]
        for unrolled in dict.fromkeys([self.depth, 1]):
            step = _times(unrolled, self.count) if self.deep else Num("1")
            head = strip_head(self.position, step, high)
            loops.append(While(head, self._vector_body(unrolled)))
        for loop in reversed(self.c.reducing[:-1]):
            loops = [replace(loop, body=tuple(loops))]
        return (*out, *loops)

    def _vector_body(self, unrolled: int) -> Body:
        out: list[Stmt] = []
        for deep in range(unrolled):
            for copy in self._copies():
                out += self._copy(copy, deep)
        return tuple(out)

    def _copy(self, copy: tuple[int, ...], deep: int) -> Body:
        """Return the repeated statements for one register copy."""
        wide = self.last.var if self.deep else next(a.loop.var for a in self.axes if a.wide)
        widener = Widener(wide, self.element, dict(self.kinds))
        position: Expr = Var(self.position)
        if deep:
            position = Bin("+", position, _times(deep, self.count))
        values: dict[str, Expr] = {self.last.var: position}
        for axis, number in zip(self.axes, copy, strict=True):
            values[axis.loop.var] = axis.at(number, self.count)
        suffix = "_" + "_".join(map(str, (*copy, deep)))
        out: list[Stmt] = []
        for stmt in self.inner:
            if isinstance(stmt, Declare) and stmt.value is not None:
                value = substitute(widener.widen(stmt.value), values)
                varies = widener.varies(stmt.value)
                if varies:
                    widener.wide.add(stmt.name)
                    widener.expect(stmt.type)
                out.append(
                    Declare(
                        vector_type(self.element) if varies else stmt.type,
                        stmt.name + suffix,
                        value,
                    )
                )
                values[stmt.name] = Var(stmt.name + suffix)
        for total, found in enumerate(self.c.sums):
            source = next(s for s in self._assigned() if s.target == found.place)
            again = type(found)(found.place, found.op, _addend(source, found.op), source)
            value = substitute(widener.widen(again.value), values)
            out.append(Assign(Var(self._register(total, copy, deep)), again.op + "=", value))
        return tuple(out)

    def _assigned(self) -> list[Assign]:
        return [s for s in self.inner if isinstance(s, Assign)]

    def _finish(self) -> Body:
        """Store the registers into the blocks, or add their lanes to the sums."""
        out: list[Stmt] = []
        for total, block in enumerate(self.blocks):
            for copy in self._copies():
                registers = [self._register(total, copy, d) for d in range(self.depth)]
                cell = self._corner(block, copy) if self.axes else self.places[total]
                if not self.deep:
                    place = Un("*", Cast(f"{vector_type(self.element)} *", Un("&", cell)))
                    out.append(Assign(place, "=", Var(registers[0])))
                    continue
                value: Expr = Var(registers[0])
                for other in registers[1:]:
                    value = Bin("+", value, Var(other))
                name = "sum_" + self.element.replace(" ", "_")
                out.append(Assign(cell, "+=", Call(name, (value,))))
        return tuple(out)


def _addend(stmt: Assign, op: str) -> Expr:
    """Return what an accumulating statement adds or subtracts."""
    if stmt.op != "=" or not isinstance(stmt.value, Bin):
        return stmt.value
    return stmt.value.right if stmt.value.left == stmt.target else stmt.value.left


def _unfold(expr: Expr, known: dict[str, Expr]) -> Expr:
    """Replace locals by their values until none is left."""
    for _ in range(len(known) + 1):
        if not names(expr) & known.keys():
            break
        expr = substitute(expr, known)
    return expr
