"""The verb `runs`: list, show, replay, apply and remove what earlier runs left behind."""

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli import lessons
from proofsmith.cli.consent import consents
from proofsmith.cli.exits import Exit
from proofsmith.errors import StoreError, UsageError
from proofsmith.tools.terminal import visible

if TYPE_CHECKING:
    from proofsmith.agents.replay import Piece
    from proofsmith.types import Report

RUN = typer.Argument(metavar="RUN", help="id of a run, or its beginning", show_default=False)
RUNS_DIR = typer.Option("--runs-dir", metavar="DIR", help="folder that keeps the runs")
JSON_FLAG = typer.Option("--json", help="print one JSON object as the result")


def group() -> typer.Typer:
    """Return the sub-commands of `runs`."""
    app = typer.Typer(help="Look at, repeat and use earlier runs.", no_args_is_help=True)
    for name, verb in (
        ("list", listed),
        ("show", show),
        ("replay", replayed),
        ("apply", applied),
        ("rm", removed),
    ):
        app.command(name)(verb)
    app.add_typer(lessons.group(), name="lessons")
    return app


def listed(
    runs_dir: Annotated[Path | None, RUNS_DIR] = None,
    as_json: Annotated[bool, JSON_FLAG] = False,
) -> int:
    """List the runs, newest first: id, problem, conclusion, gain."""
    from proofsmith.agents import report as reports

    rows = []
    for folder in sorted(_folders(_root(runs_dir)), key=lambda f: f.stat().st_mtime, reverse=True):
        if (folder / "report.json").is_file():
            row = reports.row(reports.load(folder))
        else:
            row = {"run": folder.name, "problem": "", "conclusion": "unfinished", "gain": ""}
        rows.append(row)
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "runs": rows}, indent=1))
    for row in [] if as_json else rows:
        typer.echo(visible("  ".join(str(cell) for cell in row.values()).rstrip()))
    return Exit.DONE


def show(
    run: Annotated[str, RUN],
    runs_dir: Annotated[Path | None, RUNS_DIR] = None,
    as_json: Annotated[bool, JSON_FLAG] = False,
    calls: Annotated[
        bool, typer.Option("--calls", help="what the model was asked and what it replied")
    ] = False,
) -> int:
    """Show the result of a run and where its report is."""
    from proofsmith.agents import report as reports

    if calls:
        return _show_calls(_find(run, _root(runs_dir)), as_json=as_json)
    folder, report = _opened(run, runs_dir)
    if as_json:
        sys.stdout.write(reports.to_json(report))
    else:
        typer.echo("\n".join(reports.six_lines(report)))
        typer.echo(f"page     {(folder / 'report.html').resolve().as_uri()}")
    return Exit.DONE


def _show_calls(folder: Path, *, as_json: bool) -> int:
    """Print every prompt of a search with its reply, in the order of asking; an unfinished run has some too."""
    from proofsmith.memory.ledger import Ledger
    from proofsmith.types import Reply

    if not (folder / "ledger.sqlite").is_file():
        raise UsageError(f"run {folder.name} has no ledger", hint="proofsmith runs list")
    with Ledger(folder / "ledger.sqlite") as ledger:
        prompts, replies = ledger.all("prompt", str), ledger.all("reply", Reply)
    rows = [
        {"move": move, "prompt": prompt, "reply": replies[move].text if move in replies else None}
        for move, prompt in prompts.items()
    ]
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "calls": rows}, indent=1))
        return Exit.DONE
    for row in rows:
        reply = "(no reply was recorded)" if row["reply"] is None else row["reply"]
        typer.echo(visible(f"===== {row['move']}\n{row['prompt']}\n----- reply\n{reply}\n"))
    if not rows:
        typer.echo("no model was asked")
    return Exit.DONE


