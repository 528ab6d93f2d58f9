"""The measuring lane: while a pair is timed, nothing else of this process runs in a sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lane:
    """A read/write lock: many verifications at once, or one measurement alone; a waiting measurement goes first."""

    def __init__(self) -> None:
        """Start with nobody inside."""
        self._changed = asyncio.Condition()
        self._sharing = 0
        self._measuring = False
        self._waiting = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Hold the lane together with other work that is not timed."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._measuring and not self._waiting)
            self._sharing += 1
        try:
            yield
        finally:
            self._sharing -= 1
            await self._wake()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the lane with nobody else inside: for timing."""
        async with self._changed:
            self._waiting += 1
            try:
                await self._changed.wait_for(lambda: not self._measuring and not self._sharing)
                self._measuring = True
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            self._measuring = False
            await self._wake()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
