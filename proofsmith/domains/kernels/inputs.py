"""Generate the contents of arrays and scalars that a contract allows: random, edge, structured and planted values."""

import itertools
import math
import random
import struct
from array import array as Buffer
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from proofsmith.domains.kernels.contract import Array, Contract, Element, Scalar, number
from proofsmith.domains.kernels.jobs import Case, typecode

_LAYOUT = {8: (0x803FFFFFFFFFFFFF, 1020 << 52), 4: (0x81FFFFFF, 124 << 23)}
_NONFINITE = (math.nan, math.inf, -math.inf)
_EXTREME = {8: (1.7976931348623157e308, 1e300), 4: (3.4028234663852886e38, 1e35)}
_TINY = {
    8: (5e-324, 2.225073858507201e-308, 2.2250738585072014e-308),
    4: (1.401298464324817e-45, 1.1754942106924411e-38, 1.1754943508222875e-38),
}
_NEAR = {8: 2.0**-52, 4: 2.0**-23}
_ORDINARY = (0.0, -0.0, 1.0, -1.0, 0.1, 1.0000000000000002, 3.0, 4503599627370497.0)


class Style(StrEnum):
    """How the values of one call are chosen."""

    PLAIN = "random"
    WIDE = "wide"
    ZEROS = "zeros"
    CONSTANT = "constant"
    ASCENDING = "sorted"
    DESCENDING = "reversed"
    TIES = "ties"
    NEAR_TIES = "values a few roundings apart"
    ONE_SPECIAL = "one special value"
    PAIRED = "special values in the same place"
    OPPOSED = "zeros against one infinity or NaN"
    SPECIAL = "special values"
    TINY = "denormals"
    PLANTED = "planted constants"
    FILLED = "filled with a constant"


