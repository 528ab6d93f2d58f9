"""The pictures of a report: speed-ups with intervals, timing samples, roofline, attempts over time."""

from collections.abc import Sequence
from statistics import median

from proofsmith.agents.report.axes import (
    WIDTH,
    Scale,
    bottom_axis,
    covering,
    dot,
    left_axis,
    line,
    path,
    picture,
    text,
)
from proofsmith.agents.report.markup import Markup, element, join
from proofsmith.agents.report.roofline import Roofline
from proofsmith.agents.report.summary import compared, gained, label, made, times
from proofsmith.types import Comparison, ComparisonVerdict, Outcome, Status

LEFT, RIGHT = 14.0, WIDTH - 76
_LABEL = 60
_BEYOND = 1.5
"""How far a bound from below is drawn beyond itself."""


def gains(comparisons: Sequence[Comparison], better: str) -> Markup:
    """Draw each comparison as a point with its interval on a logarithmic axis around 1x; `better` says what more is."""
    shown = [c for c in comparisons if c.ratio is not None and c.ratio > 0]
    ends = [1.0, *(v for c in shown for v in (c.ratio, c.low, c.high) if v is not None)]
    ends += [_BEYOND * c.ratio for c in shown if c.ratio and c.low and c.high is None]
    scale = covering(ends, start=LEFT, end=RIGHT, room=1.1)
    bottom = 24.0 + 52 * len(shown)
    rows = [_speedup_row(c, scale, 24.0 + 52 * n) for n, c in enumerate(shown)]
    return picture(
        bottom + 42,
        "Gain with interval",
        bottom_axis(scale, bottom, 8, f"times {better} (logarithmic)", "x"),
        line(scale.at(1), 4, scale.at(1), bottom, "one"),
        *rows,
    )


def _speedup_row(comparison: Comparison, scale: Scale, top: float) -> Markup:
    ratio = comparison.ratio or 1.0
    faster = comparison.verdict is ComparisonVerdict.FASTER
    kind = "best" if faster else "plain"
    known = [end for end in (comparison.low, comparison.high) if end]
    y = top + 24
    left, right = (scale.at(end or ratio) for end in (comparison.low, comparison.high))
    mark = ""
    if len(known) == 1 and comparison.low:  # a bound from below alone: the interval has no end
        mark, right = "\N{GREATER-THAN OR EQUAL TO}", scale.end
    elif len(known) == 1:
        mark, left = "\N{LESS-THAN OR EQUAL TO}", scale.start
    caps = [scale.at(end) for end in known or (ratio, ratio)]
    return join(
        text(LEFT, top + 8, _short(label(comparison)), class_="label"),
        line(left, y, right, y, f"interval {kind}"),
        *(line(x, y - 6, x, y + 6, f"cap {kind}") for x in caps),
        dot(scale.at(ratio), y, f"mark {kind}", title=compared(comparison)),
        text(WIDTH - 4, y + 5, mark + times(ratio), class_=f"value {kind}", anchor="end"),
    )


def _short(words: str) -> str:
    """Return a label that fits above its row; what stands in parentheses is told in the headline."""
    return words if len(words) <= _LABEL else words.partition(" (")[0][:_LABEL]


def samples(comparison: Comparison) -> Markup:
    """Draw every timing sample of base and candidate, with the medians marked."""
    groups = (("base", comparison.base_samples), ("best", comparison.candidate_samples))
    values = [1e3 * v for _, group in groups for v in group if v > 0]
    scale = covering(values, start=LEFT, end=WIDTH - 14, room=1.05)
    parts = [bottom_axis(scale, 116, 8, "milliseconds per call (logarithmic)")]
    for row, (name, group) in enumerate(groups):
        if group:
            parts.append(_sample_row(name, [1e3 * v for v in group], scale, 40.0 + 50 * row))
    return picture(158, "Timing samples", *parts)


def _sample_row(name: str, values: Sequence[float], scale: Scale, y: float) -> Markup:
    middle = median(values)
    label = "original" if name == "base" else "best version"
    lift = [(-5, 0, 5)[n % 3] for n in range(len(values))]  # keeps equal samples apart
    return join(
        text(LEFT, y - 18, f"{label}, {len(values)} samples", class_="label"),
        *(
            dot(scale.at(v), y + d, f"sample {name}", radius=2.6)
            for v, d in zip(values, lift, strict=True)
        ),
        element(
            "line",
            element("title", f"median {middle:.4g} ms"),
            x1=scale.at(middle),
            x2=scale.at(middle),
            y1=y - 11,
            y2=y + 11,
            class_="median",
        ),
    )


