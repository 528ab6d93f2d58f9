"""Guess the contract of a kernel without a header from its signature, loops and subscripts; write it as TOML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from proofsmith.domains.kernels import header, polynomials, usage
from proofsmith.domains.kernels.contract import (
    Access,
    Array,
    Contract,
    Element,
    Scalar,
    Size,
    Tolerance,
    names,
    number,
)
from proofsmith.domains.kernels.guarding import split_off
from proofsmith.domains.kernels.polynomials import Polynomial
from proofsmith.domains.kernels.usage import Freedom
from proofsmith.errors import UsageError
from proofsmith.tools import loopnest, syntax

_MEASURE = {1: 65536, 2: 512, 3: 128}
_TEST = {True: (0, 1, 2, 5), False: header.DEFAULT_TEST}
_ROW = 4
"""Elements that a row of a sparse matrix has on average."""
MOST_FACTORS = 3
"""Sizes in the shape of an array about which nothing is known."""
_RANGE = {"float": ("-2", "2"), "int": ("0", "10"), "uint": ("0", "10")}


@dataclass(slots=True)
class _Bounds:
    """What is known of loop variables: smallest and largest value as polynomials over parameters."""

    low: dict[str, Polynomial] = field(default_factory=dict)
    high: dict[str, Polynomial] = field(default_factory=dict)


def infer(function: syntax.Function, types: Mapping[str, str]) -> Contract:
    """Return a contract that calls of `function` can be tried with; what it assumes is written by `render`.

    Raises UsageError for parameters whose type no contract can describe.
    """
    elements = header.elements(function, types)
    pointers = [p.name for p in function.parameters if p.pointers]
    loops = tuple(_every_loop(function.body))
    used = loopnest.subscripts(function.body)
    limiting = _limiting(loops, used)
    written = " ".join(e for p in function.parameters for e in p.extents)
    sizes = [
        n
        for n, e in elements.items()
        if n not in pointers and e.kind != "float" and (n in limiting or n in written)
    ]
    shapes = {
        p.name: _shape(p, sizes, loops, [s for s in used if s.array == p.name])
        for p in function.parameters
        if p.pointers
    }
    for name in [n for n, shape in shapes.items() if shape is None]:
        if usage.only_pointed_at(function.body, name):
            shapes[name] = "1"
            continue
        indexed = sizes and any(s.array == name for s in used)
        shapes[name] = sizes[0] if indexed else _guess(name, elements, pointers)
        sizes += [n for n in elements if n in names(shapes[name] or "") and n not in sizes]
    arrays = {
        p.name: _array(p, elements[p.name], function, shapes, used)
        for p in function.parameters
        if p.pointers
    }
    starts = {usage.offsets_of(loop) for loop in loops} if sizes else set()
    for name in [n for n in arrays if n in starts]:
        arrays[name] = replace(arrays[name], structure="offsets", into=f"{_ROW}*{sizes[0]}")
    shaped = {n for a in arrays.values() for n in names(a.shape)}
    radii = usage.radii(loops, sizes)
    tops = dict.fromkeys(radii, usage.largest_radius([n for n in sizes if n in shaped - radii]))
    extents = [len(names(a.shape)) for a in arrays.values()]
    depth = max([1, *map(_depth, loops), *extents])
    windows = {n for e in loops if e.offset is not None for n in loopnest.names(e.offset)}
    extending = shaped - windows if arrays else set(sizes)
    floats = any(elements[a].kind == "float" for a in arrays) or "float" in function.result
    result = header.result_of(function, types)
    exact = not floats and (result is None or result.kind != "float")
    return Contract(
        entry=function.name,
        result=result,
        parameters=tuple(elements),
        sizes={n: _size(n, elements[n], n in extending, depth, tops.get(n)) for n in sizes},
        arrays=arrays,
        scalars={
            n: _scalar(n, e, usage.freedom(function.body, n))
            for n, e in elements.items()
            if n not in pointers and n not in sizes
        },
        tolerance=Tolerance(policy="exact" if exact else "reassociate"),
        inferred=True,
    )


def _limiting(loops: Sequence[loopnest.Loop], used: Sequence[loopnest.Subscript]) -> frozenset[str]:
    """Return the names that say where loops begin and end, and where subscripts reach."""
    ends = [part for loop in loops for part in (loop.start, loop.bound, loop.offset) if part]
    return frozenset().union(*map(loopnest.names, [*ends, *(i for s in used for i in s.indices)]))


def _every_loop(node: syntax.Node) -> list[loopnest.Loop]:
    return [loop for n in node.find("for_statement") if (loop := _loop(n)) is not None]


def _loop(node: syntax.Node) -> loopnest.Loop | None:
    uneven = loopnest.uneven(node)
    return uneven.loop if uneven is not None else loopnest.counted(node)


def _depth(loop: loopnest.Loop) -> int:
    return 1 + max((_depth(inner) for inner in loop.inner), default=0)


def _size(name: str, element: Element, shapes: bool, depth: int, top: str | None) -> Size:
    small = top is not None or not shapes
    measure = 5 if small else min(_MEASURE.get(depth, 32), element.limits[1])
    return Size(name=name, element=element, test=_TEST[small], measure=measure, maximum=top)


def _scalar(name: str, element: Element, freedom: Freedom) -> Scalar:
    """Let integers that only enter sums, products and comparisons take any value of their type."""
    low, high = _RANGE[element.kind]
    if element.kind == "float" or freedom is Freedom.NONE:
        return Scalar(name=name, element=element, low=low, high=high)
    if freedom is Freedom.SOME:
        return Scalar(name=name, element=element, low="0", high="100")
    return Scalar(name=name, element=element)


def _guess(array: str, elements: Mapping[str, Element], pointers: Sequence[str]) -> str:
    """Return a shape for an array whose subscripts do not tell it: the count behind it, else the product of all."""
    order = list(elements)
    counts = [n for n, e in elements.items() if n not in pointers and e.kind != "float"]
    behind = order[order.index(array) + 1 :][:1]
    return "*".join([n for n in behind if n in counts] or counts[:MOST_FACTORS]) or "1"


def _array(
    parameter: syntax.Parameter,
    element: Element,
    function: syntax.Function,
    shapes: Mapping[str, str | None],
    used: tuple[loopnest.Subscript, ...],
) -> Array:
    own = [s for s in used if s.array == parameter.name]
    low, high = None, None
    feeding = [s for s in used if any(_subscripted(i, parameter.name) for i in s.indices)]
    if feeding and element.kind != "float":
        low, high = "0", f"{shapes.get(feeding[0].array) or '1'} - 1"
    return Array(
        name=parameter.name,
        element=element,
        shape=shapes[parameter.name] or "1",
        access=_access(parameter, own, function),
        low=low,
        high=high,
    )


def _subscripted(index: syntax.Node, array: str) -> bool:
    return any(s.array == array for s in loopnest.subscripts(index))


def _access(
    parameter: syntax.Parameter, own: list[loopnest.Subscript], function: syntax.Function
) -> Access:
    if parameter.const:
        return "in"
    starred = [n for n in function.body.find("pointer_expression") if parameter.name in n.text]
    passed = any(a.text == parameter.name for c in syntax.calls(function.body) for a in c.arguments)
    if starred or passed or not own:
        return "inout"
    if not any(s.written for s in own):
        return "in"
    return "inout" if any(s.read for s in own) else "out"


def _shape(
    parameter: syntax.Parameter,
    sizes: list[str],
    loops: tuple[loopnest.Loop, ...],
    own: list[loopnest.Subscript],
) -> str | None:
    """Return an expression for the number of elements, None when nothing tells it."""
    extents = parameter.extents
    if extents and all(extents) and all(_plain(e, sizes) for e in extents):
        return "*".join(e if e.isalnum() else f"({e})" for e in extents)
    every = (_reach(s, extents, _bounds(_around(s, loops), sizes), sizes) for s in own)
    reaches = [r for r in every if r is not None]
    if not reaches:
        return None
    trial = {n: 101 + 2 * i for i, n in enumerate(sizes)}
    return max((polynomials.written(r) for r in reaches), key=lambda text: number(text, trial))


def _around(used: loopnest.Subscript, loops: Sequence[loopnest.Loop]) -> list[loopnest.Loop]:
    """Return the loops that hold a subscript, outermost first: other loops may use the same variables."""
    return [v for v in loops if v.node.start <= used.node.start and used.node.end <= v.node.end]


def _plain(text: str, sizes: list[str]) -> bool:
    try:
        return names(text) <= set(sizes)
    except UsageError:
        return False


def _bounds(loops: Sequence[loopnest.Loop], sizes: list[str]) -> _Bounds:
    """Resolve loop bounds from the outermost loops inwards."""
    known = _Bounds()
    for loop in loops:
        first = polynomials.of(loop.start)
        last = polynomials.of(loop.bound)
        beyond = polynomials.of(loop.offset) if loop.offset is not None else {}
        rising = loop.relation in ("<", "<=")
        if sizes and usage.offsets_of(loop) is not None:
            known.low[loop.variable], known.high[loop.variable] = {}, {(sizes[0],): _ROW, (): -1}
        if first is None or last is None or beyond is None:
            continue
        last = polynomials.add(last, {product: -factor for product, factor in beyond.items()})
        if loop.relation in ("<", ">"):
            last = polynomials.add(last, {(): -1 if rising else 1})
        down, up = (first, last) if rising else (last, first)
        low, high = _extreme(down, known, sizes, top=False), _extreme(up, known, sizes, top=True)
        if low is None or high is None:
            continue
        if loop.variable not in known.high or _larger(high, known.high[loop.variable], sizes):
            known.high[loop.variable] = high
        known.low.setdefault(loop.variable, low)
    return known


def _larger(a: Polynomial, b: Polynomial, sizes: list[str]) -> bool:
    trial = {n: 101 + 2 * i for i, n in enumerate(sizes)}
    return number(polynomials.written(a), trial) > number(polynomials.written(b), trial)


def _reach(
    used: loopnest.Subscript, extents: tuple[str, ...], bounds: _Bounds, sizes: list[str]
) -> Polynomial | None:
    """Return one past the largest element index that a subscript reaches."""
    position: Polynomial = {}
    for depth, index in enumerate(used.indices):
        one = polynomials.of(index)
        if one is None:
            return None
        if depth:
            extent = extents[depth] if depth < len(extents) else ""
            scale = polynomials.of_text(extent) if extent else None
            if scale is None:
                return None
            position = polynomials.multiply(position, scale)
        position = polynomials.add(position, one)
    free, known = split_off(position, used.node, sizes)
    top = _extreme(free, bounds, sizes, top=True)
    return polynomials.add(polynomials.add(top, known), {(): 1}) if top is not None else None


def _extreme(p: Polynomial, bounds: _Bounds, sizes: list[str], *, top: bool) -> Polynomial | None:
    """Replace loop variables by their largest (`top`) or smallest values."""
    total: Polynomial = {}
    for product, factor in p.items():
        side = bounds.high if (factor > 0) == top else bounds.low
        value: Polynomial = {(): factor}
        for name in product:
            if name not in sizes and name not in side:
                return None
            value = polynomials.multiply(value, {(name,): 1} if name in sizes else side[name])
        total = polynomials.add(total, value)
    return total


def render(contract: Contract) -> str:
    """Write a contract as the block comment that `header.text_of` finds."""
    lines = [header.OPENING, f'entry = "{contract.entry}"']
    if contract.sizes:
        lines.append("[sizes]")
    for size in contract.sizes.values():
        top = f', max = "{size.maximum}"' if size.maximum is not None else ""
        lines.append(f"{size.name} = {{ test = {list(size.test)}, measure = {size.measure}{top} }}")
    if contract.arrays:
        lines.append("[arrays]")
    for array in contract.arrays.values():
        bounds = f', range = [{array.low}, "{array.high}"]' if array.high is not None else ""
        if array.into is not None:
            bounds += f', structure = "{array.structure}", into = "{array.into}"'
        shape = f'shape = "{array.shape}", access = "{array.access}"'
        lines.append(f"{array.name} = {{ {shape}{bounds} }}")
    if contract.scalars:
        lines.append("[scalars]")
    for scalar in contract.scalars.values():
        span = f"range = [{scalar.low}, {scalar.high}]" if scalar.low is not None else ""
        lines.append(f"{scalar.name} = {{ {span} }}")
    lines += ["[tolerance]", f'policy = "{contract.tolerance.policy}"', "*/"]
    return "\n".join(lines) + "\n"
