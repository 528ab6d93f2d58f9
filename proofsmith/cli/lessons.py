"""The verb `runs lessons`: see, add and share what runs learned."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.exits import Exit
from proofsmith.errors import UsageError
from proofsmith.tools.terminal import visible

if TYPE_CHECKING:
    from proofsmith.memory.lessons import Lessons

DOMAIN = typer.Option("--domain", help="only lessons of one domain")
FILE = typer.Argument(metavar="FILE", help="file of lessons", show_default=False)
LINE_CHARS = 100
"""Part of a lesson that a list shows."""


def group() -> typer.Typer:
    """Return the sub-commands of `runs lessons`."""
    app = typer.Typer(help="See, add and share what runs learned.", no_args_is_help=True)
    for name, verb in (
        ("list", listed),
        ("add", added),
        ("export", exported),
        ("import", imported),
    ):
        app.command(name)(verb)
    return app


def listed(
    domain: Annotated[str, DOMAIN] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Show the lessons of all your runs with their wins and losses on this machine."""
    with _lessons() as lessons:
        found = list(lessons.known(domain))
    if as_json:
        rows = [
            asdict(r.lesson) | {"wins": r.counts.wins, "losses": r.counts.losses} for r in found
        ]
        typer.echo(json.dumps({"schema_version": 1, "lessons": rows}, indent=1))
        return Exit.DONE
    for r in found:
        mark = "  no longer offered here" if r.counts.harmful else ""
        typer.echo(
            f"{r.lesson.domain:8} {r.counts.wins:4} won {r.counts.losses:4} lost  "
            f"{visible(r.lesson.pattern or _first(r.lesson.text))}{mark}"
        )
    if not found:
        typer.echo("no lessons yet: finished runs count them, or add one", err=True)
    return Exit.DONE


def added(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="what to do, and when")],
    domain: Annotated[str, typer.Option(help="domain that it is for, or `build`")],
    symptom: Annotated[
        list[str] | None, typer.Option(help="symptom of the catalogue that it helps against")
    ] = None,
) -> int:
    """Add a lesson of your own; models see it where it fits, and it is counted like any other."""
    from proofsmith import domains
    from proofsmith.agents.build_lessons import DOMAIN as BUILDS
    from proofsmith.memory.lessons import MOST_CHARS, Lesson

    if domain != BUILDS:
        domains.find(Path(), domain)
    if not text.strip() or len(text) > MOST_CHARS:
        raise UsageError(
            "the lesson is empty" if not text.strip() else "the lesson is too long",
            hint=f"say it in 1 to {MOST_CHARS} characters",
        )
    with _lessons() as lessons:
        lessons.add(Lesson(domain=domain, text=text.strip(), behaviour=tuple(symptom or ())))
    typer.echo("added")
    return Exit.DONE


def exported(file: Annotated[Path, FILE]) -> int:
    """Write the lessons of all your runs, one JSON object a line, wins and losses by machine."""
    with _lessons() as lessons:
        lines = list(lessons.export())
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    typer.echo(f"wrote {len(lines)} lessons to {file}")
    return Exit.DONE


def imported(file: Annotated[Path, FILE]) -> int:
    """Take in lessons that somebody exported; doing it twice changes nothing."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}", hint="name an exported file") from None
    with _lessons() as lessons:
        typer.echo(f"took in {lessons.merge(lines)} lessons")
    return Exit.DONE


def _first(text: str) -> str:
    return text.partition("\n")[0][:LINE_CHARS]


def _lessons() -> "Lessons":
    from proofsmith import config
    from proofsmith.agents.experience import LESSONS
    from proofsmith.agents.request import cpu_name
    from proofsmith.memory.lessons import Lessons

    folder = config.resolve({}).settings.cache_dir
    folder.mkdir(parents=True, exist_ok=True)
    return Lessons(folder / LESSONS, cpu_name())
