"""A Docker daemon of the tests' own: Debian's, on a private socket and data root, ended with the session."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEBIAN_DAEMON = Path("/usr/sbin/dockerd")
DEBIAN_CLIENT = Path("/usr/bin/docker")


def _why_not() -> str:
    if os.geteuid() != 0:
        return "a Docker daemon of the tests' own needs root"
    if not DEBIAN_DAEMON.exists() or not DEBIAN_CLIENT.exists():
        return "apt-get install docker.io"
    return "" if shutil.which("debootstrap") else "apt-get install debootstrap"


@pytest.fixture(scope="session")
def docker_url() -> Iterator[str]:
    """Address of a daemon that has the image; skips with the reason where none can be started."""
    if reason := _why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="pd-", dir="/var/tmp"))
    url = f"unix://{folder}/s"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(_command(folder, url), stdout=log, stderr=log)
    try:
        _wait_until_ready(daemon, url, folder / "log")
        environment = os.environ | {
            "DOCKER_HOST": url,
            "PATH": f"/usr/bin:/usr/sbin:{os.environ['PATH']}",
        }
        subprocess.run(["sh", str(ROOT / "scripts/docker_image.sh")], check=True, env=environment)
        yield url
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)
        _unmount(folder)
        shutil.rmtree(folder)


def _command(folder: Path, url: str) -> list[str]:
    return [
        str(DEBIAN_DAEMON),
        *("--host", url, "--data-root", f"{folder}/root", "--exec-root", f"{folder}/exec"),
        *("--pidfile", f"{folder}/pid", "--iptables=false", "--ip6tables=false", "--bridge=none"),
        *("--ip-forward=false", "--ip-masq=false", "--storage-driver", "overlay2"),
    ]


def _wait_until_ready(daemon: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.perf_counter() + 60.0
    while daemon.poll() is None and time.perf_counter() < deadline:
        done = subprocess.run(
            [str(DEBIAN_CLIENT), "-H", url, "info"], capture_output=True, check=False
        )
        if done.returncode == 0:
            return
        time.sleep(0.1)
    pytest.fail(f"dockerd does not start: {log.read_text()[-1000:]}")


def _unmount(folder: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in sorted((m for m in mounted if m.startswith(str(folder))), reverse=True):
        subprocess.run(["umount", "-l", place], check=False)
