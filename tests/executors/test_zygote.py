"""The fork server behaves like an interpreter of its own, and nothing of a run stays behind."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

from proofsmith.executors.command import Machine
from proofsmith.executors.zygote import ForkServers, ZygoteSandbox, _Process
from proofsmith.types import Limits

LIMITS = Limits(wall_s=30.0)


@pytest.fixture(scope="module")
def servers() -> ForkServers:
    return ForkServers(Machine.probe())


@pytest.fixture
def sandbox(servers: ForkServers) -> ZygoteSandbox:
    return ZygoteSandbox(servers.machine, servers=servers)


@pytest.mark.parametrize(
    ("words", "exit_code", "stdout", "stderr"),
    [
        (["-c", "import sys; print(sys.argv); sys.exit(300)", "a"], 44, b"['-c', 'a']\n", b""),
        (["-c", "import sys; sys.exit('no')"], 1, b"", b"no\n"),
        (["-c", "import atexit; atexit.register(print, 'bye'); print('hi')"], 0, b"hi\nbye\n", b""),
        (["-c", "import os; os._exit(5)"], 5, b"", b""),
        (["-m", "this.is.no.module"], 1, b"", b"No module named"),
        (["absent.py"], 2, b"", b"can't open file"),
        (["-c", "x ="], 1, b"", b"SyntaxError"),
        (
            ["-c", "import os; print(sorted(os.environ))"],
            0,
            b"['HOME', 'LANG', 'PATH', 'TMPDIR']",
            b"",
        ),
        (["-c", "print(__name__, __doc__)"], 0, b"__main__ None\n", b""),
    ],
)
async def test_python_runs_as_in_a_new_interpreter(
    sandbox: ZygoteSandbox, words: list[str], exit_code: int, stdout: bytes, stderr: bytes
) -> None:
    result = await sandbox.exec(["python3", *words], limits=LIMITS)
    assert result.exit_code == exit_code, result.stderr
    assert stdout in result.stdout
    assert stderr in result.stderr


async def test_a_traceback_shows_only_the_program(sandbox: ZygoteSandbox) -> None:
    await sandbox.write("p.py", b"def f():\n    raise ValueError('x')\nf()\n")
    result = await sandbox.exec(["python3", "p.py"], limits=LIMITS)
    assert result.exit_code == 1
    assert b"zygote" not in result.stderr
    assert result.stderr.count(b"p.py") == 2


async def test_a_script_finds_its_neighbours_unless_isolated(sandbox: ZygoteSandbox) -> None:
    await sandbox.write("p.py", b"import neighbour\n")
    await sandbox.write("neighbour.py", b"print('found')\n")
    assert (await sandbox.exec(["python3", "p.py"], limits=LIMITS)).stdout == b"found\n"
    assert (await sandbox.exec(["python3", "-I", "p.py"], limits=LIMITS)).exit_code == 1


async def test_runs_share_no_state_with_one_another(sandbox: ZygoteSandbox) -> None:
    poison = "import math, json; math.pi = 3; json.dumps = None; open('/tmp/left', 'w').close()"
    check = "import math, json, os; print(math.pi > 3.1, json.dumps(1), os.listdir('/tmp'))"
    assert (await sandbox.exec(["python3", "-c", poison], limits=LIMITS)).ok
    result = await sandbox.exec(["python3", "-c", check], limits=LIMITS)
    assert result.stdout.startswith(b"True 1 [")
    assert b"left" not in result.stdout


async def test_random_numbers_differ_from_run_to_run(sandbox: ZygoteSandbox) -> None:
    words = ["python3", "-c", "import random; print(random.random())"]
    first, second = [await sandbox.exec(words, limits=LIMITS) for _ in range(2)]
    assert first.stdout != second.stdout


async def test_a_dead_fork_server_is_replaced(sandbox: ZygoteSandbox, servers: ForkServers) -> None:
    assert (await sandbox.exec(["true"], limits=LIMITS)).ok
    server = servers.get({})
    server.child.kill()
    server.child.wait()
    assert (await sandbox.exec(["true"], limits=LIMITS)).ok


async def test_inputs_get_a_fork_server_of_their_own(
    sandbox: ZygoteSandbox, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    other = sandbox.fresh(inputs={"a.txt": tmp_path / "a.txt"})
    assert (await other.exec(["cat", "/input/a.txt"], limits=LIMITS)).stdout == b"a"
    assert (await sandbox.exec(["ls", "/input"], limits=LIMITS)).stdout == b""


@pytest.mark.slow
async def test_hundreds_of_runs_leave_nothing_behind(sandbox: ZygoteSandbox) -> None:
    assert (await sandbox.exec(["true"], limits=LIMITS)).ok
    before = _state(sandbox)
    turn = asyncio.Semaphore(4)

    async def one(number: int) -> None:
        async with turn:
            result = await sandbox.exec(["python3", "-c", f"print({number})"], limits=LIMITS)
            assert result.stdout == f"{number}\n".encode()

    async with asyncio.TaskGroup() as group:
        for number in range(300):
            group.create_task(one(number))
    assert _state(sandbox) == before


def _state(sandbox: ZygoteSandbox) -> dict[str, int]:
    """Count what could leak: descriptors, children, groups, mounts but for those of the Docker tests' daemons.

    What earlier tests left to be collected goes first: it would end at any moment between two counts.
    """
    gc.collect()
    groups = Machine.probe().groups
    own = f"proofsmith-{os.getpid()}-*"
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": sum("/pd-" not in line and "docker" not in line for line in mounts),
        "groups": len(list(groups.memory.glob(own))) if groups else 0,
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
    }


def test_a_process_that_nobody_ended_ends_when_it_is_collected():
    process = _Process(["sleep", "60"])
    pid = process.pid
    del process
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
