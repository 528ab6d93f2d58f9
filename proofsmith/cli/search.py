"""The verbs `optimize`, `solve` and `demo`: run a search, show it, print its result."""

import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.consent import consents
from proofsmith.cli.exits import Exit
from proofsmith.cli.flags import WORKLOAD, Common, Judging, Searching
from proofsmith.cli.formalise import formalise, is_informal
from proofsmith.cli.workload import is_workload, parts, searched, show
from proofsmith.errors import UsageError
from proofsmith.tools.terminal import visible
from proofsmith.types import Conclusion, Goal

if TYPE_CHECKING:
    import asyncio

    from proofsmith.cli.engine import Task
    from proofsmith.cli.progress import Watcher
    from proofsmith.types import Report

SOURCE = typer.Argument(metavar="FILE", help="the file to work on", show_default=False)
STATEMENTS = typer.Argument(
    metavar="FILE", help="the file to work on; also a folder, or a .jsonl set", show_default=False
)
SOURCES = typer.Argument(
    metavar="FILE", help="the file to work on; of SQL also a folder or a log", show_default=False
)
DEMO = ("kernels", "demo", "matmul.c")
DEMO_BUDGET = "1 attempt, 120s"
"""About 13 s of processor time; the wall time is for busy machines, where giving up half-way would show nothing."""
ENDPOINT_HINT = "the rules went on alone; check --base-url, --model and the key, or pass --no-model"
NEXT_STEPS = """\
Next, with a model beside the rules (any OpenAI-compatible endpoint, local ones need no key):
  proofsmith config set base_url http://localhost:8000/v1
  proofsmith optimize YOUR_FILE.c --model NAME"""


def optimize(
    source: Annotated[Path, SOURCES],
    searching: Searching,
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
) -> int:
    """Search for a better version of a file, and prove it."""
    goal = _goal(searching.goal or Goal.SPEED)
    given = {**domain_options, **_product(searching.goal)}
    if is_workload(source, common.domain):
        return _run_all(source, goal, (searching, judging, common), given)
    return _run(source, goal, (searching, judging, common), given)[1]


def solve(
    source: Annotated[Path, SOURCE],
    searching: Searching,
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
) -> int:
    """Search for a first version of a specification, and prove it."""
    goal = _goal(searching.goal or Goal.SOLVE)
    return _run(source, goal, (searching, judging, common), domain_options)[1]


def prove(
    source: Annotated[Path, STATEMENTS],
    searching: Searching,
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
) -> int:
    """Prove or disprove what Lean files leave open.

    SOURCE is a file, a folder, a .jsonl set, or a claim in words (.md, .txt), which a model states formally.
    """
    if is_informal(source, common.domain):
        return formalise(source, searching, common, domain_options)
    if is_workload(source, "lean"):
        common = replace(common, domain="lean")
        return _run_all(
            source,
            _goal(searching.goal or Goal.SOLVE),
            (searching, judging, common),
            domain_options,
        )
    return solve(source, searching, judging, common, domain_options)


def demo(common: Common) -> int:
    """Optimise a bundled C kernel, with no model or key."""
    from proofsmith import config

    folder = config.resolve({}).settings.runs_dir.parent / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    bundled = resources.files("proofsmith.domains").joinpath(*DEMO)
    source = folder / bundled.name
    source.write_bytes(bundled.read_bytes())
    if not common.quiet:
        sys.stderr.write(f"optimising {source}, budget {DEMO_BUDGET}: no model, rules alone\n")
    searching = Searching(budget=[DEMO_BUDGET], no_model=True, fresh=True)
    report, code = _run(source, Goal.SPEED, (searching, Judging(), common), {})
    if not common.json:
        from proofsmith.agents.report import evidence_lines

        typer.echo("\n".join(["", *evidence_lines(report), "", NEXT_STEPS]))
    return code


def _run(
    source: Path,
    goal: Goal,
    flags: tuple[Searching, Judging, Common],
    given: Mapping[str, object],
) -> tuple["Report", int]:
    """Search, print the result, hand it over as asked; return it with the exit code."""
    from proofsmith.agents import report as reports
    from proofsmith.cli.drive import drain
    from proofsmith.cli.engine import task

    searching, judging, common = flags
    todo = task(source, common, judging, given, searching)
    report = drain(lambda stop: _searched(todo, goal, searching, common, stop))
    if common.json:
        sys.stdout.write(reports.to_json(report))
    else:
        typer.echo("\n".join(reports.six_lines(report)))
    todo.announce(report.problem)
    if not searching.no_model and todo.settings.model:
        _blame_endpoint(report)
    if searching.out is not None:
        _hand_out(report, source, searching.out)
    return report, exit_code(report)


