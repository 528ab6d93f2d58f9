"""The argument vector of one bubblewrap sandbox: launcher, namespaces, init, payload."""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors import cgroup
from proofsmith.executors.limits import (
    ENVIRONMENT,
    INPUT_DIRECTORY,
    MIB,
    SOCKET_DIRECTORY,
    init_options,
)
from proofsmith.executors.runtime import UNPRIVILEGED, Runtime, install
from proofsmith.executors.staging import checked_path
from proofsmith.types import Limits

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


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine offers; found once, shared by all sandboxes."""

    bwrap: str
    runtime: Runtime
    groups: cgroup.Parent | None

    @property
    def level(self) -> str:
        """Isolation level in words; limits are soft where they are polled."""
        return "bubblewrap+cgroup" if self.groups else "bubblewrap+soft-limits"

    @classmethod
    def probe(cls, *, use_groups: bool = True, compiled: bool | None = None) -> "Machine":
        """Find bubblewrap and a place for control groups; raises SandboxError without the former.

        `compiled` says whether the init is the compiled one; None decides by the compilers at hand.
        """
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise SandboxError("bubblewrap is not installed", hint="apt-get install bubblewrap")
        return cls(bwrap, install(compiled=compiled), cgroup.find_parent() if use_groups else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One execution, as asked for."""

    argv: Sequence[str]
    limits: Limits
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    observe: Sequence[str] = ()
    endless: bool = False
    """A server: no wall or CPU limit of its own."""
    socket_folder: Path | None = None
    """Host folder that a server finds at `/socket` and may write to."""


def _hidden_from_others(path: Path) -> bool:
    return any(not parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def checked_inputs(inputs: Mapping[str, Path] | None) -> dict[str, Path]:
    """Return absolute inputs; raises UsageError when one is absent or cannot be read inside the sandbox."""
    found = {checked_path(name): path.resolve() for name, path in (inputs or {}).items()}
    for name, path in found.items():
        if not path.exists():
            raise UsageError(f"input '{name}': {path} does not exist")
        needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
        if os.geteuid() == 0 and path.stat().st_mode & needed != needed:
            raise UsageError(
                f"input '{name}': {path} is not readable for the sandbox's ordinary user",
                hint=f"chmod -R o+rX {path}",
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Everything that decides the argument vector."""

    machine: Machine
    inputs: Mapping[str, Path]
    request: Request
    group: cgroup.Group | None

    def argv(self, *, seccomp: int, files: int, report: int) -> list[str]:
        """Return the whole vector; the arguments are inherited descriptors."""
        return [
            *self.request.observe,
            *self._launcher(),
            *self._namespace(seccomp),
            *self.machine.runtime.inner(),
            *("inner", "-f", str(files), "-r", str(report)),
            *self.words(),
        ]

    def _launcher(self) -> list[str]:
        argv = [*self.machine.runtime.outer(), "outer"]
        for procs in self.group.procs if self.group else ():
            argv += ["-g", str(procs)]
        if os.geteuid() == 0:
            for index, path in enumerate(self.inputs.values()):
                if _hidden_from_others(path):
                    argv += ["-b", str(path), "-i", str(self._slot(index, path))]
            argv += ["-u", str(UNPRIVILEGED)]
        if self.request.limits.pin is not None:
            argv += ["-c", str(self.request.limits.pin)]
        return [*argv, "--"]

    def _slot(self, index: int, path: Path) -> Path:
        return self.machine.runtime.input_slot(index, folder=path.is_dir())

    def _system(self) -> list[str]:
        """Return what all sandboxes see of the machine: namespaces, the read-only system, the inputs."""
        flags = [self.machine.bwrap, *_NAMESPACES, *self.machine.runtime.binds()]
        if self.inputs:
            flags += ["--size", str(MIB), "--tmpfs", INPUT_DIRECTORY]
            for index, (name, path) in enumerate(self.inputs.items()):
                hidden = os.geteuid() == 0 and _hidden_from_others(path)
                source = self._slot(index, path) if hidden else path
                flags += ["--ro-bind", str(source), f"{INPUT_DIRECTORY}/{name}"]
            flags += ["--remount-ro", INPUT_DIRECTORY]
        return flags

    def _namespace(self, seccomp: int) -> list[str]:
        size = str(self.request.limits.disk_mib * MIB)
        flags = [*self._system(), "--size", size, "--tmpfs", "/tmp"]
        if self.request.socket_folder is not None:
            flags += ["--bind", str(self.request.socket_folder), SOCKET_DIRECTORY]
        return [*flags, "--seccomp", str(seccomp), "--"]

    def words(self) -> list[str]:
        """Return the init's options and the payload, without the descriptors."""
        aggregate = self.group is not None
        argv = init_options(self.request.limits, aggregate=aggregate, endless=self.request.endless)
        argv += ["-d", self.request.cwd]
        for name in self.request.outputs:
            argv += ["-o", name]
        for name, value in (ENVIRONMENT | dict(self.request.env)).items():
            argv += ["-e", f"{name}={value}"]
        return [*argv, "--", *self.request.argv]

    def zygote(self, *, control: int, seccomp: int) -> list[str]:
        """Return the vector of a fork server, which keeps the right to make the namespaces of its children."""
        capabilities = ["--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"]
        server = ["python3", "-I", "/zygote.py", "/zygote.so", str(control), str(seccomp)]
        return [*self._launcher(), *self._system(), *capabilities, "--", *server]
