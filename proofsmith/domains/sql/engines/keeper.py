"""Keep engines running between verdicts, and end them when the event loop ends."""

import asyncio
from collections.abc import MutableMapping
from weakref import WeakKeyDictionary

from proofsmith.domains.sql.engines import Engine, start
from proofsmith.protocols import Sandbox

_LONGEST_S = 30 * 24 * 3600.0


class Keeper:
    """Starts an engine at first use; a background task ends it when the loop shuts down."""

    def __init__(self) -> None:
        """Start with nothing running."""
        self._kept: MutableMapping[asyncio.AbstractEventLoop, _Kept] = WeakKeyDictionary()

    async def engine(self, name: str, sandbox: Sandbox) -> Engine:
        """Return the running engine called `name`; raises SandboxError when it does not start."""
        kept = self._kept.setdefault(asyncio.get_running_loop(), _Kept())
        return await kept.engine(name, sandbox)


class _Kept:
    """The engines of one event loop."""

    def __init__(self) -> None:
        self._engines: dict[tuple[str, str], Engine] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def engine(self, name: str, sandbox: Sandbox) -> Engine:
        key = name, sandbox.level
        async with self._turn:
            if key not in self._engines:
                self._engines[key] = await start(name, sandbox)
                self._tasks.add(asyncio.create_task(self._hold(self._engines[key])))
            return self._engines[key]

    @staticmethod
    async def _hold(engine: Engine) -> None:
        """Wait until the loop cancels its tasks, then end the engine."""
        try:
            await asyncio.sleep(
                _LONGEST_S
            )  # a timer, because the loop keeps timers alive and bare tasks not
        finally:
            await engine.close()
