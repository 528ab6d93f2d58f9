"""Run a coroutine until it ends; Ctrl-C aborts it, after a first one that lets a search save what is in flight."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TypeVar

Result = TypeVar("Result")


def drive(work: Callable[[], Coroutine[None, None, Result]]) -> Result:
    """Run `work`; raises KeyboardInterrupt when Ctrl-C aborted it."""
    return _run(lambda _: work(), drains=False)


def drain(work: Callable[[asyncio.Event], Coroutine[None, None, Result]]) -> Result:
    """Run `work`, whose event the first Ctrl-C sets; raises KeyboardInterrupt when a second one aborted it."""
    return _run(work, drains=True)


def _run(work: Callable[[asyncio.Event], Coroutine[None, None, Result]], *, drains: bool) -> Result:
    async def watched() -> Result:
        stop = asyncio.Event()
        running = asyncio.current_task()
        assert running is not None

        def interrupt() -> None:
            if stop.is_set() or not drains:
                running.cancel()
                return
            stop.set()
            sys.stderr.write("\nstopping: what is in flight ends first; Ctrl-C again aborts\n")

        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        return await work(stop)

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
