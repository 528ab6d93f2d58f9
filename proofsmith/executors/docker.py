"""A hardened container for every execution; the only module that speaks to Docker."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import docker
from docker.errors import DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.capture import Capture
from proofsmith.executors.cgroup import Counted
from proofsmith.executors.command import checked_inputs
from proofsmith.executors.limits import (
    ENVIRONMENT,
    FLOOD_FACTOR,
    GRACE_S,
    INPUT_DIRECTORY,
    MIB,
    START_S,
    init_options,
)
from proofsmith.executors.process import Finished
from proofsmith.executors.report import Report
from proofsmith.executors.result import result_of
from proofsmith.executors.runtime import UNPRIVILEGED, Runtime, install
from proofsmith.executors.staging import Staging, checked_path
from proofsmith.protocols import Service, ServiceSpec
from proofsmith.types import ExecResult, Limits

IMAGE = "proofsmith-sandbox"
"""Name of the image unless another one is asked for; `scripts/docker_image.sh` makes it."""

LEVEL = "docker"
_ADDRESS = "unix:///var/run/docker.sock"
_LABEL = "proofsmith.owner"
_ANSWER_S = 60
_BLOCK = 1 << 18
_FRAME = struct.Struct(">BxxxI")
_SIZE = struct.Struct("=Q")
_OWN_PROCESSES = 2
_serial = count()
_FAILURES = (DockerException, OSError)
"""What the SDK raises: its own errors, and those of HTTP, which are OSErrors, when the daemon hangs or dies."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A connection to a daemon and the digest of the image that all containers start from."""

    client: Any
    image_id: str
    runtime: Runtime

    @classmethod
    def connect(
        cls, image: str = IMAGE, url: str | None = None, *, answer_s: int = _ANSWER_S
    ) -> "Daemon":
        """Find the daemon and the image, and remove containers whose owner was killed.

        Raises:
            SandboxError: no daemon answers, or it does not have the image.
        """
        address = url or os.environ.get("DOCKER_HOST") or _ADDRESS
        _expect_answer(address)
        try:
            client = docker.DockerClient(base_url=address, timeout=answer_s)
            image_id = str(client.images.get(image).id)
        except ImageNotFound as error:
            raise SandboxError(
                f"the Docker daemon has no image '{image}'", hint="sh scripts/docker_image.sh"
            ) from error
        except _FAILURES as error:
            raise SandboxError(
                f"the Docker daemon does not answer within {answer_s} s: {error}",
                hint="systemctl restart docker",
            ) from error
        daemon = cls(client, image_id, install())
        daemon.sweep()
        return daemon

    def sweep(self) -> None:
        """Remove the containers of processes of this host that no longer live."""
        for container in self.client.containers.list(all=True, filters={"label": _LABEL}):
            if not Path("/proc", container.labels[_LABEL]).exists():
                _remove(container)


def _expect_answer(address: str) -> None:
    """Raise SandboxError unless something listens at `address`, a Unix socket since inputs are bound by path."""
    path = address.removeprefix("unix://")
    if path == address:
        raise SandboxError(f"cannot use the daemon at {address}", hint="only unix:// sockets")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_ANSWER_S)
        try:
            probe.connect(path)
        except OSError as error:
            raise SandboxError(
                f"no Docker daemon answers at {address}: {error.strerror}",
                hint="systemctl start docker; or set DOCKER_HOST",
            ) from error


def _remove(container: Container) -> None:
    try:
        container.remove(force=True)
    except NotFound:
        return
    except _FAILURES as error:
        raise SandboxError(f"cannot remove container {container.name}: {error}") from error


@dataclass(slots=True)
class _Conversation:
    """Bytes to and from the init of one container, over the hijacked attach connection."""

    connection: Any
    report: Report
    limits: Limits
    stderr: Capture = field(default_factory=lambda: Capture(4096))
    pending: bytearray = field(default_factory=bytearray)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.connection, data)

    async def take(self) -> bool:
        """Read once and hand whole frames on; False at the end of the stream."""
        data = await asyncio.get_running_loop().sock_recv(self.connection, _BLOCK)
        self.pending += data
        while len(self.pending) >= _FRAME.size:
            stream, size = _FRAME.unpack_from(self.pending)
            end = _FRAME.size + size
            if len(self.pending) < end:
                break
            body = bytes(self.pending[_FRAME.size : end])
            del self.pending[:end]
            if stream == 1:
                self.report.feed(body)
            else:
                self.stderr.feed(body)
        return bool(data) and not (self.report.complete or self.report.broken)

    def flooded(self) -> bool:
        most = FLOOD_FACTOR * self.limits.output_kib * 1024
        return any(capture.seen > most for capture in self.report.captures)

    async def listen(self) -> Literal["", "wall", "output", "start"]:
        """Read until the report is complete or a limit is passed; say which."""
        deadline = time.perf_counter() + START_S
        started = False
        while True:
            if self.report.started and not started:
                started = True
                deadline = time.perf_counter() + self.limits.wall_s + GRACE_S
            left = deadline - time.perf_counter()
            try:
                more = await asyncio.wait_for(self.take(), max(left, 0.001))
            except TimeoutError:
                return "wall" if started else "start"
            if self.flooded():
                return "output"
            if not more:
                return ""


