"""What a run may conclude when a checked disproof, and not an answer, came of it."""

from dataclasses import replace

import pytest

from proofsmith.agents.apply import changes
from proofsmith.agents.conclusion import conclude
from proofsmith.agents.confirm import Confirmed
from proofsmith.errors import UsageError
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Conclusion,
    Evidence,
    Goal,
    Outcome,
    Status,
    Verdict,
)
from tests.agents.toy import NAME, run_of


def outcome(settings, status):
    evidence = Evidence(check="replay of the disproof", status=status, command=("true",))
    verdict = Verdict(status=Status.FAILED, evidence=(evidence,), feedback="disproved")
    return Outcome(candidate=Candidate(files={NAME: "no"}, settings=settings), verdict=verdict)


def report_of(folder, *told, ended_by="finished"):
    run = run_of(folder)
    run = replace(run, problem=replace(run.problem, goal=Goal.SOLVE))
    return conclude(run, told, Confirmed(), ended_by, "")


async def test_a_proved_disproof_ends_the_run_as_disproved_and_there_is_nothing_to_apply(tmp_path):
    report = report_of(tmp_path, outcome({"disproof": "T"}, Status.PROVED))
    assert report.conclusion is Conclusion.DISPROVED
    assert report.best is not None
    assert report.best.verdict.status is Status.PROVED
    with pytest.raises(UsageError, match="nothing to apply"):
        changes(report, tmp_path / NAME)


@pytest.mark.parametrize(
    ("settings", "status"), [({"disproof": "T"}, Status.TESTED), ({}, Status.PROVED)]
)
async def test_a_claim_without_a_proof_of_the_negation_disproves_nothing(
    tmp_path, settings, status
):
    report = report_of(tmp_path, outcome(settings, status))
    assert report.conclusion is Conclusion.NONE
    assert report.best is None


@pytest.mark.parametrize(("ended_by", "said"), [("finished", True), ("budget:wall_s", False)])
async def test_without_rules_that_apply_it_says_that_a_model_may(tmp_path, ended_by, said):
    report = report_of(tmp_path, ended_by=ended_by)
    assert any("--base-url" in line for line in report.explanation) is said
    assert any("--budget" in line for line in report.explanation) is not said


async def test_a_version_whose_measurement_is_invalid_says_why(tmp_path):
    verdict = Verdict(
        status=Status.TESTED,
        evidence=(Evidence(check="tests", status=Status.TESTED, command=("true",)),),
    )
    timed = Comparison(
        metric="wall time",
        verdict=ComparisonVerdict.INVALID,
        ratio=None,
        low=None,
        high=None,
        pairs=0,
        method="",
        reason="host too noisy",
    )
    told = Outcome(candidate=Candidate(files={NAME: "3"}), verdict=verdict, comparisons=(timed,))
    report = conclude(run_of(tmp_path), (told,), Confirmed(), "finished", "")
    assert "measured: 1 invalid" in report.explanation
    assert "invalid 1x: host too noisy" in report.explanation
