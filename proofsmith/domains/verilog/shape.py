"""What an and-inverter graph looks like: its size, depth, fan-out, and its share of XOR and MUX shapes."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log2

from proofsmith.domains.verilog.aig import Aig
from proofsmith.domains.verilog.circuit import Circuit

Shape = tuple[float, ...]
"""Inputs, outputs, ANDs and levels as log2(1 + n); shares of nodes that feed 1, 2, 3-4 and more; of XOR, of MUX."""
_HEAD = (
    "graph by log2 of inputs, outputs, ands, levels, and by share of fan-out 1 2 3-4 5+, xor, mux:"
)
_LINE = re.compile(rf"// {re.escape(_HEAD)}((?: [\d.]+){{10}})$", re.MULTILINE)


def line(shape: Shape) -> str:
    """Write a shape as a line that `parsed` finds in a text."""
    return f"// {_HEAD} {' '.join(f'{value:.3f}' for value in shape)}"


def parsed(text: str) -> Shape | None:
    """Return the shape that `line` wrote into a text; None without one."""
    found = _LINE.search(text)
    return tuple(map(float, found[1].split())) if found else None


def shape_of(circuit: Circuit) -> Shape:
    """Return the shape of the combinational part of a circuit, registers cut open."""
    graph = circuit.graph
    ends = [bit for word in circuit.outputs.values() for bit in word]
    ends += [register.next for register in circuit.registers]
    nodes = [node for node in graph.cone(ends) if node]
    gates = [node for node in nodes if graph.left[node] >= 0]
    level, feeds = {0: 0}, Counter(end >> 1 for end in ends)
    for node in nodes:
        below = [x >> 1 for x in (graph.left[node], graph.right[node]) if x >= 0]
        level[node] = 1 + max((level.get(b, 0) for b in below), default=-1)
        feeds.update(below)
    depth = max((level.get(end >> 1, 0) for end in ends), default=0)
    counts = (len(nodes) - len(gates), len(ends), len(gates), depth)
    kinds = Counter(_kind(graph, node) for node in gates)
    inner = max(1, len(gates))
    fan = Counter(min(feeds[node], 5) for node in gates)
    shares = (fan[1], fan[2], fan[3] + fan[4], fan[5], kinds["xor"], kinds["mux"])
    return (*(log2(1 + n) for n in counts), *(n / inner for n in shares))


def _kind(graph: Aig, node: int) -> str:
    """Return `xor` or `mux` for the last gate of such a shape, else an empty text."""
    sides = (graph.left[node], graph.right[node])
    if not all(side & 1 and graph.left[side >> 1] >= 0 for side in sides):
        return ""
    one, other = ({graph.left[side >> 1], graph.right[side >> 1]} for side in sides)
    opposite = sum(literal ^ 1 in other for literal in one)
    return ("", "mux", "xor")[opposite]


def nearest(shape: Shape, others: Sequence[Shape], count: int) -> list[int]:
    """Return the indices of the shapes nearest to one, by distance in units of their spread."""
    columns = list(zip(*others, strict=True))
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        (sum((x - mean) ** 2 for x in column) / len(column)) ** 0.5 or 1.0
        for column, mean in zip(columns, means, strict=True)
    ]

    def distance(other: Shape) -> float:
        return sum(((a - b) / s) ** 2 for a, b, s in zip(shape, other, spreads, strict=True))

    return sorted(range(len(others)), key=lambda i: (distance(others[i]), i))[:count]
