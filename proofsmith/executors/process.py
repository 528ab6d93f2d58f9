"""Run one supervised process: stream its output under caps, watch its deadline, always reap it."""

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from proofsmith.errors import SandboxError
from proofsmith.executors import namespace
from proofsmith.executors.capture import Capture
from proofsmith.executors.limits import FLOOD_FACTOR, GRACE_S, START_S
from proofsmith.executors.report import Report
from proofsmith.types import Limits

_BLOCK = 1 << 18
_REAP_S = 10.0


Child = subprocess.Popen[bytes]


@dataclass(slots=True, kw_only=True)
class Launch:
    """What to start: a trusted launcher whose init reports over a private descriptor."""

    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: int
    pass_fds: Sequence[int]
    elsewhere: Callable[[int, int], None] | None = None
    """Has another process start it, given the write ends of stdout and stderr, instead of `argv`."""
    report: Report | None = None
    """None: nothing reports, and the end of the process itself ends the execution."""
    report_fd: int = -1
    """Read end of the report pipe."""
    close_fds: Sequence[int] = ()
    """Descriptors that belong to the child and are closed here once it has started."""
    kill: Callable[[], None] = lambda: None
    """Ends whatever killing the launcher would not."""


@dataclass(slots=True, kw_only=True)
class Finished:
    """How a supervised process ended."""

    stdout: Capture
    stderr: Capture
    returncode: int
    wall_s: float
    ended_by: Literal["", "wall", "output", "start"]
    """Why the supervisor killed it; empty when it did not."""
    cpu_s: float
    """User and system seconds of the process and the children that it waited for."""
    peak_mib: float


@dataclass(slots=True)
class _Supervisor:
    launch: Launch
    limits: Limits
    loop: asyncio.AbstractEventLoop
    done: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: Literal["", "wall", "output", "start"] = ""
    streams: dict[int, Capture] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None
    started_at: float | None = None

    def end(self, reason: Literal["wall", "output", "start"]) -> None:
        self.ended_by = self.ended_by or reason
        self.done.set()

    def arm(self) -> None:
        if self.launch.report is None:
            self.started()
        else:
            self.timer = self.loop.call_later(START_S, self.end, "start")

    def started(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.started_at = time.perf_counter()
        grace = GRACE_S if self.launch.report is not None else 0.0
        self.timer = self.loop.call_later(self.limits.wall_s + grace, self.end, "wall")

    def read_stream(self, fd: int) -> bool:
        """Take one block; False when there is no more for now."""
        try:
            data = os.read(fd, _BLOCK)
        except BlockingIOError:
            return False
        if not data:
            self.loop.remove_reader(fd)
            return False
        capture = self.streams[fd]
        capture.feed(data)
        if capture.seen > FLOOD_FACTOR * self.limits.output_kib * 1024:
            self.end("output")
        return True

    def read_report(self) -> None:
        report = self.launch.report
        if report is None:
            raise SandboxError("nothing reports")
        data = os.read(self.launch.report_fd, _BLOCK)
        report.feed(data)
        if report.started and self.started_at is None:
            self.started()
        if report.complete or report.broken or not data:
            self.loop.remove_reader(self.launch.report_fd)
            self.done.set()

    def drain(self) -> None:
        """Read what is buffered, and nothing that an orphan may still write for ever."""
        for fd, capture in self.streams.items():
            budget = capture.seen + self.limits.output_kib * 1024 + _BLOCK
            while capture.seen < budget and self.read_stream(fd):
                pass


def _nonblocking_pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    return read, write


def report_pipe() -> tuple[int, int]:
    """Return a pipe for an init's report with room for a burst of outputs."""
    read, write = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, 1 << 18)
    return read, write


