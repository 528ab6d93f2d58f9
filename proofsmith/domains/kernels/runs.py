"""Run one side of a differential test in the sandbox and read what it reported."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TypeVar

from proofsmith.domains.kernels import jobs
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.jobs import Case, Rounding, Transcript
from proofsmith.protocols import Sandbox
from proofsmith.types import ExecResult, Limits

Made = TypeVar("Made")
MIB = 1024 * 1024
_ENVIRONMENT = {
    "OMP_WAIT_POLICY": "passive",
    "OMP_DYNAMIC": "false",
    # Memory that is allocated or freed never shows what an earlier call left in it.
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99:allocator_may_return_null=1",
    "TSAN_OPTIONS": "halt_on_error=1:report_signal_unsafe=0:history_size=4",
    "UBSAN_OPTIONS": "print_stacktrace=0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A compiled kernel with the runner that calls it."""

    runner: bytes
    library: bytes
    symbol: str
    threads: bool = False
    """It was compiled with OpenMP."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one execution did and said."""

    transcript: Transcript
    result: ExecResult


async def run(
    side: Side,
    contract: Contract,
    cases: Sequence[Case],
    sandbox: Sandbox,
    *,
    wall_s: float,
    cpu_s: float,
    rounding: Rounding = Rounding.NEAREST,
    poison: int = 0xFF,
    team: int = 3,
    watch: str = "",
) -> Ran:
    """Make all `cases` in one process within the limits; `team` threads serve OpenMP.

    `watch` names bytes by parameter, offset and count, for runners that tell which block last changed them.
    """
    nonce = jobs.nonce()
    job = jobs.encode(
        contract, cases, nonce=nonce, rounding=rounding, threads=side.threads, poison=poison
    )
    written = sum(_written(contract, case) for case in cases)
    box = sandbox.fresh()
    await box.write("runner", side.runner, executable=True)
    await box.write("kernel.so", side.library, executable=True)
    await box.write("job.bin", job)
    limits = Limits(
        wall_s=wall_s,
        cpu_s=cpu_s,
        memory_mib=512 + 8 * (len(job) + written) // MIB,
        disk_mib=16 + (len(job) + len(side.library) + len(side.runner) + 2 * written) // MIB,
        output_kib=256,
        processes=32,
    )
    result = await box.exec(
        ("./runner", "./kernel.so", side.symbol, "job.bin", "out.bin"),
        limits=limits,
        env=_ENVIRONMENT | {"OMP_NUM_THREADS": str(team), "WATCH": watch},
        outputs=("out.bin",),
    )
    data = result.outputs.get("out.bin", b"")
    return Ran(jobs.decode(contract, cases, data, nonce), result)


async def together(*runs: Coroutine[None, None, Made]) -> list[Made]:
    """Await several runs, two at a time, and return their results in order; the first that fails ends the others."""
    free = asyncio.Semaphore(2)

    async def limited(run: Coroutine[None, None, Made]) -> Made:
        async with free:
            return await run

    tasks = [asyncio.create_task(limited(run)) for run in runs]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # seen: the first error is already on its way up


def _written(contract: Contract, case: Case) -> int:
    return 128 + sum(
        contract.elements(a, case.sizes) * a.element.bytes
        for a in contract.arrays.values()
        if a.access != "in"
    )
