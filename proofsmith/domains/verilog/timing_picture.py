"""Draw the signal timing dependency graph: ports of a design, and how many clock edges lie between them."""

from collections.abc import Mapping, Sequence
from html import escape

from proofsmith.domains.verilog.timing_graph import Fault
from proofsmith.types import JSON

MOST_PORTS = 24
"""Inputs or outputs above which the graph is a blot."""
ROW, WIDTH, LETTER = 32, 480, 8.0


def drawn(
    expected: Mapping[tuple[str, str], int],
    got: Mapping[tuple[str, str], int],
    faults: Sequence[Fault],
) -> dict[str, JSON] | None:
    """Return the graph as a picture, pairs whose distance changed in bold; None without a pair or with too many ports.

    Args:
        expected: least clock edges from an input to an output, by pair, of the reference.
        got: the same of the design.
        faults: what was localised; its ports are underlined.
    """
    pairs = sorted({*expected, *got})
    sources = list(dict.fromkeys(source for source, _ in pairs))
    targets = list(dict.fromkeys(target for _, target in pairs))
    if not pairs or max(len(sources), len(targets)) > MOST_PORTS:
        return None
    at = {("in", n): 20 + ROW * i for i, n in enumerate(sources)}
    at |= {("out", n): 20 + ROW * i for i, n in enumerate(targets)}
    marked = {fault.port for fault in faults}
    left = 16 + LETTER * max(map(len, sources))
    right = max(left + 120, WIDTH - 16 - LETTER * max(map(len, targets)))
    parts = []
    for place, (source, target) in enumerate(pairs):
        parts.append(
            _edge(
                (left, at["in", source]),
                (right, at["out", target]),
                expected.get((source, target)),
                got.get((source, target)),
                0.25 + 0.5 * (place % 5) / 4,
            )
        )
    parts += [_port(left - 6, at["in", n], n, n in marked, "end") for n in sources]
    parts += [_port(right + 6, at["out", n], n, n in marked, "start") for n in targets]
    height = 20 + ROW * max(len(sources), len(targets))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="sans-serif" font-size="12" fill="currentColor">{"".join(parts)}</svg>'
    )
    note = "Clock edges from input to output, expected > found; bold where they differ. "
    note += "; ".join(fault.text for fault in faults[:3])
    return {"title": "Signal timing graph", "note": note.strip(), "svg": svg}


def _edge(
    start: tuple[float, float],
    end: tuple[float, float],
    wanted: int | None,
    found: int | None,
    share: float,
) -> str:
    same = wanted == found
    (x1, y1), (x2, y2) = start, end
    x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
    shown = str(wanted) if same else f"{_count(wanted)} > {_count(found)}"
    width, weight = (1, "normal") if same else (2.4, "bold")
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="currentColor"'
        f' stroke-width="{width}" opacity="{0.35 if same else 0.9}"/>'
        f'<text x="{x:g}" y="{y - 3:g}" font-weight="{weight}">{escape(shown)}</text>'
    )


def _count(edges: int | None) -> str:
    return "none" if edges is None else str(edges)


def _port(x: float, y: float, name: str, marked: bool, anchor: str) -> str:
    line = ' text-decoration="underline" font-weight="bold"' if marked else ""
    return f'<text x="{x:g}" y="{y + 4:g}" text-anchor="{anchor}"{line}>{escape(name)}</text>'
