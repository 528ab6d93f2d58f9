"""Hold the strategies to the shapes that their papers report, on simulated problems.

Run it as `python benchmarks/search_shape.py [--quick] [--seed N] [--results FILE]`. Regimes and their numbers are in
`benchmarks/simulator.toml`. Differences are paired by problem; intervals are 95 % over 20 seeds (Student's t).
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bars import Bars
from benchmarks.kept import Kept, accept
from benchmarks.simulation import PLAN, problems, regimes, search
from proofsmith.planners.best_of import BestOf, Plan
from proofsmith.planners.coverage import pass_at_k
from proofsmith.planners.plansearch import PlanSearch, Shape
from proofsmith.planners.portfolio import Portfolio
from proofsmith.planners.rethink import Rethink, Thinking
from proofsmith.planners.tree import Exploration
from proofsmith.planners.triage import Mixing
from proofsmith.protocols import Strategy

SEEDS = 20
T_95 = 2.093
"""Student's t for 19 degrees of freedom."""
MANY = 100_000
LONG = replace(PLAN, samples=MANY, patience=MANY)
GOING_ON = replace(LONG, solving=False, repairs=0)
BUDGETS = (1_000, 3_000, 10_000, 30_000, 100_000)
"""Output tokens of a whole search."""
WIDE_TOKENS = 60_000
PROGRAMS = 100
KS = (1, 10, 100)


def plansearch(plan: Plan, seed: int, *, fixes: int = 1) -> PlanSearch:
    return PlanSearch(plan, Shape(calls=MANY, patience=MANY, fixes=fixes), seed=seed)


def rethink(**how: object) -> Rethink:
    return Rethink(LONG, Thinking(calls=MANY, **how))  # type: ignore[arg-type]


def portfolio(seed: int) -> Portfolio:
    arms = {"direct": BestOf(LONG), "plansearch": plansearch(LONG, seed), "rethink": rethink()}
    return Portfolio(LONG, arms=arms, mixing=Mixing(patience=MANY), seed=seed)


UCT = Exploration(rule="uct", c=1.0, discount=1.0)
STRATEGIES: dict[str, Callable[[int], Strategy]] = {
    "repeated": lambda _: BestOf(replace(LONG, repairs=0)),
    "best_of": lambda _: BestOf(LONG),
    "plansearch": lambda seed: plansearch(LONG, seed),
    "tot": lambda _: rethink(rethinks=0, feedback=False),
    "lats": lambda _: rethink(rethinks=0, exploration=UCT),
    "rethink": lambda _: rethink(),
    "portfolio": portfolio,
}
SINGLE = [name for name in STRATEGIES if name != "portfolio"]
SAMPLERS: dict[str, Callable[[int], Strategy]] = {
    "repeated": lambda _: BestOf(GOING_ON),
    "plansearch": lambda seed: plansearch(GOING_ON, seed, fixes=0),
}


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % interval."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Interval":
        return cls(fmean(values), T_95 * stdev(values) / math.sqrt(len(values)))

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    @property
    def text(self) -> str:
        return f"{self.mean:+.3f} +-{self.half:.3f}"


def solved_shares(job: tuple[str, str, int, int]) -> list[float]:
    """Return the share of problems solved within each budget by one strategy on one seed's problems."""
    regime, name, seed, count = job
    courses = [
        search(model, STRATEGIES[name](seed + n), tokens=BUDGETS[-1])
        for n, model in enumerate(problems(regimes()[regime], count, seed))
    ]
    return [fmean(course.solved_within(budget) for course in courses) for budget in BUDGETS]


def pass_at_ks(job: tuple[str, str, int, int]) -> list[float]:
    """Return mean unbiased pass@k over one seed's problems, from PROGRAMS programs each."""
    regime, name, seed, count = job
    rows = []
    for n, model in enumerate(problems(regimes()[regime], count, seed)):
        course = search(model, SAMPLERS[name](seed + n), tokens=10**9, programs=PROGRAMS)
        right, made = sum(course.right), len(course.right)
        rows.append([pass_at_k(made, right, min(k, made)) for k in KS])
    return [fmean(column) for column in zip(*rows, strict=True)]


def wide_and_serial(job: tuple[int, int]) -> tuple[float, ...]:
    """Return share solved and mean seconds for one and eight leaves in flight, going on and stopping at a solution."""
    seed, count = job
    found: list[float] = []
    for leaves in (1, 8):
        for plan in (GOING_ON, LONG):
            courses = [
                search(model, Rethink(plan, Thinking(calls=MANY)), tokens=WIDE_TOKENS, width=leaves)
                for model in problems(regimes()["compositional"], count, seed)
            ]
            found += [fmean(c.solved for c in courses), fmean(c.wall_s for c in courses)]
    return tuple(found)


def spread(
    kept: Kept,
    pool: ProcessPoolExecutor,
    work: Callable[..., list[float]],
    regime: str,
    names: Sequence[str],
    seed: int,
    count: int,
) -> dict[str, list[list[float]]]:
    """Return per strategy one row per seed."""
    jobs = [(regime, name, seed + 1000 * n, count) for name in names for n in range(SEEDS)]
    rows = kept.mapped(pool, work, jobs)
    return {name: rows[i * SEEDS : (i + 1) * SEEDS] for i, name in enumerate(names)}


