"""Search ABC recipes for a design: fixed scripts first, then a bandit over rewriting steps, ranked by the goal."""

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.liberty import Library
from proofsmith.domains.verilog.synthesis import COMBINATIONAL, MAP, OPTIMISE, SIZE
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

Recipe = tuple[str, ...]
RESYN2 = (
    *("balance", "rewrite", "refactor", "balance", "rewrite", "rewrite -z"),
    *("balance", "refactor -z", "rewrite -z", "balance"),
)
SUM_OF_PRODUCTS = ("dch", "if -g -K 6", "strash")
"""Balances sums of products: much shorter carry chains for some more gates."""
LATE_FIRST = ("dch", "if -y -K 6", "strash")
"""The same, but each node by what arrives when."""
CHOOSE = ("&get -n", "&synch2", "&nf -p -R 10", "&put")
"""Maps a graph that keeps other structures as choices, and gives up a little depth for area."""
SEEDS: tuple[Recipe, ...] = (
    (*OPTIMISE, *MAP),
    ("strash", *RESYN2, *MAP),
    (*OPTIMISE, *CHOOSE),
    ("strash", *RESYN2, *CHOOSE),
    ("strash", *SUM_OF_PRODUCTS, *MAP),
    ("strash", *RESYN2, *LATE_FIRST, *CHOOSE),
    ("strash", *RESYN2, *SUM_OF_PRODUCTS, *MAP),
    ("strash", "&get -n", "&b -d", "&put", *MAP),
    ("strash", "&get -n", "&dsdb", "&put", *CHOOSE),
    ("strash", *RESYN2, "if -x -K 6", "strash", *RESYN2, *MAP),
    (*OPTIMISE, "if -g -K 6", "strash", *MAP),
    ("strash", "&get -n", "&syn4", "&put", *MAP),
    ("strash", *SUM_OF_PRODUCTS, *SUM_OF_PRODUCTS, "dc2", *MAP),
    ("strash", "multi", "sop", "fx", "strash", *MAP),
    ("strash", "balance", *MAP),
    ("strash", "&get -n", "&syn3", "&syn3", "&put", *RESYN2, *MAP),
)
"""Where every search begins, likeliest first: random starts lose to these where evaluations are slow."""
BASES = SEEDS[:2]
"""The scripts of yosys and of ABC that others are compared with: even the largest graph gets these."""
ACTIONS: tuple[Recipe, ...] = (
    *(("balance",), ("rewrite",), ("rewrite -z",), ("refactor",), ("refactor -z",), ("dc2",)),
    *(("resub -K 6",), ("resub -K 8",), ("resub -K 10 -N 2",), ("drwsat",), ("ifraig",), ("dch",)),
    *(("if -g -K 6", "strash"), ("if -x -K 6", "strash"), ("if -y -K 6", "strash")),
    *(("multi", "sop", "fx", "strash"), ("if -K 6", "mfs2 -a", "strash")),
    *(("&get -n", f"&{step}", "&put") for step in ("syn3", "syn4", "dsdb", "b", "b -d")),
    ("map", "unmap", "strash"),
)
MAPPERS: tuple[Recipe, ...] = (
    MAP,
    CHOOSE,
    ("&get -n", "&synch2", "&nf -p", "&put"),
    ("&get -n", "&synch2", "&nf -p -C 32 -F 8 -R 10", "&put"),
    ("&get -n", "&dch -f", "&nf -p -R 10", "&put"),
    ("map -B 0.9",),
    ("dch -f", "map"),
    ("dch -f", "map -a"),
    ("dch -f", "amap -m"),
    ("&get -n", "&nf", "&put"),
)
EXPLORE = 0.2
BATCH, BATCH_CPU_S = 8, 1.5
"""Recipes of one ABC at most, and about how long it may take."""
LONGEST = 10
SPEND_CPU_S, LEAST_CPU_S = 9.5, 0.001
"""What the evaluations of one search may take, and one of them at least."""
PATIENCE = 72
"""Recipes in a row, none of which gained, that end a search."""
LIMITS = Limits(wall_s=240, cpu_s=40, memory_mib=2048, disk_mib=128, output_kib=16384)
_MARK = "recipe-ends-here"
_TIMED = re.compile(r"Area =\s*([\d.]+).*?Delay =\s*([\d.]+) ps")
_ESCAPES = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Tried:
    """A recipe with the area and delay of the combinational part that it gave."""

    recipe: Recipe
    area: float
    delay_ps: float


