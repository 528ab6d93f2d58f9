"""Pictures of a design for the report: its schematic, its critical path, a counter-example as a waveform, all SVG."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from proofsmith.domains.verilog.elaborate import top_of
from proofsmith.domains.verilog.synthesis import Figures
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Limits

LARGEST_SCHEMATIC = 120
"""Cells above which a schematic is a blot."""
ROW, STEP, LABEL = 26, 34, 120
WIDTH, WIDEST, LETTER = 480.0, 700.0, 8.0
"""Of a picture at least and at most, and of a letter in it."""
MOST_BITS = 4
_LIMITS = Limits(wall_s=10, cpu_s=10, memory_mib=512)


def _svg(width: float, height: float, *parts: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
    style = 'font-family="sans-serif" font-size="11" fill="currentColor" stroke="none">'
    return "".join([head, " ", style, *parts, "</svg>"])


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:g}" y="{y:g}">{escape(words)}</text>'


def _line(points: Sequence[tuple[float, float]]) -> str:
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="1.4"/>'


def path_picture(figures: Figures) -> dict[str, JSON] | None:
    """Draw the critical path as a bar for each cell, as long as the time it takes; None without a path."""
    if not figures.path or figures.delay_ps <= 0:
        return None
    rows, before, width = [], 0.0, 420.0
    for number, step in enumerate(figures.path):
        y = 8.0 + 18 * number
        left = LABEL + width * before / figures.delay_ps
        long = max(1.0, width * (step.arrival_ps - before) / figures.delay_ps)
        rows.append(_text(4, y + 11, step.cell))
        rows.append(f'<rect x="{left:g}" y="{y:g}" width="{long:g}" height="13" opacity="0.6"/>')
        rows.append(_text(min(left + long + 4, LABEL + width), y + 11, f"{step.arrival_ps:g}"))
        before = step.arrival_ps
    height = 20 + 18 * len(figures.path)
    picture = _svg(LABEL + width + 60, height, *rows)
    return {"title": "Critical path", "note": "Arrival behind each cell, in ps.", "svg": picture}


def waveform(table: Mapping[str, Sequence[int | str]], mark: int | None = None) -> str:
    """Draw signals over steps: lines for single bits, boxes with values for others; `mark` is the wrong step.

    What is wider than four bits is written in hexadecimal; the first steps are left out where values are wide.
    """
    steps = max((len(values) for values in table.values()), default=0)
    shown = {n: [_written(str(v)) for v in values] for n, values in table.items()}
    label = 14.0 + LETTER * max(map(len, table), default=0)
    longest = max((len(v) for values in shown.values() for v in values), default=0)
    step = max(STEP, 8.0 + LETTER * longest)
    before = max(0, steps - max(2, int((WIDEST - label) / step)))
    steps -= before
    rows = []
    for number, (name, values) in enumerate(shown.items()):
        y = 10.0 + ROW * number
        rows.append(_text(4, y + 14, name))
        rows.append(_signal(values[before:], label, step, y))
    height = 20.0 + ROW * len(table)
    if mark is not None:
        left = label + step * (mark - before)
        rows.append(
            f'<rect x="{left:g}" y="2" width="{step:g}" height="{height - 6:g}" opacity="0.15"/>'
        )
    return _svg(max(WIDTH, label + step * steps + 10), height, *rows)


def _written(value: str) -> str:
    """Write a word of bits, in hexadecimal if it is wide.

    >>> _written("101"), _written("1101011"), _written("xxxx0000"), _written("1x000000z")
    ('101', "'h6b", "'hx0", "'h1xz")
    """
    if len(value) <= MOST_BITS or not set(value) <= set("01xz"):
        return value
    digits = [value[max(0, end - 4) : end] for end in range(len(value), 0, -4)]
    letters = (next((c for c in "xz" if c in d), "") or f"{int(d, 2):x}" for d in digits)
    return "'h" + "".join(letters)[::-1]


def _signal(values: Sequence[str], label: float, step: float, y: float) -> str:
    if all(v in ("0", "1") for v in values):
        points = []
        for number, value in enumerate(values):
            level = y + (2 if value == "1" else 16)
            points += [(label + step * number, level), (label + step * (number + 1), level)]
        return _line(points)
    parts = []
    for number, value in enumerate(values):
        left = label + step * number
        parts.append(
            f'<rect x="{left:g}" y="{y + 1:g}" width="{step:g}" height="16" fill="none" stroke="currentColor"/>'
        )
        parts.append(_text(left + 4, y + 13, value))
    return "".join(parts)


async def schematic(netlist: bytes, sandbox: Sandbox) -> dict[str, JSON] | None:
    """Draw a mapped netlist with graphviz; None when it is large or graphviz is missing."""
    module = top_of(netlist)
    if not 0 < len(module["cells"]) <= LARGEST_SCHEMATIC:
        return None
    box = sandbox.fresh()
    await box.write("netlist.dot", dot(module).encode())
    done = await box.exec(("dot", "-Tsvg", "netlist.dot"), limits=_LIMITS)
    found = re.search(rb"<svg.*</svg>", done.stdout, re.S)
    if not done.ok or found is None:
        return None
    text = found[0].decode(errors="replace")
    return {"title": "Schematic", "note": "Cells and nets of the mapped netlist.", "svg": text}


def dot(module: Mapping[str, JSON]) -> str:
    """Return a netlist as a graph in the language of graphviz."""
    ports: JSON = module["ports"]
    cells: JSON = module["cells"]
    assert isinstance(ports, dict)
    assert isinstance(cells, dict)
    drivers: dict[JSON, str] = {}
    readers: list[tuple[JSON, str]] = []
    lines = ["digraph g { rankdir=LR; node [shape=box, fontsize=10, height=0.2];"]
    for name, port in ports.items():
        assert isinstance(port, dict)
        node = f"port {name}"
        lines.append(f"{_quoted(node)} [shape=oval, label={_quoted(name)}];")
        for bit in _bits(port["bits"]):
            if port["direction"] == "input":
                drivers[bit] = node
            else:
                readers.append((bit, node))
    for name, cell in cells.items():
        assert isinstance(cell, dict)
        lines.append(f"{_quoted(name)} [label={_quoted(str(cell['type']))}];")
        ways, links = cell.get("port_directions"), cell["connections"]
        assert isinstance(links, dict)
        for pin, bits in links.items():
            way = (
                ways.get(pin) if isinstance(ways, dict) else ("output" if pin in "YQ" else "input")
            )
            for bit in _bits(bits):
                if way == "output":
                    drivers[bit] = name
                else:
                    readers.append((bit, name))
    edges = {(drivers[bit], reader) for bit, reader in readers if bit in drivers}
    lines += [f"{_quoted(a)} -> {_quoted(b)};" for a, b in sorted(edges)]
    return "\n".join([*lines, "}"])


def _bits(value: JSON) -> list[int]:
    return [bit for bit in value if isinstance(bit, int)] if isinstance(value, list) else []


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