class Generator:
    """Fills cases; equal seeds give equal cases."""

    def __init__(
        self, contract: Contract, rng: random.Random, constants: Sequence[int | float] = ()
    ) -> None:
        """Draw from `rng`; `constants` are what PLANTED and FILLED use."""
        self._contract = contract
        self._rng = rng
        self._constants = tuple(constants) or (0,)
        self._zeroed = itertools.cycle(n for n, a in contract.arrays.items() if _read_float(a))

    def case(
        self,
        sizes: Mapping[str, int],
        style: Style = Style.PLAIN,
        *,
        low: bool = False,
        same: Mapping[str, str] | None = None,
        filler: int | float | None = None,
    ) -> Case:
        """Return one call at `sizes`; `filler` is the constant that FILLED uses."""
        place = self._rng.random()
        constant = self._rng.choice(self._constants) if filler is None else filler
        zeroed = next(self._zeroed, "") if style is Style.OPPOSED else ""
        arrays = {
            name: self._array(a, sizes, Style.ZEROS if name == zeroed else style, place, constant)
            for name, a in self._contract.arrays.items()
            if a.access != "out"
        }
        scalars = {
            name: self._scalar(s, sizes, style, constant)
            for name, s in self._contract.scalars.items()
        }
        return Case(
            label=str(style),
            sizes=dict(sizes),
            scalars=scalars,
            arrays=arrays,
            same=dict(same or {}),
            low=low,
        )

    def _array(
        self, array: Array, sizes: Mapping[str, int], style: Style, place: float, constant: float
    ) -> bytes:
        count = self._contract.elements(array, sizes)
        if array.structure not in ("any", "sorted"):
            return self._structured(array, sizes, count, style)
        values = self._values(array, sizes, count, style, place, constant)
        if array.structure == "sorted":
            values = pack(array.element, sorted(unpack(array.element, values)))
        return values

    def _values(
        self,
        array: Array,
        sizes: Mapping[str, int],
        count: int,
        style: Style,
        place: float,
        constant: float,
    ) -> bytes:
        element, (low, high) = array.element, bounds(array, sizes)
        legal = Legal(element, low, high, finite=array.finite)
        rng = self._rng
        match style:
            case Style.ZEROS:
                return pack(element, [legal.nearest(0)] * count)
            case Style.CONSTANT:
                return self._random(element, low, high, 1) * count
            case Style.FILLED:
                return pack(element, [legal.nearest(constant)] * count)
            case Style.ASCENDING | Style.DESCENDING:
                drawn = unpack(element, self._random(element, low, high, count))
                return pack(element, sorted(drawn, reverse=style is Style.DESCENDING))
            case Style.TIES | Style.NEAR_TIES:
                few = self._shared(element, low, high, place)
                if style is Style.NEAR_TIES and element.kind == "float":
                    near = [v * (1 + s * _NEAR[element.bytes]) for v in few for s in (-3, -1, 1, 2)]
                    few += [v for v in near if legal.allows(v)]
                return pack(element, rng.choices(few, k=count))
            case Style.WIDE:
                return self._wide(element, low, high, count)
            case Style.TINY if element.kind == "float":
                tiny = [s * v for v in (0.0, *_TINY[element.bytes]) for s in (1, -1, 3)]
                pool = [v for v in tiny if legal.allows(v)]
                return pack(element, rng.choices(pool or [legal.nearest(0)], k=count))
            case _:
                ordinary = self._random(element, low, high, count)
                return self._sprinkled(element, ordinary, legal, style, place)

    def _sprinkled(
        self, element: Element, drawn: bytes, legal: "Legal", style: Style, place: float
    ) -> bytes:
        """Put remarkable values or planted constants among random ones; `place` is 0..1 of the way."""
        rng, values, count = self._rng, bytearray(drawn), len(drawn) // element.bytes
        chosen = legal.specials()
        if style is Style.PLANTED:
            chosen = [v for c in self._constants for v in neighbours(element, c) if legal.allows(v)]
        if style is Style.OPPOSED:
            chosen = [v for v in chosen if not math.isfinite(v)] or chosen
        if style in (Style.ONE_SPECIAL, Style.PAIRED, Style.OPPOSED) and count:
            where = place if style is Style.PAIRED else rng.random()
            _put(element, values, int(where * count), rng.choice(chosen))
        share = {Style.SPECIAL: 0.5, Style.PLANTED: 0.3}.get(style, 0.0)
        if share and chosen:
            for index in range(count):
                if rng.random() < share:
                    _put(element, values, index, rng.choice(chosen))
        return bytes(values)

    def _shared(
        self, element: Element, low: float | None, high: float | None, place: float
    ) -> list[int | float]:
        """Return three values that are the same for every array of a case that has this type and range."""
        own, self._rng = self._rng, random.Random(place)
        try:
            return unpack(element, self._random(element, low, high, 3))
        finally:
            self._rng = own

    def _random(self, element: Element, low: float | None, high: float | None, count: int) -> bytes:
        """Draw uniformly from a range; floats without one have random signs and magnitudes in [1/8, 2)."""
        rng = self._rng
        if low is not None and high is not None:
            if element.kind == "float":
                span = high - low
                return pack(element, [low + span * rng.random() for _ in range(count)])
            return pack(
                element, rng.choices(range(int(low), max(int(low), int(high)) + 1), k=count)
            )
        if element.kind == "float":
            keep, fixed = _LAYOUT[element.bytes]
            width = element.bytes
            mask = int.from_bytes(keep.to_bytes(width, "little") * count, "little")
            base = int.from_bytes(fixed.to_bytes(width, "little") * count, "little")
            bits = rng.getrandbits(8 * width * count) if count else 0
            return (bits & mask | base).to_bytes(width * count, "little")
        if element.kind == "uint" or element.bytes == 1:
            return self._raw(element, count)
        return pack(element, rng.choices(range(-100, 101), k=count))

    def _raw(self, element: Element, count: int) -> bytes:
        data = self._rng.randbytes(element.bytes * count)
        return bytes(b & 1 for b in data) if element.ctype == "_Bool" else data

    def _wide(self, element: Element, low: float | None, high: float | None, count: int) -> bytes:
        """Spread magnitudes over many orders, and integers over their whole type."""
        if low is not None or high is not None:
            return self._random(element, low, high, count)
        if element.kind != "float":
            return self._raw(element, count)
        rng, reach = self._rng, 20 if element.bytes == 8 else 8
        return pack(
            element,
            [math.ldexp(rng.uniform(-1, 1), rng.randint(-reach, reach)) for _ in range(count)],
        )

    def _structured(
        self, array: Array, sizes: Mapping[str, int], count: int, style: Style
    ) -> bytes:
        rng, element = self._rng, array.element
        low, high = bounds(array, sizes)
        match array.structure:
            case "offsets":
                total = int(number(array.into or "0", sizes))
                return pack(element, _offsets(rng, count, total, style))
            case "permutation":
                start = int(low or 0)
                order = list(range(start, start + count))
                if style is Style.DESCENDING:
                    order.reverse()
                elif style is not Style.ASCENDING:
                    rng.shuffle(order)
                return pack(element, order)
            case "text":
                return pack(element, _text(rng, count, style))
            case _:
                side = math.isqrt(count)
                rest = pack(element, [0.0] * (count - side * side))
                return self._matrix(element, side, array.structure) + rest

    def _matrix(self, element: Element, side: int, structure: str) -> bytes:
        """Return a well-conditioned square matrix of the named structure, row by row."""
        width, row = element.bytes, side * element.bytes
        data = bytearray(self._random(element, None, None, side * side))
        if structure == "lower":
            # Off the diagonal a sum of squares below 1 on average keeps the inverse of moderate size.
            small = 2.0 ** -math.ceil(math.log2(max(1, side)) / 2)
            data = bytearray(self._random(element, -small, small, side * side))
        if structure == "spd":
            for i in range(side):
                column = range(i * width, i * row + i * width, row)
                mirrored = b"".join(data[at : at + width] for at in column)
                data[i * row : i * row + len(mirrored)] = mirrored
        for i in range(side):
            at = i * row + i * width
            top = self._rng.uniform(1, 2) if structure == "lower" else 2 * side + self._rng.random()
            data[at : at + width] = pack(element, [top])
            if structure == "lower":
                data[at + width : (i + 1) * row] = bytes(row - (i + 1) * width)
        return bytes(data)

    def _scalar(
        self, scalar: Scalar, sizes: Mapping[str, int], style: Style, constant: float
    ) -> int | float:
        rng, element = self._rng, scalar.element
        low, high = bounds(scalar, sizes)
        legal = Legal(element, low, high, finite=False)
        if style in (Style.PLANTED, Style.FILLED):
            near = [v for v in neighbours(element, constant) if legal.allows(v)]
            if near:
                return rng.choice(near)
        if scalar.test and rng.random() < 0.5:
            return rng.choice(scalar.test)
        if style in (Style.SPECIAL, Style.ONE_SPECIAL, Style.ZEROS) and rng.random() < 0.5:
            return rng.choice(legal.specials())
        if low is None and element.kind != "float":
            low, high = max(-100, element.limits[0]), 100
        return unpack(element, self._random(element, low, high, 1))[0]


