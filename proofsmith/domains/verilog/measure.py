"""Compare two designs by area, delay, power and size of their graphs: exact figures, one sample each."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from proofsmith.domains.verilog import activity, liberty
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.netlist import texts
from proofsmith.domains.verilog.renaming import renamed
from proofsmith.domains.verilog.source import design_of
from proofsmith.domains.verilog.synthesis import Figures, Synthesis, required, synthesise
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Goal,
    Problem,
    digest,
)

METRICS = ("area", "delay", "power", "cells", "ands", "depth")
GOALS = {Goal.SPEED: "delay", Goal.SIZE: "area", Goal.ENERGY: "power"}
"""Goals of other domains by the metric that they mean here."""
SMALL_GAIN = 1.02
"""Gains below this must survive renamings: names alone can move area by this much."""
RENAMINGS = 5
METHOD = "deterministic synthesis with yosys and ABC: one sample is the value"


@dataclass(frozen=True, slots=True)
class Version:
    """A design and the ABC recipe that maps it; an empty recipe is the one of yosys."""

    design: Design
    recipe: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    """Commands of yosys between reading and synthesis, such as another encoding of states."""

    @property
    def key(self) -> str:
        """Digest of all three."""
        return digest(self.design.key, *self.recipe, "prepared", *self.prepare)


class Meter:
    """Synthesises each version once for each library and keeps the figures."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._known: dict[tuple[str, str], dict[str, float]] = {}
        self._syntheses: dict[tuple[str, str], Synthesis] = {}

    async def synthesis(self, version: Version, sandbox: Sandbox, library: Path) -> Synthesis:
        """Return the mapped netlist of `version` as JSON with its figures."""
        key = (version.key, str(library))
        if key not in self._syntheses:
            self._syntheses[key] = await synthesise(
                version.design,
                sandbox,
                liberty.load(library),
                recipe=version.recipe,
                prepare=version.prepare,
            )
        return self._syntheses[key]

    async def values(
        self, version: Version, sandbox: Sandbox, library: Path, *, power: bool = True
    ) -> dict[str, float]:
        """Return the value of every metric; raises UsageError when the design cannot be synthesised."""
        key = (version.key, f"{library} {power}")
        if key not in self._known:
            result = await self.synthesis(version, sandbox, library)
            figures = required(result, version.design.top)
            self._known[key] = _values(figures)
            if power:
                design = version.design
                self._known[key]["power"] = activity.power_w(
                    result.netlist,
                    liberty.load(library),
                    clock=design.clock,
                    reset=design.reset,
                    level=design.reset_level,
                )
        return self._known[key]


def _values(figures: Figures) -> dict[str, float]:
    return {
        "area": figures.area,
        "delay": figures.delay_ps,
        "cells": float(figures.cells),
        "ands": float(figures.ands),
        "depth": float(figures.depth),
    }


def version_of(problem: Problem, candidate: Candidate) -> Version:
    """Return the design that `candidate` stands for, mapped with the recipe in its settings."""
    given = [candidate.settings.get(name) for name in ("recipe", "prepare")]
    recipe, prepare = (tuple(map(str, c)) if isinstance(c, list) else () for c in given)
    return Version(design_of(problem, texts(candidate)), recipe, prepare)


def library_of(problem: Problem) -> Path:
    """Return the cell library that the problem names, else the shipped one."""
    path = problem.inputs.get("liberty") or problem.options.get("liberty")
    return Path(str(path)) if path else liberty.SHIPPED


def goal_of(problem: Problem) -> str:
    """Return the metric, or product of metrics, that decides: `area`, `area*delay`.

    Raises:
        UsageError: a factor is no metric of this domain.
    """
    text = str(problem.options.get("goal") or GOALS.get(problem.goal, problem.goal))
    factors = [word.strip() for word in text.split("*")]
    unknown = [word for word in factors if word not in METRICS]
    if unknown and problem.goal in GOALS:
        return GOALS[problem.goal]
    if unknown and problem.goal in (Goal.SOLVE, Goal.REFUTE, Goal.ASSERTIONS):
        return "area"
    if unknown:
        raise UsageError(
            f"a Verilog design has no metric '{unknown[0]}'",
            hint=f"goals: {', '.join(METRICS)}, or products such as area*delay",
        )
    return "*".join(factors)


