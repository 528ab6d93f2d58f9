"""A sandbox for very many short executions: children of a fork server that waits inside bubblewrap.

Every execution still gets its own process, mount and IPC namespaces, work directory, control group and filter. Shared
are the network namespace, which is empty and which the filter lets nobody use, and the read-only system. A program
started as `python3` runs in a copy of an interpreter that is already up.
"""

import os
import socket
import subprocess
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proofsmith.executors import cgroup
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Command, Machine, Request
from proofsmith.executors.process import Launch, report_pipe, supervise
from proofsmith.executors.report import Report
from proofsmith.executors.result import result_of
from proofsmith.executors.services import Registry
from proofsmith.executors.staging import anonymous_file
from proofsmith.types import ExecResult, Limits

_MOST_SERVERS = 4


@dataclass(slots=True)
class ForkServer:
    """One resident interpreter and the socket over which it takes requests."""

    child: "subprocess.Popen[bytes]"
    control: socket.socket

    def alive(self) -> bool:
        """Say whether it can take requests."""
        return self.child.poll() is None

    def end(self) -> None:
        """End it and every execution that it started."""
        self.control.close()
        self.child.kill()
        self.child.wait()


class _Process(subprocess.Popen[bytes]):
    """A fork server's process, which ends with its owner in whatever order the two are collected."""

    def __del__(self) -> None:
        if getattr(self, "returncode", 0) is None:
            self.kill()
            self.wait()
        super().__del__()


@dataclass(slots=True)
class ForkServers:
    """The fork servers of sandboxes that were opened together, by their inputs."""

    machine: Machine
    _servers: "OrderedDict[tuple[tuple[str, Path], ...], ForkServer]" = field(
        default_factory=OrderedDict
    )

    def get(self, inputs: Mapping[str, Path]) -> ForkServer:
        """Return a live server that sees `inputs`; the least recently used one ends when there are too many."""
        key = tuple(sorted(inputs.items()))
        server = self._servers.pop(key, None)
        if server is None or not server.alive():
            if server is not None:
                server.end()
            server = self._start(inputs)
        self._servers[key] = server
        if len(self._servers) > _MOST_SERVERS:
            self._servers.popitem(last=False)[1].end()
        return server

    def _start(self, inputs: Mapping[str, Path]) -> ForkServer:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        aggregate = self.machine.groups is not None
        rules = self.machine.runtime.seccomp(aggregate=aggregate, zygote=True)
        seccomp = os.open(rules, os.O_RDONLY | os.O_CLOEXEC)
        nothing = Request(argv=(), limits=Limits())
        command = Command(machine=self.machine, inputs=inputs, request=nothing, group=None)
        try:
            child = _Process(
                command.zygote(control=theirs.fileno(), seccomp=seccomp),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                pass_fds=(theirs.fileno(), seccomp),
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(seccomp)
        return ForkServer(child, ours)

    def close(self) -> None:
        """End all servers."""
        while self._servers:
            self._servers.popitem()[1].end()

    def __del__(self) -> None:
        """End them with the last sandbox that uses them."""
        self.close()


class ZygoteSandbox(BubblewrapSandbox):
    """`protocols.Sandbox` on a fork server inside bubblewrap."""

    def __init__(
        self,
        machine: Machine,
        inputs: Mapping[str, Path] | None = None,
        services: Registry | None = None,
        servers: ForkServers | None = None,
    ) -> None:
        """Start with nothing staged; the fork server starts at the first execution."""
        super().__init__(machine, inputs, services)
        _ = machine.runtime.init  # the fork server is compiled with it
        self._servers = servers or ForkServers(machine)

    @property
    def level(self) -> str:
        """Isolation level in words."""
        return f"{self._machine.level}+zygote"

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "ZygoteSandbox":
        """Return an empty sandbox of the same level that shares the fork servers."""
        return ZygoteSandbox(self._machine, inputs, self._services, self._servers)

    async def _exec(self, request: Request, stdin: bytes, group: cgroup.Group | None) -> ExecResult:
        if request.observe:  # an observer must be the ancestor of what it observes
            return await super()._exec(request, stdin, group)
        report = Report(request.outputs)
        command = Command(machine=self._machine, inputs=self._inputs, request=request, group=group)
        pin = [] if request.limits.pin is None else ["-c", str(request.limits.pin)]
        words = ["init", *pin, *command.words()]
        server = self._servers.get(self._inputs)
        own = [anonymous_file(b"".join(os.fsencode(word) + b"\0" for word in words))]
        given = anonymous_file(stdin) if stdin else os.open("/dev/null", os.O_RDONLY)
        report_fd, report_child = report_pipe()
        own += [given, report_child]
        groups = (
            [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in group.procs if group]
            if group
            else []
        )
        files = self._staging.packed_fd()

        def ask(out: int, err: int) -> None:
            fds = [own[0], files, report_child, given, out, err, *groups]
            socket.send_fds(server.control, [b"x"], fds)

        launch = Launch(
            stdin=given,
            pass_fds=(),
            elsewhere=ask,
            report=report,
            report_fd=report_fd,
            close_fds=(*own, *groups),
            kill=group.kill if group else lambda: None,
        )
        try:
            finished = await supervise(launch, request.limits)
        finally:
            os.close(report_fd)
        return result_of(finished, report, request.limits, cgroup.counted(group), self.level)
