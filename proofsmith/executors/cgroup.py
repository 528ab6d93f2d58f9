"""Control groups that bound memory and processes of one execution as a whole; versions 1 and 2."""

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from proofsmith.errors import SandboxError
from proofsmith.types import Limits

ROOT = Path("/sys/fs/cgroup")
SUPERVISOR = "supervisor"
"""Group below its own that a process moves into: one with members cannot have limited children."""

_PREFIX = "proofsmith-"
_MIB = 1 << 20
OWN_PROCESSES = 4  # launcher, bubblewrap, its child and the init are in the group too
_REMOVE_S = 2.0
_serial = count()


@dataclass(frozen=True, slots=True)
class Parent:
    """A writable place for groups: one directory in version 2, one per controller in version 1."""

    version: int
    memory: Path
    pids: Path

    def create(self, limits: Limits) -> "Group":
        """Make a group with `limits`; raises SandboxError when the kernel refuses."""
        name = f"{_PREFIX}{os.getpid()}-{next(_serial)}"
        group = Group(self.version, self.memory / name, self.pids / name)
        try:
            group.memory.mkdir()
            if self.version == 1:
                group.pids.mkdir()
            group.apply(limits)
        except OSError as error:
            group.remove()
            raise SandboxError(f"cannot set up a control group: {error}") from error
        return group

    def sweep(self) -> None:
        """Remove groups whose owner no longer lives."""
        for place in {self.memory, self.pids}:
            for path in place.glob(f"{_PREFIX}*-*"):
                owner = path.name.removeprefix(_PREFIX).partition("-")[0]
                if owner.isdigit() and not Path("/proc", owner).exists():
                    Group(self.version, path, path).kill()
                    with contextlib.suppress(OSError):
                        path.rmdir()


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted for all processes of one execution together."""

    out_of_memory: bool = False
    """The kernel killed a member for memory."""
    refused_forks: bool = False
    """A fork failed at the limit of processes."""
    peak_mib: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one execution."""

    version: int
    memory: Path
    pids: Path

    @property
    def procs(self) -> tuple[Path, ...]:
        """Files that a process writes its id to in order to join."""
        places = (self.memory,) if self.version == 2 else (self.memory, self.pids)
        return tuple(place / "cgroup.procs" for place in places)

    def apply(self, limits: Limits) -> None:
        """Write the limits; swap is off."""
        size = str(limits.memory_mib * _MIB)
        (self.pids / "pids.max").write_text(str(limits.processes + OWN_PROCESSES))
        if self.version == 2:
            (self.memory / "memory.max").write_text(size)
            with contextlib.suppress(OSError):  # absent when the kernel has no swap accounting
                (self.memory / "memory.swap.max").write_text("0")
            return
        (self.memory / "memory.limit_in_bytes").write_text(size)
        with contextlib.suppress(OSError):
            (self.memory / "memory.memsw.limit_in_bytes").write_text(size)
        with contextlib.suppress(OSError):
            (self.memory / "memory.swappiness").write_text("0")

    def _counter(self, path: Path, key: str) -> int:
        try:
            found = re.search(rf"^{key} (\d+)$", path.read_text(), re.MULTILINE)
        except OSError:
            return 0
        return int(found.group(1)) if found else 0

    def counted(self) -> Counted:
        """Read the counters."""
        events = "memory.events" if self.version == 2 else "memory.oom_control"
        return Counted(
            out_of_memory=self._counter(self.memory / events, "oom_kill") > 0,
            refused_forks=self._counter(self.pids / "pids.events", "max") > 0,
            peak_mib=self._peak_mib(),
        )

    def memory_mib(self) -> float:
        """Return the present memory use of the whole group."""
        name = "memory.current" if self.version == 2 else "memory.usage_in_bytes"
        return int((self.memory / name).read_text()) / _MIB

    def _peak_mib(self) -> float:
        """Return the highest memory use of the whole group; 0 when the kernel does not record it."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        try:
            return int((self.memory / name).read_text()) / _MIB
        except (OSError, ValueError):
            return 0.0

    def kill(self) -> None:
        """Kill every member."""
        with contextlib.suppress(OSError):
            if self.version == 2:
                (self.memory / "cgroup.kill").write_text("1")
                return
        with contextlib.suppress(OSError):
            for pid in self.procs[0].read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """Remove the group; raises SandboxError when members outlive their kill."""
        deadline = time.monotonic() + _REMOVE_S
        for place in {self.memory, self.pids}:
            while place.exists():
                try:
                    place.rmdir()
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise SandboxError(f"control group {place} stays busy") from error
                    self.kill()
                    time.sleep(0.002)


def counted(group: Group | None) -> Counted:
    """Return the counters of `group`; nothing is known without one."""
    return group.counted() if group else Counted()


def _own_paths() -> dict[str, str]:
    paths = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _candidates(root: Path, own: str) -> tuple[Path, Path]:
    return root / own.lstrip("/"), root


def _usable(parent: Parent) -> bool:
    try:
        parent.create(Limits()).remove()
    except SandboxError:
        return False
    return True


def made_room(place: Path) -> Path:
    """Return the version 2 group in which this process, when it is alone in `place`, may make limited groups."""
    if place.name == SUPERVISOR:
        return place.parent
    with contextlib.suppress(OSError):
        if (place / "cgroup.procs").read_text().split() == [str(os.getpid())]:
            (place / SUPERVISOR).mkdir(exist_ok=True)
            (place / SUPERVISOR / "cgroup.procs").write_text(str(os.getpid()))
    return place


def find_parent(root: Path = ROOT) -> Parent | None:
    """Return a place where this process may make groups with memory and process limits, None when there is none."""
    try:
        own = _own_paths()
    except OSError:
        return None
    if (root / "cgroup.controllers").exists():
        below, top = _candidates(root, own.get("", "/"))
        places = [Parent(2, path, path) for path in (made_room(below), top)]
        for place in places:
            with contextlib.suppress(OSError):
                (place.memory / "cgroup.subtree_control").write_text("+memory +pids")
    else:
        memories = _candidates(root / "memory", own.get("memory", "/"))
        pids = _candidates(root / "pids", own.get("pids", "/"))
        places = [Parent(1, m, p) for m in memories for p in pids]
    for place in places:
        if _usable(place):
            place.sweep()
            return place
    return None
