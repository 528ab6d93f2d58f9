"""The verbs `check`, `measure` and `init`: judge what anyone wrote, with the code that the search calls."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.consent import consents
from proofsmith.cli.exits import Exit
from proofsmith.cli.flags import Common, Judging
from proofsmith.errors import UsageError
from proofsmith.tools.notices import watched
from proofsmith.tools.terminal import visible
from proofsmith.types import JSON, Comparison, ComparisonVerdict, Status, Verdict

if TYPE_CHECKING:
    from proofsmith.cli.engine import Task

BASE = typer.Argument(metavar="BASE", help="the original", show_default=False)
CANDIDATE = typer.Argument(metavar="CANDIDATE", help="the version to judge", show_default=False)
SOURCE = typer.Argument(metavar="FILE", help="the file that gets a header", show_default=False)
SEED = typer.Option("--seed", metavar="N", help="repeat the held-out inputs of an earlier check")
SETTINGS = typer.Option(
    "--settings", metavar="JSON", help="settings of the candidate, e.g. its flags"
)
SETTINGS_HINT = """write it like --settings '{"cflags": ["-O3"]}'"""
SHOWN = ("verdict", "ratio", "low", "high", "pairs", "reason")


def check(
    base: Annotated[Path, BASE],
    candidate: Annotated[Path, CANDIDATE],
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
    settings: Annotated[str | None, SETTINGS] = None,
    seed: Annotated[int | None, SEED] = None,
) -> int:
    """Say how strongly a version is known to be right. Exit code 1 when not enough."""
    from proofsmith.cli.drive import drive
    from proofsmith.cli.engine import task

    todo = task(base, common, judging, domain_options)
    if seed is not None:
        todo = replace(todo, options={**todo.options, "seed": seed})
    version = Version(path=candidate, settings=_settings(settings))
    with watched(_teller(quiet=common.quiet)):
        verdict, wanted, sandbox = drive(lambda: _check(todo, version))
    held = verdict.status.at_least(wanted)
    if common.json:
        from proofsmith.agents.report.records import plain

        asked = {"holds": held, "required": wanted.value, "sandbox": sandbox}
        _print_json({**asked, **plain(verdict)})
    else:
        typer.echo(visible("\n".join([*_told(verdict), f"  sandbox  {sandbox}"])))
    return Exit.DONE if held else Exit.NOT_SO


def measure(
    base: Annotated[Path, BASE],
    candidate: Annotated[Path, CANDIDATE],
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
    settings: Annotated[str | None, SETTINGS] = None,
) -> int:
    """Compare a version with the original in interleaved pairs. Exit code 0 when it is faster."""
    from proofsmith.cli.drive import drive
    from proofsmith.cli.engine import task

    todo = task(base, common, judging, domain_options)
    version = Version(path=candidate, settings=_settings(settings))
    with watched(_teller(quiet=common.quiet)):
        found, sandbox = drive(lambda: _measure(todo, version))
    if common.json:
        _print_json({"sandbox": sandbox, **_measured(found)})
    else:
        from proofsmith.agents.report.summary import compared

        typer.echo("\n".join(map(compared, found)))
    faster = bool(found) and found[0].verdict is ComparisonVerdict.FASTER
    return Exit.DONE if faster else Exit.NOT_SO


def init(
    source: Annotated[Path, SOURCE],
    common: Common,
    domain_options: Mapping[str, object],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> int:
    """Infer a file's header, show it, write it after asking."""
    from proofsmith.agents.apply import Change, carry_out
    from proofsmith.cli.drive import drive
    from proofsmith.cli.engine import task
    from proofsmith.tools.patches import diff

    todo = task(source, common, Judging(), domain_options)
    before = source.read_bytes().decode("utf-8")
    after = drive(lambda: _draft(todo))
    typer.echo(diff({source.name: before}, {source.name: after}), nl=False)
    if after == before:
        typer.echo(f"{source} has a header already")
    elif yes or consents(f"write it into {source}?"):
        carry_out([Change(path=source, before=before, after=after)])
        sys.stderr.write(f"wrote {source}\n")
    return Exit.DONE


def _teller(*, quiet: bool) -> Callable[[str], object]:
    """Return what takes the steps of a long judgement: stderr, unless `quiet`."""
    return lambda text: None if quiet else sys.stderr.write(f"{visible(text)}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The candidate of a judgement: its file, and settings such as compiler flags."""

    path: Path
    settings: Mapping[str, JSON]


async def _check(todo: "Task", version: Version) -> tuple[Verdict, Status, str]:
    """Return the verdict, the status that counts as right for this problem, and the level of the sandbox."""
    from proofsmith import api

    asked = await todo.judged()
    verdict = await api.check(todo.source, version.path, settings=version.settings, **asked)
    return verdict, asked["required"] or todo.level, asked["sandbox"].level


async def _measure(todo: "Task", version: Version) -> tuple[tuple[Comparison, ...], str]:
    from proofsmith import api

    asked = await todo.judged()
    found = await api.measure(todo.source, version.path, settings=version.settings, **asked)
    return found, asked["sandbox"].level


def _settings(text: str | None) -> Mapping[str, JSON]:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError(f"--settings is not JSON: {error}", hint=SETTINGS_HINT) from None
    if not isinstance(found, dict):
        raise UsageError("--settings is not a JSON object", hint=SETTINGS_HINT)
    return found


async def _draft(todo: "Task") -> str:
    from proofsmith import api

    return await api.draft(
        todo.source, domain=todo.spec.name, options=todo.options, sandbox=await todo.sandbox()
    )


def _told(verdict: Verdict) -> list[str]:
    """Return the verdict, then one line per check."""
    from proofsmith.agents.report.summary import evidence_line, explained

    lines = [str(verdict.status)]
    for item in verdict.evidence:
        lines += [f"  {evidence_line(item)}", *(f"    {line}" for line in explained(item))]
    return [*lines, *(f"  {line}" for line in verdict.feedback.splitlines())]


def _measured(found: Sequence[Comparison]) -> dict[str, object]:
    """Return the first comparison's numbers on top, and all of them in full below."""
    from proofsmith.agents.report.records import plain

    rows = [plain(comparison) for comparison in found]
    top = {name: rows[0][name] for name in SHOWN} if rows else {}
    return {**top, "comparisons": rows}


def _print_json(facts: Mapping[str, object]) -> None:
    typer.echo(json.dumps({"schema_version": 1, **facts}, indent=1, ensure_ascii=False))
