"""What a conversation about a file can have done: judge a version, time it, search for a better one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, Field

from proofsmith.agents import report as reports
from proofsmith.agents.dataflow import ToolPolicy
from proofsmith.agents.report.patch import patch
from proofsmith.agents.request import Request, opened
from proofsmith.agents.run import Run
from proofsmith.agents.workflow import execute
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox, Tool
from proofsmith.tools.feedback import clip
from proofsmith.tools.paths import jailed
from proofsmith.types import JSON, Budget, Candidate, Depth, Problem, Verdict

MOST_SECONDS = 300
PATCH_CHARS = 4000
POLICIES = {
    "check": ToolPolicy(slots=1, deadline_s=180.0),
    "measure": ToolPolicy(slots=1, deadline_s=300.0),
    "optimize": ToolPolicy(slots=1, deadline_s=2 * MOST_SECONDS),
}
WALL_S = 3.0 * MOST_SECONDS
"""Longest time of all calls for one answer."""


class Version(BaseModel):
    """Arguments of `check` and `measure`: a version of the file, by its text or by its name."""

    code: str = Field(default="", description="the whole text of the version")
    path: str = Field(default="", description="or a file in the folder of the original")


class Searching(BaseModel):
    """Arguments of `optimize`."""

    seconds: int = Field(default=30, ge=5, le=MOST_SECONDS, description="wall time of the search")
    use_model: bool = Field(default=False, description="let the model propose beside the rules")


class Check:
    """Judge a version of the file."""

    name = "check"
    description = "judge a version at full depth: how strongly it is known to be right, and why not"
    arguments: type[BaseModel] = Version

    def __init__(self, run: Run) -> None:
        """Judge against the original of `run`."""
        self._run = run

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return status, checks and report; raises UsageError when there is no such version."""
        return _told(await _judged(self._run, _version(self._run, arguments)))


class Measure:
    """Time a version of the file against the original."""

    name = "measure"
    description = "time a version against the original in interleaved pairs; wrong ones are refused"
    arguments: type[BaseModel] = Version

    def __init__(self, run: Run) -> None:
        """Compare with the original of `run`."""
        self._run = run

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return the comparisons; of a version that is not right, why it was not timed."""
        version = _version(self._run, arguments)
        verdict = await _judged(self._run, version)
        if not self._run.right(verdict):
            return {"not timed": _told(verdict)}
        found = await self._run.measure(version, Depth.FULL)
        return [
            {
                "metric": c.metric,
                "verdict": str(c.verdict),
                "times as good": c.ratio,
                "interval": [c.low, c.high],
                "pairs": c.pairs,
                "reason": c.reason,
            }
            for c in found
        ]


class Optimize:
    """Search for a better version of the file."""

    name = "optimize"
    description = "search for a better version and confirm it; the result is kept as a run"
    arguments: type[BaseModel] = Searching

    def __init__(self, request: Request) -> None:
        """Search as `request` says, within the seconds that are asked for."""
        self._request = request

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return the conclusion in six lines, the run's name and the patch."""
        assert isinstance(arguments, Searching)
        wanted = replace(self._request, budget=Budget(wall_s=float(arguments.seconds)))
        async with opened(wanted if arguments.use_model else replace(wanted, model=None)) as run:
            report = await execute(run)
        return {
            "result": "\n".join(reports.six_lines(report)),
            "run": report.run_id,
            "patch": clip(patch(report), PATCH_CHARS) if report.best else "",
        }


def tools_of(run: Run, request: Request) -> Sequence[Tool]:
    """Return the tools that act: they judge, time and search."""
    acting: list[Tool] = [Check(run)]
    if run.optimising:
        acting += [Measure(run), Optimize(request)]
    return acting


def _version(run: Run, arguments: BaseModel) -> Candidate:
    """Return the version that is meant; only files in the folder of the original are read."""
    assert isinstance(arguments, Version)
    problem, text = run.problem, arguments.code
    if not text and not arguments.path:
        raise UsageError("no version is named: give its code or its path")
    if not text:
        path = run.source.parent / jailed(arguments.path)
        text = _read(path, run.source.parent)
    name = problem.editable[0] if len(problem.editable) == 1 else run.source.name
    return Candidate(files={**problem.files, name: text}, move=arguments.path or "version")


def _read(path: Path, folder: Path) -> str:
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{path.name} lies outside the folder of the original")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path.name}: {error}") from error


async def _judged(run: Run, version: Candidate) -> Verdict:
    return await run.verify(version, Depth.FULL, cached=False)


def _told(verdict: Verdict) -> JSON:
    return {
        "status": str(verdict.status),
        "checks passed": [e.check for e in verdict.evidence if e.status.at_least(verdict.status)],
        "report": verdict.feedback,
    }
