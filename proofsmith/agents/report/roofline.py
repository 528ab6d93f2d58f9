"""Where the versions of a report stand under the roofline of its machine."""

from dataclasses import dataclass

from proofsmith.types import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """What bounds a kernel on this machine, and where its versions are."""

    peak_gflops: float
    bandwidth_gbs: float
    points: tuple[tuple[str, float, float], ...]
    """Name, floating-point operations per byte, GFLOP/s of each version; the last one is the best."""

    @property
    def share(self) -> float:
        """Part of the roof that the best version reaches, 0..1."""
        _, intensity, gflops = self.points[-1]
        return gflops / min(self.peak_gflops, self.bandwidth_gbs * intensity)

    @property
    def bound(self) -> str:
        """What the roof is made of above the best version."""
        _, intensity, _ = self.points[-1]
        memory = self.bandwidth_gbs * intensity < self.peak_gflops
        return "memory-bound" if memory else "compute-bound"


def roofline_of(report: Report) -> Roofline | None:
    """Read the roofline from the facts of the original's profile; None when it was not measured."""
    facts = report.profile.facts.get("roofline") if report.profile is not None else None
    if not isinstance(facts, dict):
        return None
    names = ("peak_gflops", "bandwidth_gbs", "intensity", "gflops")
    peak, bandwidth, intensity, gflops = (_positive(facts.get(name)) for name in names)
    if not (peak and bandwidth and intensity and gflops):
        return None
    best = report.best.comparisons[0].ratio if report.best and report.best.comparisons else None
    points: tuple[tuple[str, float, float], ...] = (("original", intensity, gflops),)
    if best and best > 0:
        points += (("best", intensity, gflops * best),)
    return Roofline(peak_gflops=peak, bandwidth_gbs=bandwidth, points=points)


def _positive(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
