"""Ask whether several archives with migration find better programs than one, on simulated problems with gains.

Run it as `python -m benchmarks.islands [--quick] [--seed N]`. The problems' numbers are in `benchmarks/simulator.toml`.
Differences are paired by problem; intervals are 95 % over 20 seeds (Student's t).
"""

import argparse
import random
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_shape import SEEDS, Interval
from benchmarks.simulation import PLAN, SETTINGS
from proofsmith.planners.evolve import Breeding, Evolve
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Evidence,
    Move,
    Outcome,
    Reply,
    Status,
    Verdict,
)

FILE = "solution.txt"
MANY = 10**6
MUTATED = {"optimize": 2, "improve": 1, "explore": 3}
"""Choices that a reply changes; one to that many."""
REPLY = Reply(text="")
CHECKPOINTS = (50, 100, 200)
"""Programs after which the best is compared."""


def regimes() -> dict[str, dict[str, Any]]:
    """Return the settings of each kind of problem, common ones included."""
    data = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["gains"]
    return {name: {**data["common"], **own} for name, own in data.items() if name != "common"}


@dataclass(frozen=True)
class Landscape:
    """One simulated problem: what each choice at each site is worth; choice 0 everywhere is the original."""

    knobs: Mapping[str, Any]
    seed: int

    def doublings(self, genes: Sequence[int]) -> float:
        """Return the logarithm of the true gain, 0 for the original."""
        return self._sum(genes) - self._sum([0] * len(genes))

    def _sum(self, genes: Sequence[int]) -> float:
        knobs, n = self.knobs, len(genes)
        total = 0.0
        for site in range(n):
            seen = tuple(genes[(site + k) % n] for k in range(knobs["coupled"] + 1))
            total += knobs["spread"] * _part(self.seed, site, seen)
        size = knobs.get("group", 0)
        for start in range(0, n - size + 1, size) if size else ():
            wanted = [1 + (self.seed + start + k) % (knobs["choices"] - 1) for k in range(size)]
            total += knobs["bonus"] * (list(genes[start : start + size]) == wanted)
        return total

    def outcome(self, genes: Sequence[int], move: Move, rng: random.Random) -> Outcome:
        """Judge and measure a program, with chance and noise."""
        text = "".join(f"site {n} = {gene}\n" for n, gene in enumerate(genes))
        candidate = Candidate(files={FILE: text}, parents=move.parents, move=move.id)
        changed = sum(map(bool, genes))
        chance = self.knobs["right"] * self.knobs["right_further"] ** max(0, changed - 1)
        right = random.Random(f"{self.seed} right {tuple(genes)}").random() < max(chance, 0.2)
        status = Status.TESTED if right else Status.FAILED
        facts: dict[str, JSON] = {"patterns": [f"s{n}" for n, gene in enumerate(genes) if gene]}
        evidence = Evidence(check="simulated", status=status, command=("true",), facts=facts)
        verdict = Verdict(status=status, evidence=(evidence,), feedback="" if right else "wrong")
        measured = 2 ** (self.doublings(genes) + rng.gauss(0, self.knobs["noise"]))
        width = 2 ** self.knobs["noise"]
        compared = Comparison(
            metric="speed",
            verdict=ComparisonVerdict.FASTER if measured > width else ComparisonVerdict.SLOWER,
            ratio=measured,
            low=measured / width,
            high=measured * width,
            pairs=9,
            method="simulated",
        )
        return Outcome(
            candidate=candidate, verdict=verdict, comparisons=(compared,) if right else ()
        )


@lru_cache(maxsize=100_000)
def _part(seed: int, site: int, seen: tuple[int, ...]) -> float:
    """Return a standard normal number for what a site and those it is coupled with hold."""
    return random.Random(f"{seed} {site} {seen}").gauss(0, 1)


def written(
    parents: Sequence[Sequence[int]], move: Move, choices: int, rng: random.Random
) -> list[int]:
    """Return what a model makes of a move: few choices changed, or each taken from one of two parents."""
    if move.kind == "crossover":
        return [rng.choice(pair) for pair in zip(*parents, strict=True)]
    genes = list(parents[0])
    for _ in range(rng.randint(1, MUTATED[move.kind])):
        genes[rng.randrange(len(genes))] = rng.randrange(choices)
    return genes


