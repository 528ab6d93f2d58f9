"""What every run offers to a gather plan beside its domain's tools: outline, profile, catalogue, recall."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, Field

from proofsmith.agents.run import Run
from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.ledger import Ledger
from proofsmith.planners.catalogue import advise
from proofsmith.protocols import Sandbox, Tool
from proofsmith.tools.syntax import language_of, outline
from proofsmith.types import JSON, Outcome, Problem, Profile, Status

MOST_RUNS = 12
"""Latest runs of this folder that are searched for earlier outcomes."""
RECALLED = 6


class Where(BaseModel):
    """Arguments of `outline`."""

    path: str = Field(default="", description="one file of the problem; empty for all")


class Outline:
    """Functions and classes of the problem's files with their lines."""

    name = "outline"
    description = "functions and classes with their line ranges"
    arguments: type[BaseModel] = Where

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return entries by file; raises UsageError when there is no such file."""
        path = arguments.path if isinstance(arguments, Where) else ""
        if path and path not in problem.files:
            known = ", ".join(sorted(problem.files))
            raise UsageError(f"no file '{path}'; files: {known}")
        return {
            name: [
                f"{entry.kind} {entry.name} {entry.line}-{entry.last_line}"
                for entry in outline(problem.files[name], language_of(name))
            ]
            for name in ([path] if path else sorted(problem.files))
        }


class Nothing(BaseModel):
    """No arguments."""


class Profiling:
    """Where the original's time goes."""

    name = "profile"
    description = (
        "where the original's time goes, what bounds it, and its symptoms for the catalogue"
    )
    arguments: type[BaseModel] = Nothing

    def __init__(self, run: Run) -> None:
        """Profile the original of `run`, once."""
        self._run = run

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return `summary`, `symptoms` and, where the domain tells it, what bounds the original in one word as `bound`.

        Raises:
            UsageError: the domain cannot profile.
        """
        profile = await profiled(self._run)
        if profile is None:
            raise UsageError("there is no profile of the original")
        told = {"summary": profile.summary, "symptoms": profile.facts.get("symptoms", [])}
        bound = profile.facts.get("limited_by")
        return {**told, "bound": bound} if bound else told


class Symptoms(BaseModel):
    """Arguments of `catalogue`."""

    profile: dict[str, JSON] = Field(description="the whole result of the tool profile")


class Catalogue:
    """Reviewed optimisation patterns that fit a profile."""

    name = "catalogue"
    description = "reviewed optimisation patterns that fit the profile, best first"
    arguments: type[BaseModel] = Symptoms

    def __init__(self, run: Run) -> None:
        """Rank by what won in earlier runs on this machine."""
        self._run = run

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return one line per pattern: id, risk, sketch."""
        found = arguments.profile.get("symptoms") if isinstance(arguments, Symptoms) else None
        symptoms = [str(name) for name in found] if isinstance(found, list) else []
        fitting = advise(problem.domain, symptoms, rates=self._run.win_rates)
        return [pattern.line for pattern in fitting]


class Recall:
    """What earlier runs found out about the same problem."""

    name = "recall"
    description = "what earlier runs tried on this problem and what came of it"
    arguments: type[BaseModel] = Nothing
    repeatable = True

    def __init__(self, run: Run, runs_dir: Path) -> None:
        """Look into the runs of `runs_dir`, but not into `run` itself."""
        self._run, self._runs_dir = run, runs_dir

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return one line per outcome, best first."""
        seen: dict[str, Outcome] = {}
        for outcome in _earlier(
            self._runs_dir, self._run.folder, lambda ledger: ledger.best(RECALLED, problem)
        ):
            seen.setdefault(outcome.candidate.id, outcome)
        best = sorted(seen.values(), key=lambda o: (-o.gain, o.candidate.id))
        return [_line(outcome) for outcome in best[:RECALLED]]


def verified(runs_dir: Path, own: Path) -> list[Outcome]:
    """Return right versions of any problem that the latest runs of `runs_dir` found, but for the run in `own`."""
    return _earlier(runs_dir, own, lambda ledger: ledger.verified(RECALLED))


def _earlier(runs_dir: Path, own: Path, read: Callable[[Ledger], list[Outcome]]) -> list[Outcome]:
    """Return what `read` finds in the ledgers of the latest runs; one that cannot be read has nothing."""
    folders = [f for f in runs_dir.glob("*/") if f != own and (f / "ledger.sqlite").is_file()]
    folders.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    found: list[Outcome] = []
    for folder in folders[:MOST_RUNS]:
        with suppress(StoreError), Ledger(folder / "ledger.sqlite") as ledger:
            found += read(ledger)
    return found


def _line(outcome: Outcome) -> str:
    made_by = outcome.candidate.move or "original"
    if not outcome.verdict.status.at_least(Status.TESTED):
        return f"{made_by}: {outcome.verdict.feedback.partition(chr(10))[0][:160]}"
    return f"{made_by}: right, at least {outcome.gain:.2f} times as good as the original"


async def profiled(run: Run) -> Profile | None:
    """Return the profile of the original, from the ledger when it was made before; None without one."""
    known = run.ledger.get("profile", "original", Profile)
    if known is not None or not run.optimising:
        return known
    profile = await run.profile(run.base)
    if profile is not None:
        run.ledger.put("profile", "original", profile, problem_id=run.problem.id)
    return profile


def offered(run: Run, *, runs_dir: Path | None = None) -> tuple[Tool, ...]:
    """Return every tool that a plan for `run` may call; a domain's own tool replaces a common one of its name.

    `runs_dir`: where earlier runs are, None for the folder that `run` itself is in.
    """
    common: list[Tool] = [Outline(), Recall(run, runs_dir or run.folder.parent)]
    if run.optimising:
        common += [Profiling(run), Catalogue(run)]
    own = {tool.name for tool in run.domain.tools}
    return (*run.domain.tools, *(tool for tool in common if tool.name not in own))
