"""One suite over every domain: right answers are accepted, wrong and hostile ones refused, evidence replays."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from proofsmith import domains
from proofsmith.errors import SandboxError
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.choice import open_sandbox
from proofsmith.executors.command import Machine
from proofsmith.types import Candidate, Depth, Goal, Status
from tests.contract.domains.samples import SAMPLES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(
        loop_scope="session"
    ),  # long-lived servers of a domain belong to their loop
]
NAMES = sorted(SAMPLES)
ROOT = Path(__file__).parents[3]


async def test_every_domain_has_a_sample():
    assert {spec.name for spec in domains.specs()} == set(NAMES)


@cache
def sample(name):
    return SAMPLES[name]()


@cache
def engine(name):
    return domains.load(next(s for s in domains.specs() if s.name == name))


async def judged(name, text, depth=Depth.QUICK):
    problem, sandbox = await problem_of(name)
    version = Candidate(files={problem.editable[0]: text})
    return await engine(name).verify(problem, version, sandbox.fresh(), depth)


async def problem_of(name):
    sandbox = await open_sandbox()
    return await engine(name).read(sample(name).source, Goal.SPEED, {}, sandbox), sandbox


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.mark.parametrize("depth", Depth)
async def test_right_answers_are_accepted_with_evidence(name, depth):
    problem, _ = await problem_of(name)
    for text in sample(name).right:
        verdict = await judged(name, text, depth)
        assert verdict.status.at_least(problem.required), verdict.feedback
        assert verdict.evidence


@pytest.mark.parametrize("which", ["empty", "vacuous"])
async def test_answers_that_do_nothing_are_refused(name, which):
    verdict = await judged(name, getattr(sample(name), which))
    assert verdict.status is Status.FAILED
    assert verdict.feedback


async def test_every_seeded_fault_is_refused_with_short_feedback(name):
    assert len(sample(name).wrong) >= 5
    for text in sample(name).wrong:
        verdict = await judged(name, text)
        assert verdict.status is Status.FAILED, text
        assert 0 < len(verdict.feedback.encode()) <= 2048


async def test_edits_outside_the_editable_files_are_refused(name):
    problem, sandbox = await problem_of(name)
    files = {problem.editable[0]: sample(name).right[0], sample(name).off_limits: "anything"}
    verdict = await engine(name).verify(problem, Candidate(files=files), sandbox, Depth.QUICK)
    assert verdict.status is Status.FAILED
    assert sample(name).off_limits in verdict.feedback


async def test_a_hang_is_no_success_and_says_so(name):
    await judged(name, sample(name).right[0])
    start = time.perf_counter()
    verdict = await judged(name, sample(name).hang)
    assert verdict.status is sample(name).of_a_hang
    assert "timed out" in verdict.feedback
    assert time.perf_counter() - start < 60


async def test_a_dead_sandbox_is_an_error_and_never_a_verdict(name):
    problem, _ = await problem_of(name)
    broken = BubblewrapSandbox(replace(Machine.probe(), bwrap="/bin/false"))
    version = Candidate(files={problem.editable[0]: sample(name).right[-1] + "\n"})
    fresh = domains.load(next(s for s in domains.specs() if s.name == name))
    with pytest.raises(SandboxError):
        await fresh.verify(problem, version, broken, Depth.QUICK)


async def test_two_judgements_agree(name):
    for text in (sample(name).right[-1], sample(name).wrong[0]):
        one, two = [await judged(name, text) for _ in range(2)]
        assert one.status is two.status
        assert one.feedback == two.feedback


def replayed(command, folder):
    return subprocess.run(
        [sys.executable, "-m", "proofsmith", *command[1:]],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize("right", [True, False])
async def test_evidence_replays_cold(name, right, tmp_path):
    text = sample(name).right[-1] if right else sample(name).wrong[0]
    problem, _ = await problem_of(name)
    verdict = await judged(name, text)
    for side, content in (("base", problem.text), ("candidate", text)):
        (tmp_path / side).mkdir()
        (tmp_path / side / problem.editable[0]).write_text(content)
    command = verdict.evidence[-1].command
    assert command[0] == "proofsmith"
    done = replayed(command, tmp_path)
    assert done.returncode == (0 if right else 1), done.stderr.decode()
    assert json.loads(done.stdout)["status"] == str(verdict.status)