def start(launch: Launch) -> tuple[Child | None, int, int]:
    """Return the child, None when it runs elsewhere, and the read ends of its stdout and stderr.

    The call blocks for the millisecond that the start takes, on purpose: the sandbox dies with the thread that started
    it, which therefore must be the event loop's own.
    """
    out, out_child = _nonblocking_pipe()
    err, err_child = _nonblocking_pipe()
    try:
        if launch.elsewhere is not None:
            launch.elsewhere(out_child, err_child)
            return None, out, err
        child = subprocess.Popen(
            launch.argv,
            stdin=launch.stdin,
            stdout=out_child,
            stderr=err_child,
            env=dict(launch.env),
            pass_fds=launch.pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        for fd in (out, err):
            os.close(fd)
        raise SandboxError(f"cannot start the sandbox: {error}") from error
    finally:
        for fd in (out_child, err_child, *launch.close_fds):
            os.close(fd)
    return child, out, err


async def end(child: Child, launch: Launch) -> resource.struct_rusage:
    """Kill `child` with everything in its namespace, wait until all of it is gone, and return what it used."""
    inner = namespace.process_one(child.pid)
    try:
        kill(child, launch)
        used = await reap(child, launch)
        if inner is not None:
            with contextlib.suppress(TimeoutError):
                await _readable(inner)
    finally:
        if inner is not None:
            os.close(inner)
    return used


def end_now(child: Child, launch: Launch) -> None:
    """Do what `end` does while nothing else can run, as when the waiting task is cancelled."""
    inner = namespace.process_one(child.pid)
    kill(child, launch)
    child.wait()
    if inner is not None:
        namespace.await_end(inner, _REAP_S)
        os.close(inner)


async def reap(child: Child, launch: Launch) -> resource.struct_rusage:
    """Wait for the end of `child`, kill it when that takes too long, and return what it used."""
    pidfd = os.pidfd_open(child.pid)
    try:
        await _readable(pidfd)
    except TimeoutError:
        kill(child, launch)
    finally:
        os.close(pidfd)
    return _collect(child)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(fd, event.set)
    try:
        await asyncio.wait_for(event.wait(), _REAP_S)
    finally:
        loop.remove_reader(fd)


async def _end_elsewhere(launch: Launch, err: int) -> None:
    """Wait until an init that is not our child has ended, which it does after all that it started.

    It holds standard error `err` to its end. A report that nobody reads any more tells it to end.
    """
    nobody = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nobody, launch.report_fd, inheritable=False)
    os.close(nobody)
    try:
        while True:
            await _readable(err)
            if not os.read(err, _BLOCK):
                return
    except TimeoutError:
        launch.kill()


def _collect(child: Child) -> resource.struct_rusage:
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return used


async def supervise(launch: Launch, limits: Limits) -> Finished:
    """Start `launch`, wait for its report (or end), kill what is over its limits, reap it.

    Raises:
        SandboxError: the launcher cannot be started.
    """
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    child, out, err = start(launch)
    cap = limits.output_kib * 1024
    supervisor = _Supervisor(launch, limits, loop, streams={out: Capture(cap), err: Capture(cap)})
    used = None
    try:
        await _watch(supervisor, child)
        ended = time.perf_counter()
        done = launch.report is not None and launch.report.complete and not supervisor.ended_by
        if child is None:
            if not done:
                launch.kill()
            supervisor.drain()
            await _end_elsewhere(launch, err)
        else:
            used = await (reap if done else end)(child, launch)
            supervisor.drain()
    finally:
        if child is not None and child.returncode is None:
            end_now(child, launch)
        for fd in (out, err):
            loop.remove_reader(fd)
            os.close(fd)
    return Finished(
        stdout=supervisor.streams[out],
        stderr=supervisor.streams[err],
        returncode=child.returncode if child else 0,
        wall_s=ended
        - (supervisor.started_at if launch.report and supervisor.started_at else started),
        ended_by=supervisor.ended_by,
        cpu_s=used.ru_utime + used.ru_stime if used else 0.0,
        peak_mib=used.ru_maxrss / 1024 if used else 0.0,
    )


def kill(child: Child | None, launch: Launch) -> None:
    """Kill the launcher's process group and whatever else belongs to it."""
    if child is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    launch.kill()


async def _watch(supervisor: _Supervisor, child: Child | None) -> None:
    """Serve the descriptors until the execution is over."""
    loop, launch = supervisor.loop, supervisor.launch
    for fd in supervisor.streams:
        loop.add_reader(fd, supervisor.read_stream, fd)
    pidfd = os.pidfd_open(child.pid) if child and launch.report is None else -1
    if pidfd >= 0:
        loop.add_reader(pidfd, supervisor.done.set)
    else:
        loop.add_reader(launch.report_fd, supervisor.read_report)
    supervisor.arm()
    try:
        await supervisor.done.wait()
    finally:
        if supervisor.timer is not None:
            supervisor.timer.cancel()
        for fd in (*supervisor.streams, pidfd, launch.report_fd):
            if fd >= 0:
                loop.remove_reader(fd)
        if pidfd >= 0:
            os.close(pidfd)
