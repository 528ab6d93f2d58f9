"""The contract of a kernel: what its parameters mean, how large, how exact; arithmetic over its sizes."""

import ast
import json
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Literal

from pydantic import TypeAdapter

from proofsmith.errors import UsageError
from proofsmith.types import JSON

Access = Literal["in", "out", "inout"]
Policy = Literal["exact", "reassociate", "reduced"]
STRUCTURES = (
    "any",
    "offsets",
    "sorted",
    "permutation",
    "spd",
    "diagonally-dominant",
    "lower",
    "text",
)


@dataclass(frozen=True, slots=True)
class Element:
    """A C arithmetic type: `ctype` as written in C, its kind and size in bytes on this ABI (x86-64 System V)."""

    ctype: str
    kind: Literal["float", "int", "uint"]
    bytes: int

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest value of an integer type; raises ValueError for floating types.

        >>> element("unsigned char").limits
        (0, 255)
        """
        if self.kind == "float":
            raise ValueError(f"{self.ctype} is not an integer type")
        bits = 8 * self.bytes
        return (
            (0, 2**bits - 1) if self.kind == "uint" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )


_INTEGERS = {"char": 1, "short": 2, "int": 4, "long": 8, "long long": 8}
_ELEMENTS = {
    "float": Element("float", "float", 4),
    "double": Element("double", "float", 8),
    "_Bool": Element("_Bool", "uint", 1),
    "bool": Element("_Bool", "uint", 1),
    "size_t": Element("unsigned long", "uint", 8),
    "ssize_t": Element("long", "int", 8),
    "ptrdiff_t": Element("long", "int", 8),
    "intptr_t": Element("long", "int", 8),
    "uintptr_t": Element("unsigned long", "uint", 8),
    **{
        f"{prefix}int{bits}_t": Element(
            ("unsigned " if prefix else "signed " if bits == 8 else "") + name,
            "uint" if prefix else "int",
            bits // 8,
        )
        for prefix in ("", "u")
        for name, bits in (("char", 8), ("short", 16), ("int", 32), ("long", 64))
    },
}


def element(ctype: str) -> Element | None:
    """Return the arithmetic type written as `ctype`, qualifiers ignored; None when it is none that we know.

    >>> element("const unsigned long int")
    Element(ctype='unsigned long', kind='uint', bytes=8)
    >>> element("struct point") is None
    True
    """
    words = [w for w in ctype.replace("std::", "").split() if w not in _QUALIFIERS]
    if len(words) == 1 and words[0] in _ELEMENTS:
        return _ELEMENTS[words[0]]
    signs = [w for w in words if w in ("signed", "unsigned")]
    rest = sorted((w for w in words if w not in signs), key=_ORDER.find)
    name = " ".join(w for w in rest if w != "int" or len(rest) == 1) or "int"
    if name not in _INTEGERS or len(signs) > 1:
        return None
    unsigned = signs == ["unsigned"]
    kind: Literal["int", "uint"] = "uint" if unsigned else "int"
    sign = "unsigned " if unsigned else "signed " if signs and name == "char" else ""
    return Element(sign + name, kind, _INTEGERS[name])


_QUALIFIERS = ("const", "volatile", "restrict", "__restrict", "__restrict__", "register")
_ORDER = "char short long int"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """An integer parameter that is a size: values to test, the value to measure at, what is legal."""

    name: str
    element: Element
    test: tuple[int, ...]
    measure: int
    minimum: int = 0
    multiple: int = 1
    maximum: str | None = None
    """Largest legal value, an expression over the other sizes that have none."""
    value: str | None = None
    """Expression over the other sizes when this one is computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A pointer parameter: `shape` counts elements; `low`, `high` are inclusive expressions over the sizes."""

    name: str
    element: Element
    shape: str
    access: Access
    low: str | None = None
    high: str | None = None
    finite: bool = False
    """NaN, infinities and values that overflow are never passed."""
    alias: tuple[str, ...] = ()
    """Arrays that may start at the same address."""
    structure: str = "any"
    into: str | None = None
    """For `offsets`: the size whose value is the last offset."""
    align: int = 1
    """Alignment in bytes that callers promise; natural alignment always holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A parameter that is neither pointer nor size."""

    name: str
    element: Element
    low: str | None = None
    high: str | None = None
    test: tuple[int | float, ...] = ()
    measure: int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """`exact`: bit for bit; `reassociate`: sums may be reordered and contracted; `reduced`: relative error `rel`."""

    policy: Policy = "reassociate"
    rel: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Floating-point operations and compulsory memory traffic in bytes of one call, as expressions over the sizes."""

    flops: str | None = None
    bytes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything that is promised about calls of `entry`."""

    entry: str
    result: Element | None
    """Type of the returned scalar, None for void."""
    parameters: tuple[str, ...]
    """Names in signature order; each is a key of exactly one of the three mappings."""
    sizes: Mapping[str, Size] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    scalars: Mapping[str, Scalar] = field(default_factory=dict)
    tolerance: Tolerance = field(default_factory=Tolerance)
    work: Work = field(default_factory=Work)
    allow: tuple[str, ...] = ()
    """External symbols that a candidate may use beyond the usual ones."""
    inferred: bool = False
    """True when no header stood in the file."""

    @property
    def single(self) -> bool:
        """True when a value that goes in or comes out is of single precision."""
        elements = [a.element for a in self.arrays.values()]
        elements += [s.element for s in self.scalars.values()]
        return any(
            e.kind == "float" and e.bytes == 4 for e in [*elements, *filter(None, [self.result])]
        )

    @property
    def measure_sizes(self) -> dict[str, int]:
        """Values of all sizes at which time is measured."""
        return self.complete({name: size.measure for name, size in self.sizes.items()})

    def complete(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Return `sizes` cut to their largest legal values, with the computed ones recomputed from the others."""
        known = {n: v for n, v in sizes.items() if self.sizes[n].value is None}
        for name, size in self.sizes.items():
            if size.maximum is not None and name in known:
                top = integer(size.maximum, known)
                known[name] = max(size.minimum, min(known[name], top - top % size.multiple))
        for _ in self.sizes:
            for name, size in self.sizes.items():
                if size.value is not None and names(size.value) <= known.keys():
                    known[name] = integer(size.value, known)
        return {name: known[name] for name in self.sizes}

    def elements(self, array: Array, sizes: Mapping[str, int]) -> int:
        """Return how many elements `array` holds at `sizes`; never negative."""
        return max(0, integer(array.shape, sizes))

    def dump(self) -> dict[str, JSON]:
        """Return the contract as JSON; `load` reads it back."""
        read: dict[str, JSON] = json.loads(json.dumps(asdict(self)))
        return read


