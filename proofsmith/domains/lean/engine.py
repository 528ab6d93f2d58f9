"""Which checkers run: started together in the background, one referee and elaborators as memory allows."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TypeVar

from proofsmith.domains.lean import image, premises, toolchain
from proofsmith.domains.lean.checker import Checker, Context, Statement, open_checker
from proofsmith.domains.lean.trusted import Referee, open_referee
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.types import Depth

NEEDED_MIB = 2000
"""Resident size of one checker that goes on from an image, with room to grow."""
STARTED_ANEW_MIB = 3600
"""The same when it starts anew, most of it the engine that compiles WebAssembly."""
PATIENCE_S = 20.0
"""How long a full check waits for an elaborator that no candidate has spoken to; the referee never hears one anyway."""

Say = Callable[[str], object]
Server = TypeVar("Server", Checker, Referee, None)


def free_mib() -> int:
    """Return how much memory could be used now without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 1 << 20


def _looked_at(task: "asyncio.Task[Server]") -> None:
    """Take note of a failed start: who needs the checker is told, whoever left before is not."""
    if not task.cancelled():
        task.exception()


def _started(work: Coroutine[None, None, Server]) -> "asyncio.Task[Server]":
    task = asyncio.create_task(work)
    task.add_done_callback(_looked_at)
    return task


class Engine:
    """The checkers of one event loop and sandbox family."""

    def __init__(
        self,
        sandbox: Sandbox,
        project: Path | None,
        say: Say = sys.stderr.write,
        free: Callable[[], int] = free_mib,
    ) -> None:
        """Begin to start the referee; raises SandboxError when no Lean is installed or memory cannot hold one."""
        self._sandbox = sandbox
        self._chain = toolchain.find(project)
        self._say = say
        self._free_mib = free
        has_image = self._chain.embedded and image.is_complete(image.folder_of(self._chain))
        self._needed_mib = NEEDED_MIB if has_image else STARTED_ANEW_MIB
        if self._free_mib() < self._needed_mib:
            raise SandboxError(
                f"a Lean checker needs {self._needed_mib} MiB of memory, {self._free_mib()} MiB are free",
                hint="end other programs, or use a native Lean, which needs less",
            )
        self._begun_s = asyncio.get_running_loop().time()
        self._referee = _started(self._start_referee())
        self._checker: asyncio.Task[Checker] | None = None
        self._spare: asyncio.Task[Checker] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._used = False

    def prestart(self, *, budgeted: bool = False) -> "asyncio.Task[Checker]":
        """Begin to start the elaborator; return what becomes of it. `budgeted`: a search with a budget waits for it."""
        if self._checker is None:
            then = "; the budget begins when it is ready" if budgeted else ""
            self._say(f"{self._chain.name}: starting, some seconds{then}\n")
            self._checker = _started(self._start_checker())
        return self._checker

    def acquaint(self, statements: Iterable[Statement]) -> None:
        """Let the elaborator read the statements as soon as it is up, while the replay checker does."""

        async def read() -> None:
            checker = await asyncio.shield(self.prestart())
            for statement in statements:
                await checker.prepare(statement)

        self._reading = _started(read())

    def prestart_spare(self) -> None:
        """Begin to start the elaborator of the final check, where memory has room for a third process."""
        if self._spare is None and self._free_mib() >= self._needed_mib:
            self._spare = _started(self._open_checker())

    def prestart_reader(self, context: Context) -> None:
        """Begin to read the library's theorems beside the search, where memory has room and they are not kept yet."""
        if self._reader is None and self._free_mib() >= 2 * self._needed_mib:
            self._reader = premises.begin_aside(self._open_checker, self._chain, context)

    async def _start_referee(self) -> Referee:
        referee = await open_referee(self._sandbox, self._chain)
        self._tell("replay checker")
        return referee

    async def _start_checker(self) -> Checker:
        if self._free_mib() < 2 * self._needed_mib:
            self._say(
                "memory holds one checker at a time: the second starts when the first is up\n"
            )
            await asyncio.wait([self._referee])
        checker = await self._open_checker()
        self._tell("elaborator")
        return checker

    async def _open_checker(self) -> Checker:
        return await open_checker(self._sandbox, self._chain)

    def _tell(self, what: str) -> None:
        took = asyncio.get_running_loop().time() - self._begun_s
        if took > 1.0:
            self._say(f"{self._chain.name}: {what} ready after {took:.0f} s\n")

    async def referee(self) -> Referee:
        """Return the replay checker once it is ready."""
        return await asyncio.shield(self._referee)

    async def checker(self, depth: Depth = Depth.QUICK) -> Checker:
        """Return the warm elaborator; for FULL one that no candidate has spoken to, where it comes up in time."""
        if depth is Depth.FULL and self._used:
            self.prestart_spare()
            await self._replace()
        self._used = True
        return await asyncio.shield(self.prestart())

    async def _replace(self) -> None:
        """Put the spare in the elaborator's place; a verdict does not rest on that, so nobody waits for ever."""
        if self._spare is None:
            return
        done, _ = await asyncio.wait([self._spare], timeout=PATIENCE_S)
        if not done:
            return
        old, self._checker, self._spare = self.prestart(), self._spare, None
        await (await old).close()

    async def close(self) -> None:
        """End all of them."""
        for beside in (self._reader, self._reading):
            if beside is not None:
                beside.cancel()
                await asyncio.wait([beside])
        for task in (self._spare, self._checker, self._referee):
            if task is None:
                continue
            if not task.done():
                task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                await task.result().close()