@dataclass(slots=True)
class Search:
    """One seeded search; `goal` is area, delay or a product of both, `area_fixed` the area of registers."""

    combinational: str
    library: Library
    goal: str
    area_fixed: float = 0.0
    seed: int = 0
    known: Sequence[Recipe] = ()
    """Recipes that did well elsewhere, tried beside those of the search, whose way they must not change."""
    spend_cpu_s: float = SPEND_CPU_S
    tried: dict[Recipe, Tried] = field(default_factory=dict)
    spent_cpu_s: float = 0.0
    """What ABC took so far."""
    _evaluated: int = 0
    _idle: int = 0
    """Recipes since the last gain."""
    _gains: dict[Recipe, list[float]] = field(default_factory=lambda: defaultdict(list))

    def value(self, tried: Tried) -> float:
        """Return the goal's metric of a result, the smaller the better; power and graph size go by area."""
        value = 1.0
        for metric in self.goal.split("*"):
            value *= (
                tried.delay_ps if metric in ("delay", "depth") else tried.area + self.area_fixed
            )
        return value

    async def begin(self, sandbox: Sandbox) -> list[Tried]:
        """Evaluate the fixed scripts as far as the time allows and return the results, best first."""
        waiting, count = list(SEEDS), len(BASES)
        while waiting and count:
            await self._evaluate(waiting[:count], sandbox)
            waiting = waiting[count:] if self.tried else []
            count = self._affordable(len(self.known))
        return self.ranked()

    async def run(self, sandbox: Sandbox) -> list[Tried]:
        """Evaluate recipes until the time is spent or nothing is gained and return all results, best first."""
        if not self._evaluated:
            await self.begin(sandbox)
        chance = random.Random(self.seed)
        while self.tried and self._idle < PATIENCE:
            batch = self._proposed(chance, self._affordable(len(self.known)))
            if not batch:
                break
            await self._evaluate(batch, sandbox)
        await self._evaluate([r for r in self.known if r not in self.tried], sandbox)
        return self.ranked()

    def _affordable(self, kept: int) -> int:
        """Return how many recipes the next batch may have, so that `kept` more fit into the time behind it."""
        each_s = max(self.spent_cpu_s / self._evaluated, LEAST_CPU_S)
        left = int((self.spend_cpu_s - self.spent_cpu_s) / each_s) - kept
        return max(0, min(BATCH, left, 1 + int(BATCH_CPU_S / each_s)))

    def ranked(self) -> list[Tried]:
        """Return the results, best first."""
        return sorted(self.tried.values(), key=lambda t: (self.value(t), len(t.recipe), t.recipe))

    async def _evaluate(self, batch: Sequence[Recipe], sandbox: Sandbox) -> None:
        """Run `batch` in one ABC, which reads the library once.

        A recipe that ends ABC, which has such bugs, or takes too long is left out, and those behind it are run again.
        """
        waiting, value = list(batch), self._least()
        while waiting:
            left = self.spend_cpu_s - self.spent_cpu_s
            limits = replace(LIMITS, cpu_s=max(1.0, left)) if self.tried else LIMITS
            found = await self._timed(waiting, sandbox, limits)
            best = self.ranked()[:1]
            for recipe, timed in zip(waiting, found, strict=False):
                if timed is not None:
                    self._keep(Tried(recipe, *timed), best)
            waiting = waiting[len(found) + 1 :]
        self._evaluated += len(batch)
        self._idle = 0 if self._least() < value else self._idle + len(batch)

    def _least(self) -> float:
        return min(map(self.value, self.tried.values()), default=float("inf"))

    async def _timed(
        self, batch: Sequence[Recipe], sandbox: Sandbox, limits: Limits
    ) -> list[tuple[float, float] | None]:
        """Return area and delay of the recipes that ended, None for one without a result."""
        words = ["read_lib -w cells.lib", "write_scl cells.scl"]
        for (
            recipe
        ) in batch:  # `map` changes the gains by which the next recipe's mapper would choose
            words += ["read_scl cells.scl", f"read_blif {COMBINATIONAL}"]
            words += [*recipe, *SIZE, "stime", f"echo {_MARK}"]
        files = {"cells.lib": self.library.text, COMBINATIONAL: self.combinational}
        done = await toolchain.abc(sandbox, "; ".join(words), files, limits)
        self.spent_cpu_s += done.cpu_s
        parts = _ESCAPES.sub("", done.stdout).split(_MARK)[:-1]
        timed = [_TIMED.search(part) for part in parts]
        return [(float(m[1]), float(m[2])) if m else None for m in timed]

    def _keep(self, result: Tried, best: Sequence[Tried]) -> None:
        self.tried[result.recipe] = result
        for action in set(_steps(result.recipe)[0]):
            if best and action in ACTIONS:
                self._gains[action].append(self.value(best[0]) / max(self.value(result), 1e-9))

    def _proposed(self, chance: random.Random, count: int) -> list[Recipe]:
        """Vary the best recipes: one step more, less or other, or another mapper."""
        parents = self._parents()
        found: list[Recipe] = []
        for _ in range(20 * count):
            parent = min(chance.sample(parents, min(2, len(parents))), key=self.value)
            recipe = self._varied(_steps(parent.recipe), chance)
            if recipe not in self.tried and recipe not in found:
                found.append(recipe)
            if len(found) == count:
                break
        return found

    def _parents(self) -> list[Tried]:
        """Return the five best results that differ, each by its shortest recipe."""
        different = {(t.area, t.delay_ps): t for t in reversed(self.ranked())}
        return sorted(different.values(), key=self.value)[:5]

    def _varied(self, parent: tuple[list[Recipe], Recipe], chance: random.Random) -> Recipe:
        steps, mapper = list(parent[0]), parent[1]
        for _ in range(chance.choice((1, 1, 2, 3))):
            kind = chance.random()
            place = chance.randint(0, len(steps))
            if kind < 0.2:
                mapper = chance.choice(MAPPERS)
            elif kind < 0.45 and steps:
                steps[min(place, len(steps) - 1)] = self._action(chance)
            elif kind < 0.6 and len(steps) > 1:
                del steps[min(place, len(steps) - 1)]
            elif len(steps) < 2 * LONGEST:
                steps.insert(place, self._action(chance))
        return ("strash", *(command for step in steps for command in step), *mapper)

    def _action(self, chance: random.Random) -> Recipe:
        """Choose a step: mostly one of those whose recipes gained most so far."""
        if chance.random() < EXPLORE or not self._gains:
            return chance.choice(ACTIONS)
        means = {a: sum(g) / len(g) for a, g in self._gains.items() if g}
        best = sorted(means, key=lambda a: -means[a])[:5]
        return chance.choice(best)


def ends_in_mapper(recipe: Recipe) -> bool:
    """Say whether a recipe has the form of those that are varied here: a new graph, steps, one of the mappers."""
    return recipe[:1] == ("strash",) and any(recipe[-len(m) :] == m for m in MAPPERS)


def _steps(recipe: Recipe) -> tuple[list[Recipe], Recipe]:
    """Split a recipe into its steps between `strash` and the mapper, which must stay whole, and the mapper."""
    mapper = next(m for m in sorted(MAPPERS, key=len, reverse=True) if recipe[-len(m) :] == m)
    rest = recipe[1 : len(recipe) - len(mapper)]
    steps: list[Recipe] = []
    at = 0
    while at < len(rest):
        whole = next((a for a in ACTIONS if rest[at : at + len(a)] == a and len(a) > 1), None)
        if whole is None and rest[at] == "&get -n":
            whole = rest[at : rest.index("&put", at) + 1]
        steps.append(whole or rest[at : at + 1])
        at += len(steps[-1])
    return steps, mapper
