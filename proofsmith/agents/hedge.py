"""Make a late call a second time beside the first; whichever answers first counts."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from proofsmith.types import JSON

KEPT, LEAST = 64, 8
"""Latest durations that are kept per tool, and how many a hedge needs."""
SHARE, SLACK = 0.95, 1.25
"""A call is late when it takes this much longer than this share of the earlier ones took."""
Call = Callable[[], Awaitable[JSON]]


class Hedge:
    """What calls of each tool took, and second calls for late ones; for calls that change nothing."""

    def __init__(self) -> None:
        """Start without any durations."""
        self._took: dict[str, deque[float]] = {}

    def learn(self, tool: str, seconds: float) -> None:
        """Remember how long a call took that gave a value."""
        self._took.setdefault(tool, deque(maxlen=KEPT)).append(seconds)

    def late_s(self, tool: str) -> float | None:
        """Return after how many seconds a call of `tool` is late; None while too few durations are known."""
        times = sorted(self._took.get(tool, ()))
        return SLACK * times[round(SHARE * (len(times) - 1))] if len(times) >= LEAST else None

    async def answer(self, tool: str, call: Call, again: Callable[[], Call | None]) -> JSON:
        """Return what `call` gives; when it is late `again` is asked for a second call, None for no such call.

        The call that is not needed is cancelled and waited for. When both fail, the error is that of the last one.
        """
        late_s = self.late_s(tool)
        if late_s is None:
            return await call()
        calls = {asyncio.create_task(_run(call))}
        try:
            done, _ = await asyncio.wait(calls, timeout=late_s)
            second = None if done else again()
            if second is not None:
                calls.add(asyncio.create_task(_run(second)))
            return await _first(calls)
        finally:
            for task in calls:
                task.cancel()
            await asyncio.wait(calls)
            for task in calls:
                if not task.cancelled():
                    task.exception()  # seen: what counts was returned or raised above


async def _run(call: Call) -> JSON:
    return await call()


async def _first(calls: set[asyncio.Task[JSON]]) -> JSON:
    """Return the first value among calls; raises the error of the last one when all fail."""
    left = set(calls)
    while True:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        good = [call for call in done if call.exception() is None]
        if good or not left:
            return (good or list(done))[0].result()
