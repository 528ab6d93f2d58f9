"""Feed every parser of untrusted text with mutated inputs: no crash, branches reached, planted bugs found.

usage: python -m benchmarks.fuzz [--quick] [--only PARSER] [--seed N] [--results FILE]

Inputs derive from well-formed texts (`benchmarks/fuzzing/corpus.toml`) by seeded mutations. A text passes when the
parser accepts it and the properties of `benchmarks/fuzzing/checks.py` hold, or when it answers with its typed error.
One bug per parser, planted in a copy of its source, must be found within the same number of inputs. A run that was cut
goes on where it ended when it is given the same FILE, which holds one line of JSON for each parser that is done.
"""

import argparse
import importlib
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.fuzzing.campaign import Parser, attack, branch_coverage, parsers

FULL, QUICK = 1_000_000, 20_000
LEAST_COVERAGE = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the campaign against one parser showed."""

    name: str
    inputs: int
    seed: int
    accepted: int
    branches: float
    missed: list[str]
    bug_at: int
    """Number of the text that found the planted bug, 0 when none did."""
    slowest_s: float
    wall_s: float
    findings: dict[str, str]

    def show(self) -> None:
        """Print the row, and what is wrong with it."""
        print(
            f"{self.name:21} {self.inputs:8} {self.accepted / self.inputs:8.0%} {self.branches:8.0%} "
            f"{self.bug_at or 'missed':>8} {self.slowest_s * 1e3:10.1f} {self.wall_s:7.1f}",
            flush=True,
        )
        for kind, text in self.findings.items():
            print(f"  FOUND {kind}\n    {text[:300]!r}")
        if self.branches < LEAST_COVERAGE:
            print(f"  missed branches: {' '.join(self.missed)}")

    def judge(self, bars: Bars) -> None:
        """Hold the row to the bars."""
        bars.at_most(f"{self.name}_crashes", len(self.findings), 0)
        bars.at_least(f"{self.name}_branch_coverage", self.branches, LEAST_COVERAGE)
        bars.at_least(f"{self.name}_planted_bug_found", min(self.bug_at, 1), 1)
        bars.at_most(f"{self.name}_slowest_cpu_s", self.slowest_s, 1.0)


def campaign(parser: Parser, inputs: int, seed: int) -> Row:
    """Attack one parser, measure what is reached, and hunt the planted bug."""
    started = time.perf_counter()
    out = attack(parser, importlib.import_module(parser.module), inputs, seed)
    covered, missed = branch_coverage(parser, max(1500, min(inputs, 5000)), seed + 1)
    hunt = attack(parser, parser.planted(), max(inputs, 3000), seed, until_found=True)
    return Row(
        name=parser.name,
        inputs=out.inputs,
        seed=seed,
        accepted=out.accepted,
        branches=covered,
        missed=missed,
        bug_at=hunt.inputs if hunt.findings else 0,
        slowest_s=out.slowest_s,
        wall_s=time.perf_counter() - started,
        findings=out.findings,
    )


def kept(path: Path | None) -> dict[tuple[str, int, int], Row]:
    """Return the rows of earlier runs by parser, inputs and seed."""
    if path is None or not path.exists():
        return {}
    rows = [Row(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return {(row.name, row.inputs, row.seed): row for row in rows}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK} inputs instead of {FULL}")
    arguments.add_argument("--only", help="one parser by its name")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--results", type=Path, metavar="FILE")
    given = arguments.parse_args()
    chosen = [p for p in parsers() if given.only in (None, p.name)]
    if not chosen:
        arguments.error(f"no parser '{given.only}'")
    total = QUICK if given.quick else FULL
    weight = sum(p.share for p in chosen)
    bars, fed, done = Bars(), 0, kept(given.results)
    print(
        f"{'parser':21} {'inputs':>8} {'accepted':>8} {'branches':>8} {'bug at':>8} {'slowest ms':>10} {'s':>7}"
    )
    for parser in chosen:
        inputs = math.ceil(total * parser.share / weight)
        row = done.get((parser.name, inputs, given.seed))
        if row is None:
            row = campaign(parser, inputs, given.seed)
            if given.results:
                with given.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
        row.show()
        row.judge(bars)
        fed += row.inputs
    bars.at_least("inputs", fed, total)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
