"""Count how often the measuring protocol is right about changes whose size is known exactly.

Run it as `python -m benchmarks.measure_power [--quick] [--trials N] [--kernel NAME] [--results FILE]`.

Every trial is one full comparison by the product's own path: the sandbox, the trusted timer, the self-check and the
sequential rule, on fresh inputs and fresh processes. Two kernels do a known amount of work: `chain`, one dependent
multiply-add after the other on data in the first-level cache, and `memory`, a sum over more data than the second-level
cache holds. The base does 1.00, 1.05 or 1.10 times the candidate's trips through the same loop. At 1.00 the two
programs differ by a function that is never called, so that they are timed at all. Trials of all cells are shuffled
together, so that each cell meets every phase of the host's load. Shares carry exact (Clopper-Pearson) 95 % intervals.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.bars import Bars
from benchmarks.kept import Kept, accept
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Sandbox
from proofsmith.tools.stats import clopper_pearson
from proofsmith.types import Candidate, Depth, Goal, Problem

HEADER = """/* proofsmith
entry = "work"
[sizes]
n = {{ test = [0, 64], measure = {measure} }}
[arrays]
x = {{ shape = "n + n / 8", access = "in", range = [-1, 1] }}
y = {{ shape = "8", access = "out" }}
*/
#ifndef EXTRA
#define EXTRA 0
#endif
#ifdef MARK
int mark(void);
int mark(void) {{ return MARK; }}
#endif
"""
KERNELS = {
    "chain": HEADER.format(measure=4000)
    + """
static __attribute__((noinline)) double chain(const double *x, long trips)
{
    double v = 0.25;
    for (long r = 0; r < 40; r++)
        for (long i = 0; i < trips; i++)
            v = v * 0.999 + x[i];
    return v;
}

void work(int n, const double *x, double *y)
{
    double wasted = chain(x + n, (long)n * EXTRA / 100);
    __asm__ volatile("" : : "x"(wasted));
    for (int i = 0; i < 8; i++)
        y[i] = n;
    y[0] = chain(x, n);
}
""",
    "memory": HEADER.format(measure=320000)
    + """
static __attribute__((noinline)) double total(const double *x, long count)
{
    double a = 0, b = 0, c = 0, d = 0;
    for (long i = 0; i + 3 < count; i += 4)
        a += x[i], b += x[i + 1], c += x[i + 2], d += x[i + 3];
    return a + b + c + d;
}

