"""Turn a request into a run: read the problem, name the run after it, open its folder and everything it needs."""

import asyncio
import fcntl
import json
import os
import platform
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from proofsmith import __version__
from proofsmith.agents.budget import BudgetLedger
from proofsmith.agents.events import EventLog
from proofsmith.agents.experience import LESSONS, Experience, with_lessons
from proofsmith.agents.facts import recharge
from proofsmith.agents.failpoints import Failpoints
from proofsmith.agents.lane import Lane
from proofsmith.agents.offers import verified
from proofsmith.agents.run import Run
from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.cache import VerdictCache, problem_digest
from proofsmith.memory.ledger import Ledger
from proofsmith.model import Prices
from proofsmith.planners.best_of import Plan
from proofsmith.planners.choice import DEFAULT, require_known, strategy_of
from proofsmith.protocols import (
    Divisible,
    Domain,
    Model,
    Probing,
    Progress,
    Recalling,
    Sandbox,
    Strategy,
)
from proofsmith.tools.edits import read_reply
from proofsmith.types import JSON, Budget, Goal, Problem, Report, Status, canonical, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller wants, with every dependency already built."""

    source: Path
    goal: Goal
    domain: Domain
    sandbox: Sandbox
    options: Mapping[str, JSON] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    model: Model | None = None
    identity: str = ""
    """Names the model in the run's id and manifest."""
    prices: Prices | None = None
    required: Status | None = None
    """Raises the status that counts as right; None keeps the domain's own."""
    toolchain: Mapping[str, str] = field(default_factory=dict)
    """Version line of every tool that the domain uses."""
    runs_dir: Path = Path(".proofsmith/runs")
    cache_dir: Path | None = None
    """Folder of verdicts from earlier runs; None neither reads nor writes any."""
    strategy: str = DEFAULT
    """Name of the search, one of `planners.choice.NAMES`."""
    seed: int = 0
    width: int = 2
    fresh: bool = False
    """Begin again although the same request is finished."""
    watch: Callable[[Progress], None] = lambda _: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    lane: Lane = field(default_factory=Lane)


async def read_problem(
    domain: Domain,
    source: Path,
    goal: Goal,
    options: Mapping[str, JSON],
    sandbox: Sandbox,
    required: Status | None,
) -> Problem:
    """Read the source file through its domain; `required` can only raise the status that counts as right.

    Raises:
        UsageError: there is no such file, or the domain cannot make a problem of it.
    """
    if not source.is_file():
        what = "is a folder" if source.is_dir() else "does not exist"
        raise UsageError(f"{source} {what}", hint="name a source file")
    problem = await domain.read(source, goal, options, sandbox.fresh())
    if required is None or problem.required.at_least(required):
        return problem
    return replace(problem, required=required)


@asynccontextmanager
async def opened(request: Request) -> AsyncIterator[Run]:
    """Open the run of `request`: the unfinished or finished one of the same request, else a new one.

    Raises:
        UsageError: the source cannot be read as a problem, a cap in USD meets a model without a price, or there is
            no such strategy.
        StoreError: the run folder cannot be used, or another process is using it.
    """
    if request.model and request.budget.cost_usd is not None and request.prices is None:
        raise UsageError(
            "a budget in USD needs the model's price, which is unknown",
            hint="set input_usd_per_million and output_usd_per_million, or cap tokens instead",
        )
    require_known(request.strategy, model=request.model is not None)
    problem = await read_problem(
        request.domain,
        request.source,
        request.goal,
        request.options,
        request.sandbox,
        request.required,
    )
    manifest = _manifest(request, problem)
    name = digest(canonical(manifest["request"]))[:12]
    with claimed(request.runs_dir, name, lambda f: request.fresh and _finished(f)) as folder:
        write_manifest(folder, manifest)
        with Ledger(folder / "ledger.sqlite") as ledger, _cache(request, manifest, ledger) as cache:
            failpoints = Failpoints.from_environment()
            failpoints.reach("run.created")
            if request.cache_dir is not None and isinstance(request.domain, Recalling):
                request.domain.remember(verified(request.runs_dir, folder))
            experience = experience_in(request.cache_dir)
            # The clock starts here: the time until a domain's tools are up buys no search.
            budget = BudgetLedger(request.budget, earlier_wall_s=ledger.earlier_wall_s())
            recharge(ledger, budget)
            yield Run(
                id=folder.name,
                folder=folder,
                source=request.source,
                problem=problem,
                domain=request.domain,
                sandbox=request.sandbox,
                strategy=lambda facts: _search(request, problem, facts),
                ledger=ledger,
                budget=budget,
                model=request.model,
                read_reply=read_reply,
                prices=request.prices,
                cache=cache,
                win_rates=experience.win_rates(request.domain.name) if experience else {},
                experience=experience,
                seed=request.seed,
                width=request.width,
                lane=request.lane,
                failpoints=failpoints,
                stop=request.stop,
                watch=both(request.watch, EventLog(folder / "events.jsonl")),
                manifest=manifest,
            )


