"""A Docker daemon of our own: Debian's, on a private socket and data root, with the images that are asked for."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEBIAN_DAEMON = Path("/usr/sbin/dockerd")
DEBIAN_CLIENT = Path("/usr/bin/docker")
READY_S = 60.0


def why_not() -> str:
    """Return why no daemon can be started here, empty when one can."""
    if os.geteuid() != 0:
        return "a Docker daemon of the tests' own needs root"
    if not DEBIAN_DAEMON.exists() or not DEBIAN_CLIENT.exists():
        return "apt-get install docker.io"
    return "" if shutil.which("debootstrap") else "apt-get install debootstrap"


@dataclass
class PrivateDaemon:
    """A daemon that lives in `folder`, where its socket is called `s`."""

    folder: Path

    @property
    def url(self) -> str:
        """Address of the daemon."""
        return f"unix://{self.folder}/s"

    def start(self) -> None:
        """Start it and wait until it answers; raises TimeoutError with the end of its log."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while self.process.poll() is None and time.monotonic() < deadline:
            asked = [str(DEBIAN_CLIENT), "-H", self.url, "info"]
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise TimeoutError(f"dockerd does not start: {(self.folder / 'log').read_text()[-1000:]}")

    def _command(self) -> list[str]:
        return [
            str(DEBIAN_DAEMON),
            *("--host", self.url, "--data-root", f"{self.folder}/root"),
            *("--exec-root", f"{self.folder}/exec", "--pidfile", f"{self.folder}/pid"),
            *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
            *("--bridge=none", "--storage-driver", "overlay2"),
        ]

    def import_images(self, names: Sequence[str]) -> None:
        """Make the images of domains, of building, or the base of all."""
        subprocess.run(
            ["sh", str(ROOT / "scripts/docker_image.sh"), *names],
            check=True,
            env=os.environ
            | {"DOCKER_HOST": self.url, "PATH": f"/usr/bin:/usr/sbin:{os.environ['PATH']}"},
        )

    def build_image(self, folder: Path, name: str) -> None:
        """Let the daemon itself build the Dockerfile in `folder` on the base, which was imported before."""
        words = ["build", "--network", "host", "--build-arg", "BASE=proofsmith-base", "-t", name]
        command = [str(DEBIAN_CLIENT), "-H", self.url, *words, str(folder)]
        subprocess.run(command, check=True, env=os.environ | {"DOCKER_BUILDKIT": "0"})

    def containers(self) -> list[str]:
        """Return the ids of all containers."""
        asked = [str(DEBIAN_CLIENT), "-H", self.url, "ps", "--all", "--quiet"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()

    def until_it_runs_a_container(self) -> None:
        """Wait until there is one; raises TimeoutError."""
        deadline = time.monotonic() + READY_S
        while not self.containers():
            if time.monotonic() > deadline:
                raise TimeoutError("no container was started")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash would; its containers and their supervisors stay."""
        path = self.folder / "exec" / "containerd" / "containerd.pid"
        child = int(
            path.read_text()
        )  # dies with the daemon, and must be gone before the next one looks for it
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + READY_S
        while Path("/proc", str(child)).exists() and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):  # ours only when we inherit orphans
                os.waitpid(child, os.WNOHANG)
            time.sleep(0.01)

    def stop(self) -> None:
        """End it and everything that it started, and unmount what it leaves mounted."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        for pid in self._left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((m for m in mounted if m.startswith(str(self.folder))), reverse=True):
            subprocess.run(["umount", "-l", place], check=False)

    def _left(self) -> list[int]:
        """Return what outlives a daemon that was killed: supervisors of containers, which name its folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                if f"{self.folder}/".encode() in words and b"containerd" in words:
                    found.append(int(entry.name))
        return found


@contextlib.contextmanager
def private_daemon(domains: Sequence[str] = ("kernels",)) -> Iterator[PrivateDaemon]:
    """Yield a running daemon that has the images of `domains`."""
    folder = Path(
        tempfile.mkdtemp(prefix="pd-", dir="/var/tmp")
    )  # short: a socket's path is limited
    daemon = PrivateDaemon(folder)
    try:
        daemon.start()
        daemon.import_images(domains)
        yield daemon
    finally:
        daemon.stop()
        # In the background: some hundred thousand files of images take a slow disk minutes.
        subprocess.run(["sh", "-c", 'nice rm -rf "$0" >/dev/null 2>&1 &', str(folder)], check=True)
