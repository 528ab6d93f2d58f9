"""Show two executed plans side by side: one row an operator, indented by depth, with a bar for its own time."""

from collections.abc import Iterator, Mapping

from proofsmith.agents.report.markup import Markup, element
from proofsmith.types import JSON, Report

_BAR_WIDTH = 90
_ROW_HEIGHT = 16
_INDENT = 12
_WIDTH = 520
_LETTER = 6.0
"""Width of a letter of a tick."""


def plans_of(report: Report) -> Mapping[str, JSON]:
    """Return the plans by side (`base`, `candidate`) that the best version's comparison holds; empty for none."""
    best = report.best
    for comparison in best.comparisons if best is not None else ():
        found = comparison.host.get("plans")
        if isinstance(found, dict):
            return found
    return {}


def plan_trees(report: Report) -> Markup:
    """Return a section with both plans, nothing when there are none."""
    plans = plans_of(report)
    titles = (("base", "Original"), ("candidate", "Best version"))
    shown = [
        element(
            "section", element("h2", f"Plan of the {title.lower()}"), _note(tree), _picture(tree)
        )
        for side, title in titles
        for tree in [plans.get(side)]
        if isinstance(tree, dict)
    ]
    return element("div", *shown, class_="plots") if shown else Markup()


def _note(tree: Mapping[str, JSON]) -> Markup:
    if all(node.get("own_ms") is None for _, node in _walk(tree)):
        return element("p", "As the engine tells it before execution; it measures no operator.")
    note = "Executed once under measurement: each operator's own milliseconds, rows made and rows expected."
    return element("p", note)


def _walk(node: Mapping[str, JSON], depth: int = 0) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    yield depth, node
    children = node.get("children")
    for child in children if isinstance(children, list) else []:
        if isinstance(child, dict):
            yield from _walk(child, depth + 1)


def _picture(tree: Mapping[str, JSON]) -> Markup:
    listed = list(_walk(tree))
    longest = max((_number(node.get("own_ms")) for _, node in listed), default=0.0) or 1.0
    rows = [_row(place, depth, node, longest) for place, (depth, node) in enumerate(listed)]
    height = _ROW_HEIGHT * (len(listed) + 1)
    return element("svg", *rows, view_box=f"0 0 {_WIDTH} {height}", role="img")


def _row(place: int, depth: int, node: Mapping[str, JSON], longest: float) -> Markup:
    own = _number(node.get("own_ms"))
    y = _ROW_HEIGHT * (place + 1)
    left = _BAR_WIDTH + 50 + _INDENT * min(depth, 12)
    told = clipped(f"{node.get('name')} {node.get('detail') or ''}".strip(), _WIDTH - left)
    title = f"{node.get('name')} {node.get('detail') or ''}"
    measured = node.get("own_ms") is not None
    if measured:
        counts = f"{_count(node.get('rows'))} rows, {_count(node.get('estimate'))} expected"
        title += f"; {counts}; {own:.2f} ms"
    return element(
        "g",
        element("title", title),
        element(
            "rect",
            x=0.0,
            y=float(y - 10),
            width=_BAR_WIDTH * own / longest,
            height=10.0,
            class_="bar",
        ),
        element(
            "text",
            f"{own:.3g}" if measured else "",
            x=float(_BAR_WIDTH + 4),
            y=float(y),
            class_="tick",
        ),
        element(
            "text",
            told,
            x=float(left),
            y=float(y),
            class_="tick",
        ),
    )


def clipped(words: str, width: float) -> str:
    """Return the words, cut with an ellipsis where a tick's letters would need more than `width`."""
    most = int(width / _LETTER)
    return words if len(words) <= most else words[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _number(value: JSON) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _count(value: JSON) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "?"
