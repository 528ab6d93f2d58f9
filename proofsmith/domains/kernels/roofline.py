"""What one core of this machine can do at best, and how near to it a kernel comes."""

import json
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.contract import Contract, number
from proofsmith.domains.kernels.host import cpu_model
from proofsmith.domains.kernels.keep import Keep
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Limits, digest

SLACK = 1.25
"""A rate this many times a measured peak is impossible; less may be a better day of the same core."""
NEAR_ROOF = 0.7
"""Part of the roofline from which a roof counts as what bounds a kernel."""
_LIMITS = Limits(wall_s=30.0, cpu_s=20.0, memory_mib=512, disk_mib=64, processes=8)
_SOURCE = "harness/roofline.c"


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the memory hierarchy: `capacity` in bytes, 0 for main memory; best bytes per second of one core."""

    name: str
    capacity: int
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a kernel stands under the roofline at the measuring sizes."""

    bound: str
    """What limits it at best: `compute`, or the level that its arrays fit into: `L1`, `L2`, `L3`, `memory`."""
    floor_s: float
    """Shortest possible time of one call."""
    transfer_s: float
    """Shortest possible time of the traffic alone."""
    share: float
    """Part of the roofline reached: floor / time."""
    flops: float | None
    bytes: float
    estimated: bool
    """True when the header declares no traffic and the sizes of the arrays stand for it."""

    @property
    def limit(self) -> str:
        """The class of a version in one word: the roof that it is near, else `instructions`.

        `memory` is the bandwidth of any level that the arrays fit into.
        """
        if self.share < NEAR_ROOF:
            return "instructions"
        return "compute" if self.bound == "compute" else "memory"

    @property
    def summary(self) -> str:
        """One line for a report or a model."""
        bound = "compute-bound" if self.bound == "compute" else f"{self.bound}-bound"
        source = "traffic estimated from the arrays" if self.estimated else "declared work"
        known = "" if self.flops is not None else ", operations unknown"
        return f"{bound}, {self.share:.0%} of the roofline reached ({source}{known})"

    @property
    def facts(self) -> dict[str, JSON]:
        """The numbers, for a report."""
        return {
            "bound": self.bound,
            "floor_s": self.floor_s,
            "share": self.share,
            "flops": self.flops,
            "bytes": self.bytes,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """Peaks of one core, by CPU time."""

    double_flops: float
    float_flops: float
    levels: tuple[Level, ...]
    """Fastest first; the last is main memory."""

    @classmethod
    def parse(cls, text: str) -> "Roofline":
        """Read what roofline.c printed; raises ValueError for anything else.

        >>> r = Roofline.parse('{"double_flops": 1e11, "float_flops": 2e11, "levels": [["memory", 0, 1e10]]}')
        >>> r.levels[0].bytes_per_s
        10000000000.0
        """
        try:
            data = json.loads(text)
            levels = tuple(Level(str(n), int(c), float(b)) for n, c, b in data["levels"])
            made = cls(
                double_flops=float(data["double_flops"]),
                float_flops=float(data["float_flops"]),
                levels=levels,
            )
        except (KeyError, TypeError) as error:
            raise ValueError("not a roofline") from error
        if not levels or min(made.double_flops, *(b.bytes_per_s for b in levels)) <= 0:
            raise ValueError("not a roofline")
        return made

    @property
    def facts(self) -> dict[str, JSON]:
        """The peaks, for a report."""
        return {
            "double_flops": self.double_flops,
            "float_flops": self.float_flops,
            "levels": [[level.name, level.capacity, level.bytes_per_s] for level in self.levels],
        }

    def level(self, working_set: float) -> Level:
        """Return the fastest level that holds `working_set` bytes."""
        return next((v for v in self.levels if v.capacity >= working_set), self.levels[-1])

    def peak_flops(self, contract: Contract) -> float:
        """Return operations per second in the narrowest type that the contract computes with: an upper bound."""
        return self.double_flops if _float_bytes(contract) == {8} else self.float_flops

    def position(self, contract: Contract, time_s: float, *, cores: int = 1) -> Position:
        """Say where a kernel stands that takes `time_s` seconds per call on `cores` cores."""
        sizes = contract.measure_sizes
        flops = number(contract.work.flops, sizes) if contract.work.flops else None
        touched = _touched(contract)
        moved = number(contract.work.bytes, sizes) if contract.work.bytes else float(touched)
        level = self.level(touched)
        shared = cores if level.name != "memory" else 1
        transfer_s = moved / (level.bytes_per_s * shared)
        compute_s = flops / (self.peak_flops(contract) * cores) if flops else 0.0
        floor_s = max(transfer_s, compute_s)
        return Position(
            bound="compute" if compute_s >= transfer_s else level.name,
            floor_s=floor_s,
            transfer_s=transfer_s,
            share=floor_s / time_s if time_s > 0 else 0.0,
            flops=flops,
            bytes=moved,
            estimated=contract.work.bytes is None,
        )

    def impossible(self, contract: Contract, time_s: float, *, cores: int = 1) -> str:
        """Return why `time_s` per call is impossible for the declared work, empty when it is possible."""
        sizes, work = contract.measure_sizes, contract.work
        operations = work.flops if _float_bytes(contract) else None  # integers have other peaks
        fastest = max(level.bytes_per_s for level in self.levels)
        for declared, peak, unit, what in (
            (operations, self.peak_flops(contract), "GFLOP/s", "flops"),
            (work.bytes, fastest, "GB/s", "bytes"),
        ):
            amount = number(declared, sizes) if declared else 0.0
            if time_s > 0 and amount / time_s > SLACK * peak * cores:
                return (
                    f"impossible speed: {amount / time_s / 1e9:.0f} {unit} where "
                    f"{peak * cores / 1e9:.0f} {unit} is the peak; correct {what} under [work] when less work is enough"
                )
        return ""


async def measured(compiler: Compiler, sandbox: Sandbox, folder: Path | None = None) -> Roofline:
    """Measure the peaks of one core, at most 3 s, or read them from `folder`, where they are kept per CPU model.

    Raises:
        SandboxError: the measurement does not compile or run.
    """
    source = files("proofsmith.domains.kernels").joinpath(_SOURCE).read_text()
    keep = Keep(folder)
    name = f"roofline-{digest(cpu_model(), str(os.cpu_count()), source)[:16]}.json"
    try:
        return Roofline.parse((keep.read(name) or b"").decode())
    except ValueError:
        pass  # absent or damaged: measure
    argv = ("gcc", "-O3", "-march=native", "-w", "roofline.c")
    program = await compiler.trusted(sandbox, {"roofline.c": source}, argv)
    box = sandbox.fresh()
    await box.write("roofline", program, executable=True)
    done = await box.exec(("./roofline",), limits=_LIMITS)
    try:
        made = Roofline.parse(done.stdout.decode(errors="replace"))
    except ValueError as error:
        raise SandboxError(f"the roofline cannot be measured: exit {done.exit_code}") from error
    keep.write(name, json.dumps(made.facts).encode())
    return made


def _float_bytes(contract: Contract) -> set[int]:
    """Return the widths of the floating-point types among the parameters."""
    elements = [a.element for a in contract.arrays.values()]
    elements += [s.element for s in contract.scalars.values()]
    return {e.bytes for e in elements if e.kind == "float"}


def _touched(contract: Contract) -> int:
    """Return the bytes of all arrays at the measuring sizes, inout ones twice."""
    sizes = contract.measure_sizes
    return sum(
        contract.elements(a, sizes) * a.element.bytes * (2 if a.access == "inout" else 1)
        for a in contract.arrays.values()
    )