def difference(one: list[list[float]], other: list[list[float]], column: int) -> Interval:
    """Return the paired difference `one` - `other` in one column."""
    return Interval.of([a[column] - b[column] for a, b in zip(one, other, strict=True)])


def diversity(kept: Kept, pool: ProcessPoolExecutor, bars: Bars, seed: int, count: int) -> None:
    """PLANSEARCH lowers pass@1 and raises pass@k against repeated sampling; not so when ideas do not matter."""
    print(
        f"\npass@k over {PROGRAMS} programs a problem, {SEEDS} seeds x {count} problems: PLANSEARCH - repeated"
    )
    for regime in ("published", "control"):
        rows = spread(kept, pool, pass_at_ks, regime, list(SAMPLERS), seed, count)
        gaps = [difference(rows["plansearch"], rows["repeated"], n) for n in range(len(KS))]
        for name in SAMPLERS:
            means = [fmean(row[n] for row in rows[name]) for n in range(len(KS))]
            print(
                f"{regime:10} {name:11} "
                + " ".join(f"@{k} {m:.3f}" for k, m in zip(KS, means, strict=True))
            )
        print(
            f"{regime:10} {'difference':11} "
            + "  ".join(f"@{k} {g.text}" for k, g in zip(KS, gaps, strict=True))
        )
        if regime == "published":
            bars.at_most("plansearch_pass@1_difference_high", gaps[0].high, 0.0)
            bars.at_least("plansearch_pass@100_difference_low", gaps[-1].low, 0.0)
        else:
            bars.at_most("control_pass@100_difference_low", gaps[-1].low, 0.0)
            bars.at_most("control_pass@100_difference", gaps[-1].mean, 0.02)


def equal_tokens(kept: Kept, pool: ProcessPoolExecutor, bars: Bars, seed: int, count: int) -> None:
    """Compare all strategies at equal tokens in every regime."""
    print(f"\nshare solved within output tokens, {SEEDS} seeds x {count} problems")
    for regime in regimes():
        rows = spread(kept, pool, solved_shares, regime, list(STRATEGIES), seed, count)
        for name in STRATEGIES:
            found = [Interval.of([row[n] for row in rows[name]]) for n in range(len(BUDGETS))]
            cells = " ".join(
                f"{b // 1000:3}k {i.mean:.3f}+-{i.half:.3f}"
                for b, i in zip(BUDGETS, found, strict=True)
            )
            print(f"{regime:14} {name:11} {cells}")
        best = max(SINGLE, key=lambda name: fmean(row[-1] for row in rows[name]))
        gap = difference(rows["portfolio"], rows[best], -1)
        print(f"{regime:14} portfolio - {best}: {gap.text}")
        bars.at_least(f"portfolio_minus_best_{regime}", gap.mean, -0.02)
        if regime == "published":
            _crossover(bars, rows)
        if regime == "compositional":
            for other in ("best_of", "tot", "lats"):
                gap = difference(rows["rethink"], rows[other], -2)
                print(f"{regime:14} rethink - {other} at {BUDGETS[-2]} tokens: {gap.text}")
                bars.at_least(f"rethink_minus_{other}_low", gap.low, 0.0)


def _crossover(bars: Bars, rows: dict[str, list[list[float]]]) -> None:
    gaps = [difference(rows["plansearch"], rows["repeated"], n) for n in range(len(BUDGETS))]
    text = "  ".join(f"{b // 1000}k {g.text}" for b, g in zip(BUDGETS, gaps, strict=True))
    print(f"published      plansearch - repeated at equal tokens: {text}")
    bars.at_most("crossover_smallest_budget_high", gaps[0].high, 0.0)
    bars.at_least("crossover_largest_budget", gaps[-1].mean, 0.0)


def width(kept: Kept, pool: ProcessPoolExecutor, bars: Bars, seed: int, count: int) -> None:
    """Eight leaves in flight lose little quality and save most of the time."""
    rows = kept.mapped(pool, wide_and_serial, [(seed + 1000 * n, count) for n in range(SEEDS)])
    means = [fmean(column) for column in zip(*rows, strict=True)]
    print(
        f"\nRethinkMCTS with {WIDE_TOKENS} tokens, compositional: share solved, seconds for all tokens, to a solution"
    )
    for leaves, (solved, all_s, _, first_s) in zip((1, 8), (means[:4], means[4:]), strict=True):
        print(f"{leaves} in flight: {solved:.3f} {all_s:.0f} s {first_s:.0f} s")
    bars.at_least("eight_in_flight_over_serial_quality", means[4] / means[0], 0.97)
    bars.at_least("eight_in_flight_speedup_equal_tokens", means[1] / means[5], 5.0)


def main() -> int:
    """Print the tables and the bars; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="5 problems per seed instead of 25")
    parser.add_argument("--seed", type=int, default=1)
    accept(parser)
    options = parser.parse_args()
    kept = Kept(options.results)
    count = 5 if options.quick else 25
    bars = Bars()
    with ProcessPoolExecutor(max_workers=2) as pool:
        diversity(kept, pool, bars, options.seed, count)
        width(kept, pool, bars, options.seed, count)
        equal_tokens(kept, pool, bars, options.seed, count)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
