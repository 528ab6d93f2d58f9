"""The verb `build`: a project of many files from a specification."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.flags import Running, Spending
from proofsmith.cli.search import exit_code
from proofsmith.errors import UsageError

if TYPE_CHECKING:
    import asyncio

    from proofsmith.config import Resolved
    from proofsmith.types import Report

SPEC = typer.Argument(metavar="SPEC", help="what is to be built, in Markdown", show_default=False)
OUT = typer.Option("--out", "-o", metavar="DIR", help="folder of the project, new or existing")
REPLIES = typer.Option(
    "--replies", metavar="FILE", help="keep the model's replies here; those it holds are not paid"
)


def build(
    spec: Annotated[Path, SPEC],
    out: Annotated[Path, OUT],
    spending: Spending,
    running: Running,
    replies: Annotated[Path | None, REPLIES] = None,
) -> int:
    """Build a project of many files, step by step, each tested."""
    from proofsmith import config
    from proofsmith.agents import report as reports
    from proofsmith.cli.drive import drain

    flags: dict[str, object] = {
        "seed": spending.seed,
        "jobs": spending.jobs,
        "sandbox": running.sandbox,
        "runs_dir": spending.runs_dir,
        "base_url": spending.base_url,
        "model": spending.model,
        "budget": ", ".join(spending.budget) if spending.budget else None,
    }
    resolved = config.resolve(flags)
    report = drain(lambda stop: _built((spec, out, replies), resolved, spending, running, stop))
    if running.json:
        sys.stdout.write(reports.to_json(report))
    else:
        typer.echo("\n".join(reports.six_lines(report)))
        kept = resolved.settings.runs_dir / report.run_id
        where = out if report.best else kept / "files"
        typer.echo(f"files    {where}{'' if report.best else ' (of the steps that passed)'}")
    return exit_code(report)


async def _built(
    paths: tuple[Path, Path, Path | None],
    resolved: "Resolved",
    spending: Spending,
    running: Running,
    stop: "asyncio.Event",
) -> "Report":
    from proofsmith import api
    from proofsmith.cli.budget import parse_budget
    from proofsmith.cli.engine import model_of
    from proofsmith.cli.progress import Watcher
    from proofsmith.executors.choice import open_sandbox
    from proofsmith.model import RecordReplay

    spec, out, replies = paths
    settings = resolved.settings
    endpoint = model_of(settings, wanted=True)
    model = endpoint if replies is None else RecordReplay(replies, endpoint)
    if model is None:
        raise UsageError("building needs a model", hint="add --base-url URL --model NAME")
    own_budget = resolved.origin("budget") == "default"
    kind = "unsafe-local" if running.unsafe_local else settings.sandbox
    sandbox = await open_sandbox(kind, image=settings.image or "proofsmith-build")
    async with endpoint or nullcontext():
        with Watcher(quiet=running.quiet) as watch:
            return await api.build(
                spec,
                out,
                model=model,
                identity=endpoint.identity if endpoint else f"replies of {replies}",
                prices=endpoint.prices if endpoint else None,
                budget=api.BUILD_BUDGET if own_budget else parse_budget([settings.budget]),
                sandbox=sandbox,
                seed=settings.seed,
                jobs=settings.jobs,
                runs_dir=settings.runs_dir,
                cache_dir=settings.cache_dir if replies is None else None,
                fresh=spending.fresh,
                watch=watch,
                stop=stop,
            )
