"""A search tree over thoughts: P-UCB selection, virtual loss for leaves in flight, discounted max backup."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from proofsmith.types import JSON

State = Literal["new", "busy", "open", "closed"]
ROOT = 0
FIELDS: tuple[str, ...] = ("parent", "thought", "prior", "depth", "returns", "best")
FIELDS += ("flying", "weight", "children", "state", "rethought", "code", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """How a child is chosen; the defaults are RethinkMCTS's."""

    c: float = 4.0
    c_base: float = 10.0
    rule: Literal["p-ucb", "uct"] = "p-ucb"
    """`p-ucb` decays as 1/n and uses the prior; `uct` is c * sqrt(ln N / n) without one."""
    discount: float = 0.9
    """What an ancestor sees of a value, per level."""

    def bonus(self, prior: float, parent_visits: int, returns: int) -> float:
        """Return what is added to the value of a child that was returned to `returns` times.

        P-UCB: beta * p * sqrt(ln N) / (1 + n), beta = ln((N + c_base + 1) / c_base) + c; `parent_visits` >= 1.
        """
        spread = math.sqrt(math.log(parent_visits)) if parent_visits > 1 else 0.0
        if self.rule == "uct":
            return self.c * spread / math.sqrt(returns) if returns else math.inf
        beta = math.log((parent_visits + self.c_base + 1) / self.c_base) + self.c
        return beta * prior * spread / (1 + returns)


@dataclass(slots=True)
class Node:
    """One thought in its context; numbers only, so that thousands stay small."""

    parent: int
    thought: str
    prior: float = 1.0
    depth: int = 0
    returns: int = 0
    best: float = 0.0
    """Largest discounted return; 0 before the first."""
    flying: int = 0
    """Evaluations in flight at or below this node."""
    weight: float = 1.0
    """Factor on the value: below 1 for a thought that evidence indicts."""
    children: list[int] = field(default_factory=list)
    state: State = "new"
    rethought: int = 0
    code: str = ""
    """Id of the program last written from the path to this node."""
    live: int = 0
    """Thoughts at or below this node that were never evaluated."""

    @property
    def visits(self) -> int:
        """Visits of the decision after this thought; starts at 1."""
        return self.returns + 1


class Tree:
    """Nodes by index; 0 is the empty thought."""

    def __init__(self, exploration: Exploration | None = None) -> None:
        """Start with the root alone."""
        self.exploration = exploration or Exploration()
        self.nodes: list[Node] = [Node(parent=-1, thought="", state="open")]

    def add(self, parent: int, thought: str, prior: float) -> int:
        """Append a new thought below `parent` and return its index."""
        depth = self.nodes[parent].depth + 1
        self.nodes.append(Node(parent=parent, thought=thought, prior=prior, depth=depth))
        index = len(self.nodes) - 1
        self.nodes[parent].children.append(index)
        self._count(index, +1)
        return index

    def take(self, index: int) -> None:
        """Mark a new thought as being evaluated."""
        self.nodes[index].state = "busy"
        self._count(index, -1)
        self.fly(index, +1)

    def _count(self, index: int, by: int) -> None:
        for i in (ROOT, *self.path(index)):
            self.nodes[i].live += by

    def path(self, index: int) -> list[int]:
        """Return the indices from the first thought to `index`, without the root."""
        found = []
        while index != ROOT:
            found.append(index)
            index = self.nodes[index].parent
        return found[::-1]

    def thoughts(self, index: int) -> list[str]:
        """Return the thoughts from the first to `index`."""
        return [self.nodes[i].thought for i in self.path(index)]

    def score(self, index: int) -> float:
        """Return value plus bonus of a child; evaluations in flight count as returns of nothing."""
        node = self.nodes[index]
        visits = self.nodes[node.parent].visits + self.nodes[node.parent].flying
        seen = node.returns + node.flying
        value = node.best * node.weight * node.returns / seen if seen else 0.0
        return value + self.exploration.bonus(node.prior * node.weight, visits, seen)

    def select(self) -> int | None:
        """Descend by the best score to a thought that was never evaluated; None when there is none."""
        index = ROOT
        while self.nodes[index].state != "new":
            options = [c for c in self.nodes[index].children if self.nodes[c].live]
            if not options:
                return None
            index = max(options, key=lambda c: (self.score(c), -c))
        return index

    def fly(self, index: int, by: int) -> None:
        """Add `by` (+1 or -1) evaluations in flight on the way from the root to `index`."""
        for i in (ROOT, *self.path(index)):
            self.nodes[i].flying += by

    def backup(self, index: int, value: float) -> None:
        """Return `value` (0..1) to `index` and, discounted per level, to everything above it."""
        for i in [*reversed(self.path(index)), ROOT]:
            node = self.nodes[i]
            node.returns += 1
            node.best = max(node.best, value)
            value *= self.exploration.discount

    def dump(self) -> list[JSON]:
        """Return the nodes as rows of plain values."""
        rows: list[JSON] = []
        for node in self.nodes:
            row: list[Any] = [getattr(node, name) for name in FIELDS]
            row[FIELDS.index("children")] = list(node.children)
            rows.append(row)
        return rows

    def load(self, rows: Sequence[Any]) -> None:
        """Replace the nodes by dumped rows."""
        self.nodes = [Node(**_named(row)) for row in rows]


def _named(row: Sequence[Any]) -> Mapping[str, Any]:
    values = dict(zip(FIELDS, row, strict=True))
    values["children"] = list(values["children"])
    return values
