"""Recipes that did well on designs like one at hand: a shipped table, and what earlier runs of the user proved."""

import json
import lzma
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from proofsmith.domains.verilog import netlist
from proofsmith.domains.verilog.recipes import Recipe, ends_in_mapper
from proofsmith.domains.verilog.shape import Shape, line, nearest, parsed
from proofsmith.types import Candidate

SHIPPED = Path(__file__).with_name("recipes.json.xz")
"""Made by scripts/recipe_table.py from generated designs; rows: shape, and a recipe for each kind of goal."""
NEAREST = 3
"""Designs whose recipes a search tries as well."""
_GOAL = re.compile(r"^// searched for (\S+)$", re.MULTILINE)


def notes(shape: Shape, goal: str) -> list[str]:
    """Return what the head of a netlist says for `RecipeMemory.remember` to find."""
    return [f"// searched for {goal}", line(shape)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A recipe that did well for a kind of goal on a graph of some shape."""

    shape: Shape
    kind: str
    recipe: Recipe


def kind_of(goal: str) -> str:
    """Return `delay`, `area` or `both`: what a goal's recipe must be good at.

    >>> kind_of("depth"), kind_of("cells"), kind_of("area*delay")
    ('delay', 'area', 'both')
    """
    fast = [metric in ("delay", "depth") for metric in goal.split("*")]
    return "delay" if all(fast) else "both" if any(fast) else "area"


@cache
def shipped() -> tuple[Known, ...]:
    """Return the shipped table."""
    rows = json.loads(lzma.decompress(SHIPPED.read_bytes()))
    return tuple(
        Known(shape=tuple(row["shape"]), kind=kind, recipe=tuple(recipe))
        for row in rows
        for kind, recipe in row["recipes"].items()
    )


@dataclass(slots=True)
class RecipeMemory:
    """What is known of recipes; later runs of a user know more."""

    known: list[Known] = field(default_factory=lambda: list(shipped()))

    def remember(self, verified: Iterable[Candidate]) -> None:
        """Add the recipes of netlists that earlier runs proved; what has no shape in its head is passed over."""
        for candidate in verified:
            path = netlist.netlist_of(candidate)
            text = candidate.files.get(path, "")
            shape, goal = parsed(text), _GOAL.search(text)
            given = candidate.settings.get("recipe")
            recipe = tuple(map(str, given)) if isinstance(given, list) else ()
            if shape and goal and ends_in_mapper(recipe):
                self.known.append(Known(shape=shape, kind=kind_of(goal[1]), recipe=recipe))

    def near(self, shape: Shape, goal: str) -> list[Recipe]:
        """Return recipes for a goal's kind of the designs nearest in shape, nearest first, each once."""
        fitting = [known for known in self.known if known.kind == kind_of(goal)]
        if not fitting:
            return []
        found = nearest(shape, [known.shape for known in fitting], NEAREST)
        return list(dict.fromkeys(fitting[i].recipe for i in found))
