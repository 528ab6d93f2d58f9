"""Tell whoever watches what a long step is about to do; without a watcher it is told to nobody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_WATCHER: ContextVar[Callable[[str], object] | None] = ContextVar("watcher", default=None)


def tell(text: str) -> None:
    """Tell one line."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(text)


@contextmanager
def watched(watcher: Callable[[str], object]) -> Iterator[None]:
    """Let `watcher` take what is told inside, in tasks that start inside as well.

    >>> heard = []
    >>> with watched(heard.append):
    ...     tell("reading")
    >>> tell("nobody hears it")
    >>> heard
    ['reading']
    """
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)
