"""One suite over every sandbox provider that this machine can run."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.choice import open_sandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.executors.local import LocalSandbox
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

LIMITS = Limits(wall_s=20.0)
SLOW = [
    pytest.param(kind, marks=pytest.mark.slow)
    for kind in (
        "bubblewrap without cgroup",
        "bubblewrap without compiler",
        "zygote",
        "zygote without cgroup",
        "docker",
    )
]
ISOLATED = ["bubblewrap", *SLOW]
EVERY = ["unsafe-local", *ISOLATED]


def opened(request: pytest.FixtureRequest) -> Sandbox:
    kind: str = request.param
    if kind == "unsafe-local":
        return LocalSandbox()
    if kind == "docker":
        return DockerSandbox(Daemon.connect(url=request.getfixturevalue("docker_url")))
    provider = ZygoteSandbox if kind.startswith("zygote") else BubblewrapSandbox
    compiled = False if "without compiler" in kind else None
    return provider(Machine.probe(use_groups="without cgroup" not in kind, compiled=compiled))


@pytest.fixture(params=EVERY)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return opened(request)


@pytest.fixture(params=ISOLATED)
def isolated(request: pytest.FixtureRequest) -> Sandbox:
    return opened(request)


async def test_a_program_s_output_and_exit_code_come_back_with_the_level(sandbox: Sandbox) -> None:
    result = await sandbox.exec(["sh", "-c", "echo out; echo err >&2; exit 3"], limits=LIMITS)
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert result.level == sandbox.level
    assert not result.ok


async def test_a_missing_program_is_a_result(sandbox: Sandbox) -> None:
    result = await sandbox.exec(["no-such-program"], limits=LIMITS)
    assert result.exit_code == 127
    assert b"no-such-program" in result.stderr


async def test_standard_input_arrives_whole(sandbox: Sandbox) -> None:
    data = bytes(range(256)) * 4000
    result = await sandbox.exec(["cat"], limits=LIMITS, stdin=data)
    assert result.stdout == data


async def test_standard_input_is_empty_unless_given(sandbox: Sandbox) -> None:
    assert (await sandbox.exec(["cat"], limits=LIMITS)).stdout == b""


async def test_staged_files_are_copied_and_changes_to_them_are_lost(sandbox: Sandbox) -> None:
    await sandbox.write("deep/er/a.txt", b"one")
    result = await sandbox.exec(
        ["sh", "-c", "cat deep/er/a.txt; echo two > deep/er/a.txt"], limits=LIMITS
    )
    assert result.stdout == b"one"
    assert (await sandbox.exec(["cat", "deep/er/a.txt"], limits=LIMITS)).stdout == b"one"
    assert await sandbox.read("deep/er/a.txt") == b"one"


async def test_an_executable_file_runs(sandbox: Sandbox) -> None:
    await sandbox.write("run.sh", b"#!/bin/sh\necho ran\n", executable=True)
    assert (await sandbox.exec(["./run.sh"], limits=LIMITS)).stdout == b"ran\n"


async def test_outputs_come_back_and_are_staged_for_later(sandbox: Sandbox) -> None:
    result = await sandbox.exec(
        ["sh", "-c", "mkdir d; printf '\\1\\0\\2' > d/a; echo '#!/bin/echo' > b; chmod +x b"],
        limits=LIMITS,
        outputs=("d/a", "b", "never"),
    )
    assert result.outputs == {"d/a": b"\x01\x00\x02", "b": b"#!/bin/echo\n"}
    assert result.tampered == ()
    assert (await sandbox.exec(["./b"], limits=LIMITS)).stdout == b"./b\n"
    with pytest.raises(SandboxError, match="never"):
        await sandbox.read("never")


async def test_links_and_fifos_are_tampered_outputs(sandbox: Sandbox) -> None:
    result = await sandbox.exec(
        ["sh", "-c", "ln -s /etc/passwd a; mkfifo b; ln -s / c; echo x > d"],
        limits=LIMITS,
        outputs=("a", "b", "c/etc/passwd", "d"),
    )
    assert result.outputs == {"d": b"x\n"}
    assert sorted(result.tampered) == ["a", "b", "c/etc/passwd"]


async def test_outputs_with_odd_names_come_back(sandbox: Sandbox) -> None:
    names = ["a b", "-rf", "x\ny", "\x1b]0;t\x07", "é", "e\u0301", "\u202egnp", "$(id)", "x" * 255]
    program = "import sys\nfor name in sys.argv[1:]: open(name, 'w').write('1')"
    await sandbox.write("p.py", program.encode())
    done = await sandbox.exec(
        ["python3", "-I", "p.py", *names], limits=LIMITS, outputs=[f"./{name}" for name in names]
    )
    assert done.outputs == dict.fromkeys(names, b"1"), done.stderr


async def test_a_file_in_the_place_of_a_folder_is_the_caller_s_error(sandbox: Sandbox) -> None:
    await sandbox.write("a", b"")
    await sandbox.write("b/c", b"")
    for path in ("a/x", "b"):
        with pytest.raises(UsageError, match="a file and a folder"):
            await sandbox.write(path, b"")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "a/../../b", "", "a\0b", "\udc80", "x" * 256, "a/" * 2048 + "b"]
)
async def test_a_path_outside_the_work_directory_is_refused(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(UsageError):
        await sandbox.write(path, b"")
    with pytest.raises(UsageError):
        await sandbox.exec(["true"], limits=LIMITS, outputs=(path,))


async def test_the_wall_limit_ends_a_program_on_time(sandbox: Sandbox) -> None:
    started = time.perf_counter()
    result = await sandbox.exec(
        ["sh", "-c", "echo begun; sleep 30; echo done"], limits=Limits(wall_s=0.5)
    )
    assert time.perf_counter() - started < 10.0
    assert (result.exceeded, result.exit_code, result.stdout) == ("wall", None, b"begun\n")
    assert result.timed_out


async def test_the_cpu_limit_is_told_from_the_wall_limit(sandbox: Sandbox) -> None:
    result = await sandbox.exec(
        ["sh", "-c", "while :; do :; done"], limits=Limits(wall_s=30.0, cpu_s=1.0)
    )
    assert result.exceeded == "cpu"
    assert 0.5 < result.cpu_s < 3.0


async def test_long_output_keeps_head_and_tail(sandbox: Sandbox) -> None:
    result = await sandbox.exec(
        ["sh", "-c", "echo first; head -c 3000000 /dev/zero; echo last"],
        limits=Limits(output_kib=1024, wall_s=20.0),
    )
    assert result.ok
    assert result.truncated
    assert len(result.stdout) == 1024 * 1024
    assert result.stdout.startswith(b"first\n")
    assert result.stdout.endswith(b"last\n")


async def test_a_flood_of_output_ends_the_program(sandbox: Sandbox) -> None:
    result = await sandbox.exec(["cat", "/dev/zero"], limits=Limits(output_kib=64, wall_s=20.0))
    assert result.exceeded == "output"
    assert len(result.stdout) == 64 * 1024


async def test_an_orphan_that_holds_the_pipe_does_not_delay_the_result(sandbox: Sandbox) -> None:
    started = time.perf_counter()
    result = await sandbox.exec(["sh", "-c", "sleep 25 & echo parent"], limits=LIMITS)
    assert result.stdout == b"parent\n"
    assert time.perf_counter() - started < 10.0


async def test_nothing_of_the_caller_s_environment_is_visible(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sesame")
    result = await sandbox.exec(["env"], limits=LIMITS, env={"GIVEN": "yes=1"})
    assert b"sesame" not in result.stdout
    assert b"GIVEN=yes=1\n" in result.stdout


async def test_a_pinned_program_runs_on_one_processor(sandbox: Sandbox) -> None:
    cpu = max(os.sched_getaffinity(0))
    result = await sandbox.exec(["nproc"], limits=Limits(pin=cpu, wall_s=20.0))
    assert result.stdout == b"1\n"


async def test_inputs_are_readable_at_their_place(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("data")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "more.txt").write_text("more")
    fresh = sandbox.fresh(inputs={"data.txt": tmp_path / "data.txt", "folder": tmp_path / "folder"})
    result = await fresh.exec(["cat", "/input/data.txt", "/input/folder/more.txt"], limits=LIMITS)
    assert result.stdout == b"datamore"


async def test_inputs_cannot_be_changed(isolated: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o777)
    (tmp_path / "folder").chmod(0o777)
    fresh = isolated.fresh(inputs={"folder": tmp_path / "folder"})
    (tmp_path / "folder" / "a").write_text("a")
    (tmp_path / "folder" / "a").chmod(0o666)
    for tried in (
        "touch /input/folder/x",
        "touch /input/y",
        "ln /input/folder/a /tmp/job/a",
        "echo b > /input/folder/a",
        "truncate -s 0 /input/folder/a",
        "rm -f /input/folder/a",
        "mv /input/folder/a /input/folder/b",
        "chmod 777 /input/folder/a",
    ):
        assert (await fresh.exec(["sh", "-c", tried], limits=LIMITS)).exit_code, tried
    assert [path.read_text() for path in (tmp_path / "folder").iterdir()] == ["a"]


async def test_a_missing_input_is_the_caller_s_error(isolated: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        isolated.fresh(inputs={"x": tmp_path / "absent"})


async def test_a_fresh_sandbox_is_empty_and_of_the_same_level(sandbox: Sandbox) -> None:
    await sandbox.write("a", b"x")
    fresh = sandbox.fresh()
    assert fresh.level == sandbox.level
    assert (await fresh.exec(["ls"], limits=LIMITS)).stdout == b""


async def test_cwd_is_below_the_work_directory(sandbox: Sandbox) -> None:
    await sandbox.write("sub/a", b"x")
    assert (await sandbox.exec(["ls"], limits=LIMITS, cwd="sub")).stdout == b"a\n"


async def test_executions_run_side_by_side(sandbox: Sandbox) -> None:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(sandbox.exec(["sh", "-c", f"sleep 2; echo {n}"], limits=LIMITS))
            for n in range(6)
        ]
    assert [task.result().stdout for task in tasks] == [f"{n}\n".encode() for n in range(6)]
    assert time.perf_counter() - started < 10.0


MEETING = """
import ctypes, os, platform, socket, sys, time
libc, name = ctypes.CDLL(None), sys.argv[1]
SHMGET, MSGGET, MQ_OPEN = {"x86_64": (29, 68, 240), "aarch64": (194, 186, 180)}[platform.machine()]
sockets = []
def left(tried):
    try:
        return tried()
    except OSError:
        return None
