"""Servers in the sandbox: they hang, die, forge and leak, and no request is lost or believed wrongly."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.executors.services import Registry
from proofsmith.protocols import Sandbox, ServiceSpec
from proofsmith.types import Limits
from tests.docker_daemon import PrivateDaemon

SERVER = Path(__file__).parent.parent / "fixtures" / "services" / "lines.py"
SPEC = ServiceSpec(
    name="lines",
    argv=("python3", "-I", "-u", "lines.py"),
    files={"lines.py": SERVER.read_bytes()},
    request_timeout_s=10.0,
    limits=Limits(memory_mib=256, output_kib=64),
)


DOCKER = pytest.param("docker", marks=pytest.mark.slow)
everywhere = pytest.mark.parametrize("sandbox", ["bubblewrap", DOCKER], indirect=True)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    if getattr(request, "param", "") == "docker":
        return DockerSandbox(Daemon.connect(url=request.getfixturevalue("docker_url")))
    return BubblewrapSandbox(Machine.probe())


def say(**words: object) -> bytes:
    return json.dumps(words).encode()


async def told(service: object, **words: object) -> dict[str, object]:
    reply = await service.request(say(**words))  # type: ignore[attr-defined]
    found = json.loads(reply)
    assert isinstance(found, dict)
    return found


@everywhere
async def test_a_server_keeps_its_state_between_requests(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        assert [(await told(service, do="count"))["count"] for _ in range(3)] == [1, 2, 3]
    finally:
        await service.close()


@everywhere
async def test_a_forged_reply_without_the_nonce_is_noise(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        assert (await told(service, do="forge"))["honest"] is True
        assert (await told(service, do="stale"))["honest"] is True
    finally:
        await service.close()


async def test_nobody_waits_behind_a_request_that_was_given_up(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        assert (await told(service, do="count"))["count"] == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.request(say(do="hang")), 0.5)
        assert (await told(service, do="count"))["count"] == 1
    finally:
        await service.close()


@everywhere
@pytest.mark.slow
async def test_a_server_that_hangs_misses_its_deadline_and_is_replaced(
    sandbox: Sandbox,
) -> None:
    service = await sandbox.service(replace(SPEC, request_timeout_s=1.0))
    try:
        with pytest.raises(SandboxError, match="no reply within 1 s"):
            await service.request(say(do="hang"))
        assert (await told(service, do="count"))["count"] == 1
    finally:
        await service.close()


@everywhere
async def test_a_request_that_kills_every_server_is_an_error_with_its_last_words(
    sandbox: Sandbox,
) -> None:
    service = await sandbox.service(SPEC)
    try:
        with pytest.raises(SandboxError, match="died twice.*farewell"):
            await service.request(say(do="die"))
        assert (await told(service, do="count"))["count"] == 1
    finally:
        await service.close()


@everywhere
@pytest.mark.slow
async def test_a_line_beyond_the_output_cap_ends_the_server(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        with pytest.raises(SandboxError, match="died twice"):
            await service.request(say(do="flood"))
    finally:
        await service.close()


@everywhere
@pytest.mark.slow
async def test_a_server_that_leaks_is_recycled(sandbox: Sandbox) -> None:
    service = await sandbox.service(replace(SPEC, recycle_mib=100))
    try:
        assert (await told(service, do="leak", mib=120))["count"] == 1
        assert (await told(service, do="count"))["count"] == 1
    finally:
        await service.close()


@everywhere
@pytest.mark.slow
async def test_a_server_that_exceeds_its_memory_is_ended(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        with pytest.raises(SandboxError, match="died twice"):
            await service.request(say(do="leak", mib=400))
    finally:
        await service.close()


@everywhere
@pytest.mark.slow
async def test_a_server_is_recycled_after_its_requests_and_the_spare_takes_over(
    sandbox: Sandbox,
) -> None:
    service = await sandbox.service(replace(SPEC, recycle_requests=2, spare=True))
    try:
        counts = [(await told(service, do="count"))["count"] for _ in range(5)]
        assert counts == [1, 2, 1, 2, 1]
    finally:
        await service.close()


async def test_requests_of_several_tasks_take_turns(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(told(service, do="echo", word=n)) for n in range(20)]
        assert [task.result()["word"] for task in tasks] == list(range(20))
    finally:
        await service.close()


@pytest.mark.slow
async def test_a_crash_every_20_requests_loses_none(sandbox: Sandbox) -> None:
    service = await sandbox.service(replace(SPEC, spare=True))
    try:
        for number in range(200):
            do = "crash_once" if number % 20 == 19 else "echo"
            assert (await told(service, do=do, word=number))["word"] == number
    finally:
        await service.close()


@everywhere
async def test_a_program_that_is_no_server_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="does not start.*no-such-server"):
        await sandbox.service(replace(SPEC, argv=("no-such-server",)))
    with pytest.raises(SandboxError, match=r"not ready in 0\.5 s"):
        await sandbox.service(replace(SPEC, argv=("sleep", "60"), ready_timeout_s=0.5))


async def test_a_request_with_a_newline_is_the_caller_s_error(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    try:
        with pytest.raises(UsageError):
            await service.request(b"a\nb")
        with pytest.raises(UsageError):
            await service.address()
    finally:
        await service.close()


async def test_a_closed_service_says_so(sandbox: Sandbox) -> None:
    service = await sandbox.service(SPEC)
    await service.close()
    with pytest.raises(SandboxError, match="closed"):
        await service.request(say(do="count"))


@pytest.mark.slow
async def test_user_scope_is_shared_and_ends_after_an_idle_time(
    sandbox: Sandbox,
) -> None:
    registry = Registry(idle_s=0.2)
    first_box = BubblewrapSandbox(Machine.probe(), services=registry)
    spec = replace(SPEC, scope="user")
    first, second = await first_box.service(spec), await first_box.fresh().service(spec)
    assert (await told(first, do="count"))["count"] == 1
    assert (await told(second, do="count"))["count"] == 2
    await first.close()
    assert (await told(second, do="count"))["count"] == 3
    await second.close()
    await asyncio.sleep(1.0)
    third = await first_box.service(spec)
    assert (await told(third, do="count"))["count"] == 1
    await third.close()
    await asyncio.sleep(1.0)


def test_a_loop_that_ends_ends_a_shared_server_before_its_idle_time() -> None:
    async def used() -> None:
        sandbox = BubblewrapSandbox(Machine.probe(), services=Registry(idle_s=60.0))
        service = await sandbox.service(replace(SPEC, scope="user"))
        assert (await told(service, do="count"))["count"] == 1
        await service.close()

    before = _held()
    asyncio.run(used())
    assert _held() == before


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_start_of_a_shared_server_leaves_it_to_the_next_user(steps: int) -> None:
    registry, spec = Registry(idle_s=0.0), replace(SPEC, scope="user")
    sandbox = BubblewrapSandbox(Machine.probe(), services=registry)
    before = _held()
    start = asyncio.create_task(sandbox.service(spec))
    for _ in range(steps):
        await asyncio.sleep(0)
    start.cancel()
    await asyncio.wait([start])
    service = await sandbox.service(spec)
    assert (await told(service, do="count"))["count"] == 1
    await service.close()
    deadline = time.perf_counter() + 20.0
    while _held() != before:
        assert time.perf_counter() < deadline
        await asyncio.sleep(0.02)


async def test_run_scope_is_never_shared(sandbox: Sandbox) -> None:
    first, second = await sandbox.service(SPEC), await sandbox.service(SPEC)
    assert (await told(first, do="count"))["count"] == 1
    assert (await told(second, do="count"))["count"] == 1
    await first.close()
    await second.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bubblewrap", "docker"])
async def test_a_server_ends_with_its_killed_owner(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "docker":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("docker_url"))
    owner = _started_owner(kind)
    assert owner.stdout is not None
    mark = owner.stdout.readline().strip()
    assert mark
    assert _alive(mark)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.perf_counter() + 20.0
    while _alive(mark):
        assert time.perf_counter() < deadline
        await asyncio.sleep(0.02)


POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
DATABASE = ServiceSpec(
    name="postgresql",
    argv=(
        "sh",
        "-c",
        "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; initdb -D data -A trust -U job --no-sync >/dev/null &&"
        " exec postgres -D data -c listen_addresses= -c unix_socket_directories=/socket"
        " -c fsync=off -c shared_buffers=32MB",
    ),
    protocol="socket",
    limits=Limits(memory_mib=1024, disk_mib=512),
)


@pytest.mark.slow
@pytest.mark.skipif(POSTGRES is None, reason="apt-get install postgresql")
async def test_postgresql_serves_over_its_private_socket(sandbox: Sandbox) -> None:
    await _answers_42(sandbox)


@pytest.mark.slow
async def test_postgresql_serves_from_a_container(docker_daemon: PrivateDaemon) -> None:
    docker_daemon.import_images(["sql"])
    url = docker_daemon.url
    await _answers_42(DockerSandbox(Daemon.connect("proofsmith-sql", url)))


async def _answers_42(sandbox: Sandbox) -> None:
    psycopg = pytest.importorskip("psycopg", reason="pip install psycopg[binary]")
    service = await sandbox.service(DATABASE)
    try:
        path = Path(await service.address())
        with await _connected(psycopg, path.parent) as connection:
            assert connection.execute("select 6 * 7").fetchone() == (42,)
    finally:
        await service.close()
    assert not path.parent.exists()


async def _connected(psycopg: ModuleType, folder: Path) -> Any:
    """A server that accepts connections may still say that it is starting up."""
    deadline = time.perf_counter() + 20.0
    while time.perf_counter() < deadline:
        try:
            return psycopg.connect(host=str(folder), user="job", dbname="postgres")
        except psycopg.OperationalError:
            await asyncio.sleep(0.05)
    raise TimeoutError("the database system does not get ready")


def _started_owner(kind: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", OWNER, str(SERVER), kind]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


OWNER = """
import asyncio, os, sys
from pathlib import Path
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import ServiceSpec

