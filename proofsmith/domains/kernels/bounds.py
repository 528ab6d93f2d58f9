"""Decide which results a tolerance allows around a reference, and find the first that is outside."""

import math
import statistics
from array import array as Buffer
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add, le, sub
from typing import Any

from proofsmith.domains.kernels.contract import Contract, Element, Tolerance
from proofsmith.domains.kernels.jobs import Result, typecode
from proofsmith.domains.kernels.legal import unpack
from proofsmith.domains.kernels.rounding import RETURNED, Estimate

_ROUND = {8: 2.0**-53, 4: 2.0**-24}
_SMALLEST = {8: 5e-324, 4: 1.401298464324817e-45}
_LARGEST = {8: 1.7976931348623157e308, 4: 3.4028234663852886e38}
_SPREAD = 4.0
"""How often the spread of the base under other rounding modes a result may lie away from it."""
_ULPS = 32.0
_DEVIATIONS = 16.0
"""How many root mean square rounding errors a result may lie away from the base computed in higher precision."""
_OWN = 4.0
"""How often the base's own error, which a systematic drift can make larger than random ones."""


@dataclass(frozen=True, slots=True)
class Band:
    """Legal results of one array: `low` and `high` per element; `loose` elements may be anything."""

    element: Element
    exact: bytes
    low: "Buffer[Any] | None" = None
    high: "Buffer[Any] | None" = None
    loose: frozenset[int] = frozenset()
    overflow: bool = False
    """Inputs were so large that a legal order of operations may overflow."""
    estimated: bool = False
    """Around a more precise result, which tells an overflow on the way from an infinite result."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first wrong element: where, what was expected, what came; `allowed` is the largest legal difference."""

    name: str
    index: int
    expected: float
    got: float
    allowed: float
    wrong: int
    """Number of wrong elements in this array."""
    count: int


def bands(
    contract: Contract,
    base: Result,
    others: Sequence[Result],
    *,
    estimates: Mapping[str, Estimate] | None,
    overflow: bool,
    drift: bool,
) -> dict[str, Band]:
    """Return the legal results for every written array and the returned value.

    `base` is the reference's result, `others` its results under the other rounding modes, whose spread bounds what
    rounding can do when all errors point the same way, as they may when inputs are alike (`drift`). `estimates` say how
    strongly random rounding errors are amplified on this input; without them the spread has to do.
    """
    policy = contract.tolerance
    found = {}
    for name, element in written(contract):
        data = bytes_of(base, name)
        spread = [bytes_of(o, name) for o in others]
        if policy.policy == "exact" or not spread:
            found[name] = Band(element, data)
        elif element.kind == "float":
            rough = _float_band(element, data, spread, policy, overflow)
            if estimates is not None:
                rough = _refined(rough, estimates[name], spread if drift else (), policy)
            found[name] = rough
        else:
            loose = _unstable(element, data, spread)
            if estimates is not None:
                loose |= {i for i, changed in enumerate(estimates[name].error) if changed}
            found[name] = Band(element, data, loose=loose)
    return found


def _refined(rough: Band, found: Estimate, spread: Sequence[bytes], policy: Tolerance) -> Band:
    """Return the band around the more precise result, and the rough one where that has no finite value."""
    assert rough.low is not None
    assert rough.high is not None
    element, centre = rough.element, unpack(rough.element, rough.exact)
    unit, floor = _ROUND[element.bytes], 8 * _SMALLEST[element.bytes]
    sides = [unpack(element, s) for s in spread]
    low, high = Buffer("d", rough.low), Buffer("d", rough.high)
    for i, (value, exact, error) in enumerate(zip(centre, found.centre, found.error, strict=True)):
        radius = _DEVIATIONS * error + 4 * unit * abs(exact) + floor
        if policy.rel is not None:
            radius = max(radius, policy.rel * max(abs(exact), error / unit))
        if math.isfinite(value):
            radius += _OWN * abs(value - exact)
        if math.isfinite(radius):
            radius += max((abs(s[i] - value) for s in sides), default=0.0) if sides else 0.0
            low[i], high[i] = exact - radius, exact + radius
    return Band(element, rough.exact, low, high, rough.loose, rough.overflow, estimated=True)


def doubtful(element: Element, data: bytes, found: Estimate) -> int:
    """Return how many of the base's own results are further from the precise ones than random errors explain."""
    unit, floor = _ROUND[element.bytes], 8 * _SMALLEST[element.bytes]
    columns = zip(unpack(element, data), found.centre, found.error, strict=True)
    return sum(
        abs(value - exact) > _DEVIATIONS * error + 4 * unit * abs(exact) + floor
        for value, exact, error in columns
    )


