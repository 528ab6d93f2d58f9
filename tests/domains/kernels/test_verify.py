"""Honest versions of real kernels are accepted and cheats refused, by compiling and running them in the sandbox."""

import time

import pytest

from proofsmith.types import Candidate, Depth, Status
from tests.domains.kernels.judged import base, candidate, judge, name, noted, versions

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("kernel", "path"), versions("good"), ids=name)
async def test_honest_version_is_accepted(kernel, path):
    verdict = await judge(kernel, candidate(path))
    assert verdict.status is Status.TESTED, verdict.feedback


@pytest.mark.parametrize(
    ("kernel", "path"),
    [v for v in versions("good") if v[1].stem in ("interchange", "pairwise", "rows", "quick")],
    ids=name,
)
async def test_honest_version_is_accepted_on_held_out_inputs(kernel, path):
    verdict = await judge(kernel, candidate(path), Depth.FULL)
    assert verdict.status is Status.TESTED, verdict.feedback
    assert [e.check for e in verdict.evidence][-1] == "coverage"


@pytest.mark.parametrize(("kernel", "path"), versions("bad"), ids=name)
async def test_cheat_is_refused(kernel, path):
    reason = noted(path, "reason")
    verdict = await judge(kernel, candidate(path))
    assert not verdict.status.at_least(Status.TESTED)
    assert reason in verdict.feedback
    assert len(verdict.feedback.encode()) <= 2048


async def test_the_base_itself_is_accepted_and_says_how_it_was_tested():
    verdict = await judge("matmul", Candidate(files={}))
    checks = {e.check: e for e in verdict.evidence}
    assert list(checks) == ["compile", "gates", "differential", "sanitizers"]
    assert checks["differential"].facts["inputs"] >= 300
    assert "n=0" in checks["differential"].facts["sizes"]
    assert "n=96" in checks["differential"].facts["sizes"]


async def test_quick_judgement_is_repeatable_and_a_full_one_uses_new_inputs():
    quick = [await judge("dot", Candidate(files={})) for _ in range(2)]
    full = [await judge("dot", Candidate(files={}), Depth.FULL) for _ in range(2)]
    seeds = [v.evidence[0].facts["seed"] for v in (*quick, *full)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3


async def test_hang_ends_within_its_limit():
    path = base("matmul").parent / "bad" / "hang.c"
    await judge("matmul", Candidate(files={}))
    start = time.perf_counter()
    verdict = await judge("matmul", candidate(path))
    assert "timed out" in verdict.feedback
    assert time.perf_counter() - start < 30


async def test_header_file_may_not_be_edited():
    verdict = await judge("matmul", Candidate(files={"other.h": "int x;"}))
    assert verdict.status is Status.FAILED
    assert "may not be changed" in verdict.feedback


@pytest.mark.parametrize(
    "flag", ["-fplugin=evil.so", "-Wl,--wrap=main", "-B.", "-specs=x", "@file", "-o", "-include"]
)
async def test_flag_that_could_reach_outside_is_refused(flag):
    verdict = await judge("matmul", Candidate(files={}, settings={"cflags": ["-O2", flag]}))
    assert verdict.status is Status.FAILED
    assert "not allowed" in verdict.feedback


async def test_fast_math_does_not_flush_denormals_of_the_whole_process():
    flags = ["-O3", "-march=native", "-ffast-math", "-fno-finite-math-only"]
    verdict = await judge("matmul", Candidate(files={}, settings={"cflags": flags}))
    assert verdict.status is Status.TESTED, verdict.feedback