def roofline(roof: Roofline) -> Markup:
    """Draw the roof of the machine and the versions under it (Williams, Waterman, Patterson 2009)."""
    ridge = roof.peak_gflops / roof.bandwidth_gbs
    intensities = [i for _, i, _ in roof.points]
    speeds = [g for _, _, g in roof.points]
    x = covering([*intensities, ridge / 8, ridge * 8], start=44, end=WIDTH - 10)
    floor = min([*speeds, roof.peak_gflops / 100])
    y = covering([floor, roof.peak_gflops * 1.2], start=230, end=24)
    slope = [(x.low, roof.bandwidth_gbs * x.low), (ridge, roof.peak_gflops)]
    corners = [*slope, (x.high, roof.peak_gflops)]
    if slope[0][1] < y.low:  # enter at the bottom of the picture instead of following its edge
        corners[0] = (y.low / roof.bandwidth_gbs, y.low)
    marks = [
        _roof_point(point, x, y, best=n == len(roof.points) - 1)
        for n, point in enumerate(roof.points)
    ]
    return picture(
        272,
        "Roofline",
        bottom_axis(x, 230, 24, "floating-point operations per byte"),
        left_axis(y, 44, WIDTH - 10, "GFLOP/s"),
        path([(x.at(a), y.at(b)) for a, b in corners], "roof"),
        text(WIDTH - 12, y.at(roof.peak_gflops) - 7, "peak", class_="tick", anchor="end"),
        *marks,
    )


def _roof_point(point: tuple[str, float, float], x: Scale, y: Scale, *, best: bool) -> Markup:
    name, intensity, gflops = point
    kind = "best" if best else "base"
    place = x.at(intensity)
    left_half = place < WIDTH / 2
    return join(
        dot(place, y.at(gflops), f"mark {kind}", title=f"{name}: {gflops:.3g} GFLOP/s"),
        text(
            place + (9 if left_half else -9),
            y.at(gflops) + 4,
            f"{name} {gflops:.3g}",
            class_=f"label {kind}",
            anchor="start" if left_half else "end",
        ),
    )


def timeline(attempts: Sequence[Outcome], better: str) -> Markup:
    """Draw every attempt in order: its speed-up when it was right and timed, a mark at the bottom when not."""
    ratios = [_ratio(outcome) for outcome in attempts]
    known = [ratio for ratio in ratios if ratio]
    x = Scale(low=0, high=max(len(attempts), 2) + 1, start=44, end=WIDTH - 10, linear=True)
    y = covering([1.0, *known], start=180, end=26, room=1.12)
    marks: list[Markup] = []
    best = 1.0
    steps = [(x.at(0), y.at(1))]
    for number, (outcome, ratio) in enumerate(zip(attempts, ratios, strict=True), start=1):
        if ratio and ratio > best:
            steps.append((x.at(number), y.at(best)))
            best = ratio
            steps.append((x.at(number), y.at(best)))
        marks.append(_attempt(outcome, ratio, x.at(number), y))
    steps.append((x.at(len(attempts)), y.at(best)))
    return picture(
        246,
        "Attempts in order",
        left_axis(y, 44, WIDTH - 10, f"times {better}", "x"),
        bottom_axis(x, 204, 204, "attempt"),
        path(steps, "steps"),
        *marks,
    )


def _attempt(outcome: Outcome, ratio: float | None, x: float, y: Scale) -> Markup:
    name = made(outcome) or "the original"
    if not outcome.verdict.status.at_least(Status.TESTED):
        title = f"{name}: {outcome.verdict.status}. {outcome.verdict.feedback[:160]}"
        return element("path", element("title", title), d=_cross(x, 194), class_="wrong")
    if not ratio:
        return dot(x, 194, "mark plain", radius=3, title=f"{name}: right, not timed")
    return dot(
        x, y.at(ratio), "mark best", radius=3.5, title=f"{name}: {gained(outcome.comparisons[0])}"
    )


def _cross(x: float, y: float) -> str:
    return f"M{x - 3:.1f},{y - 3:.1f}l6,6m0,-6l-6,6"


def _ratio(outcome: Outcome) -> float | None:
    """Return the first comparison's ratio of a verified outcome."""
    right = outcome.verdict.status.at_least(Status.TESTED)
    return outcome.comparisons[0].ratio if right and outcome.comparisons else None