class Islands:
    """Archives that evolve apart; after every `apart` programs the best of each is shown to the next one."""

    def __init__(self, seed: int, count: int, apart: int) -> None:
        self._all = [archive(seed + 7919 * n) for n in range(count)]
        self._apart, self._asked = apart, 0
        self._best: list[Outcome | None] = [None] * count

    def ask(self) -> Move:
        at = self._asked % len(self._all)
        self._asked += 1
        (move,) = self._all[at].ask(1)
        return replace(move, id=f"{at}:{move.id}")

    def tell(self, move: Move, outcome: Outcome) -> None:
        at, _, own = move.id.partition(":")
        island, best = int(at), self._best[int(at)]
        self._all[island].tell(replace(move, id=own), REPLY, outcome)
        if outcome.verdict.status is Status.TESTED and (best is None or outcome.gain > best.gain):
            self._best[island] = outcome
        if self._asked % self._apart == 0:
            for n, found in enumerate(self._best):
                if found is not None:
                    self._all[(n + 1) % len(self._all)].see(found)


def archive(seed: int) -> Evolve:
    """Return an archive that goes on as long as it is asked."""
    plan = replace(PLAN, solving=False, files={FILE: ""})
    return Evolve(plan, Breeding(calls=MANY, patience=MANY), seed=seed)


SEARCHES: dict[str, Callable[[int], Islands]] = {
    "one archive": lambda seed: Islands(seed, 1, MANY),
    "3 islands": lambda seed: Islands(seed, 3, 30),
    "5 islands": lambda seed: Islands(seed, 5, 25),
    "3 islands, never met": lambda seed: Islands(seed, 3, MANY),
}


def climbed(landscape: Landscape, search: Islands, seed: int) -> list[float]:
    """Return the true gain, in doublings, of what was measured best after each of CHECKPOINTS programs."""
    genes: dict[str, list[int]] = {}
    rng, best, found = random.Random(seed), (0.0, 0.0), []
    for n in range(1, landscape.knobs["programs"] + 1):
        move = search.ask()
        original = [0] * landscape.knobs["sites"]
        parents = [genes[name] for name in move.parents] or [original]
        made = written(parents, move, landscape.knobs["choices"], rng)
        outcome = landscape.outcome(made, move, rng)
        genes[outcome.candidate.id] = made
        search.tell(move, outcome)
        if outcome.verdict.status is Status.TESTED:
            best = max(best, (outcome.gain, landscape.doublings(made)))
        if n in CHECKPOINTS:
            found.append(best[1])
    return found


def mean_gains(job: tuple[str, int, int]) -> dict[str, list[float]]:
    """Return the mean doublings of every search over one seed's problems."""
    regime, seed, count = job
    rows: dict[str, list[list[float]]] = {name: [] for name in SEARCHES}
    for n in range(count):
        landscape = Landscape(regimes()[regime], seed + 31 * n)
        for name, search in SEARCHES.items():
            rows[name].append(climbed(landscape, search(seed + n), seed + n))
    return {name: [fmean(column) for column in zip(*r, strict=True)] for name, r in rows.items()}


def _cells(found: Sequence[Sequence[float]], one: Sequence[Sequence[float]]) -> str:
    """Return mean gains at CHECKPOINTS, each with the interval of its difference to one archive."""
    cells = []
    for k in range(len(CHECKPOINTS)):
        gap = Interval.of([a[k] - b[k] for a, b in zip(found, one, strict=True)])
        mean, low, high = 2 ** fmean(row[k] for row in found), 2**gap.low - 1, 2**gap.high - 1
        cells.append(f"{mean:.2f}x ({low:+.1%} to {high:+.1%})")
    return "  ".join(cells)


def main() -> int:
    """Print the table; nothing is demanded of the numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 problems per seed instead of 10")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    count = 2 if options.quick else 10
    print(f"gain after {CHECKPOINTS} programs, {SEEDS} seeds x {count} problems; 95 % intervals")
    with ProcessPoolExecutor(max_workers=2) as pool:
        for regime in regimes():
            jobs = [(regime, options.seed + 1000 * n, count) for n in range(SEEDS)]
            rows = list(pool.map(mean_gains, jobs))
            table = {name: [row[name] for row in rows] for name in SEARCHES}
            for name, found in table.items():
                print(f"{regime:10} {name:22} {_cells(found, table['one archive'])}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
