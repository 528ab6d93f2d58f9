"""Scales, ticks and axes for the plots of a report, as SVG; sizes are in user units of a 480 wide picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from proofsmith.agents.report.markup import Markup, element, join

WIDTH = 480.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Map values from `low..high` to `start..end`, by logarithm unless `linear`."""

    low: float
    high: float
    start: float
    end: float
    linear: bool = False

    def at(self, value: float) -> float:
        """Return the place of `value`; values beyond the ends stay at the ends."""
        value = min(max(value, self.low), self.high)
        if self.linear:
            share = (value - self.low) / (self.high - self.low)
        else:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return two to eight values inside the scale, round ones if there are two; none covers another.

        >>> Scale(low=0.8, high=12, start=0, end=1).ticks()
        [1.0, 2.0, 5.0, 10.0]
        >>> Scale(low=0, high=34, start=0, end=1, linear=True).ticks()
        [0.0, 10.0, 20.0, 30.0]
        >>> Scale(low=232, high=506, start=0, end=1).ticks()
        [232, 506]
        """
        if self.linear:
            step = _round_step((self.high - self.low) / 4)
            first = math.ceil(self.low / step)
            return [n * step for n in range(first, math.floor(self.high / step) + 1)]
        found: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [s * 10.0**d for d in decades for s in steps]
            found = [value for value in found if self.low <= value <= self.high]
            if len(found) <= 8:
                break
        if len(found) > 1:
            return found
        apart = [
            v for v in found if 0.12 < (self.at(v) - self.start) / (self.end - self.start) < 0.88
        ]
        return [self.low, *apart, self.high]


def covering(values: Sequence[float], *, start: float, end: float, room: float = 1.15) -> Scale:
    """Return a logarithmic scale that holds all positive `values`, with a factor of `room` to spare."""
    positive = [value for value in values if value > 0 and math.isfinite(value)] or [1.0]
    return Scale(low=min(positive) / room, high=max(positive) * room, start=start, end=end)


def written(value: float) -> str:
    """Write a tick: `0.5`, `20`, `3k`.

    >>> [written(v) for v in (0.5, 20.0, 3000.0, 1091.59, 1e-7)]
    ['0.5', '20', '3k', '1.09k', '1e-07']
    """
    if value >= 1000:
        return f"{value / 1000:.3g}k" if value < 999_500 else f"{value:.0e}"
    return f"{value:.3g}"


def text(x: float, y: float, words: str, *, class_: str = "", anchor: str = "start") -> Markup:
    """Return one line of text."""
    return element("text", words, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def dot(x: float, y: float, class_: str, *, radius: float = 4.5, title: str = "") -> Markup:
    """Return a mark with a tooltip."""
    inside = element("title", title) if title else Markup()
    return element("circle", inside, cx=x, cy=y, r=radius, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """Return an open line through `points`."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polyline", points=steps, class_=class_)


def bottom_axis(scale: Scale, y: float, top: float, title: str, unit: str = "") -> Markup:
    """Return vertical grid lines from `top` to `y`, their values below, and the axis title."""
    marks = [
        join(
            line(scale.at(tick), top, scale.at(tick), y, "grid"),
            text(scale.at(tick), y + 16, written(tick) + unit, class_="tick", anchor="middle"),
        )
        for tick in scale.ticks()
    ]
    middle = (scale.start + scale.end) / 2
    return join(*marks, text(middle, y + 34, title, class_="axis", anchor="middle"))


def left_axis(scale: Scale, x: float, right: float, title: str, unit: str = "") -> Markup:
    """Return horizontal grid lines from `x` to `right`, their values to the left, and the title on top."""
    marks = [
        join(
            line(x, scale.at(tick), right, scale.at(tick), "grid"),
            text(x - 6, scale.at(tick) + 4, written(tick) + unit, class_="tick", anchor="end"),
        )
        for tick in scale.ticks()
    ]
    return join(*marks, text(4, 14, title, class_="axis"))


def picture(height: float, title: str, *children: Markup) -> Markup:
    """Return an SVG that is as wide as its place and says its title to screen readers."""
    return element(
        "svg",
        element("title", title),
        *children,
        view_box=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _round_step(raw: float) -> float:
    """Return the round number 1, 2 or 5 times a power of ten that is nearest above `raw`."""
    power: float = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
