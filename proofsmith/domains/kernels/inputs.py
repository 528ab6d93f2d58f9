"""Generate the contents of arrays and scalars that a contract allows: random, edge, structured and planted values."""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from enum import StrEnum

from proofsmith.domains.kernels import structures
from proofsmith.domains.kernels.contract import Array, Contract, Element, Scalar, number
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.legal import (
    NONFINITE,
    TINY,
    Legal,
    bounds,
    neighbours,
    pack,
    unpack,
)

_LAYOUT = {8: (0x803FFFFFFFFFFFFF, 1020 << 52), 4: (0x81FFFFFF, 124 << 23)}
_NEAR = {8: 2.0**-52, 4: 2.0**-23}


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
    TWINS = "the same but for one place"
    EXTREME = "nothing but the smallest or largest"


_ALL_LETTERS = bytes(range(32, 127))
_LETTERS = {
    Style.CONSTANT: b"a",
    Style.ZEROS: b"a",
    Style.FILLED: b"a",
    Style.WIDE: _ALL_LETTERS,
    Style.SPECIAL: _ALL_LETTERS,
    Style.TIES: b"ab",
    Style.ASCENDING: b"ab",
}
"""Alphabets of arrays that hold text; b"abcd" otherwise."""


class Generator:
    """Fills cases; equal seeds give equal cases."""

    def __init__(
        self, contract: Contract, rng: random.Random, constants: Sequence[int | float] = ()
    ) -> None:
        """Draw from `rng`; `constants` are what PLANTED and FILLED use."""
        self._contract = contract
        self._rng = rng
        self._constants = tuple(constants) or (0,)
        self._specials = itertools.cycle((*map(repr, NONFINITE), "any"))
        self._special = ""
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
        """Return one call at `sizes`; `filler` is the constant that FILLED uses.

        For EXTREME its sign says whether arrays hold the smallest or the largest value; 0: each as it comes.
        """
        place = self._rng.random()
        constant = self._rng.choice(self._constants) if filler is None else filler
        if style is Style.ONE_SPECIAL:  # few calls have it, and what is not finite matters most
            self._special = next(self._specials)
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
            case Style.TWINS | Style.EXTREME:
                make = self._twin if style is Style.TWINS else self._extreme
                return make(legal, count, place if style is Style.TWINS else constant)
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
                tiny = [s * v for v in (0.0, *TINY[element.bytes]) for s in (1, -1, 3)]
                pool = [v for v in tiny if legal.allows(v)]
                return pack(element, rng.choices(pool or [legal.nearest(0)], k=count))
            case _:
                ordinary = self._random(element, low, high, count)
                return self._sprinkled(element, ordinary, legal, style, place)

    def _twin(self, legal: Legal, count: int, place: float) -> bytes:
        """Return what every array of the case with this type and range holds, with one place changed."""
        few = [*self._shared(legal.element, legal.low, legal.high, place), legal.nearest(0)]
        values = random.Random(place).choices(few, k=count)
        if count:
            values[self._rng.randrange(count)] = self._rng.choice(few)
        return pack(legal.element, values)

    def _extreme(self, legal: Legal, count: int, side: float) -> bytes:
        """Return one end of the range, or of an integer type, everywhere: the one that the sign of `side` names."""
        element, low, high = legal.element, legal.low, legal.high
        if low is None or high is None:
            if element.kind == "float":
                return self._random(element, None, None, 1) * count
            low, high = (0, 1) if element.ctype == "_Bool" else element.limits
        largest = side > 0 if side else self._rng.random() < 0.5
        return pack(element, [high if largest else low]) * count

    def _sprinkled(
        self, element: Element, drawn: bytes, legal: "Legal", style: Style, place: float
    ) -> bytes:
        """Put remarkable values or planted constants among random ones; `place` is 0..1 of the way."""
        rng, values, count = self._rng, bytearray(drawn), len(drawn) // element.bytes
        chosen = legal.specials()
        if style is Style.PLANTED:
            chosen = [v for c in self._constants for v in neighbours(element, c) if legal.allows(v)]
        if style is Style.ONE_SPECIAL:
            chosen = [v for v in chosen if repr(v) == self._special] or chosen
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
                return pack(
                    element,
                    structures.offsets(
                        rng, count, total, one_step=style in (Style.ZEROS, Style.ONE_SPECIAL)
                    ),
                )
            case "permutation":
                start = int(low or 0)
                order = list(range(start, start + count))
                if style is Style.DESCENDING:
                    order.reverse()
                elif style is not Style.ASCENDING:
                    rng.shuffle(order)
                return pack(element, order)
            case "text":
                return pack(element, structures.text(rng, count, _LETTERS.get(style, b"abcd")))
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


def _read_float(array: Array) -> bool:
    return array.access != "out" and array.element.kind == "float"


def _put(element: Element, data: bytearray, index: int, value: float) -> None:
    width = element.bytes
    data[index * width : (index + 1) * width] = pack(element, [value])