def listen():
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[-1].bind("\\0meeting-" + name)
    sockets[-1].listen()
left(listen)
libc.syscall(SHMGET, 0x5eed + int(name), 4096, 0o1666)
libc.syscall(MSGGET, 0x5eed + int(name), 0o1666)
libc.syscall(MQ_OPEN, f"meeting-{name}".encode(), os.O_CREAT | os.O_RDWR, 0o600, 0)
for place in ("/tmp", "/dev/shm", "."):
    left(lambda: open(f"{place}/meeting-{name}", "w").close())
other, found, end = 1 - int(name), [], time.monotonic() + 3
while time.monotonic() < end and not found:
    def connect():
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(f"\\0meeting-{other}")
        return "socket"
    ways = [left(connect)]
    ways += [f"{place} file" for place in ("/tmp", "/dev/shm", ".") if os.path.exists(f"{place}/meeting-{other}")]
    ways += ["segment"] * (libc.syscall(SHMGET, 0x5eed + other, 4096, 0) >= 0)
    ways += ["queue"] * (libc.syscall(MSGGET, 0x5eed + other, 0) >= 0)
    ways += ["posix queue"] * (libc.syscall(MQ_OPEN, f"meeting-{other}".encode(), 0, 0o600, 0) >= 0)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if f"meeting.py\\0{other}".encode() in (left(lambda: open(f"/proc/{pid}/cmdline", "rb").read()) or b""):
            ways.append("process")
    found = [way for way in ways if way]
    time.sleep(0.05)