class Legal:
    """What one element may be."""

    def __init__(
        self, element: Element, low: float | None, high: float | None, *, finite: bool
    ) -> None:
        """Bound by type, inclusive range and finiteness."""
        self._element = element
        self._finite = finite
        self._low, self._high = low, high

    def allows(self, value: float) -> bool:
        """Say whether the contract and the type allow `value`."""
        element = self._element
        if element.kind != "float":
            lowest, highest = element.limits if element.ctype != "_Bool" else (0, 1)
            if value != value or math.isinf(value) or not lowest <= value <= highest:
                return False
        if self._low is not None and self._high is not None:
            return self._low <= value <= self._high
        return not (self._finite and not abs(value) <= 1e12)

    def nearest(self, value: float) -> int | float:
        """Return the allowed value nearest to `value`, converted to the type."""
        if not self.allows(value) and self._low is not None and self._high is not None:
            value = min(max(value, self._low), self._high)
        if not self.allows(value):
            value = 0
        return float(value) if self._element.kind == "float" else int(value)

    def specials(self) -> list[int | float]:
        """Return the remarkable values that are allowed, at least one."""
        element = self._element
        pool: list[int | float] = [v for v in (self._low, self._high) if v is not None]
        if element.kind == "float":
            width = element.bytes
            pool += [*_ORDINARY, *_NONFINITE]
            pool += [s * v for v in (*_TINY[width], *_EXTREME[width]) for s in (1, -1)]
            return [float(v) for v in pool if self.allows(v)] or [float(self.nearest(0))]
        low, high = element.limits
        pool += [0, 1, -1, 2, 127, 128, 255, 256, low, low + 1, high - 1, high]
        return [int(v) for v in pool if self.allows(v)] or [int(self.nearest(0))]


