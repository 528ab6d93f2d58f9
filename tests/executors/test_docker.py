"""Docker's own failures are errors with hints, and nothing is left on the daemon."""

import asyncio
import contextlib
import gc
import http.server
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofsmith.errors import SandboxError
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.types import Limits
from tests.docker_daemon import PrivateDaemon

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
"""The SDK leaves a socket open when a daemon fails in the middle of a request; it is collected here."""


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


def test_an_absent_daemon_is_an_error_with_a_hint() -> None:
    with pytest.raises(SandboxError, match="no Docker daemon answers") as caught:
        Daemon.connect(url="unix:///nowhere/docker.sock")
    assert "systemctl start docker" in caught.value.hint


def test_a_daemon_that_accepts_and_never_answers_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen(8)
        with pytest.raises(SandboxError, match=r"does not answer within 1 s") as caught:
            Daemon.connect(url=f"unix://{tmp_path}/s", answer_s=1)
    assert caught.value.hint


Answer = tuple[int, object]


def serve(
    path: Path, responses: dict[str, Answer | Iterator[Answer]]
) -> socketserver.UnixStreamServer:
    """Answer Docker's HTTP paths, found by their ends, with a status and JSON; close the connection on others.

    An answer that is an iterator gives the next one each time.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            found = next((r for end, r in responses.items() if end in self.path), None)
            if found is None:
                self.close_connection = True
                return
            status, told = next(found) if isinstance(found, Iterator) else found
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET

    server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


IMAGE = {"Id": "sha256:" + "0" * 64, "RepoTags": []}
VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12"}
UP = {"/version": (200, VERSION), "/images/": (200, IMAGE), "/containers/json": (200, [])}
FULL = {"message": "write /var/lib/docker: no space left on device"}


@pytest.mark.parametrize("name", ["kernels", "lean", "build"])
def test_a_missing_image_names_the_folder_that_makes_it(tmp_path: Path, name: str) -> None:
    absent = {"/images/": (404, {"message": f"No such image: proofsmith-{name}"})}
    server = serve(tmp_path / "s", absent | {"/version": (200, VERSION)})
    try:
        with pytest.raises(SandboxError, match=f"no image 'proofsmith-{name}'") as caught:
            Daemon.connect(f"proofsmith-{name}", f"unix://{tmp_path}/s", answer_s=5)
    finally:
        server.shutdown()
        server.server_close()
    folder = caught.value.hint.partition(";")[0].split()[-1]
    assert (Path(folder) / "Dockerfile").is_file()
    assert f"docker_image.sh {name}" in caught.value.hint


@pytest.mark.parametrize(
    ("create", "told"),
    [
        ({"/containers/create": (500, FULL)}, "no space left on device"),
        ({}, "started no container"),
    ],
    ids=["full", "died"],
)
async def test_a_daemon_that_is_full_or_dies_is_an_error_and_no_verdict(
    tmp_path: Path, create: dict[str, tuple[int, object]], told: str
) -> None:
    server = serve(tmp_path / "s", create | UP)
    try:
        daemon = Daemon.connect(url=f"unix://{tmp_path}/s", answer_s=5)
        with pytest.raises(SandboxError, match=told):
            await DockerSandbox(daemon).exec(["true"], limits=Limits())
        daemon.client.close()
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ("removal of container 0 is already in progress", True),
        ("You cannot remove a paused container 0", False),
    ],
)
def test_two_commands_may_sweep_the_same_container_at_once(
    tmp_path: Path, said: str, held: bool
) -> None:
    dead = {"Id": "0" * 64, "Config": {"Labels": {"proofsmith.owner": "999999999"}}, "Name": "/x"}
    found = {
        "/containers/json": (200, [{"Id": "0" * 64}]),
        f"/containers/{'0' * 64}/json": (200, dead),
    }
    removal = {"force=True": (409, {"message": said})}
    server = serve(tmp_path / "s", UP | found | removal)
    try:
        with contextlib.nullcontext() if held else pytest.raises(SandboxError, match="paused"):
            Daemon.connect(url=f"unix://{tmp_path}/s", answer_s=5).client.close()
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("times", [1, 2])
def test_a_container_that_ends_while_it_is_removed_is_removed_then(
    tmp_path: Path, times: int
) -> None:
    dead = {"Id": "0" * 64, "Config": {"Labels": {"proofsmith.owner": "999999999"}}, "Name": "/x"}
    ended = (500, {"message": "Could not kill running container 0 - Container 0 is not running"})
    found = {
        "/containers/json": (200, [{"Id": "0" * 64}]),
        f"/containers/{'0' * 64}/json": (200, dead),
        "force=True": iter([*[ended] * times, (204, "")]),
    }
    server = serve(tmp_path / "s", UP | found)
    try:
        with (
            contextlib.nullcontext()
            if times == 1
            else pytest.raises(SandboxError, match="not running")
        ):
            Daemon.connect(url=f"unix://{tmp_path}/s", answer_s=5).client.close()
    finally:
        server.shutdown()
        server.server_close()


async def test_a_restarted_daemon_is_used_again_without_a_new_connection(tmp_path: Path) -> None:
    server = serve(tmp_path / "s", UP)
    daemon = Daemon.connect(url=f"unix://{tmp_path}/s", answer_s=5)
    server.shutdown()
    server.server_close()
    (tmp_path / "s").unlink()
    with pytest.raises(SandboxError, match="started no container"):
        await DockerSandbox(daemon).exec(["true"], limits=Limits())
    server = serve(tmp_path / "s", UP)
    daemon.sweep()
    daemon.client.close()
    server.shutdown()
    server.server_close()


@pytest.mark.slow
async def test_a_real_daemon_that_crashes_and_comes_back_leaves_nothing(
    docker_daemon: PrivateDaemon,
) -> None:
    box = DockerSandbox(Daemon.connect(url=docker_daemon.url))
    limits = Limits(wall_s=30.0)
    running = asyncio.create_task(box.exec(["sleep", "25"], limits=limits))
    await asyncio.to_thread(docker_daemon.until_it_runs_a_container)
    await asyncio.to_thread(docker_daemon.kill)
    with pytest.raises(SandboxError):
        await running
    with pytest.raises(SandboxError, match="started no container"):
        await box.exec(["true"], limits=limits)
    await asyncio.to_thread(docker_daemon.start)
    assert (await box.exec(["true"], limits=limits)).ok
    assert docker_daemon.containers() == []


@pytest.mark.slow
def test_check_judges_in_containers_and_names_the_image(docker_url: str, tmp_path: Path) -> None:
    kernels = ROOT / "tests" / "fixtures" / "kernels" / "matmul"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "proofsmith",
            "check",
            "--sandbox",
            "docker",
            "--json",
            "--depth",
            "quick",
        ]
        + [str(kernels / "base.c"), str(kernels / "good" / "interchange.c")],
        env=os.environ | {"DOCKER_HOST": docker_url, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"docker sha256:[0-9a-f]{64}", done.stdout)
