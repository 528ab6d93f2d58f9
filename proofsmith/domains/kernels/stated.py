"""Read one call that somebody states as JSON: sizes, scalars and values, as far as the contract allows them."""

import itertools
import json
import math
import random
from collections.abc import Mapping

from proofsmith.domains.kernels.contract import Array, Contract, Element, Scalar, Size
from proofsmith.domains.kernels.inputs import Generator
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.legal import Legal, bounds, pack
from proofsmith.errors import UsageError
from proofsmith.types import JSON

MOST_ELEMENTS = 2_500_000
"""Elements of all arrays of one stated call together."""
_LARGE = 1e12
"""Magnitude from which products may overflow, so that such a value counts as special."""
_NAMED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def form(contract: Contract) -> str:
    """Say how a call of `contract` is stated, with an example of its own names.

    Sizes that are left out take a small value, scalars 1, arrays 1, 2, 3 ...; arrays of a declared structure are filled
    by the reader.
    """
    example: dict[str, JSON] = {s.name: _usual(s) for s in contract.sizes.values() if not s.value}
    example |= dict.fromkeys(contract.scalars, 1)
    for array in _given(contract):
        example[array.name] = [0.5, -2, 3] if array.element.kind == "float" else [1, 2, 3]
    made = [a.name for a in contract.arrays.values() if a.access != "out" and _made(a)]
    filled = f" {', '.join(made)} cannot be stated: legal values are filled in." if made else ""
    return (
        f"one call as JSON: {json.dumps(example)}. A list is repeated to the length of its array, one number fills it; "
        f'"nan", "inf" and "-inf" are texts. What is left out takes small values.{filled}'
    )


def read(contract: Contract, text: str) -> Case:
    """Return the call that `text` states.

    Raises:
        UsageError: it is no JSON object, names what the contract does not have, or states what it does not allow.
    """
    given = _object(text)
    unknown = sorted(given.keys() - set(contract.parameters))
    if unknown:
        raise UsageError(f"there is no parameter '{unknown[0]}'", hint=form(contract))
    sizes = contract.complete(
        {s.name: _size(s, given.get(s.name)) for s in contract.sizes.values() if s.value is None}
    )
    if sum(contract.elements(a, sizes) for a in contract.arrays.values()) > MOST_ELEMENTS:
        raise UsageError(f"the arrays hold more than {MOST_ELEMENTS} elements", hint="state less")
    made = Generator(contract, random.Random(0)).case(sizes)
    arrays = dict(made.arrays)
    special = False
    for array in _given(contract):
        values = _values(array, sizes, given.get(array.name), contract.elements(array, sizes))
        special |= any(not abs(value) < _LARGE for value in values)
        arrays[array.name] = pack(array.element, values)
    scalars = {n: _scalar(s, sizes, given.get(n)) for n, s in contract.scalars.items()}
    special |= any(not abs(value) < _LARGE for value in scalars.values())
    label = "special stated" if special else "stated"
    return Case(label=label, sizes=sizes, scalars=scalars, arrays=arrays)


def _object(text: str) -> dict[str, JSON]:
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError) as error:
        raise UsageError("the input is no JSON object", hint=str(error)) from error
    if not isinstance(found, dict):
        raise UsageError("the input is no JSON object")
    return found


def _given(contract: Contract) -> list[Array]:
    """Return the arrays whose values can be stated."""
    return [a for a in contract.arrays.values() if a.access != "out" and not _made(a)]


def _made(array: Array) -> bool:
    return array.structure not in ("any", "sorted")


def _usual(size: Size) -> int:
    """Return a small legal value for a size that nobody stated."""
    return next((v for v in sorted(size.test) if v >= max(2, size.minimum)), size.measure)


def _size(size: Size, given: JSON) -> int:
    if given is None:
        return _usual(size)
    value = _number(size.name, given)
    legal = size.minimum <= value <= size.element.limits[1] and value % size.multiple == 0
    if not legal:
        raise UsageError(
            f"{size.name} = {given} is not allowed: at least {size.minimum}, a multiple of {size.multiple}"
        )
    return int(value)


def _values(array: Array, sizes: Mapping[str, int], given: JSON, count: int) -> list[int | float]:
    """Return `count` values: a list is repeated, a number fills; raises UsageError for what is not allowed."""
    legal = Legal(array.element, *bounds(array, sizes), finite=array.finite)
    if given is None:
        given = [legal.nearest(n) for n in range(1, min(count, 1000) + 1)]
    stated = [_number(array.name, v) for v in (given if isinstance(given, list) else [given])]
    if not stated and count:
        raise UsageError(f"'{array.name}' is empty, its shape asks for {count} elements")
    for value in stated:
        if not _fits(legal, array.element, value):
            raise UsageError(f"{array.name} may not hold {value:g}")
    values = list(itertools.islice(itertools.cycle(stated), count))
    return sorted(values) if array.structure == "sorted" else values


def _scalar(scalar: Scalar, sizes: Mapping[str, int], given: JSON) -> int | float:
    legal = Legal(scalar.element, *bounds(scalar, sizes), finite=False)
    if given is None:
        return legal.nearest(1)
    value = _number(scalar.name, given)
    if not _fits(legal, scalar.element, value):
        raise UsageError(f"{scalar.name} may not be {value:g}")
    return float(value) if scalar.element.kind == "float" else int(value)


def _fits(legal: Legal, element: Element, value: float) -> bool:
    """Say whether contract and type allow a value; an integer type holds no fractions."""
    return legal.allows(value) and (element.kind == "float" or float(value).is_integer())


def _number(name: str, given: JSON) -> int | float:
    if isinstance(given, str) and given.lower() in _NAMED:
        return _NAMED[given.lower()]
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UsageError(f"'{name}' is stated as {json.dumps(given)[:40]}, which is no number")
    if isinstance(given, int) and abs(given) >= 2**64:
        raise UsageError(f"'{name}' holds a number that no type of C holds")
    return given
