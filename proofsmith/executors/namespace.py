"""Find process 1 of the PID namespace that a launcher made, and wait until everything in that namespace is gone."""

import contextlib
import os
import select
from pathlib import Path


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def _depth(pid: int | str) -> int:
    """Return in how many PID namespaces, from that of `/proc` down, a process has a number."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return len(line.split()) - 1
    return 0


def process_one(launcher: int) -> int | None:
    """Return a descriptor of process 1 of the namespace below `launcher`, owned by the caller.

    None when there is none (yet, or any more), or when the kernel does not list children. The descriptor becomes
    readable when process 1 has ended, which it does after every other process of its namespace.
    """
    with contextlib.suppress(OSError):
        own, pids = _depth("self"), [launcher]
        while pids:
            pid = pids.pop()
            if _depth(pid) > own:
                return _opened(pid, own)
            pids += _children(pid)
    return None


def _opened(pid: int, own: int) -> int | None:
    descriptor = os.pidfd_open(pid)
    with contextlib.suppress(OSError):
        if _depth(pid) > own:  # still, so that the number was not given away in between
            return descriptor
    os.close(descriptor)
    return None


def await_end(descriptor: int, timeout_s: float) -> bool:
    """Block until the process of `descriptor` has ended; say whether it did within `timeout_s`."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
