"""How `Limits` become numbers for the kernel, and where a sandboxed program finds itself."""

import math
import signal

from proofsmith.types import Limits

WORK_DIRECTORY = "/tmp/job"
"""Work directory of every isolated execution; `cwd` and staged paths are relative to it."""

INPUT_DIRECTORY = "/input"
"""Where read-only inputs are bound."""

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": WORK_DIRECTORY,
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
}
"""Everything that a payload finds in its environment besides what `exec(env=...)` adds."""

SOCKET_DIRECTORY = "/socket"
"""Where a server that talks over a socket makes it."""

MIB = 1 << 20

_ENDLESS_S = 10 * 365 * 86400

GRACE_S = 0.8
"""How long past the wall limit the sandbox may take to report before it is killed from outside."""

START_S = 30.0
"""How long the machinery may take until the payload runs; beyond that it is broken, not slow."""

FLOOD_FACTOR = 8
"""A stream may exceed its cap this many times (its middle is dropped) before the payload is ended."""


def cpu_seconds(limits: Limits) -> int:
    """Return the CPU limit in whole seconds, the kernel's unit, rounded up."""
    return max(1, math.ceil(limits.cpu_s))


def init_options(limits: Limits, *, aggregate: bool, endless: bool = False) -> list[str]:
    """Return the init's flags for `limits`.

    `aggregate` says that a cgroup bounds memory and processes of all processes together. Without one the init counts
    processes with RLIMIT_NPROC, bounds each address space and polls the sum, which is a softer limit. `endless` lifts
    the limits of time, for servers, whose requests have deadlines instead.
    """
    disk = limits.disk_mib * MIB
    wall_s, cpu_s = (_ENDLESS_S, _ENDLESS_S) if endless else (limits.wall_s, cpu_seconds(limits))
    options = ["-w", str(max(1, round(wall_s * 1000))), "-t", str(cpu_s)]
    options += ["-s", str(disk), "-l", str(disk)]
    if not aggregate:
        memory = limits.memory_mib * MIB
        options += ["-p", str(limits.processes + 1), "-a", str(memory), "-m", str(memory)]
    return options


def over_cpu(cpu_s: float, ended_by_signal: int | None, limits: Limits) -> bool:
    """Say whether the CPU limit ended a process that used `cpu_s` seconds.

    The kernel enforces the limit by counting timer ticks, which on a virtual machine that shares its processors runs up
    to a quarter ahead of the precise time that it reports.
    """
    killed = ended_by_signal == signal.SIGKILL and cpu_s >= 0.7 * cpu_seconds(limits)
    return killed or ended_by_signal == signal.SIGXCPU
