"""Compose what the Python API needs from flags and settings."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from proofsmith import config, domains
from proofsmith.cli.flags import Common, Judging, Searching, options_of
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.model import OpenAIModel, Prices, RoutedModel, find_key
from proofsmith.protocols import Domain, Sandbox
from proofsmith.spec import DomainSpec
from proofsmith.types import JSON, Depth, Goal, Problem, Status


class Judged(TypedDict):
    """What `api.check` and `api.measure` are told beside their two files."""

    domain: Domain
    options: Mapping[str, JSON]
    required: Status | None
    depth: Depth
    sandbox: Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One request of a user: a file, its domain, and everything that was settled about it."""

    source: Path
    spec: DomainSpec
    options: Mapping[str, JSON]
    settings: config.Settings
    depth: Depth
    required: Status | None
    unsafe_local: bool
    quiet: bool

    async def sandbox(self) -> Sandbox:
        """Open the sandbox that was asked for; raises SandboxError when it does not work here."""
        kind = "unsafe-local" if self.unsafe_local else self.settings.sandbox
        image = self.settings.image or f"proofsmith-{self.spec.name}"
        return await open_sandbox(kind, image=image)

    def announce(self, problem: Problem) -> None:
        """Say on stderr what was inferred about a file without a header, and how to keep it."""
        inferred = problem.options.get("inferred")
        if isinstance(inferred, str) and not self.quiet:
            sys.stderr.write(f"{self.source} has no header; inferred:\n")
            sys.stderr.writelines(f"    {line}\n" for line in inferred.strip().splitlines())
            sys.stderr.write(f"to keep and correct it: proofsmith init {self.source}\n")

    async def judged(self) -> Judged:
        """Return the arguments of `api.check` and `api.measure`, with an open sandbox."""
        sandbox = await self.sandbox()
        domain = domains.load(self.spec)
        problem = await domain.read(self.source, Goal.SPEED, self.options, sandbox.fresh())
        self.announce(problem)
        raised = self.required is not None and self.required.at_least(problem.required)
        return Judged(
            domain=domain,
            options=self.options,
            required=self.required if raised else problem.required,
            depth=self.depth,
            sandbox=sandbox,
        )

    @property
    def level(self) -> Status:
        """The status that counts as right: the domain's, or the stronger one that was required."""
        own = self.spec.required
        return self.required if self.required and self.required.at_least(own) else own


def task(
    source: Path,
    common: Common,
    judging: Judging,
    given: Mapping[str, object],
    searching: Searching | None = None,
) -> Task:
    """Settle flags against settings; raises UsageError for a file or value that cannot be used."""
    if not source.is_file():
        what = "is a folder" if source.is_dir() else "does not exist"
        raise UsageError(f"{source} {what}", hint="name a source file")
    searching = searching or Searching()
    flags: dict[str, object] = {
        "seed": searching.seed,
        "jobs": searching.jobs,
        "sandbox": common.sandbox,
        "runs_dir": searching.runs_dir,
        "depth": judging.depth,
        "base_url": searching.base_url,
        "model": searching.model,
        "budget": ", ".join(searching.budget) if searching.budget else None,
    }
    settings = config.resolve(flags).settings
    spec = domains.find(source, common.domain)
    return Task(
        source=source,
        spec=spec,
        options=options_of(spec, given),
        settings=settings,
        depth=Depth(settings.depth),
        required=_level(judging.require),
        unsafe_local=common.unsafe_local,
        quiet=common.quiet,
    )


def model_of(settings: config.Settings, *, wanted: bool) -> OpenAIModel | RoutedModel | None:
    """Return the model, or the pair of models, that the settings name; None when there is none or it is not wanted.

    Raises:
        UsageError: a model without an endpoint or the reverse, or a key that cannot be used.
    """
    if not wanted or not (settings.base_url or settings.model):
        return None
    if not settings.model:
        raise UsageError(f"no model is named for {settings.base_url}", hint="add --model NAME")
    if not settings.base_url:
        raise UsageError(
            f"no endpoint is named for model '{settings.model}'", hint="add --base-url URL"
        )
    key_file = config.key_path()
    key = find_key(settings.base_url, os.environ, key_file if key_file.is_file() else None)
    prices = _prices(settings.input_usd_per_million, settings.output_usd_per_million)
    strong = OpenAIModel(settings.base_url, settings.model, key=key, prices=prices)
    if not settings.cheap_model:
        return strong
    if settings.cheap_base_url not in ("", settings.base_url):
        # One service's key is never shown to another.
        named = {"PROOFSMITH_API_KEY": os.environ.get("PROOFSMITH_CHEAP_API_KEY", "")}
        key = find_key(settings.cheap_base_url, {**os.environ, **named})
    cheap = OpenAIModel(
        settings.cheap_base_url or settings.base_url,
        settings.cheap_model,
        key=key,
        prices=_prices(settings.cheap_input_usd_per_million, settings.cheap_output_usd_per_million),
    )
    return RoutedModel(strong, cheap)


def _prices(input_usd: float | None, output_usd: float | None) -> Prices | None:
    """Return the prices of a model; None, meaning unknown, unless both are set."""
    if input_usd is None or output_usd is None:
        return None
    return Prices(input_usd=input_usd, output_usd=output_usd)


def _level(name: str | None) -> Status | None:
    if name is None:
        return None
    levels = [status for status in Status if status.at_least(Status.TESTED)]
    if name not in levels:
        raise UsageError(f"unknown level '{name}'", hint=f"levels of evidence: {', '.join(levels)}")
    return Status(name)
