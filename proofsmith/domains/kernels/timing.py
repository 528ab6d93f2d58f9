"""Run a timing session in the sandbox: the plan that the trusted timer reads, and what it reports."""

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.contract import (
    STRUCTURES,
    Array,
    Contract,
    Element,
    Scalar,
    Tolerance,
    number,
)
from proofsmith.domains.kernels.jobs import shim
from proofsmith.domains.kernels.legal import bounds
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.types import ExecResult, Limits

SHORTEST_BLOCK_S = 80e-6
"""Calls of the faster side are repeated, each on inputs of its own, until a block takes this long; no longer, since
every call more needs memory of its own, which is then no longer near."""
TIMED_S = 1.5e-3
"""Blocks of the faster side are timed, two at least, until they take this long together; the best of them counts."""
MOST_S = 40e-3
"""The blocks of the slower side may take this long together; beyond that one block is timed."""
MOST_TRIES = 6
"""Most timed blocks per side and pair."""
MOST_TRIES_NOISY = 12
"""The same where identical code scatters."""
_REPEATED_MIB = 8
_KINDS = {"float": 0, "int": 1, "uint": 2}
_ACCESS = {"in": 0, "out": 1, "inout": 2}
_LOOSE = {4: 5e-3, 8: 1e-8}
_START_S = 20.0


