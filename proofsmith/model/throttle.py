"""Adaptive concurrency: as many requests at once as the endpoint bears.

A 429 multiplies the width by 0.8, once per burst; a 5xx only pauses growth, since fewer requests do not mend a broken
server; a width of requests answered in full use adds one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from proofsmith.model.faults import Fault

SHRINK = 0.8


class Throttle:
    """Slots for requests to one endpoint, shared by every call to it.

    `width` moves between `floor` and `ceiling`; `cooldown_s` is how long one burst of 429s lasts when the server
    does not say; `history` lists every change as (seconds on the clock, new width).
    """

    def __init__(
        self,
        *,
        start: int = 8,
        floor: int = 1,
        ceiling: int = 64,
        cooldown_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Start with `start` slots; raises ValueError unless 1 <= floor <= start <= ceiling."""
        if not 1 <= floor <= start <= ceiling:
            raise ValueError("a throttle needs 1 <= floor <= start <= ceiling")
        self.width, self._floor, self._ceiling = start, floor, ceiling
        self.history: list[tuple[float, int]] = []
        self._cooldown_s, self._clock, self._sleep = cooldown_s, clock, sleep
        self._busy, self._answered = 0, 0
        self._burst_until = self._growth_until = self._closed_until = float("-inf")
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a free slot, and until a Retry-After that any request was given has passed."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._busy < self.width)
            self._busy += 1
        try:
            while (closed_s := self._closed_until - self._clock()) > 0:
                await self._sleep(closed_s)
            yield
        finally:
            async with self._freed:
                self._busy -= 1
                self._freed.notify_all()

    def answered(self) -> None:
        """Count a good answer; `width` of them in a row while every slot was in use add a slot.

        Call it while the slot is still held.
        """
        if self._busy < self.width or self._clock() < self._growth_until:
            return
        self._answered += 1
        if self._answered >= self.width and self.width < self._ceiling:
            self._set(self.width + 1)

    def failed(self, fault: Fault) -> None:
        """Learn from a fault: shrink on a 429, pause growth on a broken server."""
        now = self._clock()
        self._answered = 0
        if fault.kind == "rate":
            pause_s = fault.retry_after_s
            if pause_s is not None:
                self._closed_until = max(self._closed_until, now + pause_s)
            if now >= self._burst_until:
                self._set(max(self._floor, int(self.width * SHRINK)))
                self._burst_until = now + (self._cooldown_s if pause_s is None else pause_s)
            self._growth_until = max(self._growth_until, self._burst_until)
        elif fault.kind != "refused":
            self._growth_until = max(self._growth_until, now + self._cooldown_s)

    def _set(self, width: int) -> None:
        self._answered = 0
        if width != self.width:
            self.width = width
            self.history.append((self._clock(), width))
