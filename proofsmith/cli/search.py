"""The verbs `optimize`, `solve` and `demo`: run a search, show it, print its result."""

import shutil
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.flags import Common, Judging, Searching
from proofsmith.errors import UsageError
from proofsmith.types import Conclusion, Goal

if TYPE_CHECKING:
    from proofsmith.types import Report

SOURCE = typer.Argument(metavar="FILE", help="the file to work on", show_default=False)
DEMO_BUDGET = "20s"
NEXT_STEPS = """\
Next, with a model beside the rules (any OpenAI-compatible endpoint, local ones need no key):
  proofsmith config set base_url http://localhost:8000/v1
  proofsmith optimize YOUR_FILE.c --model NAME"""


def optimize(
    source: Annotated[Path, SOURCE],
    searching: Searching,
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
) -> int:
    """Search for a better version of a file, and prove it."""
    goal = _goal(searching.goal or Goal.SPEED)
    return _search(source, goal, searching, judging, common, domain_options)


def solve(
    source: Annotated[Path, SOURCE],
    searching: Searching,
    judging: Judging,
    common: Common,
    domain_options: Mapping[str, object],
) -> int:
    """Search for a first version that meets a specification, and prove it."""
    goal = _goal(searching.goal or Goal.SOLVE)
    return _search(source, goal, searching, judging, common, domain_options)


def demo(common: Common) -> int:
    """Really optimise a bundled C kernel within 20 s: no model, no key, no Docker."""
    from proofsmith import config

    folder = config.resolve({}).settings.runs_dir.parent / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kernel = resources.files("proofsmith.cli").joinpath("demo", "matmul.c").read_bytes()
    source = folder / "matmul.c"
    source.write_bytes(kernel)
    sys.stderr.write(f"optimising {source}, a textbook matrix product, for {DEMO_BUDGET}\n")
    searching = Searching(budget=[DEMO_BUDGET], no_model=True)
    code = _search(source, Goal.SPEED, searching, Judging(), common, {}, evidence=True)
    if not common.json:
        typer.echo(f"\n{NEXT_STEPS}")
    return code


def _goal(name: str) -> Goal:
    try:
        return Goal(name)
    except ValueError:
        known = ", ".join(Goal)
        raise UsageError(f"unknown goal '{name}'", hint=f"known goals: {known}") from None