def replayed(
    run: Annotated[str, RUN],
    runs_dir: Annotated[Path | None, RUNS_DIR] = None,
    as_json: Annotated[bool, JSON_FLAG] = False,
) -> int:
    """Earn every piece of evidence again. Exit code 1 when one no longer holds."""
    from proofsmith.cli.drive import drive

    folder, report = _opened(run, runs_dir)
    if report.best is None:
        raise UsageError("this run claimed nothing, so nothing can be replayed", hint="")
    pieces = drive(lambda: _replay(folder, report))
    held = all(piece.holds for piece in pieces)
    if as_json:
        rows = [
            {"claim": p.claim, "before": p.before, "now": p.now, "holds": p.holds} for p in pieces
        ]
        typer.echo(json.dumps({"schema_version": 1, "holds": held, "pieces": rows}, indent=1))
    else:
        for p in pieces:
            mark = "holds" if p.holds else "FELL "
            typer.echo(visible(f"{mark}  {p.claim}: {p.before}, now {p.now}"))
        typer.echo("every piece of evidence holds" if held else "some evidence no longer holds")
    return Exit.DONE if held else Exit.NOT_SO


def applied(
    run: Annotated[str, RUN],
    runs_dir: Annotated[Path | None, RUNS_DIR] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> int:
    """Write the best version over your files, after asking. Refuses when they changed since the run."""
    from proofsmith.agents import apply
    from proofsmith.agents import report as reports

    _, report = _opened(run, runs_dir)
    source = report.manifest.get("source")
    if not isinstance(source, str):
        raise StoreError(
            "the report does not say which file it was made from", hint="use patch.diff"
        )
    planned = apply.changes(report, Path(source))
    apply.require_unchanged(planned)
    sys.stderr.write(visible(reports.patch(report)))
    names = ", ".join(str(change.path) for change in planned)
    if planned and not yes and not consents(f"write {names}?"):
        sys.stderr.write("nothing was written\n")
        return Exit.NOT_SO
    apply.carry_out(planned)
    typer.echo(f"wrote {names}" if planned else "the text is unchanged; only its settings are new")
    settings = report.best.candidate.settings if report.best is not None else {}
    if settings:
        typer.echo(f"build it with: {json.dumps(dict(settings))}")
    return Exit.DONE


def removed(
    runs: Annotated[list[str], RUN], runs_dir: Annotated[Path | None, RUNS_DIR] = None
) -> int:
    """Remove runs with all their files."""
    for folder in [_find(run, _root(runs_dir)) for run in runs]:
        shutil.rmtree(folder)
        typer.echo(f"removed {folder.name}")
    return Exit.DONE


async def _replay(folder: Path, report: "Report") -> list["Piece"]:
    from proofsmith import domains
    from proofsmith.agents.build_lessons import DOMAIN
    from proofsmith.agents.order import rejudge
    from proofsmith.agents.replay import replay
    from proofsmith.executors.choice import open_sandbox

    if report.problem.domain == DOMAIN:
        return await rejudge(folder, report, await open_sandbox())
    domain = domains.load(domains.find(Path(), report.problem.domain))
    asked = report.manifest.get("options")
    if isinstance(asked, dict) and "db" in asked:  # a problem never holds where the rows came from
        options = {**report.problem.options, "db": asked["db"]}
        report = replace(report, problem=replace(report.problem, options=options))
    return await replay(report, domain, await open_sandbox())


def _opened(run: str, runs_dir: Path | None) -> tuple[Path, "Report"]:
    from proofsmith.agents import report as reports

    folder = _find(run, _root(runs_dir))
    return folder, reports.load(folder)


def _root(runs_dir: Path | None) -> Path:
    from proofsmith import config

    return config.resolve({"runs_dir": runs_dir}).settings.runs_dir


def _folders(root: Path) -> Iterable[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _find(run: str, root: Path) -> Path:
    """Return the folder of the run whose id is `run`, else of the only one that begins with it."""
    names = {folder.name: folder for folder in _folders(root)}
    fitting = [run] if run in names else sorted(name for name in names if name.startswith(run))
    if len(fitting) == 1 and run:
        return names[fitting[0]]
    if fitting:
        raise UsageError(f"'{run}' begins several runs", hint=f"one of: {', '.join(fitting[:8])}")
    raise UsageError(f"no run '{run}' in {root}", hint="proofsmith runs list")
