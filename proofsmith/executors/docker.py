"""The Docker daemon: containers are made, watched and removed here; the only module that speaks to it."""

import atexit
import contextlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import CONFLICT
from itertools import count
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from proofsmith.errors import SandboxError
from proofsmith.executors.limits import MIB
from proofsmith.executors.runtime import UNPRIVILEGED, Runtime, install
from proofsmith.types import Limits

IMAGE = "proofsmith-kernels"
"""Image unless another one is asked for; its Dockerfile lies in the folder of the domain that it is named after."""

_ADDRESS = "unix:///var/run/docker.sock"
_LABEL = "proofsmith.owner"
_ANSWER_S = 60
_OWN_PROCESSES = 2
_serial = count()
_FAILURES = (DockerException, OSError)
"""What the SDK raises: its own errors, and those of HTTP, which are OSErrors, when the daemon hangs or dies."""


@contextlib.contextmanager
def reported(what: str, hint: str = "") -> Iterator[None]:
    """Turn whatever the daemon or the connection to it does wrong into a SandboxError."""
    try:
        yield
    except _FAILURES as error:
        raise SandboxError(f"{what}: {error}", hint=hint) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a container is started with."""

    words: Sequence[str]
    """Options of the init, and the payload."""
    limits: Limits
    read_only: Mapping[str, Path] = field(default_factory=dict)
    """Path in the container to path on the host."""
    writable: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A running container and the connection to its standard streams."""

    container: Container
    connection: socket.socket
    doubtful: set[str]
    living: dict[str, Container]

    def out_of_memory(self) -> bool:
        """Wait for the container's end and say whether the kernel killed one of its processes for memory."""
        self.container.wait(timeout=_ANSWER_S)
        self.container.reload()
        return bool(self.container.attrs["State"]["OOMKilled"])

    def memory_mib(self) -> float:
        """Return the present memory use of all its processes."""
        client: Any = self.container.client
        with reported("the Docker daemon tells no memory use"):
            used = client.api.stats(self.container.id, stream=False, one_shot=True)
        return float(used["memory_stats"].get("usage", 0)) / MIB

    def kill(self) -> None:
        """End the container and remove it; raises SandboxError when the daemon does not do that."""
        self.connection.close()
        self.living.pop(str(self.container.name), None)
        try:
            _remove(self.container)
        except SandboxError:
            self.doubtful.add(str(self.container.name))
            raise


@dataclass(frozen=True, slots=True)
class Daemon:
    """A connection to a daemon and the digest of the image that all containers start from."""

    client: Any
    image_id: str
    runtime: Runtime
    doubtful: set[str] = field(default_factory=set)
    """Names of containers that may still exist, since the daemon failed while they were made or removed."""
    living: dict[str, Container] = field(default_factory=dict)
    """Containers by name that run: servers among them outlive every question, and go when this process ends."""

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
        slow = f"the Docker daemon does not answer within {answer_s} s"
        with reported(slow, hint="systemctl restart docker"):
            try:
                client = docker.DockerClient(base_url=address, timeout=answer_s)
                image_id = str(client.images.get(image).id)
            except ImageNotFound as error:
                raise SandboxError(
                    f"the Docker daemon has no image '{image}'", hint=_how_to_make(image)
                ) from error
            daemon = cls(client, image_id, install())
            daemon.sweep()
        atexit.register(daemon.end)
        return daemon

    @property
    def level(self) -> str:
        """Isolation level in words, with the digest of the image, on which every result depends."""
        return f"docker {self.image_id}"

    def sweep(self) -> None:
        """Remove the containers of processes of this host that no longer live."""
        for container in self.client.containers.list(
            all=True, filters={"label": _LABEL}, ignore_removed=True
        ):
            if not Path("/proc", container.labels[_LABEL]).exists():
                _remove(container)

    def end(self) -> None:
        """Remove what still runs; what a failing daemon keeps is removed by the next `sweep`."""
        while self.living:
            with contextlib.suppress(SandboxError):
                _remove(self.living.popitem()[1])

    def start(self, wanted: Wanted) -> Started:
        """Make and start a hardened container; what is left when that fails goes before the next one starts.

        Raises:
            SandboxError: the daemon is absent, full, too slow, or refuses.
        """
        self._remove_doubtful()
        name = f"proofsmith-{os.getpid()}-{next(_serial)}"
        with reported("the Docker daemon started no container", hint="docker info"):
            try:
                container = self._create(wanted, name)
                self.living[name] = container
                return Started(container, _attached(container), self.doubtful, self.living)
            except _FAILURES:
                self.doubtful.add(name)
                raise

    def _remove_doubtful(self) -> None:
        """Try to remove what an earlier failure of the daemon left."""
        for name in list(self.doubtful):
            with contextlib.suppress(*_FAILURES):
                with contextlib.suppress(NotFound):
                    self.client.api.remove_container(name, force=True)
                self.doubtful.discard(name)

    def _create(self, wanted: Wanted, name: str) -> Container:
        limits = wanted.limits
        volumes = {str(self.runtime.init): {"bind": "/init", "mode": "ro"}}
        for mode, binds in (("ro", wanted.read_only), ("rw", wanted.writable)):
            volumes |= {str(path): {"bind": at, "mode": mode} for at, path in binds.items()}
        owner = f"uid={UNPRIVILEGED},gid={UNPRIVILEGED}"
        container: Container = self.client.containers.create(
            self.image_id,
            list(wanted.words),
            entrypoint=["/init"],
            name=name,
            labels={_LABEL: str(os.getpid())},
            stdin_open=True,  # once: the end of the connection is the end of the init's input
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


def _how_to_make(image: str) -> str:
    name = image.removeprefix("proofsmith-")
    if name == image:
        return f"docker pull {image}"
    package = Path(__file__).parent.parent
    folder = package / "domains" / name
    if not folder.is_dir():  # of building in Python, which is no domain
        folder = package / "agents"
    offline = f"sh scripts/docker_image.sh {name}"
    return f"docker build -t {image} {folder}; where no registry can be reached: {offline}"


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
    """Remove a container; that it is gone, or that somebody else is removing it, is as good.

    A daemon fails to kill one that ends by itself at that moment, and removes it when it is asked again.
    """
    with reported(f"cannot remove container {container.name}"):
        for again in (True, False):
            try:
                container.remove(force=True)
            except NotFound:
                return
            except APIError as error:
                told = str(error.explanation)
                if again and "is not running" in told:
                    continue
                if error.status_code != CONFLICT or "in progress" not in told:
                    raise
            return


def _attached(container: Container) -> socket.socket:
    """Start `container` and return the raw connection to its standard streams."""
    stream: Any = container.attach_socket(
        params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    )
    wrapped = stream._sock  # the SDK offers no other way to the connection
    connection: socket.socket = wrapped.dup()
    stream._response.close()
    wrapped.close()
    connection.setblocking(False)
    try:
        container.start()
    except _FAILURES:
        connection.close()
        raise
    return connection
