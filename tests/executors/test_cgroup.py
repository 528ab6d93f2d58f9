"""Control groups: version 2 against a tree of plain files, and this machine's own where it has a writable one."""

import os
from pathlib import Path

import pytest

from proofsmith.executors import cgroup
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.cgroup import Counted, Parent, counted, find_parent
from proofsmith.executors.command import Machine
from proofsmith.types import Limits


def test_version_2_writes_its_limits_and_reads_its_counters(tmp_path: Path) -> None:
    group = Parent(2, tmp_path, tmp_path).create(Limits(memory_mib=7, processes=5))
    assert (group.memory / "memory.max").read_text() == str(7 << 20)
    assert (group.memory / "memory.swap.max").read_text() == "0"
    assert int((group.pids / "pids.max").read_text()) == 5 + cgroup.OWN_PROCESSES
    assert [path.name for path in group.procs] == ["cgroup.procs"]
    (group.memory / "memory.events").write_text("low 0\noom 3\noom_kill 1\noom_group_kill 0\n")
    (group.pids / "pids.events").write_text("max 4\n")
    (group.memory / "memory.peak").write_text(str(3 << 20))
    assert group.counted() == Counted(out_of_memory=True, refused_forks=True, peak_mib=3.0)


def test_without_a_group_nothing_is_known() -> None:
    assert counted(None) == Counted()


def test_no_writable_place_is_a_normal_answer(tmp_path: Path) -> None:
    assert find_parent(tmp_path / "absent") is None


def test_a_process_alone_in_its_group_makes_room_for_limited_ones_beside_it(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    assert cgroup.made_room(tmp_path) == tmp_path
    leaf = tmp_path / cgroup.SUPERVISOR
    assert (leaf / "cgroup.procs").read_text() == str(os.getpid())
    assert cgroup.made_room(leaf) == tmp_path


def test_a_process_among_others_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    assert cgroup.made_room(tmp_path) == tmp_path
    assert not (tmp_path / cgroup.SUPERVISOR).exists()


def test_groups_of_dead_owners_are_swept() -> None:
    parent = find_parent()
    if parent is None:
        pytest.skip("no writable control group: run as root or delegate one")
    left = [place / "proofsmith-4194305-0" for place in {parent.memory, parent.pids}]
    own = [place / f"proofsmith-{os.getpid()}-keep" for place in {parent.memory, parent.pids}]
    for path in (*left, *own):
        path.mkdir()
    try:
        parent.sweep()
        assert [path for path in left if path.exists()] == []
        assert all(path.exists() for path in own)
    finally:
        for path in own:
            path.rmdir()


async def test_an_execution_leaves_no_group() -> None:
    machine = Machine.probe()
    if machine.groups is None:
        pytest.skip("no writable control group: run as root or delegate one")
    own = f"proofsmith-{os.getpid()}-*"
    before = set(machine.groups.memory.glob(own))  # of servers that other tests keep
    result = await BubblewrapSandbox(machine).exec(["true"], limits=Limits())
    assert result.peak_mib > 0
    assert set(machine.groups.memory.glob(own)) == before