def load(data: Mapping[str, JSON]) -> Contract:
    """Return the contract that `Contract.dump` wrote."""
    return TypeAdapter(Contract).validate_python(data)


_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: lambda a, b: int(a) << min(int(b), 64),
    ast.RShift: lambda a, b: int(a) >> int(b),
}
_CALLS: dict[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs}


def _divide(a: float, b: float) -> float:
    """Divide as C does for two integers (towards zero), else exactly."""
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient
    return a / b


@cache
def _tree(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(
            f"'{text}' is not an arithmetic expression",
            hint="use + - * / % ( ) min max, numbers and names of sizes",
        ) from error


def names(text: str) -> set[str]:
    """Return the names that an expression refers to.

    >>> sorted(names("min(n, 2*m) + 1"))
    ['m', 'n']
    """
    found = {node.id for node in ast.walk(_tree(text)) if isinstance(node, ast.Name)}
    return found - _CALLS.keys()


def number(text: str | float, sizes: Mapping[str, int]) -> float:
    """Evaluate an expression; `/` of integers truncates as in C. Raises UsageError for anything but arithmetic.

    >>> number("2*n*n/3 + max(n, 1)", {"n": 4})
    14
    """
    if not isinstance(text, str):
        return text
    try:
        return _value(_tree(text), sizes, text)
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"'{text}' has no value at {dict(sizes)}", hint=str(error)) from error


def integer(text: str, sizes: Mapping[str, int]) -> int:
    """Evaluate an expression that must be an integer; raises UsageError otherwise."""
    value = number(text, sizes)
    if isinstance(value, float) and not value.is_integer():
        raise UsageError(f"'{text}' is not an integer at {dict(sizes)}", hint="sizes are integers")
    return int(value)


def _value(node: ast.expr, sizes: Mapping[str, int], text: str) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name) if name in sizes:
            return sizes[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, sizes, text)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _divide(_value(left, sizes, text), _value(right, sizes, text))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, sizes, text), _value(right, sizes, text))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _CALLS and given:
            return _CALLS[name](*(_value(a, sizes, text) for a in given))
        case ast.Name(id=name):
            known = ", ".join(sizes) or "none"
            raise UsageError(
                f"'{text}' refers to '{name}', which is no size", hint=f"sizes: {known}"
            )
        case _:
            raise UsageError(
                f"'{text}' is not an arithmetic expression",
                hint="use + - * / % ( ) min max, numbers and names of sizes",
            )
