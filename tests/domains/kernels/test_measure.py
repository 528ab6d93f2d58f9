"""Measuring real kernels in the real sandbox: honest gains are seen, and no cheat gets credit."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from proofsmith.domains.kernels import source
from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.measure import compare
from proofsmith.domains.kernels.roofline import Level, Roofline
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal

FOLDER = Path(__file__).parents[2] / "fixtures" / "kernels" / "timing"
COMPILER = Compiler()
pytestmark = pytest.mark.slow


class Bench:
    """A problem with everything that `compare` needs."""

    def __init__(self, sandbox, problem, contract):
        self.sandbox, self.problem, self.contract = sandbox, problem, contract

    async def compare(self, candidate, depth=Depth.QUICK, **more):
        base = Candidate(files={}, settings=candidate.settings)
        return await compare(
            self.problem,
            self.contract,
            more.pop("base", base),
            candidate,
            self.sandbox,
            depth,
            compiler=COMPILER,
            **more,
        )


async def bench(path=FOLDER / "base.c"):
    sandbox = await open_sandbox()
    return Bench(sandbox, *await source.read(path, Goal.SPEED, {}, sandbox))


def written(cheat, *flags, name="base.c"):
    settings = {"compiler": "gcc", "cflags": ["-O2", *flags]}
    return Candidate(files={name: (FOLDER / f"{cheat}.c").read_text()}, settings=settings)


REFUSED = {
    "cached_by_pointer": "differs",
    "background_thread": "",
    "spinning_helper": "threads running",
    "forks": "differs",
    "exits": "exited",
    "forges_report": "differs",
    "returns_early": "differs",
    "sleeps": "waits",
}
HONEST = ("patched_clock", "cached_by_content", "kills_neighbours", "remembers_inputs")


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
async def test_a_cheat_is_invalid_with_its_reason(name, reason):
    (comparison,) = await (await bench()).compare(written(name))
    assert comparison.verdict == "invalid", comparison
    assert reason in comparison.reason
    assert comparison.ratio is None


@pytest.mark.parametrize("name", HONEST)
async def test_a_trick_that_still_computes_gets_its_honest_time(name):
    (comparison,) = await (await bench()).compare(written(name))
    assert comparison.verdict in ("no difference", "different", "slower", "inconclusive")
    assert comparison.pairs >= 10
    assert 0.5 < comparison.ratio < 1.5


async def test_an_early_reply_is_wrong_or_timed_to_its_end():
    (comparison,) = await (await bench()).compare(written("replies_early"))
    assert comparison.verdict != "faster", comparison


async def test_an_honest_gain_is_faster_and_its_mirror_slower():
    setting = await bench()
    quick, slow = written("two_at_a_time"), Candidate(files={}, settings={"cflags": ["-O0"]})
    (gain,) = await setting.compare(quick, Depth.FULL)
    assert gain.verdict == "faster", gain
    assert gain.low > 1.03
    assert gain.low <= gain.ratio <= gain.high
    assert len(gain.base_samples) == len(gain.candidate_samples) == gain.pairs
    assert gain.base_samples != gain.candidate_samples
    optimised = Candidate(files={}, settings={"cflags": ["-O2"]})
    (loss,) = await setting.compare(slow, base=optimised)
    assert loss.verdict == "slower", loss


async def test_every_comparison_says_how_and_where_it_was_made():
    (made,) = await (await bench()).compare(written("two_at_a_time"), Depth.FULL)
    told = json.loads(json.dumps(asdict(made)))
    assert {"verdict", "ratio", "low", "high", "pairs", "reason", "method"} <= told.keys()
    assert {"cpu", "load", "run_queue_delay_ms", "involuntary_switches"} <= told["host"].keys()
    assert told["host"]["candidate"] == "gcc -O2"
    assert "identical code" in told["host"]["self_check"]
    assert "interleaved" in told["method"]


async def test_equal_machine_code_is_no_change_without_timing():
    renamed = (
        (FOLDER / "base.c")
        .read_text()
        .replace("const double *x, double *y", "const double *in, double *out")
    )
    renamed = renamed.replace("honest(n, x, y)", "honest(n, in, out)")
    candidate = Candidate(files={"base.c": renamed}, settings={"cflags": ["-O2"]})
    (comparison,) = await (await bench()).compare(candidate)
    assert comparison.verdict == "no difference"
    assert comparison.pairs == 0
    assert "no change" in comparison.reason


async def test_a_candidate_that_does_not_compile_is_invalid_and_a_base_a_usage_error():
    setting = await bench()
    broken = Candidate(files={"base.c": "void work(int n) { n = ; }"}, settings={})
    (comparison,) = await setting.compare(broken, base=Candidate(files={}))
    assert comparison.verdict == "invalid"
    assert "does not compile" in comparison.reason
    with pytest.raises(UsageError, match="base does not compile"):
        await setting.compare(Candidate(files={}), base=broken)


async def test_threads_gain_on_the_critical_path_only_when_they_run_side_by_side():
    setting = await bench(FOLDER / "large.c")
    path, wall = await setting.compare(written("parallel", "-fopenmp", name="large.c"))
    assert (path.metric, wall.metric) == ("critical path", "wall time")
    assert path.ratio > 1.1, path
    assert path.host["threads"] > 1
    handed, _ = await setting.compare(written("hands_over", "-fopenmp", name="large.c"))
    assert handed.verdict != "faster", handed


async def test_a_time_below_the_roofline_is_impossible():
    setting = await bench(FOLDER / "declared.c")
    snail = Roofline(double_flops=1e3, float_flops=1e3, levels=(Level("memory", 0, 1e3),))
    candidate = Candidate(files={}, settings={"cflags": ["-O1"]})
    optimised = Candidate(files={}, settings={"cflags": ["-O2"]})
    (comparison,) = await setting.compare(candidate, base=optimised, roofline=snail)
    assert comparison.verdict == "invalid"
    assert "impossible speed" in comparison.reason
    giant = Roofline(double_flops=1e15, float_flops=1e15, levels=(Level("memory", 0, 1e15),))
    (comparison,) = await setting.compare(candidate, base=optimised, roofline=giant)
    assert comparison.host["bound"] == "instructions"
    assert comparison.host["roofline_share"] < 0.1


async def test_inputs_have_the_structure_that_the_contract_promises():
    setting = await bench(FOLDER / "structured.c")
    believes = (
        (FOLDER / "structured.c").read_text().replace("return checked(", "return 1 || checked(")
    )
    flags = {"cflags": ["-O1"]}
    candidate = Candidate(files={"structured.c": believes}, settings=flags)
    (comparison,) = await setting.compare(candidate)
    assert comparison.verdict != "invalid", comparison
    doubts = believes.replace("return 1 || checked(", "return 0 * checked(")
    (comparison,) = await setting.compare(Candidate(files={"structured.c": doubts}, settings=flags))
    assert comparison.verdict == "invalid"
    assert "differs" in comparison.reason


async def test_orders_of_the_sides_do_not_matter_to_equal_programs():
    setting = await bench()
    marked = (FOLDER / "base.c").read_text() + "int mark(void) { return 7; }\n"
    (comparison,) = await setting.compare(
        Candidate(files={"base.c": marked}, settings={"cflags": ["-O2"]}), Depth.FULL
    )
    assert comparison.verdict in ("no difference", "inconclusive"), comparison


async def test_a_sum_that_cancels_is_not_taken_for_wrong_and_a_made_up_one_is():
    setting = await bench(FOLDER / "dot.c")
    text = (FOLDER / "dot.c").read_text()
    settings = {"cflags": ["-O2"]}
    down = text.replace("int i = 0; i < n; i++", "int i = n - 1; i >= 0; i--")
    for _ in range(3):
        (same,) = await setting.compare(Candidate(files={"dot.c": down}, settings=settings))
        assert same.verdict != "invalid", same
    half = text.replace("int i = 0; i < n; i++", "int i = 0; i < n / 2; i++")
    (wrong,) = await setting.compare(Candidate(files={"dot.c": half}, settings=settings))
    assert wrong.verdict == "invalid"
    assert "the result" in wrong.reason
