"""The bundled kernel set: complete, honest by hand-written fast versions, graded on sizes nobody was shown."""

import random
from pathlib import Path

import pytest

from proofsmith.domains.kernels import flag_grid, source, suite
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.domains.kernels.rules import facts_of
from proofsmith.domains.kernels.suite import KernelSuite, geometric_mean, hidden
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Conclusion,
    Depth,
    Evidence,
    Outcome,
    Report,
    Status,
    Verdict,
)

FAST = Path(__file__).parents[2] / "fixtures/kernels/fast"
"""A version by hand of each kernel."""
NAMES = [entry.name for entry in suite.entries()]


def problem(name):
    return next(p for p in KernelSuite().problems() if p.options["entry"].startswith(name))


def report(given, ratio):
    evidence = Evidence(check="test", status=Status.TESTED, command=("true",))
    found = Comparison(
        metric="cpu time", verdict=ComparisonVerdict.FASTER, ratio=ratio, low=ratio * 0.9, high=ratio * 1.1,
        pairs=20, method="given",
    )  # fmt: skip
    best = Outcome(
        candidate=Candidate(files=given.files),
        verdict=Verdict(status=Status.TESTED, evidence=(evidence,)),
        comparisons=(found,),
    )
    return Report(
        run_id="r",
        problem=given,
        conclusion=Conclusion.IMPROVED,
        ended_by="finished",
        baseline=None,
        best=best,
    )


def test_the_set_has_24_kernels_with_contract_and_fast_version():
    problems = list(KernelSuite().problems())
    assert len(problems) == len(NAMES) == 24
    assert {p.options["bound"] for p in problems} == {"compute", "memory", "latency"}
    for name, given in zip(NAMES, problems, strict=True):
        contract = source.contract_of(given)
        assert not contract.inferred
        assert contract.work.flops or contract.work.bytes
        fast = (FAST / f"{name}.c").read_text()
        assert f"{contract.entry}(" in fast
        assert "proofsmith" not in fast


def test_a_missing_set_is_one_line_with_a_hint(tmp_path):
    with pytest.raises(UsageError, match="no kernel set") as caught:
        list(KernelSuite().problems(tmp_path))
    assert caught.value.hint


def test_hidden_sizes_are_new_legal_and_not_larger_than_a_little():
    for given in KernelSuite().problems():
        shown = source.contract_of(given)
        drawn = hidden(shown, random.Random(7))
        for name, size in drawn.sizes.items():
            listed = shown.sizes[name].test
            assert size.test
            assert not set(size.test) & set(listed)
            assert min(size.test) >= max(size.minimum, min(listed))
            assert max(size.test) <= max(listed) + max(1, max(listed) // 16)


def test_scores_are_geometric_means_and_shares_of_intervals():
    given = list(KernelSuite().problems())[:3]
    scores = KernelSuite().score(
        [report(given[0], 4.0), report(given[1], 1.0), report(given[2], 2.0)]
    )
    assert scores["geomean"] == pytest.approx(2.0)
    assert scores["improved:1.5"] == pytest.approx(2 / 3)
    assert scores["improved:2"] == pytest.approx(1 / 3)
    assert geometric_mean([]) == 1.0


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
async def test_the_fast_version_by_hand_is_right(name):
    sandbox = await open_sandbox()
    domain = KernelsDomain()
    given = suite.read(suite.FOLDER / name / "plain.c", suite.Entry(name, "", ""))
    facts, finite = facts_of(given)
    settings = flag_grid.best(facts.policy, finite=finite).settings
    fast = Candidate(files={"plain.c": (FAST / f"{name}.c").read_text()}, settings=settings)
    verdict = await domain.verify(given, fast, sandbox, Depth.QUICK)
    assert verdict.status is Status.TESTED, verdict.feedback


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_grading_accepts_the_original_and_refuses_a_version_that_is_wrong_at_one_hidden_size():
    sandbox = await open_sandbox()
    given = problem("matvec")
    original = Candidate(files=given.files, settings={"compiler": "gcc", "cflags": ["-O3"]})
    verdict = await KernelSuite().grade(given, original, sandbox)
    assert verdict.status is Status.TESTED, verdict.feedback
    listed = source.contract_of(given).sizes["m"].test
    wrong = given.text.replace(
        "y[i] = sum;", f"y[i] = m > {max(listed) // 2} && m < {max(listed)} ? 0 : sum;"
    )
    assert wrong != given.text
    verdict = await KernelSuite().grade(given, Candidate(files={"plain.c": wrong}), sandbox)
    assert verdict.status is Status.FAILED