def _run_all(
    source: Path,
    goal: Goal,
    flags: tuple[Searching, Judging, Common],
    given: Mapping[str, object],
) -> int:
    """Search every file of a folder or a log and print one table."""
    from proofsmith.cli.drive import drain
    from proofsmith.cli.engine import task

    searching, judging, common = flags
    if searching.out is not None or searching.apply:
        raise UsageError(
            "--out and --apply are for one file", hint="proofsmith runs apply RUN, one by one"
        )

    def search(path: Path) -> "Report":
        todo = task(path, common, judging, given, searching)

        async def work(stop: "asyncio.Event") -> "Report":
            report = await _searched(todo, goal, searching, common, stop)
            return replace(report, ended_by="interrupted") if stop.is_set() else report

        return drain(work)

    files = parts(source, common.domain, given)
    given = {**given, WORKLOAD: True} if given.get("param") else given
    rows = searched(files, search, quiet=common.quiet)
    code = show(rows, as_json=common.json, place=None if source.is_dir() else files[0].parent)
    if any(row.interrupted for row in rows):
        raise KeyboardInterrupt
    return code


async def _searched(
    todo: "Task", goal: Goal, searching: Searching, common: Common, stop: "asyncio.Event"
) -> "Report":
    from proofsmith import api
    from proofsmith.cli.budget import parse_budget
    from proofsmith.cli.engine import model_of
    from proofsmith.cli.progress import Watcher
    from proofsmith.planners.choice import DEFAULT
    from proofsmith.tools.notices import watched

    settings = todo.settings
    sandbox = await todo.sandbox()
    search = api.solve if goal in (Goal.SOLVE, Goal.REFUTE) else api.optimize
    model = model_of(settings, wanted=not searching.no_model)
    async with model or nullcontext():
        with Watcher(quiet=common.quiet) as watch, watched(watch.told):
            return await search(
                todo.source,
                goal=goal,
                budget=parse_budget([settings.budget]),
                model=model,
                strategy=searching.strategy or DEFAULT,
                seed=settings.seed,
                jobs=settings.jobs,
                runs_dir=settings.runs_dir,
                cache_dir=None if searching.no_cache else settings.cache_dir,
                fresh=searching.fresh,
                watch=watch,
                approve=_asker(watch, searching) if searching.apply else None,
                stop=stop,
                domain=todo.spec.name,
                options=todo.options,
                sandbox=sandbox,
                **({} if todo.required is None else {"required": todo.required}),
            )


def _asker(watch: "Watcher", searching: Searching) -> Callable[[str], bool]:
    """Return what decides on overwriting the user's file, shown the patch."""

    def ask(patch: str) -> bool:
        watch.close()
        sys.stderr.write(visible(patch))
        return searching.yes or consents("write this into your file?")

    return ask


def _blame_endpoint(report: "Report") -> None:
    """Say on stderr that the endpoint was of no use, when it was not, and that the rules went on."""
    from proofsmith.agents.conclusion import MODEL_STOPPED

    for told in report.explanation:
        if told.startswith(MODEL_STOPPED):
            sys.stderr.write(f"proofsmith: {told}\n  hint: {ENDPOINT_HINT}\n")


def _hand_out(report: "Report", source: Path, out: Path) -> None:
    """Write the best version to `out`; raises UsageError when it is more than one file or would be lost."""
    if report.best is None:
        return
    changed = [
        text
        for name, text in report.best.candidate.files.items()
        if text != report.problem.files.get(name)
    ]
    if len(changed) > 1:
        raise UsageError(
            "the best version changes several files", hint=f"proofsmith runs apply {report.run_id}"
        )
    text = changed[0] if changed else source.read_text("utf-8")
    if out.exists() and out.samefile(source):
        raise UsageError(f"{out} is the file itself", hint="use --apply, which asks first")
    out.write_text(text, "utf-8")


def exit_code(report: "Report") -> int:
    """Return the exit code of a report."""
    if report.ended_by == "interrupted":
        raise KeyboardInterrupt  # it was saved and shown; `main` says how to go on
    if report.conclusion in (Conclusion.SOLVED, Conclusion.IMPROVED):
        return Exit.DONE
    return Exit.MODEL if report.ended_by == "model" else Exit.NOT_SO


def _product(goal: str | None) -> dict[str, object]:
    """Return a product of goals such as `area*delay` as an option for the domain."""
    return {"goal": goal} if goal and "*" in goal else {}


def _goal(name: str) -> Goal:
    """Return a goal; of a product its first factor."""
    try:
        factors = [Goal(factor.strip()) for factor in name.split("*")]
        return factors[0]
    except ValueError:
        known = ", ".join(Goal)
        raise UsageError(f"unknown goal '{name}'", hint=f"known goals: {known}") from None
