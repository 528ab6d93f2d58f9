"""Which checkers run: started in the background, one referee and one warm elaborator, as memory allows."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from proofsmith.domains.lean import toolchain
from proofsmith.domains.lean.checker import Checker, open_checker
from proofsmith.domains.lean.trusted import Referee, open_referee
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.types import Depth

NEEDED_MIB = 3600
"""Resident size of one checker of the embedded toolchain, most of it the engine that runs WebAssembly."""

Say = Callable[[str], object]


def free_mib() -> int:
    """Return how much memory could be used now without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 1 << 20


def _looked_at(task: "asyncio.Task[Checker] | asyncio.Task[Referee]") -> None:
    """Take note of a failed start: who needs the checker is told, whoever left before is not."""
    if not task.cancelled():
        task.exception()


class Engine:
    """The checkers of one event loop and sandbox family."""

    def __init__(self, sandbox: Sandbox, project: Path | None, say: Say = sys.stderr.write) -> None:
        """Begin to start the referee; raises SandboxError when no Lean is installed or memory cannot hold one."""
        self._sandbox = sandbox
        self._chain = toolchain.find(project)
        self._say = say
        if free_mib() < NEEDED_MIB:
            raise SandboxError(
                f"a Lean checker needs {NEEDED_MIB} MiB of memory, {free_mib()} MiB are free",
                hint="end other programs, or use a native Lean, which needs less",
            )
        self._referee = asyncio.create_task(self._start_referee())
        self._referee.add_done_callback(_looked_at)
        self._checker: asyncio.Task[Checker] | None = None
        self._used = False

    def prestart(self) -> "asyncio.Task[Checker]":
        """Begin to start the elaborator, which a search will need soon; return what becomes of it."""
        if self._checker is None:
            self._checker = asyncio.create_task(self._start_checker())
            self._checker.add_done_callback(_looked_at)
        return self._checker

    async def _start_referee(self) -> Referee:
        started = asyncio.get_running_loop().time()
        referee = await open_referee(self._sandbox, self._chain)
        took = asyncio.get_running_loop().time() - started
        if took > 1.0:
            self._say(f"{self._chain.name}: replay checker ready after {took:.0f} s\n")
        return referee

    async def _start_checker(self) -> Checker:
        self._say(f"{self._chain.name}: starting, about half a minute\n")
        if free_mib() < 2 * NEEDED_MIB:
            self._say(
                "memory holds one checker at a time: the second starts when the first is up\n"
            )
            await asyncio.wait([self._referee])
        started = asyncio.get_running_loop().time()
        checker = await open_checker(self._sandbox, self._chain)
        took = asyncio.get_running_loop().time() - started
        self._say(f"{self._chain.name}: elaborator ready after {took:.0f} s\n")
        return checker

    async def referee(self) -> Referee:
        """Return the replay checker once it is ready."""
        return await asyncio.shield(self._referee)

    async def checker(self, depth: Depth = Depth.QUICK) -> Checker:
        """Return the warm elaborator; for FULL one that no candidate has spoken to before."""
        if depth is Depth.FULL and self._used:
            old = await self.prestart()
            self._checker = None
            await old.close()
        self._used = True
        return await asyncio.shield(self.prestart())

    async def close(self) -> None:
        """End both."""
        for task in (self._checker, self._referee):
            if task is None:
                continue
            if not task.done():
                task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                await task.result().close()
