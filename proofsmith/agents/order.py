"""Turn an order for a build into a site, and the end of the build into a report and delivered files."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from proofsmith import __version__
from proofsmith.agents import report as reports
from proofsmith.agents.budget import BudgetLedger
from proofsmith.agents.build import Builder, whole_task
from proofsmith.agents.build_lessons import DOMAIN, learn
from proofsmith.agents.delivery import deliver, fixed_files, folder_files, read_spec, take_in
from proofsmith.agents.evaluator import Judgement, Result, evaluate
from proofsmith.agents.events import EventLog
from proofsmith.agents.failpoints import Failpoints
from proofsmith.agents.replay import Piece
from proofsmith.agents.request import both, claimed, experience_in, machine, write_manifest
from proofsmith.agents.site import Caps, Site
from proofsmith.agents.workbench import View
from proofsmith.agents.worker import is_test
from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.files import FileStore
from proofsmith.memory.instructions import Registry, State
from proofsmith.memory.ledger import Ledger
from proofsmith.model.accounting import Prices
from proofsmith.protocols import Model, Progress, Sandbox
from proofsmith.tools.tokens import estimate
from proofsmith.types import (
    JSON,
    Budget,
    Candidate,
    Conclusion,
    Evidence,
    Goal,
    Outcome,
    Problem,
    Report,
    Status,
    Verdict,
    canonical,
    digest,
)

RESUMABLE = ("interrupted", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be built, where, by whom and for how much."""

    spec: Path
    out: Path
    model: Model
    identity: str
    sandbox: Sandbox
    prices: Prices | None = None
    budget: Budget = field(default_factory=Budget)
    caps: Caps = field(default_factory=Caps)
    runs_dir: Path = Path(".proofsmith/runs")
    cache_dir: Path | None = None
    """Folder of lessons from earlier builds; None neither recalls nor keeps any."""
    seed: int = 0
    width: int = 2
    fresh: bool = False
    watch: Callable[[Progress], None] = lambda _: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)


async def fulfil(order: Order) -> Report:
    """Build, deliver what passed as a whole, and return the report, which also lies in the run's folder.

    The same order goes on where an earlier one was killed; a finished one is returned as it is unless the folder was
    changed since. What did not pass stays in the run's folder, below `files`.

    Raises:
        UsageError: the specification cannot be used, or files changed while the build ran.
        SandboxError: the machinery failed twice; the same order goes on.
        StoreError: the run's folder or the project's cannot be used.
    """
    spec = read_spec(order.spec)
    room = order.caps.prompt_tokens * 3 // 4
    if estimate(spec) > room:
        raise UsageError(
            f"{order.spec} does not fit into a prompt: about {estimate(spec)} tokens, at most {room}",
            hint="say less, or build the parts one after the other in the same folder",
        )
    fixed = fixed_files(spec)
    folder_files(order.out)
    with _opened(order, spec, fixed) as site:
        report = site.ledger.get("report", "final", Report)
        if report is None:
            builder = Builder(site)
            judged, ended_by = await builder.drive()
            report = _reported(site, judged, ended_by, builder.why)
            if ended_by not in RESUMABLE:
                if site.experience is not None:
                    learn(site, site.experience)
                site.ledger.put("report", "final", report)
        reports.write(report, site.folder)
        site.failpoints.reach("build.reported")
        _hand_over(site, report, order.out)
        return report


async def rejudge(folder: Path, report: Report, sandbox: Sandbox) -> list[Piece]:
    """Judge a finished build again, from its recorded files and program; see `replay.replay`."""
    if report.best is None:
        return []
    registry = Registry(folder / "program.sqlite")
    passed = [step for step in registry.program.values() if step.state is State.PASSED]
    registry.close()
    files = {name: text.encode() for name, text in report.best.candidate.files.items()}
    known = [path for path in sorted(report.problem.files) if is_test(path) and path in files]
    judged = await evaluate(whole_task(files, passed, known), sandbox)
    return [
        Piece(
            claim="acceptance",
            before="pass",
            now=f"{judged.result}: {judged.detail.partition(chr(10))[0]}",
            holds=judged.result is Result.PASS,
        )
    ]


