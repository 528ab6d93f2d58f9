"""Register tiling: the loops around a block of sums (unroll-and-jam); `tile_body` writes the block itself."""

from dataclasses import dataclass, replace

from proofsmith.domains.kernels.transforms.affine import constant_stride
from proofsmith.domains.kernels.transforms.contraction import Contraction, find
from proofsmith.domains.kernels.transforms.emission import expression, strip_head
from proofsmith.domains.kernels.transforms.ir import (
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
    names,
    splice_in,
    written,
)
from proofsmith.domains.kernels.transforms.program import Kind, Program, index_type
from proofsmith.domains.kernels.transforms.tile_body import Axis, Tile, extreme, least, moves
from proofsmith.domains.kernels.transforms.vectors import (
    ELEMENTS,
    NotVectorizable,
    horizontal_sum,
    lanes,
    typedef,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Copies of each tile loop: `rows` of the one that stays scalar, `columns` vectors of the wide one."""

    rows: int
    columns: int
    depth: int = 1
    """How often the vectorised reducing loop is unrolled, each with its own partial sums."""


def apply(program: Program, choices: tuple[tuple[str, Shape], ...]) -> Program | None:
    """Tile every contraction by the first of `choices` (mode and shape) that fits it; None when none fits.

    Modes: `columns` and `rows` vectorise along the inner or outer tile loop, so the order of each sum is kept;
    `depth` vectorises along the reducing loop and adds partial sums, which reorders them.
    """
    body, helpers = program.body, list[str]()
    for contraction in find(program.body):
        for mode, shape in choices:
            try:
                new, added = tiled(program.with_body(body), contraction, shape, mode)
            except NotVectorizable:
                continue
            body = splice_in(body, contraction.outermost, new)
            helpers += added
            break
    return program.with_body(body, *dict.fromkeys(helpers)) if helpers else None


def tiled(
    program: Program, contraction: Contraction, shape: Shape, mode: str
) -> tuple[Body, list[str]]:
    """Return the statements that replace the nest, and helper text; raises NotVectorizable."""
    kinds = program.kinds()
    element = _element(contraction, kinds)
    axes = _axes(program, contraction, shape, mode, lanes(element))
    _check_bounds(contraction, axes)
    body = _strips(_Nest(program, contraction, mode, element, shape.depth, kinds), axes, ())
    extra = [horizontal_sum(element)] if mode == "depth" else []
    return body, [typedef(element), *extra]


def _element(contraction: Contraction, kinds: dict[str, Kind]) -> str:
    """Return the one element type of all sums."""
    types = set()
    for total in contraction.sums:
        flat = isinstance(total.place, Index) and isinstance(total.place.array, Var)
        if not flat and not isinstance(total.place, Var):
            raise NotVectorizable(expression(total.place))
        name = total.place.array if isinstance(total.place, Index) else total.place
        known = kinds.get(name.name) if isinstance(name, Var) else None
        if known is None or known.pointers != int(flat):
            raise NotVectorizable(expression(total.place))
        types.add(known.type)
    if len(types) != 1 or not types <= ELEMENTS.keys():
        raise NotVectorizable("the sums have different types")
    return types.pop()


def _axes(
    program: Program, contraction: Contraction, shape: Shape, mode: str, lane_count: Expr
) -> list[Axis]:
    tiles = contraction.tiles
    wide = {"columns": len(tiles) - 1, "rows": len(tiles) - 2, "depth": len(tiles)}[mode]
    if wide < 0 or (mode == "depth" and tiles and shape.rows * shape.columns == 1):
        raise NotVectorizable("no tile loop to vectorise")
    axes: list[Axis] = []
    for position, loop in enumerate(tiles):
        copies = shape.columns if position == wide else shape.rows
        if mode == "depth":
            copies = shape.columns if position == len(tiles) - 1 else shape.rows
        size: Expr = Num(str(copies))
        if position == wide:
            size = lane_count if copies == 1 else Bin("*", size, lane_count)
        start = program.fresh(loop.var + "0", [a.start for a in axes])
        axes.append(Axis(loop, start, size, copies, position == wide))
    return axes


def _check_bounds(contraction: Contraction, axes: list[Axis]) -> None:
    """Accept bounds that are fixed in the nest, or that move by whole numbers with a single reducing loop."""
    tiled_vars = {a.loop.var for a in axes}
    changed = written((contraction.outermost,)) - tiled_vars
    reducing = [(r, b) for r in contraction.reducing for b in (r.lower, r.upper)]
    inner = [(a.loop, b) for a in axes[1:] for b in (a.loop.lower, a.loop.upper)]
    for loop, bound in reducing + inner:
        moving = names(bound) & tiled_vars
        if names(bound) & changed or any(constant_stride(bound, v) is None for v in moving):
            raise NotVectorizable(f"the bounds of {loop.var} are not affine")
        if moving and len(contraction.reducing) > 1 and loop in contraction.reducing:
            raise NotVectorizable(f"the bounds of {loop.var} move with the tile")


@dataclass(frozen=True, slots=True)
class _Nest:
    """What every strip of one contraction shares."""

    program: Program
    contraction: Contraction
    mode: str
    element: str
    depth: int
    kinds: dict[str, Kind]


def _strips(nest: _Nest, axes: list[Axis], done: tuple[Axis, ...]) -> Body:
    """Run full tiles along the next axis, then single-copy tiles, then the original loop over what is left.

    Inside an outer axis the leftovers run row by row.
    """
    if not axes:
        return Tile(
            nest.program, nest.contraction, list(done), nest.mode, nest.element, nest.depth
        ).body()
    axis, outer = axes[0], done[-1] if done else None
    loop = axis.loop
    low, high, out = loop.lower, loop.upper, list[Stmt]()
    if outer is not None:
        low = extreme(loop.lower, [outer], largest=True)
        high = extreme(loop.upper, [outer], largest=False)
        if moves(loop.lower, [outer]):
            out.append(_rows(outer, replace(loop, upper=least(low, loop.upper))))
    out.append(Declare(index_type(loop, nest.kinds), axis.start, low))
    tiles = _narrowing(axis, axes[1:], nest)
    for tile in tiles:
        head = strip_head(tile.start, tile.size, high)
        out.append(While(head, _strips(nest, axes[1:], (*done, tile))))
    if tiles[-1].size == Num("1") and high == loop.upper:
        return tuple(out)  # nothing is left, and code that never runs would count as untested
    rest = replace(loop, lower=Var(axis.start))
    return (*out, rest if outer is None else _rows(outer, rest))


def _narrowing(axis: Axis, inner: list[Axis], nest: _Nest) -> list[Axis]:
    """Return the tile sizes along an axis; rows of triangles have no narrow tile, which would hardly ever run."""
    bounds = [b for a in inner for b in (a.loop.lower, a.loop.upper)]
    triangle = any(axis.loop.var in names(b) for b in bounds)
    if axis.copies == 1 or nest.mode == "depth" or (triangle and not axis.wide):
        return [axis]
    return [axis, replace(axis, copies=1, size=lanes(nest.element) if axis.wide else Num("1"))]


def _rows(outer: Axis, inner: For) -> For:
    """Run the original inner loop for each row of the tile."""
    start = Var(outer.start)
    return replace(outer.loop, lower=start, upper=Bin("+", start, outer.size), body=(inner,))
