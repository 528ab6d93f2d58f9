"""What one value of an array or a scalar may be, and how values are laid out as C elements."""

import math
import struct
from array import array as Buffer
from collections.abc import Mapping, Sequence
from typing import Any

from proofsmith.domains.kernels.contract import Array, Element, Scalar, number
from proofsmith.domains.kernels.jobs import typecode

NONFINITE = (math.nan, math.inf, -math.inf)
_EXTREME = {8: (1.7976931348623157e308, 1e300), 4: (3.4028234663852886e38, 1e35)}
TINY = {
    8: (5e-324, 2.225073858507201e-308, 2.2250738585072014e-308),
    4: (1.401298464324817e-45, 1.1754942106924411e-38, 1.1754943508222875e-38),
}
_ORDINARY = (0.0, -0.0, 1.0, -1.0, 0.1, 1.0000000000000002, 3.0, 4503599627370497.0)


class Legal:
    """What one element may be."""

    def __init__(
        self, element: Element, low: float | None, high: float | None, *, finite: bool = False
    ) -> None:
        """Bound by type, inclusive range and finiteness."""
        self.element = element
        self._finite = finite
        self.low, self.high = low, high

    def allows(self, value: float) -> bool:
        """Say whether the contract and the type allow `value`."""
        element = self.element
        if element.kind != "float":
            lowest, highest = element.limits if element.ctype != "_Bool" else (0, 1)
            if value != value or math.isinf(value) or not lowest <= value <= highest:
                return False
        if self.low is not None and self.high is not None:
            return self.low <= value <= self.high
        return not (self._finite and not abs(value) <= 1e12)

    def nearest(self, value: float) -> int | float:
        """Return the allowed value nearest to `value`, converted to the type."""
        if not self.allows(value) and self.low is not None and self.high is not None:
            value = min(max(value, self.low), self.high)
        if not self.allows(value):
            value = 0
        return float(value) if self.element.kind == "float" else int(value)

    def specials(self) -> list[int | float]:
        """Return the remarkable values that are allowed, at least one."""
        element = self.element
        pool: list[int | float] = [v for v in (self.low, self.high) if v is not None]
        if element.kind == "float":
            width = element.bytes
            pool += [*_ORDINARY, *NONFINITE]
            pool += [s * v for v in (*TINY[width], *_EXTREME[width]) for s in (1, -1)]
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