void work(int n, const double *x, double *y)
{
    for (int i = 0; i < 8; i++)
        y[i] = n;
    y[0] = total(x, n);
    double wasted = total(x + n, (long)n * EXTRA / 100);
    __asm__ volatile("" : : "x"(wasted));
}
""",
}
EFFECTS = (0, 5, 10)


@dataclass
class Cell:
    """All trials of one kernel and one size of change."""

    verdicts: Counter[str] = field(default_factory=Counter)
    pairs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def add(self, trial: Mapping[str, Any]) -> None:
        self.verdicts[trial["verdict"]] += 1
        self.pairs.append(trial["pairs"])
        self.seconds.append(trial["seconds"])
        if trial["ratio"] is not None:
            self.ratios.append(trial["ratio"])

    def share(self, *verdicts: str) -> float:
        return self._counted(verdicts) / len(self.pairs)

    def shown(self, *verdicts: str) -> str:
        interval = clopper_pearson(self._counted(verdicts), len(self.pairs))
        return f"{interval.estimate:6.1%} ({interval.low:.1%} to {interval.high:.1%})"

    def _counted(self, verdicts: tuple[str, ...]) -> int:
        return sum(self.verdicts[v] for v in verdicts)


def version(effect: int, mark: int) -> Candidate:
    flags = ["-O2", f"-DEXTRA={effect}", f"-DMARK={mark}"]
    return Candidate(files={}, settings={"compiler": "gcc", "cflags": flags})


async def prepared(folder: Path, names: list[str], sandbox: Sandbox) -> dict[str, Problem]:
    domain, found = KernelsDomain(), {}
    for name in names:
        path = folder / f"{name}.c"
        path.write_text(KERNELS[name])
        found[name] = await domain.read(path, Goal.SPEED, {}, sandbox)
    return found


async def measured(names: list[str], trials: int, kept: Kept) -> dict[tuple[str, int], Cell]:
    sandbox = await open_sandbox()
    cells = {(name, effect): Cell() for name in names for effect in EFFECTS}
    plan = [key for key in cells for _ in range(trials)]
    random.Random(1).shuffle(plan)
    for trial in kept.rows[: len(plan)]:  # made in the order of the plan by an earlier run
        cells[trial["kernel"], trial["effect"]].add(trial)
    start = len(kept.rows)
    domain = KernelsDomain()
    with tempfile.TemporaryDirectory() as folder:
        problems = await prepared(Path(folder), names, sandbox)
        for name in names:  # compile once; a trial is timing alone
            for effect in EFFECTS:
                await domain.measure(
                    problems[name], version(effect, 1), version(0, 2), sandbox, Depth.QUICK
                )
        for done, (name, effect) in enumerate(plan[start:], start=start):
            began = time.perf_counter()
            (comparison,) = await domain.measure(
                problems[name], version(effect, 1), version(0, 2), sandbox, Depth.FULL
            )
            seconds = time.perf_counter() - began
            told = {"verdict": str(comparison.verdict), "pairs": comparison.pairs}
            kept.add(
                {
                    "kernel": name,
                    "effect": effect,
                    "seconds": seconds,
                    "ratio": comparison.ratio,
                    **told,
                }
            )
            cells[name, effect].add(kept.rows[-1])
            if done % 20 == 0:
                print(f"{done} of {len(plan)} trials", file=sys.stderr)
    return cells


def report(cells: dict[tuple[str, int], Cell]) -> int:
    bars = Bars()
    print(
        "kernel  change  called faster or different   called faster              pairs  s/trial  sd of ratio"
    )
    for (name, effect), cell in cells.items():
        called, faster = cell.shown("faster", "different"), cell.shown("faster")
        spread = stdev(cell.ratios) if len(cell.ratios) > 1 else 0.0
        print(
            f"{name:7} {effect:4} %  {called:27}  {faster:25}  {fmean(cell.pairs):5.1f}  "
            f"{fmean(cell.seconds):7.2f}  {spread:.3f}   {dict(cell.verdicts)}"
        )
    names = list(dict.fromkeys(name for name, _ in cells))
    equal = [cells[name, 0] for name in names]
    if len(equal[0].pairs) < 100:  # too few for a small share of one kernel
        called = [cell.share("faster", "different") for cell in equal]
        bars.at_most("aa_called", fmean(called), 0.05)
    for name in names:
        if len(equal[0].pairs) >= 100:
            bars.at_most(f"{name}_aa_called", cells[name, 0].share("faster", "different"), 0.05)
        bars.at_least(f"{name}_5_called", cells[name, 5].share("faster", "different"), 0.80)
        bars.at_least(f"{name}_10_faster", cells[name, 10].share("faster"), 0.80)
        most = max(max(cells[name, effect].pairs) for effect in EFFECTS)
        bars.at_most(f"{name}_most_pairs", most, 60)
    return bars.close()


def main() -> int:
    """Print the table and the bars; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="16 trials per cell instead of 200")
    parser.add_argument("--trials", type=int, default=0, help="trials per cell")
    parser.add_argument("--kernel", choices=KERNELS, action="append", help="only this kernel")
    accept(parser)
    options = parser.parse_args()
    trials = options.trials or (16 if options.quick else 200)
    print(f"{trials} trials per cell, looks at 10 to 60 pairs, margin 3 %, FULL depth")
    return report(
        asyncio.run(measured(options.kernel or list(KERNELS), trials, Kept(options.results)))
    )


if __name__ == "__main__":
    sys.exit(main())
