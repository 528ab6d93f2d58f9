"""Feed every parser of untrusted text with mutated inputs: no crash, branches reached, planted bugs found.

usage: python -m benchmarks.fuzz [--quick] [--only PARSER] [--seed N]

Inputs derive from well-formed texts (`benchmarks/fuzzing/corpus.toml`) by seeded mutations. A text passes when the
parser accepts it and the properties of `benchmarks/fuzzing/checks.py` hold, or when it answers with its typed error.
One bug per parser, planted in a copy of its source, must be found within the same number of inputs.
"""

import argparse
import importlib
import math
import sys
import time

from benchmarks.bars import Bars
from benchmarks.fuzzing.campaign import Parser, attack, branch_coverage, parsers

FULL, QUICK = 1_000_000, 20_000
LEAST_COVERAGE = 0.85


def judged(parser: Parser, bars: Bars, inputs: int, seed: int) -> int:
    """Run one parser's part and print its row; returns how many texts it was given."""
    started = time.perf_counter()
    out = attack(parser, importlib.import_module(parser.module), inputs, seed)
    covered, missed = branch_coverage(parser, max(1500, min(inputs, 5000)), seed + 1)
    hunt = attack(parser, parser.planted(), max(inputs, 3000), seed, until_found=True)
    print(
        f"{parser.name:18} {out.inputs:8} {out.accepted / out.inputs:8.0%} {covered:8.0%} "
        f"{hunt.inputs if hunt.findings else 'missed':>8} {out.slowest_s * 1e3:9.1f} "
        f"{time.perf_counter() - started:7.1f}"
    )
    for kind, text in out.findings.items():
        print(f"  FOUND {kind}\n    {text[:300]!r}")
    if covered < LEAST_COVERAGE:
        print(f"  missed branches: {' '.join(missed)}")
    bars.at_most(f"{parser.name}_crashes", len(out.findings), 0)
    bars.at_least(f"{parser.name}_branch_coverage", covered, LEAST_COVERAGE)
    bars.at_least(f"{parser.name}_planted_bug_found", len(hunt.findings), 1)
    bars.at_most(f"{parser.name}_slowest_cpu_s", out.slowest_s, 1.0)
    return out.inputs


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK} inputs instead of {FULL}")
    arguments.add_argument("--only", help="one parser by its name")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    chosen = [p for p in parsers() if given.only in (None, p.name)]
    if not chosen:
        arguments.error(f"no parser '{given.only}'")
    total = QUICK if given.quick else FULL
    weight = sum(p.share for p in chosen)
    bars, fed = Bars(), 0
    print(
        f"{'parser':18} {'inputs':>8} {'accepted':>8} {'branches':>8} {'bug at':>8} {'slowest ms':>9} {'s':>7}"
    )
    for parser in chosen:
        fed += judged(parser, bars, math.ceil(total * parser.share / weight), given.seed)
    bars.at_least("inputs", fed, total)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