def both(
    first: Callable[[Progress], None], second: Callable[[Progress], None]
) -> Callable[[Progress], None]:
    """Return a watcher that tells two."""

    def watch(progress: Progress) -> None:
        first(progress)
        second(progress)

    return watch


def experience_in(cache_dir: Path | None) -> Experience | None:
    """Return the lessons kept below `cache_dir`; None without such a folder."""
    return Experience(path=cache_dir / LESSONS, machine=cpu_name()) if cache_dir else None


def _search(request: Request, problem: Problem, facts: Mapping[str, JSON]) -> Strategy:
    domain = request.domain
    plan = Plan(
        brief=with_lessons(request.domain.brief(problem, facts), facts) if request.model else "",
        files=problem.files,
        probe=domain.form(problem) if isinstance(domain, Probing) else "",
        boundaries=domain.boundaries(problem) if isinstance(domain, Divisible) else {},
        required=problem.required,
        solving=problem.goal in (Goal.SOLVE, Goal.REFUTE),
        model=request.model is not None,
        tokens=request.budget.tokens,
        attempts=request.budget.attempts,
    )
    return strategy_of(request.strategy, plan, seed=request.seed)


def _manifest(request: Request, problem: Problem) -> dict[str, JSON]:
    """Describe what a stranger must know to repeat the run; its `request` part alone names the run."""
    budget = request.budget
    wanted: dict[str, JSON] = {
        "problem": problem_digest(problem),
        "budget": [budget.wall_s, budget.tokens, budget.cost_usd, budget.attempts],
        "model": request.identity,
        "strategy": request.strategy,
        "seed": request.seed,
        "width": request.width,
        "version": __version__,
        "sandbox": request.sandbox.level,
    }
    return {
        "request": wanted,
        "source": str(request.source.resolve()),
        "options": {name: _without_password(value) for name, value in request.options.items()},
        "goal": str(request.goal),
        "toolchain": dict(request.toolchain),
        "machine": machine(),
    }


def _without_password(value: JSON) -> JSON:
    """Blot out the password of a URL among the options: manifests are shown and kept."""
    return (
        re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", value) if isinstance(value, str) else value
    )


def machine() -> dict[str, JSON]:
    """Describe this machine for a manifest."""
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu": cpu_name(),
        "cpus": os.cpu_count() or 1,
        "python": platform.python_version(),
    }


def cpu_name() -> str:
    """Return the processor's own name, empty when the system does not say."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return ""


def environment(manifest: Mapping[str, JSON]) -> str:
    """Digest all that can change a verdict besides problem and candidate."""
    request = manifest["request"]
    level = request["sandbox"] if isinstance(request, dict) else None
    return digest(
        __version__,
        canonical(manifest["toolchain"]),
        canonical(manifest["machine"]),
        canonical(level),
    )


def write_manifest(folder: Path, manifest: Mapping[str, JSON]) -> None:
    """Write manifest.json once, with the time; raises StoreError when that is impossible."""
    path = folder / "manifest.json"
    if path.exists():
        return
    stamped = {"started": datetime.now(UTC).isoformat(timespec="seconds"), **manifest}
    try:
        path.write_text(json.dumps(stamped, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise _unusable(folder, error) from error


@contextmanager
def _cache(
    request: Request, manifest: Mapping[str, JSON], ledger: Ledger
) -> Iterator[VerdictCache | None]:
    """Open the verdicts that were known when the run first began; what it adds serves later runs."""
    if request.cache_dir is None:
        yield None
        return
    cache = VerdictCache(request.cache_dir / "verdicts.sqlite", environment(manifest))
    try:
        known = ledger.get("cache", "until", int)
        cache.until = cache.newest if known is None else known
        ledger.put("cache", "until", cache.until)
        yield cache
    finally:
        cache.close()


@contextmanager
def claimed(runs_dir: Path, name: str, skip: Callable[[Path], bool]) -> Iterator[Path]:
    """Create and lock the folder of a run: the first of name, name-2 ... that `skip` does not refuse."""
    number = 1
    folder = runs_dir / name
    while skip(folder):
        number += 1
        folder = runs_dir / f"{name}-{number}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise _unusable(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"another process is working on run {folder.name}",
                hint="wait for it, or change the seed for a run of its own",
            ) from None
        yield folder


def _finished(folder: Path) -> bool:
    path = folder / "ledger.sqlite"
    if not path.exists():
        return False
    with Ledger(path) as ledger:
        return ledger.get("report", "final", Report) is not None


def _unusable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot use the run folder {folder}: {error.strerror or error}",
        hint="check space and permissions, or name another folder with runs_dir",
    )