def bounds(item: Array | Scalar, sizes: Mapping[str, int]) -> tuple[float | None, float | None]:
    """Return the inclusive range of an array's or scalar's values at `sizes`, (None, None) without one."""
    if item.low is None or item.high is None:
        return None, None
    low, high = number(item.low, sizes), number(item.high, sizes)
    return low, max(low, high)


def neighbours(element: Element, value: float) -> list[int | float]:
    """Return `value` and the representable values next to it, for integers also its negative.

    >>> from proofsmith.domains.kernels.contract import Element
    >>> neighbours(Element("int", "int", 4), 7)
    [7, 6, 8, -7]
    """
    if element.kind != "float":
        if not math.isfinite(value):
            return []
        whole = int(value)
        return [whole, whole - 1, whole + 1, -whole]
    value = float(value)
    if not math.isfinite(value):
        return [value]
    if element.bytes == 8:
        return [value, math.nextafter(value, -math.inf), math.nextafter(value, math.inf)]
    single = clamp_single(value)
    step = abs(single) * 2**-23
    return [single, clamp_single(single - step), clamp_single(single + step)]


def clamp_single(value: float) -> float:
    """Round to binary32; too large values become infinite."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def pack(element: Element, values: Sequence[int | float]) -> bytes:
    """Return the bytes of `values` as C elements; floats too large for binary32 become infinite."""
    if element.kind == "float":
        if element.bytes == 4:
            values = [clamp_single(v) for v in values]
        return Buffer(typecode(element), values).tobytes()
    return Buffer(typecode(element), [int(v) for v in values]).tobytes()


def unpack(element: Element, data: bytes) -> list[int | float]:
    """Return the values behind the bytes of C elements."""
    values: Buffer[Any] = Buffer(typecode(element))
    values.frombytes(data)
    read: list[int | float] = values.tolist()
    return read


def _read_float(array: Array) -> bool:
    return array.access != "out" and array.element.kind == "float"


def _put(element: Element, data: bytearray, index: int, value: float) -> None:
    width = element.bytes
    data[index * width : (index + 1) * width] = pack(element, [value])


def _offsets(rng: random.Random, count: int, total: int, style: Style) -> Sequence[int]:
    """Return `count` non-decreasing offsets from 0 to `total`; edge styles leave rows empty."""
    if count <= 1:
        return [0] * count
    if style in (Style.ZEROS, Style.ONE_SPECIAL):
        cut = rng.randrange(1, count)
        return [0] * cut + [total] * (count - cut)
    inner = sorted(rng.randint(0, total) for _ in range(count - 2))
    return [0, *inner, total]


def _text(rng: random.Random, count: int, style: Style) -> Sequence[int]:
    if style in (Style.CONSTANT, Style.ZEROS, Style.FILLED):
        return [97] * count
    letters = bytes(range(32, 127)) if style in (Style.WIDE, Style.SPECIAL) else b"abcd"
    if style in (Style.TIES, Style.ASCENDING):
        letters = b"ab"
    return rng.choices(letters, k=count)
