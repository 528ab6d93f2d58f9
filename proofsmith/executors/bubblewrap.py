"""The default sandbox: a fresh set of namespaces, a tmpfs and a control group for every execution."""

import os
import shutil
import signal
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors import cgroup
from proofsmith.executors.limits import (
    ENVIRONMENT,
    INPUT_DIRECTORY,
    MIB,
    cpu_seconds,
    init_options,
)
from proofsmith.executors.process import Finished, Launch, report_pipe, supervise
from proofsmith.executors.report import Report
from proofsmith.executors.runtime import UNPRIVILEGED, Runtime, install
from proofsmith.executors.staging import Staging, anonymous_file, checked_path
from proofsmith.protocols import Service, ServiceSpec
from proofsmith.types import Exceeded, ExecResult, Limits

_NAMESPACES = (
    "--unshare-all",
    "--die-with-parent",
    "--as-pid-1",
    "--new-session",
    "--uid",
    str(UNPRIVILEGED),
    "--gid",
    str(UNPRIVILEGED),
    "--hostname",
    "sandbox",
)
_FULL_BYTES = 16 * 1024
_OBSERVER_PATH = {"PATH": os.defpath + ":/usr/local/bin"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine offers; found once, shared by all sandboxes."""

    bwrap: str
    runtime: Runtime
    groups: cgroup.Parent | None

    @property
    def level(self) -> str:
        """Isolation level in words."""
        return "bubblewrap+cgroup" if self.groups else "bubblewrap"

    @classmethod
    def probe(cls, *, use_groups: bool = True) -> "Machine":
        """Find bubblewrap and a place for control groups; raises SandboxError without the former."""
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise SandboxError("bubblewrap is not installed", hint="apt-get install bubblewrap")
        return cls(bwrap, install(), cgroup.find_parent() if use_groups else None)


@dataclass(slots=True)
class _Request:
    """One execution, as asked for."""

    argv: Sequence[str]
    limits: Limits
    cwd: str
    env: Mapping[str, str]
    outputs: Sequence[str]
    observe: Sequence[str]


def _hidden_from_others(path: Path) -> bool:
    return any(not parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


class BubblewrapSandbox:
    """`protocols.Sandbox` on bubblewrap."""

    def __init__(self, machine: Machine, inputs: Mapping[str, Path] | None = None) -> None:
        """Start with nothing staged; `inputs` are bound read-only at `/input/<name>`."""
        self._machine = machine
        self._staging = Staging()
        self._inputs = {checked_path(name): path.resolve() for name, path in (inputs or {}).items()}
        for name, path in self._inputs.items():
            if not path.exists():
                raise UsageError(f"input '{name}': {path} does not exist")
            needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            if os.geteuid() == 0 and path.stat().st_mode & needed != needed:
                raise UsageError(
                    f"input '{name}': {path} is not readable for the sandbox's ordinary user",
                    hint=f"chmod -R o+rX {path}",
                )

    @property
    def level(self) -> str:
        """Isolation level in words."""
        return self._machine.level

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "BubblewrapSandbox":
        """Return an empty sandbox of the same level."""
        return BubblewrapSandbox(self._machine, inputs)

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Stage a file."""
        self._staging.write(path, data, executable=executable)

    async def read(self, path: str, *, max_kib: int = 16384) -> bytes:
        """Return a staged file."""
        return self._staging.read(path, max_kib=max_kib)

    async def service(self, spec: ServiceSpec) -> Service:
        """Start a long-lived server."""
        raise SandboxError(f"cannot start '{spec.name}': this sandbox runs no services")

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        stdin: bytes = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        observe: Sequence[str] = (),
    ) -> ExecResult:
        """Run `argv` in fresh namespaces over a copy of the staged files."""
        request = _Request(
            argv, limits, cwd, env or {}, [checked_path(name) for name in outputs], observe
        )
        group = self._machine.groups.create(limits) if self._machine.groups else None
        try:
            result = await self._exec(request, stdin, group)
        finally:
            if group is not None:
                group.kill()
                group.remove()
        self._staging.add_outputs(dict(result.outputs))
        return result

    async def _exec(
        self, request: _Request, stdin: bytes, group: cgroup.Group | None
    ) -> ExecResult:
        report = Report(request.outputs)
        rules = self._machine.runtime.seccomp(aggregate=group is not None)
        seccomp = os.open(rules, os.O_RDONLY | os.O_CLOEXEC)
        given = anonymous_file(stdin) if stdin else os.open("/dev/null", os.O_RDONLY)
        report_fd, report_child = report_pipe()
        files = self._staging.packed_fd()
        try:
            finished = await supervise(
                Launch(
                    argv=[
                        *request.observe,
                        *self._launcher(request.limits, group),
                        *self._namespace(request, seccomp),
                        *self._init(request, files, report_child),
                    ],
                    env=_OBSERVER_PATH if request.observe else {},
                    stdin=given,
                    pass_fds=(seccomp, files, report_child),
                    report=report,
                    report_fd=report_fd,
                    close_fds=(seccomp, given, report_child),
                    kill=group.kill if group else lambda: None,
                ),
                request.limits,
            )
        finally:
            os.close(report_fd)
        return _result(finished, report, request.limits, group, self.level)

    def _launcher(self, limits: Limits, group: cgroup.Group | None) -> list[str]:
        argv = [str(self._machine.runtime.init), "outer"]
        for procs in group.procs if group else ():
            argv += ["-g", str(procs)]
        if os.geteuid() == 0:
            for index, path in enumerate(self._inputs.values()):
                if _hidden_from_others(path):
                    argv += ["-b", str(path), "-i", str(self._slot(index, path))]
            argv += ["-u", str(UNPRIVILEGED)]
        if limits.pin is not None:
            argv += ["-c", str(limits.pin)]
        return [*argv, "--"]

    def _slot(self, index: int, path: Path) -> Path:
        return self._machine.runtime.input_slot(index, folder=path.is_dir())

    def _namespace(self, request: _Request, seccomp: int) -> list[str]:
        flags = [self._machine.bwrap, *_NAMESPACES, *self._machine.runtime.binds()]
        flags += ["--size", str(request.limits.disk_mib * MIB), "--tmpfs", "/tmp"]
        if self._inputs:
            flags += ["--size", str(MIB), "--tmpfs", INPUT_DIRECTORY]
            for index, (name, path) in enumerate(self._inputs.items()):
                hidden = os.geteuid() == 0 and _hidden_from_others(path)
                source = self._slot(index, path) if hidden else path
                flags += ["--ro-bind", str(source), f"{INPUT_DIRECTORY}/{name}"]
            flags += ["--remount-ro", INPUT_DIRECTORY]
        return [*flags, "--seccomp", str(seccomp), "--"]

    def _init(self, request: _Request, files: int, report: int) -> list[str]:
        aggregate = self._machine.groups is not None
        argv = ["/init", "inner", "-f", str(files), "-r", str(report)]
        argv += init_options(request.limits, aggregate=aggregate)
        argv += ["-d", request.cwd]
        for name in request.outputs:
            argv += ["-o", name]
        for name, value in (ENVIRONMENT | dict(request.env)).items():
            argv += ["-e", f"{name}={value}"]
        return [*argv, "--", *request.argv]