async def main():
    mark = f"owned-by-{os.getpid()}"
    spec = ServiceSpec(
        name="owned",
        argv=("python3", "-I", "-u", "lines.py", mark),
        files={"lines.py": Path(sys.argv[1]).read_bytes()},
    )
    service = await (await open_sandbox(sys.argv[2])).service(spec)
    print(mark, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def _alive(mark: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("steps", range(12))
async def test_a_start_that_is_cancelled_leaves_no_process_and_no_pipe(steps: int) -> None:
    sandbox = BubblewrapSandbox(Machine.probe())
    before = _held()
    start = asyncio.create_task(sandbox.service(SPEC))
    for _ in range(steps):
        await asyncio.sleep(0)
    start.cancel()
    await asyncio.wait([start])
    assert start.cancelled()
    await asyncio.sleep(0.01)  # a closed transport closes its descriptor in the next turn
    assert _held() == before


@pytest.mark.parametrize("steps", range(6))
async def test_an_end_that_is_cancelled_leaves_no_process_and_no_pipe(steps: int) -> None:
    sandbox = BubblewrapSandbox(Machine.probe())
    before = _held()
    service = await sandbox.service(SPEC)
    end = asyncio.create_task(service.close())
    for _ in range(steps):
        await asyncio.sleep(0)
    end.cancel()
    await asyncio.wait([end])
    await service.close()
    await asyncio.sleep(0.01)
    assert _held() == before


def _held() -> tuple[int, int]:
    """Return how many children and ends of pipes this process has."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    links = [path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return len(children.split()), sum(name.startswith("pipe:") for name in links)