@dataclass(frozen=True, slots=True)
class Block:
    """One timed block of one side, seen from outside: seconds, and how the scheduler treated it."""

    time_s: float
    """What is compared: CPU time, or for threaded code the critical path without waiting for a core."""
    cpu_s: float
    wall_s: float
    delay_s: float
    """Time that its threads were ready to run and did not."""
    involuntary: int
    threads: int
    """Threads alive after the block."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The blocks of both sides on the same inputs; `own`: the base against a copy of itself."""

    base: tuple[Block, ...]
    candidate: tuple[Block, ...]
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one execution of the timer told; `problem` says in words why it ended early, empty when it did not."""

    pairs: tuple[Pair, ...]
    repeats: int
    """Calls per block."""
    tries: int
    core: int
    """CPU that serial code was held on; -1 when threads were free to move."""
    problem: str = ""
    out_of_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Two compiled sides and what is needed to time them."""

    contract: Contract
    base: bytes
    candidate: bytes
    symbols: tuple[str, str]
    """Names of the entry in the two shared objects."""
    timer: bytes
    side: bytes
    threaded: bool

    async def run(
        self,
        sandbox: Sandbox,
        orders: Sequence[int],
        *,
        seed: int,
        limit_s: float,
        repeats: int = 0,
        tries: int = MOST_TRIES,
        observe: Sequence[str] = (),
    ) -> Session:
        """Time one pair per entry of `orders` (see `order`) within `limit_s` seconds; `repeats` 0 calibrates first.

        `observe` is a trusted profiler around the sandbox.
        Raises SandboxError when the timer itself fails; whatever the sides do is in `Session.problem`.
        """
        box = sandbox.fresh()
        parts = {"timer": self.timer, "side": self.side}
        sides = {"base.so": self.base, "candidate.so": self.candidate}
        for name, data in (parts | sides).items():
            await box.write(name, data, executable=name in parts)
        nonce = secrets.token_hex(16)
        rows = list(_parameters(self.contract))
        head = [
            f"{nonce} {seed} {self.symbols[0]} ./base.so {self.symbols[1]} ./candidate.so",
            f"{int(self.threaded)} {tries} {limit_s * 1e3:.0f} {limit_s * 1e3:.0f}",
            f"{SHORTEST_BLOCK_S * 1e9} {TIMED_S * 1e9} {MOST_S * 1e9}",
            f"{_REPEATED_MIB << 20} {repeats} {''.join(str(o) for o in orders)} {len(rows)}",
        ]
        done = await box.exec(
            ("./timer", "./side"),
            limits=self._limits(limit_s),
            stdin="\n".join([*head, *rows, ""]).encode(),
            env={"OMP_WAIT_POLICY": "passive", "OMP_DYNAMIC": "false"},
            observe=observe,
        )
        return _session(done, nonce, self.contract)

    def _limits(self, limit_s: float) -> Limits:
        sizes = self.contract.measure_sizes
        held = sum(
            self.contract.elements(a, sizes) * a.element.bytes
            for a in self.contract.arrays.values()
        )
        room_mib = 2 * max(_REPEATED_MIB, held // 2**20 + 1)
        cores = 8 if self.threaded else 1
        wall_s = 2 * limit_s + _START_S
        return Limits(
            wall_s=wall_s,
            cpu_s=wall_s * cores,
            memory_mib=1024 + 3 * room_mib,
            disk_mib=64 + room_mib,
            processes=256,
        )


def order(base_first: bool, swapped: bool, *, own: bool = False) -> int:
    """Code how a pair is run: who starts, whose arrays lie where, and whether the base meets its own copy."""
    return int(not base_first) + 2 * int(swapped) + 4 * int(own)


async def build_timer(
    contract: Contract, compiler: Compiler, sandbox: Sandbox
) -> tuple[bytes, bytes]:
    """Compile the trusted parent and the program of one side around the contract's signature."""
    harness = files("proofsmith.domains.kernels").joinpath("harness")
    text = {
        name: harness.joinpath(name).read_text()
        for name in ("timer.c", "generate.c", "generate.h", "side.c")
    }
    side = {"side.c": text.pop("side.c"), "shim.c": shim(contract)}
    made = []
    for sources, argv in (
        (text, ("gcc", "-O3", "-march=native", "-w", "timer.c", "generate.c", "-lm")),
        (side, ("gcc", "-O2", "-w", "side.c", "shim.c", "-ldl")),
    ):
        made.append(await compiler.trusted(sandbox, sources, argv))
    return made[0], made[1]


def _parameters(contract: Contract) -> Iterator[str]:
    """Yield one line per parameter and one for the result: kind, width, count, access, structure, range, tolerance."""
    sizes = contract.measure_sizes
    for name in contract.parameters:
        if name in sizes:
            value = sizes[name]
            yield _line(contract.sizes[name].element, 1, "in", "any", (value, value), 0)
        elif name in contract.scalars:
            scalar = contract.scalars[name]
            yield _line(scalar.element, 1, "in", "any", _range(scalar, sizes), 0)
        else:
            array = contract.arrays[name]
            tolerance = _tolerance(contract.tolerance, array.element)
            count = contract.elements(array, sizes)
            yield _line(
                array.element,
                count,
                array.access,
                array.structure,
                _range(array, sizes),
                tolerance,
            )
    result = contract.result or Element("char", "int", 1)
    count = 1 if contract.result else 0
    yield _line(result, count, "out", "any", (0, 0), _tolerance(contract.tolerance, result))


def _line(
    element: Element,
    count: int,
    access: str,
    structure: str,
    limits: tuple[float, float],
    tolerance: float,
) -> str:
    low, high = limits
    return (
        f"{_KINDS[element.kind]} {element.bytes} {count} {_ACCESS[access]} "
        f"{STRUCTURES.index(structure)} {low!r} {high!r} {tolerance!r}"
    )


def _range(item: Array | Scalar, sizes: dict[str, int]) -> tuple[float, float]:
    """Return the inclusive range of timed contents; low above high: any magnitude."""
    if isinstance(item, Scalar) and item.measure is not None:
        return item.measure, item.measure
    if isinstance(item, Array) and item.structure == "offsets":
        return 0, number(item.into or "0", sizes)
    if isinstance(item, Array) and item.structure == "text":
        return ord("a"), ord("d")
    low, high = bounds(item, sizes)
    if low is not None and high is not None:
        return low, high
    if isinstance(item, Array) and item.structure == "permutation":
        return 0, 0
    if item.element.kind == "float":
        return 1, 0
    if item.element.ctype == "_Bool":
        return 0, 1
    whole = isinstance(item, Array) and (item.element.kind == "uint" or item.element.bytes == 1)
    return item.element.limits if whole else (max(-100, item.element.limits[0]), 100)


def _tolerance(policy: Tolerance, element: Element) -> float:
    """Return what two results may differ by, relative to the largest; correctness is judged elsewhere, more strictly.

    Integers computed from rounded values may flip where two values tie: that share of them may differ.
    """
    if policy.policy == "exact":
        return -1
    if element.kind != "float":
        return 1e-3
    return max(_LOOSE[element.bytes], 100 * (policy.rel or 0))


def _session(done: ExecResult, nonce: str, contract: Contract) -> Session:
    """Read the timer's report; a line without our nonce means that the report cannot be believed."""
    try:
        rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    except (ValueError, RecursionError) as error:
        raise SandboxError("the timer's report cannot be read") from error
    if any(not isinstance(row, dict) or row.get("nonce") != nonce for row in rows):
        raise SandboxError("the timer's report is not its own")
    last = (
        rows[-1] if rows else {"event": "nothing", "reason": done.stderr.decode(errors="replace")}
    )
    if last["event"] not in ("end", "deadline", "wrong", "failed"):
        why = last.get("reason") or f"it ended by {done.exceeded or done.signal or done.exit_code}"
        if not done.exceeded:
            raise SandboxError(f"the timer failed: {why}")
        last = {"event": "failed", "reason": f"the session exceeded its {done.exceeded} limit"}
    ready = next((row for row in rows if row["event"] == "ready"), {})
    return Session(
        pairs=tuple(_pair(row) for row in rows if row["event"] in ("pair", "self")),
        repeats=ready.get("repeats", 0),
        tries=ready.get("tries", 0),
        core=ready.get("core", -1),
        problem=_problem(last, contract),
        out_of_time=last["event"] == "deadline",
    )


def _problem(last: dict[str, Any], contract: Contract) -> str:
    """Say why a session ended early, in the words of the contract; empty when it did not."""
    if last["event"] == "failed":
        return str(last["reason"])
    if last["event"] != "wrong":
        return ""
    names = [f"'{name}'" for name in contract.parameters] + ["the result"]
    found = re.sub(r"^parameter (\d+)", lambda m: names[int(m[1])], str(last["reason"]))
    return f"wrong on fresh inputs: {found}"


def _pair(row: dict[str, Any]) -> Pair:
    def blocks(name: str) -> tuple[Block, ...]:
        return tuple(Block(*(ns * 1e-9 for ns in b[:4]), *b[4:]) for b in row[name])

    return Pair(blocks("base"), blocks("candidate"), row["event"] == "self")
