"""Things on the host that a sandboxed program must never see, reach or change, and whether one did."""

import asyncio
import contextlib
import os
import resource
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from proofsmith.types import ExecResult

_ENVIRONMENT_NAME = "PROOFSMITH_CANARY_KEY"
_GROWTH_MIB = 96.0


@dataclass(slots=True)
class Canaries:
    """Baits of one check; every token is random, so that finding one in an output proves a leak."""

    folder: Path
    token: str = field(default_factory=lambda: f"canary-{secrets.token_hex(16)}")
    marker: str = field(default_factory=lambda: f"proofsmith-marker-{secrets.token_hex(8)}")
    abstract: str = field(default_factory=lambda: f"proofsmith-{secrets.token_hex(8)}")
    tcp_port: int = 0
    hits: list[str] = field(default_factory=list)
    _snapshot: dict[str, tuple[int, int]] = field(default_factory=dict)
    _peak_mib: float = 0.0
    _markers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def secret(self) -> Path:
        """A file that any user of the host may read."""
        return self.folder / "secret.txt"

    def substitutions(self, run: str) -> dict[str, str]:
        """Return what hostile sources may know of the host."""
        return {
            "@SECRET@": str(self.secret),
            "@ORACLE@": str(self.folder / "expected.txt"),
            "@UNIX@": str(self.folder / "socket"),
            "@ABSTRACT@": self.abstract,
            "@TCP@": str(self.tcp_port),
            "@HOST@": str(self.folder),
            "@MARKER@": self.marker,
            "@RUN@": run,
        }

    def arm(self) -> None:
        """Remember the state that must not change during the next execution."""
        self.hits.clear()
        self._snapshot = _snapshot(self.folder)
        self._peak_mib = _peak_mib()

    def fired(self, result: ExecResult, run: str) -> list[str]:
        """Return what happened that must not happen; ends survivors whose command line carries `run`."""
        said = b"".join([result.stdout, result.stderr, *result.outputs.values()])
        found = [f"connection to {name}" for name in self.hits]
        if self.token.encode() in said:
            found.append("a secret came back")
        if _snapshot(self.folder) != self._snapshot:
            found.append("the host's folder changed")
        if any(process.poll() is not None for process in self._markers):
            found.append("a foreign process was killed")
        if survivors := _processes_with(run):
            found.append(f"{len(survivors)} processes survived")
            for pid in survivors:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        growth = _peak_mib() - self._peak_mib
        if growth > _GROWTH_MIB:
            found.append(f"the runner grew by {growth:.0f} MiB")
        return found


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in sorted(folder.rglob("*"))
    }


def _processes_with(run: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if run.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


@contextlib.asynccontextmanager
async def canaries() -> AsyncIterator[Canaries]:
    """Set up all baits: files, listeners, a key in the environment, an inheritable descriptor, a marker process."""
    folder = Path(tempfile.mkdtemp(prefix="proofsmith-canaries-"))
    folder.chmod(0o755)
    baits = Canaries(folder)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for path in (baits.secret, folder / "expected.txt"):
            path.write_text(baits.token + "\n")
        await _listen(baits, stack)
        os.environ[_ENVIRONMENT_NAME] = baits.token
        stack.callback(os.environ.pop, _ENVIRONMENT_NAME, None)
        inherited = os.open(baits.secret, os.O_RDONLY)
        stack.callback(os.close, inherited)
        os.set_inheritable(inherited, True)
        baits._markers.append(_start_marker(baits))
        stack.callback(_end_marker, baits._markers[0])
        yield baits


async def _listen(baits: Canaries, stack: contextlib.AsyncExitStack) -> None:
    def hit(name: str) -> object:
        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            baits.hits.append(name)
            writer.close()

        return connected

    tcp = await asyncio.start_server(hit("the loopback listener"), "127.0.0.1", 0)  # type: ignore[arg-type]
    baits.tcp_port = tcp.sockets[0].getsockname()[1]
    abstract = await asyncio.start_unix_server(
        hit("the abstract socket"),  # type: ignore[arg-type]
        "\0" + baits.abstract,
    )
    path = str(baits.folder / "socket")
    named = await asyncio.start_unix_server(hit("the socket file"), path)  # type: ignore[arg-type]
    Path(path).chmod(0o777)
    for server in (tcp, abstract, named):
        stack.callback(server.close)


def _start_marker(baits: Canaries) -> "subprocess.Popen[bytes]":
    """Start a process that a hostile program may look for; it ends with us, when its input closes."""
    return subprocess.Popen(
        ["sh", "-c", "read line", baits.marker],
        stdin=subprocess.PIPE,
        env={"PATH": os.defpath, _ENVIRONMENT_NAME: baits.token},
    )


def _end_marker(marker: "subprocess.Popen[bytes]") -> None:
    marker.kill()
    marker.communicate()
