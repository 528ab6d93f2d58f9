"""Evidence is earned again by `runs replay` and by each cold command; a claim that no longer holds is found."""

import asyncio
import json
import shlex
import subprocess
import sys

import pytest

from proofsmith import api
from proofsmith.agents import report as reports
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Conclusion, Depth, Goal, Outcome, Report
from tests.cli.command import environment, proofsmith
from tests.cli.test_bad_input import GOOD

FAST = GOOD.replace("x[i] *= 2.0;", "x[i] += x[i];")
WRONG = GOOD.replace("x[i] *= 2.0;", "x[i] *= 2.0 + (i == 6);")


async def earned(folder, text):
    """Return a report that claims `text` as a version of GOOD, with the evidence that it earns."""
    (folder / "scale.c").write_text(GOOD)
    (folder / "fast.c").write_text(text)
    sandbox = await open_sandbox()
    base, fast = folder / "scale.c", folder / "fast.c"
    verdict = await api.check(base, fast, depth=Depth.QUICK, sandbox=sandbox)
    domain = api.domains.load(api.domains.find(base))
    problem = await domain.read(base, Goal.SPEED, {}, sandbox)
    candidate = Candidate(files={"scale.c": text})
    return Report(
        run_id="by-hand",
        problem=problem,
        conclusion=Conclusion.IMPROVED,
        ended_by="finished",
        baseline=Outcome(candidate=Candidate(files=problem.files), verdict=verdict),
        best=Outcome(candidate=candidate, verdict=verdict),
    )


@pytest.fixture
def run(tmp_path):
    report = asyncio.run(earned(tmp_path, FAST))
    assert report.best.verdict.status == "tested"
    folder = tmp_path / ".proofsmith/runs/by-hand"
    reports.write(report, folder)
    return folder


@pytest.mark.slow
def test_a_claim_that_holds_is_replayed_and_one_that_was_changed_falls(tmp_path, run):
    done = proofsmith("runs", "replay", "by-hand", "--json", cwd=tmp_path, timeout=200)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["holds"] is True
    path = run / "report.json"
    document = json.loads(path.read_text())
    document["report"]["best"]["candidate"]["files"]["scale.c"] = WRONG
    path.write_text(json.dumps(document))
    done = proofsmith("runs", "replay", "by-hand", cwd=tmp_path, timeout=200)
    assert done.returncode == 1, done.stderr
    assert "FELL   differential" in done.stdout


@pytest.mark.slow
def test_each_cold_command_earns_its_evidence_in_the_run_folder(run, tmp_path):
    commands = {item.command for item in reports.load(run).best.verdict.evidence}
    for command in commands:
        assert shlex.join(command) in (run / "REPLAY.md").read_text()
        argv = [sys.executable, "-m", *command]
        done = subprocess.run(
            argv, cwd=run, env=environment(tmp_path), capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["status"] == "tested"
