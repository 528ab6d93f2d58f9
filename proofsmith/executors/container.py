"""A sandbox of hardened containers: one for every execution, one for every server."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors import folders
from proofsmith.executors.attachment import Attachment
from proofsmith.executors.capture import Capture
from proofsmith.executors.cgroup import Counted
from proofsmith.executors.command import checked_inputs
from proofsmith.executors.container_server import run_container_server
from proofsmith.executors.docker import Daemon, Started, Wanted, reported
from proofsmith.executors.limits import (
    ENVIRONMENT,
    FLOOD_FACTOR,
    GRACE_S,
    INPUT_DIRECTORY,
    SOCKET_DIRECTORY,
    START_S,
    init_options,
)
from proofsmith.executors.process import Finished
from proofsmith.executors.report import Report
from proofsmith.executors.result import result_of
from proofsmith.executors.running import Running
from proofsmith.executors.services import Registry
from proofsmith.executors.staging import Staging, checked_path
from proofsmith.protocols import Service, ServiceSpec
from proofsmith.types import ExecResult, Limits, digest

_MUX = ("mux", "-n", str(int(START_S)))


class DockerSandbox:
    """`protocols.Sandbox` on containers: no network, no capabilities, read-only root, limits, an ordinary user."""

    def __init__(
        self,
        daemon: Daemon,
        inputs: Mapping[str, Path] | None = None,
        services: Registry | None = None,
    ) -> None:
        """Start with nothing staged; `inputs` are bound read-only at `/input/<name>`."""
        self._daemon = daemon
        self._services = services or Registry()
        self._staging = Staging()
        self._inputs = checked_inputs(inputs)

    @property
    def level(self) -> str:
        """Isolation level in words, with the digest of the image."""
        return self._daemon.level

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "DockerSandbox":
        """Return an empty sandbox on the same daemon and image."""
        return DockerSandbox(self._daemon, inputs, self._services)

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
        folder = folders.make() if spec.protocol == "socket" else None
        words = [*_MUX, *init_options(spec.limits, aggregate=True, endless=True)]
        words += [*_environment(spec.env), "--", *spec.argv]
        writable = {SOCKET_DIRECTORY: folder} if folder else {}
        try:
            started = await self._started(
                Wanted(words=words, limits=spec.limits, read_only=self._binds(), writable=writable)
            )
            return await run_container_server(
                started,
                spec.limits,
                blobs=(self._filter(), self._staging.joined(spec.files).packed()),
                socket_folder=folder,
            )
        except SandboxError:
            if folder is not None:
                folders.remove(folder)
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
        """Run `argv` in a new container over a copy of the staged files."""
        if observe:
            raise UsageError(
                "a container cannot be observed from outside", hint="use --sandbox bubblewrap"
            )
        wanted = [checked_path(name) for name in outputs]
        words = [*_MUX, *init_options(limits, aggregate=True), "-d", cwd]
        for name in wanted:
            words += ["-o", name]
        words += [*_environment(env), "--", *argv]
        cap = limits.output_kib * 1024
        captures = (Capture(cap), Capture(cap))
        conversation = _Conversation(Report(wanted, captures=captures), captures, limits)
        started = await self._started(Wanted(words=words, limits=limits, read_only=self._binds()))
        try:
            with reported("lost the connection to the container"):
                finished = await conversation.hold(
                    Attachment(started.connection),
                    (self._filter(), self._staging.packed(), stdin),
                )
                counted = Counted()
                if conversation.report.wait_status != 0 and not finished.ended_by:
                    killed = await asyncio.to_thread(started.out_of_memory)
                    counted = Counted(out_of_memory=killed)
        finally:
            await asyncio.shield(asyncio.to_thread(started.kill))
        result = result_of(finished, conversation.report, limits, counted, self.level)
        self._staging.add_outputs(dict(result.outputs))
        return result

    def _binds(self) -> dict[str, Path]:
        return {f"{INPUT_DIRECTORY}/{name}": path for name, path in self._inputs.items()}

    def _filter(self) -> bytes:
        return self._daemon.runtime.seccomp(aggregate=True).read_bytes()

    async def _started(self, wanted: Wanted) -> Started:
        """Return a running container; nothing is left when cancelled meanwhile."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._daemon.start, wanted))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.to_thread((await starting).kill)
            raise


def _environment(env: Mapping[str, str] | None) -> list[str]:
    words = []
    for name, value in (ENVIRONMENT | dict(env or {})).items():
        words += ["-e", f"{name}={value}"]
    return words


@dataclass(slots=True)
class _Conversation:
    """One execution as its init tells it."""

    report: Report
    captures: tuple[Capture, Capture]
    limits: Limits
    stderr: Capture = field(default_factory=lambda: Capture(4096))
    """What the init itself complains about."""

    async def hold(self, attachment: Attachment, blobs: Sequence[bytes]) -> Finished:
        """Hand the blobs over and listen to the end; raises OSError when the connection is lost."""
        started = time.perf_counter()
        for blob in blobs:
            await attachment.send_blob(blob)
        ended_by = await self._listen(attachment)
        out, err = self.captures
        return Finished(
            stdout=out,
            stderr=err if self.report.started else self.stderr,
            returncode=0,
            wall_s=time.perf_counter() - started,
            ended_by=ended_by,
            cpu_s=self.report.cpu_s,
            peak_mib=self.report.peak_mib,
        )

    async def _listen(self, attachment: Attachment) -> Literal["", "wall", "output", "start"]:
        """Read until the report is complete or a limit is passed; say which."""
        deadline = time.perf_counter() + START_S
        started = False
        while True:
            if self.report.started and not started:
                started = True
                deadline = time.perf_counter() + self.limits.wall_s + GRACE_S
            left = deadline - time.perf_counter()
            try:
                more = await asyncio.wait_for(
                    attachment.receive(self.report, self.stderr), max(left, 0.001)
                )
            except TimeoutError:
                return "wall" if started else "start"
            most = FLOOD_FACTOR * self.limits.output_kib * 1024
            if any(capture.seen > most for capture in self.captures):
                return "output"
            if not more or self.report.complete or self.report.broken:
                return ""