print(found)
"""


async def test_executions_side_by_side_never_meet(isolated: Sandbox) -> None:
    """Not by sockets, files, queues, shared memory or process lists; two halves of a candidate cannot conspire."""
    await isolated.write("meeting.py", MEETING.encode())
    command = ("python3", "-I", "meeting.py")
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(isolated.exec([*command, str(n)], limits=LIMITS)) for n in (0, 1)
        ]
    said = [(task.result().stdout, task.result().stderr) for task in tasks]
    assert said == [(b"[]\n", b"")] * 2


async def test_a_cancelled_execution_leaves_no_process(sandbox: Sandbox) -> None:
    mark = f"131.{os.getpid()}"
    task = asyncio.create_task(sandbox.exec(["sleep", mark], limits=Limits(wall_s=200.0)))
    await _until(lambda: bool(_sleepers(mark)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _until(lambda: not _sleepers(mark))


async def test_memory_is_limited(isolated: Sandbox) -> None:
    program = "x = bytearray(400 << 20); x[::4096] = b'1' * len(x[::4096])"
    result = await isolated.exec(["python3", "-c", program], limits=Limits(memory_mib=128))
    assert result.exceeded == "memory" or b"MemoryError" in result.stderr


async def test_the_disk_is_limited(isolated: Sandbox) -> None:
    result = await isolated.exec(
        ["sh", "-c", "for i in 1 2 3 4; do head -c 9000000 /dev/zero > f$i || exit 1; done"],
        limits=Limits(disk_mib=16),
    )
    assert result.exceeded == "disk"


async def test_files_too_large_for_the_disk_limit_are_a_result(isolated: Sandbox) -> None:
    await isolated.write("big", bytes(3 << 20))
    result = await isolated.exec(["true"], limits=Limits(disk_mib=1))
    assert (result.exceeded, result.exit_code) == ("disk", None)


async def test_a_killed_payload_is_told_from_one_that_leaves_with_137(isolated: Sandbox) -> None:
    killed = await isolated.exec(["sh", "-c", "kill -9 $$"], limits=LIMITS)
    left = await isolated.exec(["sh", "-c", "exit 137"], limits=LIMITS)
    assert (killed.signal, killed.exit_code) == (9, None)
    assert (left.signal, left.exit_code) == (None, 137)


async def test_compilers_openmp_and_python_threads_run_unchanged(isolated: Sandbox) -> None:
    source = b"#include <omp.h>\nint main(void){int n=0;\n#pragma omp parallel reduction(+:n)\nn+=1;\nreturn n>0?0:1;}"
    await isolated.write("a.c", source)
    roomy = Limits(memory_mib=2048, wall_s=60.0)
    built = await isolated.exec(
        ["gcc", "-O2", "-fopenmp", "a.c", "-o", "a"], limits=roomy, outputs=("a",)
    )
    assert built.ok, built.stderr
    assert (await isolated.exec(["./a"], limits=roomy)).ok
    threads = (
        "import multiprocessing as m, subprocess, threading\n"
        "threading.Thread(target=print).start()\n"
        "with m.Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]\n"
        "subprocess.run(['true'], check=True)"
    )
    result = await isolated.exec(["python3", "-c", threads], limits=roomy)
    assert result.ok, result.stderr


async def test_an_observer_runs_outside_around_the_sandbox(
    isolated: Sandbox, tmp_path: Path
) -> None:
    if isolated.level.startswith("docker"):
        with pytest.raises(UsageError, match="cannot be observed"):
            await isolated.exec(["true"], limits=LIMITS, observe=("env",))
        return
    seen = tmp_path / "observed"
    result = await isolated.exec(
        ["echo", "inside"],
        limits=LIMITS,
        observe=("sh", "-c", f'echo outside > {seen}; exec "$@"', "observer"),
    )
    assert result.stdout == b"inside\n"
    assert seen.read_text() == "outside\n"


async def test_auto_never_picks_a_sandbox_without_isolation() -> None:
    assert (await open_sandbox("auto")).level.startswith("bubblewrap")


async def test_an_unknown_kind_is_the_caller_s_error() -> None:
    with pytest.raises(UsageError, match="unknown sandbox"):
        await open_sandbox("hope")  # type: ignore[arg-type]


def _sleepers(mark: str) -> list[Path]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry)
        except OSError:
            continue
    return found


async def _until(holds: object) -> None:
    deadline = time.perf_counter() + 90.0
    while not holds():  # type: ignore[operator]
        assert time.perf_counter() < deadline
        await asyncio.sleep(0.02)
