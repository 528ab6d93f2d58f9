"""The default sandbox: a fresh set of namespaces, a tmpfs and a control group for every execution."""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from proofsmith.executors import cgroup, folders
from proofsmith.executors.command import Command, Machine, Request, checked_inputs
from proofsmith.executors.process import Launch, report_pipe, supervise
from proofsmith.executors.report import Report
from proofsmith.executors.result import result_of
from proofsmith.executors.running import Running, run_server
from proofsmith.executors.services import Registry
from proofsmith.executors.staging import Staging, anonymous_file, checked_path
from proofsmith.protocols import Service, ServiceSpec
from proofsmith.types import ExecResult, Limits, digest

_OBSERVER_PATH = {"PATH": os.defpath + ":/usr/local/bin"}


class BubblewrapSandbox:
    """`protocols.Sandbox` on bubblewrap."""

    def __init__(
        self,
        machine: Machine,
        inputs: Mapping[str, Path] | None = None,
        services: Registry | None = None,
    ) -> None:
        """Start with nothing staged; `inputs` are bound read-only at `/input/<name>`."""
        self._services = services or Registry()
        self._machine = machine
        self._staging = Staging()
        self._inputs = checked_inputs(inputs)

    @property
    def level(self) -> str:
        """Isolation level in words."""
        return self._machine.level

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "BubblewrapSandbox":
        """Return an empty sandbox of the same level."""
        return BubblewrapSandbox(self._machine, inputs, self._services)

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Stage a file."""
        self._staging.write(path, data, executable=executable)

    async def read(self, path: str, *, max_kib: int = 16384) -> bytes:
        """Return a staged file."""
        return self._staging.read(path, max_kib=max_kib)

    async def service(self, spec: ServiceSpec) -> Service:
        """Start, or join where its scope allows, a server over the staged files and the spec's own."""
        key = digest(repr(spec), repr(sorted(self._inputs.items())), self.level)
        return await self._services.join(key, spec, self._start_server)

    async def _start_server(self, spec: ServiceSpec) -> Running:
        staging = self._staging.joined(spec.files)
        folder = folders.make() if spec.protocol == "socket" else None
        request = Request(
            argv=spec.argv, limits=spec.limits, env=spec.env, endless=True, socket_folder=folder
        )
        group = self._machine.groups.create(spec.limits) if self._machine.groups else None

        held: list[int] = []  # the init would die of a report that nobody can read

        def release() -> None:
            for fd in held:
                os.close(fd)
            if group is not None:
                group.kill()
                group.remove()
            if folder is not None:
                folders.remove(folder)

        stdin, stdin_write = os.pipe()
        sink = io.FileIO(stdin_write, "wb")
        try:
            report_fd, launch = self._prepared(request, Report(()), staging, stdin, group)
            held.append(report_fd)
            return await run_server(
                launch,
                spec.limits,
                stdin=sink,
                memory_mib=group.memory_mib if group else lambda: 0.0,
                release=release,
                socket_folder=folder,
            )
        except BaseException:
            sink.close()
            release()
            raise

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
        request = Request(
            argv=argv,
            limits=limits,
            cwd=cwd,
            env=env or {},
            outputs=[checked_path(name) for name in outputs],
            observe=observe,
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

    async def _exec(self, request: Request, stdin: bytes, group: cgroup.Group | None) -> ExecResult:
        report = Report(request.outputs)
        given = anonymous_file(stdin) if stdin else os.open("/dev/null", os.O_RDONLY)
        report_fd, launch = self._prepared(request, report, self._staging, given, group)
        try:
            finished = await supervise(launch, request.limits)
        finally:
            os.close(report_fd)
        return result_of(finished, report, request.limits, cgroup.counted(group), self.level)

    def _prepared(
        self,
        request: Request,
        report: Report,
        staging: Staging,
        stdin: int,
        group: cgroup.Group | None,
    ) -> tuple[int, Launch]:
        """Return the read end of the report pipe, owned by the caller, and what to start."""
        command = Command(machine=self._machine, inputs=self._inputs, request=request, group=group)
        rules = self._machine.runtime.seccomp(aggregate=group is not None)
        seccomp = os.open(rules, os.O_RDONLY | os.O_CLOEXEC)
        report_fd, report_child = report_pipe()
        files = staging.packed_fd()
        launch = Launch(
            argv=command.argv(seccomp=seccomp, files=files, report=report_child),
            env=_OBSERVER_PATH if request.observe else {},
            stdin=stdin,
            pass_fds=(seccomp, files, report_child),
            report=report,
            report_fd=report_fd,
            close_fds=(seccomp, stdin, report_child),
            kill=group.kill if group else lambda: None,
        )
        return report_fd, launch