class DockerSandbox:
    """`protocols.Sandbox` on containers: no network, no capabilities, read-only root, limits, an ordinary user."""

    level = LEVEL

    def __init__(self, daemon: Daemon, inputs: Mapping[str, Path] | None = None) -> None:
        """Start with nothing staged; `inputs` are bound read-only at `/input/<name>`."""
        self._daemon = daemon
        self._staging = Staging()
        self._inputs = checked_inputs(inputs)

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "DockerSandbox":
        """Return an empty sandbox on the same daemon and image."""
        return DockerSandbox(self._daemon, inputs)

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Stage a file."""
        self._staging.write(path, data, executable=executable)

    async def read(self, path: str, *, max_kib: int = 16384) -> bytes:
        """Return a staged file."""
        return self._staging.read(path, max_kib=max_kib)

    async def service(self, spec: ServiceSpec) -> Service:
        """Refuse: servers run in bubblewrap."""
        raise SandboxError(
            f"cannot start '{spec.name}' in a container", hint="use --sandbox bubblewrap"
        )

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
        words = ["mux", *init_options(limits, aggregate=True), "-d", cwd]
        for name in wanted:
            words += ["-o", name]
        for name, value in (ENVIRONMENT | dict(env or {})).items():
            words += ["-e", f"{name}={value}"]
        cap = limits.output_kib * 1024
        report = Report(wanted, captures=(Capture(cap), Capture(cap)))
        container, connection = await self._started([*words, "--", *argv], limits)
        try:
            result = await self._converse(container, connection, report, limits, stdin)
        except _FAILURES as error:
            raise SandboxError(f"the Docker daemon failed: {error}") from error
        finally:
            connection.close()
            await asyncio.shield(asyncio.to_thread(_remove, container))
        self._staging.add_outputs(dict(result.outputs))
        return result

    async def _started(self, words: Sequence[str], limits: Limits) -> tuple[Container, Any]:
        """Return a running container and the connection to its streams; nothing is left when cancelled meanwhile."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._start, words, limits))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            container, connection = await starting
            connection.close()
            await asyncio.to_thread(_remove, container)
            raise
        except _FAILURES as error:
            raise SandboxError(f"the Docker daemon started no container: {error}") from error

    def _start(self, words: Sequence[str], limits: Limits) -> tuple[Container, Any]:
        container = self._create(words, limits)
        try:
            return container, _attached(container)
        except _FAILURES:
            _remove(container)
            raise

    def _create(self, words: Sequence[str], limits: Limits) -> Container:
        volumes = {str(self._daemon.runtime.init): {"bind": "/init", "mode": "ro"}}
        for name, path in self._inputs.items():
            volumes[str(path)] = {"bind": f"{INPUT_DIRECTORY}/{name}", "mode": "ro"}
        owner = f"uid={UNPRIVILEGED},gid={UNPRIVILEGED}"
        container: Container = self._daemon.client.containers.create(
            self._daemon.image_id,
            list(words),
            entrypoint=["/init"],
            name=f"proofsmith-{os.getpid()}-{next(_serial)}",
            labels={_LABEL: str(os.getpid())},
            stdin_open=True,
            user=f"{UNPRIVILEGED}:{UNPRIVILEGED}",
            working_dir="/",
            network_mode="none",
            ipc_mode="private",
            shm_size=f"{limits.disk_mib}m",
            read_only=True,
            tmpfs={"/tmp": f"size={limits.disk_mib}m,{owner},mode=0755,exec"},
            volumes=volumes,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=limits.processes + _OWN_PROCESSES,
            mem_limit=limits.memory_mib * MIB,
            memswap_limit=limits.memory_mib * MIB,
            cpuset_cpus=None if limits.pin is None else str(limits.pin),
            oom_score_adj=1000,  # the first to go when the machine runs out of memory
            log_config={"type": "none"},
        )
        return container

    async def _converse(
        self,
        container: Container,
        connection: Any,
        report: Report,
        limits: Limits,
        stdin: bytes,
    ) -> ExecResult:
        conversation = _Conversation(connection, report, limits)
        started = time.perf_counter()
        try:
            rules = self._daemon.runtime.seccomp(aggregate=True).read_bytes()
            for blob in (rules, self._staging.packed(), stdin):
                await conversation.send(_SIZE.pack(len(blob)) + blob)
            ended_by = await conversation.listen()
        except OSError as error:
            raise SandboxError(f"lost the connection to the container: {error}") from error
        wall_s = time.perf_counter() - started
        out, err = report.captures
        finished = Finished(
            stdout=out,
            stderr=err if report.started else conversation.stderr,
            returncode=0,
            wall_s=wall_s,
            ended_by=ended_by,
            cpu_s=report.cpu_s,
            peak_mib=report.peak_mib,
        )
        counted = Counted()
        if report.wait_status != 0 and not ended_by:
            counted = await asyncio.to_thread(_counted, container)
        return result_of(finished, report, limits, counted, LEVEL)


def _counted(container: Container) -> Counted:
    container.wait(timeout=_ANSWER_S)
    container.reload()
    return Counted(out_of_memory=bool(container.attrs["State"]["OOMKilled"]))


def _attached(container: Container) -> Any:
    """Start `container` and return the raw connection to its standard streams."""
    stream: Any = container.attach_socket(
        params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    )
    wrapped = stream._sock  # the SDK offers no other way to the connection
    connection = wrapped.dup()
    stream._response.close()
    wrapped.close()
    connection.setblocking(False)
    try:
        container.start()
    except _FAILURES:
        connection.close()
        raise
    return connection
