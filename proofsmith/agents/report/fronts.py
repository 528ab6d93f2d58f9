"""Draw versions in the plane of two metrics, with the Pareto front over all metrics that trade against each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from proofsmith.agents.report.axes import bottom_axis, covering, dot, left_axis, picture
from proofsmith.agents.report.markup import Markup
from proofsmith.types import Outcome, Report, Status

TRADED = ("area", "delay", "power")
"""Metrics whose value is that of a version alone, so that versions of one run compare."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version with its exact values."""

    name: str
    values: Mapping[str, float]
    original: bool = False


def fronts(report: Report) -> Iterator[tuple[str, str, Markup]]:
    """Yield title, note and picture of each pair of traded metrics; nothing unless every version has two of them."""
    versions = _versions(report)
    shared = [m for m in TRADED if versions and all(m in v.values for v in versions)]
    if len(versions) < 2 or len(shared) < 2:
        return
    front = pareto(versions, shared)
    for x, y in combinations(shared, 2):
        note = (
            f"{len(front)} of {len(versions)} versions are beaten by none in {', '.join(shared)}: "
        )
        note += "filled. The ring is the original."
        yield f"{y.capitalize()} against {x}", note, _plane(versions, front, x, y)


def _versions(report: Report) -> list[Version]:
    outcomes = [*report.attempts, *([report.best] if report.best is not None else [])]
    found: dict[tuple[tuple[str, float], ...], Version] = {}
    for outcome in outcomes:
        if not outcome.verdict.status.at_least(Status.TESTED):
            continue
        for version in _of(outcome):
            found.setdefault(tuple(sorted(version.values.items())), version)
    return list(found.values())


def _of(outcome: Outcome) -> Iterator[Version]:
    """Yield the original and the version of one outcome, as its comparisons hold them."""
    known = [c for c in outcome.comparisons if c.metric in TRADED]
    sides = (
        ("original", {c.metric: c.base_samples for c in known}),
        (outcome.candidate.move, {c.metric: c.candidate_samples for c in known}),
    )
    for name, samples in sides:
        values = {metric: median(given) for metric, given in samples.items() if given}
        if values:
            yield Version(name, values, original=name == "original")


def pareto(versions: Sequence[Version], metrics: Sequence[str]) -> list[Version]:
    """Return the versions that no other one beats in a metric without losing in another.

    >>> a, b, c = (Version(n, {"x": x, "y": y}) for n, x, y in [("a", 1, 3), ("b", 2, 2), ("c", 2, 3)])
    >>> [v.name for v in pareto([a, b, c], ["x", "y"])]
    ['a', 'b']
    """

    def beaten(version: Version) -> bool:
        mine = [version.values[m] for m in metrics]
        rivals = ([v.values[m] for m in metrics] for v in versions)
        return any(
            theirs != mine and all(t <= m for t, m in zip(theirs, mine, strict=True))
            for theirs in rivals
        )

    return [version for version in versions if not beaten(version)]


def _plane(versions: Sequence[Version], front: Sequence[Version], x: str, y: str) -> Markup:
    across = covering([v.values[x] for v in versions], start=76, end=440, room=1.05)
    up = covering([v.values[y] for v in versions], start=196, end=32, room=1.05)
    marks = [
        dot(
            across.at(v.values[x]),
            up.at(v.values[y]),
            f"mark {'best' if v in front else 'plain'}{' ring' * v.original}",
            radius=7.0 if v.original else 4.5,
            title=f"{v.name}: {x} {v.values[x]:.4g}, {y} {v.values[y]:.4g}",
        )
        for v in versions
    ]
    return picture(
        240,
        f"{y} against {x}",
        bottom_axis(across, 196, 32, f"{x} (logarithmic)"),
        left_axis(up, 76, 440, y),
        *marks,
    )
