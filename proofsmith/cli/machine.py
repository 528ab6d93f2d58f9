"""The verb `doctor`: what this machine can do, what is missing, and the commands that add it."""

import asyncio
import dataclasses
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.exits import Exit
from proofsmith.errors import SandboxError

if TYPE_CHECKING:
    from proofsmith.executors.probe import Found

CGROUP_HINT = "systemd-run --user --scope -p Delegate=yes proofsmith ... (memory and process limits as a group)"
PLATFORMS = (
    ("Linux", "everything: search, verification, measurement, sandbox (bubblewrap)"),
    ("macOS", "reading reports, `runs`, `config`, the Python records; no sandbox, so no search"),
    ("Windows", "the same as macOS; inside WSL 2 it is Linux"),
)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Say what works on this machine, what is missing, and how to add it."""
    from proofsmith import __version__, domains
    from proofsmith.executors.probe import find

    found = [(spec.name, find(probe)) for spec in domains.specs() for probe in spec.probes]
    missing = [f for _, f in found if f.probe.needed and not f.present]
    isolation = asyncio.run(_isolation())
    if as_json:
        typer.echo(json.dumps(_facts(__version__, isolation, found), indent=2))
    else:
        typer.echo("\n".join(_lines(__version__, isolation, found)))
    return Exit.MACHINERY if missing or isolation.problem else Exit.DONE


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