def written(contract: Contract) -> list[tuple[str, Element]]:
    """Return name and type of every written array, and of the returned value."""
    found = [(n, a.element) for n, a in contract.arrays.items() if a.access != "in"]
    return found + ([(RETURNED, contract.result)] if contract.result else [])


def bytes_of(result: Result, name: str) -> bytes:
    """Return what was written to an array, or the returned value."""
    return result.returned if name == RETURNED else result.arrays[name]


def _unstable(element: Element, data: bytes, spread: Sequence[bytes]) -> frozenset[int]:
    """Return the integers that depend on how floating-point numbers were rounded."""
    if all(s == data for s in spread):
        return frozenset()
    columns = zip(unpack(element, data), *(unpack(element, s) for s in spread), strict=True)
    return frozenset(i for i, column in enumerate(columns) if len(set(column)) > 1)


def _float_band(
    element: Element, data: bytes, spread: Sequence[bytes], policy: Tolerance, overflow: bool
) -> Band:
    centre = unpack(element, data)
    unit, floor = _ROUND[element.bytes], 8 * _SMALLEST[element.bytes]
    sides = [unpack(element, s) for s in spread]
    sized = list(filter(math.isfinite, filter(None, map(abs, centre))))
    floor += _ULPS * unit * (statistics.median(sized) if sized else 0.0)
    relative = _ULPS * unit
    factor = _SPREAD
    if policy.rel is not None:
        relative, factor = policy.rel, max(_SPREAD, policy.rel / unit)
        floor = max(floor, policy.rel * (statistics.median(sized) if sized else 0.0))
    # Whole columns at a time: this runs over every element of every case of a full judgement.
    away = [abs(got - value) for got, value in zip(sides[0], centre, strict=True)]
    for side in sides[1:]:
        away = [
            d if (d := abs(got - value)) > a else a
            for a, got, value in zip(away, side, centre, strict=True)
        ]
    radius = [factor * a + relative * abs(v) + floor for a, v in zip(away, centre, strict=True)]
    low, high = Buffer("d", map(sub, centre, radius)), Buffer("d", map(add, centre, radius))
    loose = [
        i
        for i, a in enumerate(away)
        if a != a and not all(s[i] == centre[i] or s[i] != s[i] for s in sides)
    ]
    return Band(element, data, low, high, frozenset(loose), overflow)


def first_difference(band: Band, name: str, data: bytes) -> Difference | None:
    """Return the first element of `data` that `band` does not allow, None when all are legal."""
    if data == band.exact:
        return None
    got: Buffer[Any] = Buffer(typecode(band.element))
    got.frombytes(data[: len(data) // band.element.bytes * band.element.bytes])
    if band.low is not None and band.high is not None and len(got) == len(band.low):
        inside = all(map(le, band.low, got)) and all(map(le, got, band.high))
        if inside:
            return None
    expected = unpack(band.element, band.exact)
    wrong = [i for i, value in enumerate(got) if not _legal(band, i, expected[i], value)]
    if not wrong:
        return None
    at = wrong[0]
    allowed = 0.0 if band.high is None else band.high[at] - expected[at]
    return Difference(name, at, expected[at], got[at], allowed, len(wrong), len(expected))


def _legal(band: Band, index: int, expected: float, value: float) -> bool:
    if index in band.loose:
        return True
    if band.low is None or band.high is None:
        same = value == expected and math.copysign(1, value) == math.copysign(1, expected)
        return same or (value != value and expected != expected)
    inside = bool(band.low[index] <= value <= band.high[index])
    if math.isfinite(value) and math.isinf(expected):
        return inside or (band.overflow and not band.estimated)
    if not (math.isfinite(value) and math.isfinite(expected)):
        same = value == expected or (value != value and expected != expected)
        reach = max(abs(band.low[index]), abs(band.high[index])) > _LARGEST[band.element.bytes]
        return same or band.overflow or inside or (math.isinf(value) and reach)
    return value == expected or inside


def compare(bands: Mapping[str, Band], result: Result) -> Difference | None:
    """Return the first illegal element of a result, None when everything is legal."""
    for name, band in bands.items():
        found = first_difference(band, name, bytes_of(result, name))
        if found is not None:
            return found
    return None
