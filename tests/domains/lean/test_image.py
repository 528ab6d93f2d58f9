"""Checkers go on from the memory of one that was started before; without a usable image they start anew."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from proofsmith.domains.lean import image
from proofsmith.domains.lean.checker import Context, open_checker
from proofsmith.domains.lean.toolchain import Toolchain, resuming
from proofsmith.executors.choice import open_sandbox

TRUE = "theorem T (a b : Nat) : a + b = b + a := by omega"


@pytest.fixture
def broken(tmp_path):
    """A toolchain whose program ends at once with an error."""
    folder = tmp_path / "lean"
    folder.mkdir()
    inputs = {"lean": folder, "node": Path("/bin/false")}
    argv = ("/input/node", "loader.js", "start", "/input/lean", ".")
    return Toolchain(name="broken", inputs=inputs, argv=argv, embedded=True)


def test_an_image_belongs_to_one_driver_and_one_set_of_flags(broken):
    other = replace(broken, files={"Driver.lean": b"-- changed"})
    flagged = replace(broken, argv=(*broken.argv, "--flag"))
    folders = {image.folder_of(chain) for chain in (broken, other, flagged)}
    assert len(folders) == 3
    assert folders == {image.folder_of(chain) for chain in (broken, other, flagged)}


def test_going_on_from_an_image_keeps_the_way_to_start_anew(broken, tmp_path):
    chain = resuming(broken, tmp_path)
    assert chain.argv == ("/input/node", "loader.js", "resume", "/input/lean", ".", "/input/image")
    assert chain.inputs["image"] == tmp_path
    assert chain.resumed == broken


async def test_a_native_lean_needs_no_image(broken):
    native = replace(broken, embedded=False)
    assert await image.prepared(None, native) is native


@pytest.mark.slow
async def test_where_no_image_can_be_made_that_is_said_and_the_start_stays_as_it_was(broken):
    said = []
    sandbox = await open_sandbox()
    assert await image.prepared(sandbox, broken, said.append) is broken
    assert "each start takes longer" in said[-1]
    assert not image.is_complete(image.folder_of(broken))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_checker_goes_on_from_the_image(lean):
    sandbox = await open_sandbox()
    chain = await image.prepared(sandbox, lean)
    assert chain.resumed == lean
    assert "resume" in chain.argv
    checker = await open_checker(sandbox, lean)
    try:
        assert (await checker.elaborate(Context(), TRUE)).ok
        assert not (await checker.elaborate(Context(), TRUE.replace("b + a", "b"))).ok
    finally:
        await checker.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_damaged_image_costs_only_the_time_it_would_have_saved(lean):
    """The time is that of a start anew: half a minute of one core."""
    sandbox = await open_sandbox()
    good = (await image.prepared(sandbox, lean)).inputs["image"]
    other = replace(lean, files={**lean.files, "note": b"another image"})
    damaged = image.folder_of(other)
    damaged.mkdir()
    (damaged / "started.json").write_text((good / "started.json").read_text())
    checker = await open_checker(sandbox, other)
    try:
        assert not damaged.exists()
        assert (await checker.elaborate(Context(), TRUE)).ok
    finally:
        await checker.close()
        damaged.with_suffix(".lock").unlink()


def below(pid):
    """Return the processes that run the loader below `pid`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = set()
    for process in parents:
        above = process
        while above in parents and above != pid:
            above = parents[above]
        if above == pid and runs_the_loader(process):
            found.add(process)
    return found


def runs_the_loader(pid):
    try:
        return b"\0loader.js\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_checker_killed_in_mid_request_costs_one_retry(lean):
    before = below(os.getpid())
    checker = await open_checker(await open_sandbox(), lean)
    try:
        servers = below(os.getpid()) - before
        assert servers
        busy = "example (a b c : Nat) (h : a < b) : a + c < b + c := by omega\n" * 300
        asked = asyncio.create_task(checker.elaborate(Context(), busy, wall_s=300.0))
        await asyncio.sleep(0.3)
        assert not asked.done()
        for server in servers:
            os.kill(server, signal.SIGKILL)
        answer = await asked
        assert answer.ended == ""
        assert (await checker.elaborate(Context(), TRUE)).ok
    finally:
        await checker.close()
