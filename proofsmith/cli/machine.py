"""The verbs `doctor` and `sandbox`: what this machine can do, what is missing, and whether isolation holds."""

import dataclasses
import json
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.exits import Exit
from proofsmith.errors import SandboxError, UsageError
from proofsmith.spec import Probe

if TYPE_CHECKING:
    from proofsmith.config import Settings
    from proofsmith.executors.conformance import RowResult
    from proofsmith.executors.probe import Found

CGROUP_HINT = "systemd-run --user --scope -p Delegate=yes proofsmith ... (memory and process limits as a group)"
EMBEDDER = Probe(
    name="wordllama",
    distribution="wordllama",
    install="pip install 'proofsmith[embed]'",
    purpose="recall lessons by meaning",
    needed=False,
)
PLATFORMS = (
    ("Linux", "everything: search, verification, measurement, sandbox (bubblewrap)"),
    ("macOS", "reading reports, `runs`, `config`, the Python records; no sandbox, so no search"),
    ("Windows", "the same as macOS; inside WSL 2 it is Linux"),
)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Say what works here, what is missing, and how to add it. Exit code 3 when no domain works."""
    from proofsmith import __version__, domains
    from proofsmith.cli.drive import drive
    from proofsmith.executors.probe import find

    found = [(spec.name, find(probe)) for spec in domains.specs() for probe in spec.probes]
    found.append(("lessons", find(EMBEDDER)))
    incomplete = {name for name, tool in found if tool.probe.needed and not tool.present}
    usable = {spec.name for spec in domains.specs()} - incomplete
    isolation = drive(lambda: _isolation())
    if as_json:
        typer.echo(json.dumps(_facts(__version__, isolation, found), indent=2))
    else:
        typer.echo("\n".join(_lines(__version__, isolation, found)))
    return Exit.DONE if usable and not isolation.problem else Exit.MACHINERY


def sandbox_group() -> typer.Typer:
    """Return the sub-commands of `sandbox`."""
    app = typer.Typer(help="Test the isolation of this machine.", no_args_is_help=True)
    app.callback()(lambda: None)  # one sub-command keeps its name
    app.command("check")(sandbox_check)
    return app


def sandbox_check(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[ROW]...", help="ids of rows; all when left out")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option("--sandbox", metavar="LEVEL", help="auto, bubblewrap, zygote or docker"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Run hostile programs against the sandbox. Exit code 1 when one is not held."""
    from proofsmith import config
    from proofsmith.cli.drive import drive

    settings = config.resolve({"sandbox": sandbox}).settings
    results = drive(lambda: _checked(frozenset(only or ()), settings, show=not as_json))
    counts = Counter(result.state for result in results)
    if as_json:
        rows = [
            {
                "row": r.row.id,
                "tries": r.row.tries,
                "state": r.state,
                "verdict": r.verdict,
                "why": r.why,
            }
            for r in results
        ]
        typer.echo(json.dumps({"schema_version": 1, "counts": counts, "rows": rows}, indent=1))
    else:
        typer.echo(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    if counts["failed"]:
        return Exit.MACHINERY
    return Exit.NOT_SO if counts["breach"] else Exit.DONE


async def _checked(only: frozenset[str], settings: "Settings", *, show: bool) -> list["RowResult"]:
    """Run the chosen rows, printing each as it ends."""
    from proofsmith.executors import conformance
    from proofsmith.executors.choice import open_sandbox

    known = {row.id for row in conformance.rows()}
    for unknown in sorted(only - known):
        raise UsageError(f"no row '{unknown}'", hint=f"rows: {' '.join(sorted(known))}")
    image = {"image": settings.image} if settings.image else {}
    sandbox = await open_sandbox(settings.sandbox, **image)
    chosen = [row for row in conformance.rows() if not only or row.id in only]
    if show:
        typer.echo(f"sandbox level: {sandbox.level}, {len(chosen)} hostile programs")
    results = []
    async for result in conformance.check(sandbox, chosen):
        results.append(result)
        if show:
            told = f"{result.state:8} {result.row.id:24} {result.row.tries}"
            typer.echo(f"{told}: {result.why}" if result.why else told)
    return results


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The sandbox that this machine can run, and the command that would raise its level."""

    level: str = "none"
    problem: str = ""
    raise_with: str = ""


async def _isolation() -> Isolation:
    from proofsmith.executors.choice import open_sandbox

    try:
        level = (await open_sandbox()).level
    except SandboxError as error:
        return Isolation(problem=error.message, raise_with=error.hint)
    return Isolation(level=level, raise_with="" if "cgroup" in level else CGROUP_HINT)


def _lines(version: str, isolation: Isolation, found: Sequence[tuple[str, "Found"]]) -> list[str]:
    lines = [
        f"proofsmith {version}, Python {platform.python_version()}, {platform.platform()}",
        "",
        f"{'MISSING' if isolation.problem else 'ok     '} sandbox    {isolation.level}",
    ]
    if isolation.problem:
        lines.append(f"        {isolation.problem}")
    if isolation.raise_with:
        lines.append(f"        to raise it: {isolation.raise_with}")
    for domain, tool in found:
        mark = "ok     " if tool.present else "MISSING" if tool.probe.needed else "absent "
        detail = tool.version if tool.present else f"{tool.probe.install}    ({tool.probe.purpose})"
        if tool.problem:
            detail = f"{tool.problem} from {tool.path}; {detail}"
        lines.append(f"{mark} {domain:10} {tool.probe.name:12} {detail}")
    lines += ["", "What runs where:"]
    lines += [f"  {name:8} {text}" for name, text in PLATFORMS]
    return lines


def _facts(
    version: str, isolation: Isolation, found: Sequence[tuple[str, "Found"]]
) -> dict[str, object]:
    return {
        "schema_version": 1,
        "proofsmith": version,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "sandbox": dataclasses.asdict(isolation),
        "tools": [
            {
                "domain": domain,
                "name": tool.probe.name,
                "present": tool.present,
                "needed": tool.probe.needed,
                "version": tool.version,
                "problem": tool.problem,
                "install": tool.probe.install,
                "purpose": tool.probe.purpose,
            }
            for domain, tool in found
        ],
        "platforms": dict(PLATFORMS),
    }
