"""When an execution has been killed, everything in its namespace is gone before anybody hears of it."""

import os
import secrets
import subprocess
from pathlib import Path

import pytest

from proofsmith.executors import namespace
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.canaries import _processes_with
from proofsmith.executors.command import Machine
from proofsmith.executors.runtime import install
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.types import Limits

SHEEP = """
import os, sys
for _ in range(30):
    if not os.fork():
        break
ballast = bytearray(os.urandom(1 << 20) * 4)
while True:
    os.write(1, b"x" * 65536)
"""
NAMESPACE = ("bwrap", "--unshare-pid", "--as-pid-1", "--die-with-parent", "--dev-bind", "/", "/")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("provider", "compiled"),
    [(BubblewrapSandbox, True), (BubblewrapSandbox, False), (ZygoteSandbox, True)],
)
async def test_a_flood_without_a_control_group_leaves_nothing_for_even_a_moment(
    provider: type[BubblewrapSandbox], compiled: bool
) -> None:
    sandbox = provider(Machine.probe(use_groups=False, compiled=compiled))
    await sandbox.write("sheep.py", SHEEP.encode())
    for _ in range(3):
        run = f"run-{secrets.token_hex(8)}"
        limits = Limits(wall_s=20.0, memory_mib=1024, processes=64, output_kib=64)
        done = await sandbox.exec(["python3", "sheep.py", run], limits=limits)
        assert _processes_with(run) == []
        assert done.exceeded == "output"


def test_process_1_ends_after_all_others_of_its_namespace() -> None:
    script = "for i in 1 2 3; do sleep 60 & done; echo ready; wait"
    with subprocess.Popen([*NAMESPACE, "sh", "-c", script], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == b"ready\n"
        found = namespace.process_one(launcher.pid)
        assert found is not None
        members = _members(launcher.pid)
        assert len(members) == 4
        assert not namespace.await_end(found, 0.0)
        launcher.kill()
        assert namespace.await_end(found, 10.0)
        os.close(found)
        assert not any(Path("/proc", str(pid)).exists() for pid in members[1:])


def test_process_1_ends_when_what_it_is_to_run_never_comes() -> None:
    """A Docker daemon that is killed while it starts a container can leave one that nobody knows any more."""
    words = [*NAMESPACE, str(install().init), "mux", "-n", "1", "-w", "60000", "--", "true"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as launcher:
        assert launcher.wait(timeout=60) == 125


def _members(launcher: int) -> list[int]:
    found = [*namespace._children(launcher)]
    for pid in found:
        found += namespace._children(pid)
    return found


def test_a_process_without_a_namespace_of_its_own_has_no_process_1() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert namespace.process_one(child.pid) is None
        child.kill()
    assert namespace.process_one(child.pid) is None