@contextmanager
def _opened(order: Order, spec: str, fixed: Mapping[str, str]) -> Iterator[Site]:
    begun_s = time.perf_counter()
    if order.budget.cost_usd is not None and order.prices is None:
        raise UsageError(
            "a budget in USD needs the model's price, which is unknown",
            hint="set input_usd_per_million and output_usd_per_million, or cap tokens instead",
        )
    manifest = _manifest(order, spec)
    name = f"build-{digest(canonical(manifest['request']))[:12]}"
    with (
        claimed(order.runs_dir, name, lambda folder: _over(folder, order)) as folder,
        ExitStack() as held,
    ):
        write_manifest(folder, manifest)
        ledger = held.enter_context(Ledger(folder / "ledger.sqlite"))
        store = held.enter_context(FileStore(folder / "files.sqlite"))
        registry = Registry(folder / "program.sqlite")
        held.callback(registry.close)
        failpoints = Failpoints.from_environment()
        if ledger.get("given", "version", int) is None:
            take_in(store, order.out, fixed)
            ledger.put("given", "version", store.version)
        failpoints.reach("build.created")
        earlier_s = ledger.earlier_wall_s() + time.perf_counter() - begun_s
        site = Site(
            id=folder.name,
            folder=folder,
            spec=spec,
            fixed=frozenset(fixed),
            model=order.model,
            prices=order.prices,
            sandbox=order.sandbox,
            ledger=ledger,
            registry=registry,
            store=store,
            budget=BudgetLedger(order.budget, earlier_wall_s=earlier_s),
            caps=order.caps,
            seed=order.seed,
            width=order.width,
            failpoints=failpoints,
            stop=order.stop,
            watch=both(order.watch, EventLog(folder / "events.jsonl")),
            manifest=manifest,
            experience=experience_in(order.cache_dir),
        )
        site.settle_earlier()
        yield site


def _manifest(order: Order, spec: str) -> dict[str, JSON]:
    """Describe the build; its `request` part alone names the run."""
    budget = order.budget
    request: dict[str, JSON] = {
        "spec": digest(spec),
        "out": str(order.out.resolve()),
        "budget": [budget.wall_s, budget.tokens, budget.cost_usd, budget.attempts],
        "model": order.identity,
        "seed": order.seed,
        "version": __version__,
        "sandbox": order.sandbox.level,
    }
    return {"request": request, "source": str(order.spec.resolve()), "machine": machine()}


def _over(folder: Path, order: Order) -> bool:
    """Say whether a finished build in `folder` does not answer this order: it is to be fresh, or `out` has changed."""
    if not (folder / "ledger.sqlite").is_file():
        return False
    with Ledger(folder / "ledger.sqlite") as ledger:
        report = ledger.get("report", "final", Report)
    if report is None:
        return False
    if order.fresh:
        return True
    now = {name: path.read_bytes() for name, path in folder_files(order.out).items()}
    given = {name: text.encode() for name, text in report.problem.files.items()}
    built = report.best.candidate.files if report.best else report.problem.files
    done = {name: text.encode() for name, text in built.items()}
    return any(now[name] not in (given.get(name), done.get(name)) for name in now if name in done)


def _reported(site: Site, judged: Judgement | None, ended_by: str, why: str) -> Report:
    """Return the report: solved only when everything passed together."""
    given = _texts(View(site.store, frozenset()).files())
    best = None
    if judged is not None:
        evidence = Evidence(
            check="acceptance",
            status=Status.TESTED,
            command=("proofsmith", "runs", "replay", site.id),
            wall_s=judged.wall_s,
            facts={"tests": judged.tests, "result": str(judged.result)},
        )
        best = Outcome(
            candidate=Candidate(
                files=_texts(View(site.store, site.visible()).files()), move=f"build:{site.id}"
            ),
            verdict=Verdict(status=Status.TESTED, evidence=(evidence,), feedback=judged.detail),
        )
    return Report(
        run_id=site.id,
        problem=Problem(
            id=site.id,
            domain=DOMAIN,
            goal=Goal.SOLVE,
            text=site.spec,
            files=given,
            options={"path": Path(str(site.manifest["source"])).name},
        ),
        conclusion=Conclusion.SOLVED if best else Conclusion.NONE,
        ended_by=ended_by,
        baseline=None,
        best=best,
        explanation=tuple(_explained(site, why)),
        spend=site.budget.spend,
        manifest=site.manifest,
    )


def _explained(site: Site, why: str) -> list[str]:
    """Say what became of every step."""
    program = site.registry.program
    count = sum(step.state is State.PASSED for step in program.values())
    alive = [step for step in program.values() if step.state is not State.DROPPED]
    lines = [why] if why else []
    lines.append(f"{count} of {len(alive)} steps passed")
    for step in alive:
        judged = site.ledger.get("judgement", f"{step.id}#{step.attempts}", Judgement)
        told = judged.detail.partition("\n")[0] if judged else "not judged"
        lines.append(f"{step.id}: {step.state} after {step.attempts} attempts, {told}")
    return lines


def _hand_over(site: Site, report: Report, out: Path) -> None:
    """Write the project to its place when it passed as a whole, else beside the report."""
    built = View(site.store, site.visible()).files()
    if report.best is None:
        partial = site.folder / "files"
        for name, data in built.items():
            _write(partial / name, data)
        return
    given = View(site.store, frozenset()).files()
    there = {name: data for name, data in given.items() if (out / name).exists()}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot create {out}: {error.strerror}", hint="check it") from None
    deliver(there, built, out)
    site.failpoints.reach("build.delivered")


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}", hint="free space") from None


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the files that are UTF-8 text."""
    texts = {}
    for name, data in files.items():
        try:
            texts[name] = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
    return texts