def worth(values: Mapping[str, float], goal: str) -> float:
    """Return the product of the goal's metrics, the smaller the better; a factor of 0 counts as its least unit.

    >>> worth({"area": 3.0, "delay": 200.0}, "area*delay")
    600.0
    """
    return math.prod(max(values[metric], LEAST.get(metric, 1e-12)) for metric in goal.split("*"))


LEAST = {"area": 1e-3, "delay": 1.0, "power": 1e-12, "cells": 1.0, "ands": 1.0, "depth": 1.0}
"""Smallest value that a metric counts with, so that a design without any logic still compares."""


async def compare(
    base: Version,
    candidate: Version,
    goal: str,
    sandbox: Sandbox,
    library: Path,
    meter: Meter,
    *,
    careful: bool,
) -> tuple[Comparison, ...]:
    """Return the goal's comparison first, then one for each metric.

    `careful`: a gain below 2 % is called one only when the median over RENAMINGS renamings of both shows it too.
    """
    before = await meter.values(base, sandbox, library)
    try:
        after = await meter.values(candidate, sandbox, library)
    except UsageError as error:
        return (_invalid(goal, error.message),)
    first = compared(goal, worth(before, goal), worth(after, goal))
    gain = first.ratio or 1.0
    if careful and 1.0 < gain < SMALL_GAIN:
        first = await _survives(first, base, candidate, goal, sandbox, library, meter)
    metrics = [m for m in METRICS if m != goal]
    rest = [compared(m, max(before[m], LEAST[m]), max(after[m], LEAST[m])) for m in metrics]
    facts: dict[str, JSON] = {"library": str(liberty.load(library).name)}
    facts |= {"original": dict(before), "candidate": dict(after)}
    return (replace(first, host=facts), *rest)


def compared(metric: str, before: float, after: float) -> Comparison:
    """Compare two exact values, of which the smaller is better."""
    ratio = before / after
    verdict = ComparisonVerdict.NO_DIFFERENCE
    if abs(ratio - 1) > 1e-9:
        verdict = ComparisonVerdict.FASTER if ratio > 1 else ComparisonVerdict.SLOWER
    return Comparison(
        metric=metric,
        verdict=verdict,
        ratio=ratio,
        low=ratio,
        high=ratio,
        pairs=1,
        method=METHOD,
        base_samples=(before,),
        candidate_samples=(after,),
    )


def _invalid(metric: str, reason: str) -> Comparison:
    return Comparison(
        metric=metric,
        verdict=ComparisonVerdict.INVALID,
        ratio=None,
        low=None,
        high=None,
        pairs=0,
        method=METHOD,
        reason=reason,
    )


async def _survives(
    first: Comparison,
    base: Version,
    candidate: Version,
    goal: str,
    sandbox: Sandbox,
    library: Path,
    meter: Meter,
) -> Comparison:
    """Measure both under renamings of their inner signals; keep a small gain only if the median keeps it."""
    worths: list[list[float]] = []
    for version in (base, candidate):
        found = []
        for seed in range(1, RENAMINGS + 1):
            chance = random.Random(seed)
            other = Version(renamed(version.design, chance), version.recipe, version.prepare)
            try:
                power = "power" in goal
                found.append(worth(await meter.values(other, sandbox, library, power=power), goal))
            except UsageError:
                continue
        worths.append(found)
    if not all(worths):
        return first
    return _judged(first, *worths)


def _judged(first: Comparison, before: Sequence[float], after: Sequence[float]) -> Comparison:
    ratio = median(before) / median(after)
    spread = f"median of {len(after)} renamings: {ratio:.4f}x"
    if ratio > 1.0:
        return replace(first, low=min(ratio, first.ratio or ratio), reason=spread)
    return replace(
        first,
        verdict=ComparisonVerdict.NO_DIFFERENCE,
        low=ratio,
        reason=f"the gain is an accident of names; {spread}",
    )
