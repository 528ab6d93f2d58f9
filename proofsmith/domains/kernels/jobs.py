"""The wire format between us and the trusted runner: calls to make, and frames that say what they wrote."""

import secrets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from proofsmith.domains.kernels.contract import Contract, Element

_FORMATS = {
    ("float", 4): "f",
    ("float", 8): "d",
    ("int", 1): "b",
    ("int", 2): "h",
    ("int", 4): "i",
    ("int", 8): "q",
    ("uint", 1): "B",
    ("uint", 2): "H",
    ("uint", 4): "I",
    ("uint", 8): "Q",
}
_ACCESS = {"in": 0, "out": 1, "inout": 2}
_FRAME = struct.Struct("<5Q")


def typecode(element: Element) -> str:
    """Return the `array` and `struct` code of a C arithmetic type."""
    return _FORMATS[element.kind, element.bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call: sizes and scalars by value, the bytes of every array that is read."""

    label: str
    sizes: Mapping[str, int]
    scalars: Mapping[str, int | float] = field(default_factory=dict)
    arrays: Mapping[str, bytes] = field(default_factory=dict)
    """Contents of `in` and `inout` arrays."""
    same: Mapping[str, str] = field(default_factory=dict)
    """Array -> array whose address it shares in this call."""
    low: bool = False
    """Lay arrays against the lower inaccessible page instead of the upper one."""


class Rounding(IntEnum):
    """Rounding modes of <fenv.h> on x86."""

    NEAREST = 0
    DOWN = 0x400
    UP = 0x800
    ZERO = 0xC00


class Violation(IntEnum):
    """What the runner saw besides results."""

    WROTE_INPUT = 1
    WROTE_OUTSIDE = 2
    FP_CONTROL = 3
    SIGNAL_MASK = 4
    SIGNAL_HANDLER = 5
    THREADS = 6
    LATE_WRITE = 7
    CPU_FLAGS = 8


@dataclass(frozen=True, slots=True)
class Result:
    """What one call wrote: bytes per written array, and the bits of the returned value."""

    returned: bytes
    arrays: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """A signal during call `call`; `array` names the buffer beside which it happened, `offset` in bytes from it."""

    call: int
    signal: int
    array: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that a runner reported; `complete` only when it made every call and said so with our nonce."""

    results: tuple[Result, ...]
    violations: tuple[tuple[int, Violation, int], ...]
    """(call, kind, detail)"""
    fault: Fault | None
    complete: bool
    blocks: frozenset[int] = frozenset()
    """Return addresses of the block marks that were reached, when the kernel is instrumented."""
    writer: tuple[int, int] | None = None
    """Mark of the block that last changed the watched element, and how often it was changed."""


def encode(
    contract: Contract,
    cases: Sequence[Case],
    *,
    nonce: int,
    rounding: Rounding = Rounding.NEAREST,
    threads: bool = False,
    poison: int = 0xFF,
) -> bytes:
    """Write a job: header, parameters, calls, data; offsets count from the start of the file."""
    count = len(contract.parameters)
    room = {
        n: max((contract.elements(a, c.sizes) for c in cases), default=0) * a.element.bytes
        for n, a in contract.arrays.items()
    }
    head = struct.pack("<6Q", nonce, len(cases), count, rounding, threads, poison)
    for name in contract.parameters:
        array = contract.arrays.get(name)
        align = max(array.align, array.element.bytes) if array else 1
        head += struct.pack("<3Q", array is not None, room.get(name, 0), align)
    place = len(head) + len(cases) * 8 * (1 + 4 * count)
    calls, blobs = [], []
    for case in cases:
        calls.append(struct.pack("<Q", case.low))
        for name in contract.parameters:
            words, blob = _argument(contract, case, name, place)
            calls.append(words)
            blobs.append(blob)
            place += len(blob)
    return b"".join([head, *calls, *blobs])


def _argument(contract: Contract, case: Case, name: str, place: int) -> tuple[bytes, bytes]:
    array = contract.arrays.get(name)
    if array is None:
        item = contract.sizes.get(name) or contract.scalars[name]
        value = case.sizes[name] if name in case.sizes else case.scalars[name]
        bits = struct.pack("<" + typecode(item.element), value).ljust(8, b"\0")
        return bits + bytes(24), b""
    size = contract.elements(array, case.sizes) * array.element.bytes
    home = case.same.get(name)
    alias = contract.parameters.index(home) + 1 if home else 0
    data = b"" if array.access == "out" else case.arrays[name]
    if array.access != "out" and len(data) != size:
        raise ValueError(f"{name} has {len(data)} bytes, its shape asks for {size}")
    padded = data + bytes(-len(data) % 64)
    return struct.pack("<4Q", size, _ACCESS[array.access], place, alias), padded


def decode(contract: Contract, cases: Sequence[Case], data: bytes, nonce: int) -> Transcript:
    """Read what a runner wrote; whatever is malformed, missing or out of order leaves `complete` False."""
    results: list[Result] = []
    violations: list[tuple[int, Violation, int]] = []
    fault, complete, at = None, False, 0
    blocks: frozenset[int] = frozenset()
    writer: tuple[int, int] | None = None
    while len(data) - at >= _FRAME.size and not complete and fault is None:
        tag, call, a, b, length = _FRAME.unpack_from(data, at)
        payload = data[at + _FRAME.size : at + _FRAME.size + length]
        at += _FRAME.size + length
        if tag == 1 and call == len(results) < len(cases):
            read = _result(contract, cases[call], a, payload)
            if read is None:
                break
            results.append(read)
        elif tag == 2 and a in set(Violation):
            violations.append((call, Violation(a), b))
        elif tag == 3:
            where = a >> 8
            name = contract.parameters[where] if where < len(contract.parameters) else None
            fault = Fault(call, a & 0xFF, name, b - (1 << 64) if b >> 63 else b)
        elif tag == 5 and length % 8 == 0 and length == len(payload):
            blocks = frozenset(struct.unpack(f"<{length // 8}Q", payload))
        elif tag == 6:
            writer = (a, b)
        elif tag == 4:
            complete = a == nonce and len(results) == len(cases) and at == len(data)
            break
        else:
            break
    return Transcript(tuple(results), tuple(violations), fault, complete, blocks, writer)


def _result(contract: Contract, case: Case, bits: int, payload: bytes) -> Result | None:
    at, arrays = 0, {}
    for name in contract.parameters:
        array = contract.arrays.get(name)
        if array is not None and array.access != "in":
            size = contract.elements(array, case.sizes) * array.element.bytes
            arrays[name] = payload[at : at + size]
            at += size
    width = contract.result.bytes if contract.result else 0
    return Result(struct.pack("<Q", bits)[:width], arrays) if at == len(payload) else None


def nonce() -> int:
    """Return 63 unpredictable bits that close a transcript."""
    return secrets.randbits(63)


def shim(contract: Contract) -> str:
    """Return C that calls the kernel through a pointer: `proofsmith_call(function, slots, result)`."""
    types, given = [], []
    for index, name in enumerate(contract.parameters):
        if name in contract.arrays:
            types.append("void *")
            given.append(f"slots[{index}]")
        else:
            item = contract.sizes.get(name) or contract.scalars[name]
            types.append(item.element.ctype)
            given.append(f"*({item.element.ctype} *)slots[{index}]")
    ctype = contract.result.ctype if contract.result else "void"
    call = f"(({ctype} (*)({', '.join(types) or 'void'}))function)({', '.join(given)})"
    body = f"*({ctype} *)result = {call};" if contract.result else f"{call};"
    return (
        "void proofsmith_call(void *function, void **slots, void *result);\n"
        "void proofsmith_call(void *function, void **slots, void *result) {\n"
        f"    (void)slots, (void)result;\n    {body}\n}}\n"
    )
