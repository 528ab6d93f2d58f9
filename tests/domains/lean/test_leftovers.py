"""Calls that load the Lean domain themselves end its checkers in a loop that goes on."""

from pathlib import Path

import pytest

from proofsmith.api import check, solve
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Budget, Conclusion, Status

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
FILE = "theorem T (a b : Nat) : a * b + a = a * (b + 1) := sorry\n"


def children():
    return {
        pid
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    }


@pytest.mark.usefixtures("lean")
async def test_a_search_and_a_check_leave_the_shared_replay_checker_alone_behind(tmp_path):
    (tmp_path / "t.lean").write_text(FILE)
    (tmp_path / "v.lean").write_text(FILE.replace("sorry", "by rw [Nat.mul_add, Nat.mul_one]"))
    sandbox = await open_sandbox()
    before = children()
    report = await solve(
        tmp_path / "t.lean",
        sandbox=sandbox,
        budget=Budget(wall_s=60.0),
        runs_dir=tmp_path / "runs",
    )
    assert report.conclusion is Conclusion.SOLVED
    assert len(children() - before) <= 1
    verdict = await check(tmp_path / "t.lean", tmp_path / "v.lean", sandbox=sandbox)
    assert verdict.status is Status.PROVED
    assert len(children() - before) <= 1
