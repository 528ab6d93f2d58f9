"""Recognise exclusive ors and carries in and-inverter graphs, however they are written: by cuts of three nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product

from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig

Table = int
"""The values of a function of three nodes, bit `a + 2 * b + 4 * c`."""
VARIABLES: tuple[Table, ...] = (0xAA, 0xCC, 0xF0)
MOST = 10
"""Cuts of a node that are kept for those above it."""
_Cut = tuple[tuple[int, ...], Table]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What nodes of a graph compute of others, in literals."""

    same: dict[int, int] = field(default_factory=dict)
    """A constant or another node."""
    parities: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The exclusive or of these."""
    carries: dict[int, list[tuple[int, ...]]] = field(default_factory=dict)
    """The majority of any of these three; a product has 0 among them, a disjunction 1."""


def recognised(graph: Aig) -> Recognised:
    """Return what the gates of `graph` compute of two or three nodes below them."""
    cuts: list[list[_Cut]] = []
    found = Recognised()
    for node, (a, b) in enumerate(zip(graph.left, graph.right, strict=True)):
        own: _Cut = ((node,), VARIABLES[0])
        if a < 0:
            cuts.append([own] if node else [((), 0)])
            continue
        made = _merged(cuts[a >> 1], cuts[b >> 1], 0xFF * (a & 1), 0xFF * (b & 1))
        for leaves, table in made.items():
            _judge(found, node, leaves, table)
        parities = [cut for cut in made.items() if (len(cut[0]), cut[1]) in _PARITIES]
        cuts.append([own, *(parities or list(made.items()))[:MOST]])
    return found


def _judge(found: Recognised, node: int, leaves: tuple[int, ...], table: Table) -> None:
    """Keep what a node with this table over `leaves` is."""
    kind = len(leaves), table
    if table in _SINGLE:
        place, flip = _SINGLE[table]
        found.same.setdefault(node, (2 * leaves[place] if place >= 0 else FALSE) + flip)
    elif kind in _PARITIES:
        flip = _PARITIES[kind]
        literals = (2 * leaves[0] + flip, *(2 * leaf for leaf in leaves[1:]))
        found.parities.setdefault(node, literals)
    if kind in _CARRIES:
        flips = _CARRIES[kind]
        literals = (*(2 * leaf + flip for leaf, flip in zip(leaves, flips, strict=False)),)
        found.carries.setdefault(node, []).append((*literals, *flips[len(leaves) :]))


def _merged(
    one: Sequence[_Cut], other: Sequence[_Cut], flip: Table, other_flip: Table
) -> dict[tuple[int, ...], Table]:
    """Return the cuts of a gate whose operands have these, small ones first."""
    found: dict[tuple[int, ...], Table] = {}
    for leaves, table in one:
        for more, second in other:
            joint = {*leaves, *more}
            if len(joint) > 3:
                continue
            union = tuple(sorted(joint))
            if union in found:
                continue
            first = _placed(tuple(map(union.index, leaves)))[table ^ flip]
            found[union] = first & _placed(tuple(map(union.index, more)))[second ^ other_flip]
    return dict(sorted(found.items(), key=lambda item: len(item[0])))


@cache
def _placed(places: tuple[int, ...]) -> tuple[Table, ...]:
    """Return, for every table, the same function with its variables at `places`."""
    rows = [
        sum((row >> place & 1) << index for index, place in enumerate(places)) for row in range(8)
    ]
    return tuple(
        sum((table >> old & 1) << row for row, old in enumerate(rows)) for table in range(256)
    )


def _majority(flips: Sequence[int], variables: Sequence[Table]) -> Table:
    a, b, c = (v ^ 0xFF * flip for v, flip in zip(variables, flips, strict=True))
    return a & b | a & c | b & c


_SINGLE = {0x00: (-1, FALSE), 0xFF: (-1, TRUE)} | {
    VARIABLES[place] ^ 0xFF * flip: (place, flip) for place, flip in product(range(3), (0, 1))
}
_PARITIES = {(2, 0x66): 0, (2, 0x99): 1, (3, 0x96): 0, (3, 0x69): 1}
_CARRIES: Mapping[tuple[int, Table], tuple[int, ...]] = {
    (size, _majority(flips, (*VARIABLES[:size], *(0,) * (3 - size)))): flips
    for size in (2, 3)
    for flips in product((0, 1), repeat=3)
}
"""For the size of a cut and its table how the three that a carry comes from are inverted."""
