"""An event loop whose sleeps cost no time: the clock jumps to the next timer, plus the CPU time really used."""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Advance the loop's clock instead of waiting."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits and no timer is set: a deadlock")
        if timeout > 0:
            self.loop.jumped_s += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is jumped time plus, when `cpu` is set, the CPU seconds that the process really used."""

    def __init__(self, *, cpu: bool = False) -> None:
        self.jumped_s = 0.0
        self._cpu = cpu
        self._began_s = time.process_time()
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        cpu_s = time.process_time() - self._began_s if self._cpu else 0.0
        return self.jumped_s + cpu_s


def run(main: Coroutine[Any, Any, T], *, cpu: bool = False) -> T:
    """Run `main` to its end on a virtual clock; a deadlock raises RuntimeError at once."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(cpu=cpu)) as runner:
        return runner.run(main)