def _result(
    finished: Finished, report: Report, limits: Limits, group: cgroup.Group | None, level: str
) -> ExecResult:
    out_of_memory = group is not None and group.out_of_memory()
    if report.wait_status is None and not finished.ended_by and not out_of_memory:
        said = finished.stderr.data().decode(errors="replace").strip()[-300:]
        raise SandboxError(f"the sandbox died before its report: {said or 'no reason given'}")
    if finished.ended_by == "start":
        raise SandboxError("the sandbox did not start in time", hint="is the machine overloaded?")
    exit_code = ended_signal = None
    exceeded: Exceeded = "memory" if out_of_memory else finished.ended_by or report.ended_by
    if report.wait_status is not None and exceeded not in ("wall", "output", "disk"):
        if os.WIFSIGNALED(report.wait_status):
            ended_signal = os.WTERMSIG(report.wait_status)
        else:
            exit_code = os.WEXITSTATUS(report.wait_status)
    result = ExecResult(
        exit_code=exit_code,
        signal=ended_signal,
        stdout=finished.stdout.data(),
        stderr=finished.stderr.data(),
        wall_s=report.wall_s or finished.wall_s,
        cpu_s=report.cpu_s,
        peak_mib=max(report.peak_mib, group.peak_mib() if group else 0.0),
        exceeded=exceeded,
        truncated=finished.stdout.truncated or finished.stderr.truncated,
        outputs=report.outputs,
        tampered=tuple(report.tampered),
        level=level,
    )
    return replace(result, exceeded=exceeded or _limit_reached(result, report, limits, group))


def _limit_reached(
    result: ExecResult, report: Report, limits: Limits, group: cgroup.Group | None
) -> Exceeded:
    """Name the limit that made the payload fail by itself, empty when none did."""
    if result.exit_code == 0:
        return ""
    killed = result.signal == signal.SIGKILL and result.cpu_s >= cpu_seconds(limits)
    if result.signal == signal.SIGXCPU or killed:
        return "cpu"
    if result.signal == signal.SIGXFSZ or report.free_bytes < _FULL_BYTES:
        return "disk"
    return "processes" if group is not None and group.refused_forks() else ""
