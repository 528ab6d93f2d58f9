"""Compare rules of selection in seven regimes of programs and tests.

Run it as `python benchmarks/selection.py [--quick] [--seed N]`. A right program passes exactly the valid tests; a wrong
one passes a valid test with chance 0.5 and an invalid one with 0.2. With modes, wrong programs share few behaviours.
"""

import argparse
import random
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bars import Bars
from proofsmith.planners.matrix import RULES, Matrix, matrix
from proofsmith.planners.select import close, contenders, doubts, runoff

REGIMES = (
    (20, 30, 0.2, 0.3, 0),
    (20, 20, 0.3, 0.1, 0),
    (20, 20, 0.2, 0.7, 4),
    (40, 20, 0.1, 0.7, 6),
    (40, 20, 0.1, 0.85, 6),
    (20, 20, 0.2, 0.4, 4),
    (20, 20, 0.2, 0.2, 4),
)
"""Programs, tests, chance of a right program, chance of a valid test, shared wrong behaviours (0: independent)."""
LUCKY = (0.2, 0.5)
"""Chance that a wrong program passes an invalid and a valid test."""
STAGES = {"+2 tests": 2, "+5 tests": 5}
ABSTAINED = 0.4
"""Of regime 7. Its draws overlap with those of regime 6: a rule that knows every rate above reaches 0.54 when it gives
up 5 % of regime 6."""
PUBLISHED = ("MaxPass", "MBR", "CodeT", "B4(10,10)", "B4(1e5,1e3)")


def draw(rng: random.Random, regime: tuple[int, int, float, float, int]) -> tuple[Matrix, int]:
    """Return a matrix with at least one right program, one wrong one and one valid test, and the right row."""
    programs, tests, right, valid_share, modes = regime

    def wrong(valid: int) -> int:
        return sum((rng.random() < LUCKY[valid >> j & 1]) << j for j in range(tests))

    while True:
        valid = sum((rng.random() < valid_share) << j for j in range(tests))
        flags = [rng.random() < right for _ in range(programs)]
        if valid and any(flags) and not all(flags):
            break
    pool = [wrong(valid) for _ in range(modes)]
    rows = [valid if ok else rng.choice(pool) if modes else wrong(valid) for ok in flags]
    return matrix(rows, tests), valid


def second_stage(rng: random.Random, m: Matrix, valid: int, tests: int) -> bool:
    """Say whether the right row wins when doubtful cases get `tests` new tests of the best three.

    Each new test judges each program rightly with chance 0.6; clear cases keep the gated choice.
    """
    top = contenders(m)
    if not (doubts(m) or close(m)):
        return top[0] == valid
    passed = {
        str(row): [(rng.random() < 0.6) == (row == valid) for _ in range(tests)] for row in top
    }
    prior = {str(row): -0.2 * place for place, row in enumerate(top)}
    return runoff(prior, passed, 0.6) == str(valid)


def measure(
    regime: tuple[int, int, float, float, int], count: int, seed: int
) -> Mapping[str, float]:
    """Return the share of right choices per rule (ties count in part), of abstentions, and after a second stage."""
    rng, hits = random.Random(seed), dict.fromkeys((*RULES, "abstain", "of answered", *STAGES), 0.0)
    for _ in range(count):
        m, valid = draw(rng, regime)
        for name, rule in RULES.items():
            scores = rule(m)
            top = [row for row in scores if scores[row] == max(scores.values())]
            hits[name] += (valid in top) / len(top)
        silent = bool(doubts(m))
        hits["abstain"] += silent
        hits["of answered"] += not silent and contenders(m)[0] == valid
        for name, tests in STAGES.items():
            hits[name] += second_stage(rng, m, valid, tests)
    answered = count - hits["abstain"]
    shares = {name: hit / count for name, hit in hits.items()}
    return shares | {"of answered": hits["of answered"] / answered}


def main() -> int:
    """Print the table and the bars; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="400 draws per regime instead of 2000")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    count = 400 if options.quick else 2000
    bars = Bars()
    rows = [measure(regime, count, options.seed + n) for n, regime in enumerate(REGIMES)]
    print(f"% right over {count} draws per regime, seed {options.seed}")
    print("programs tests right valid modes " + " ".join(f"{name:>11}" for name in rows[0]))
    for n, (regime, row) in enumerate(zip(REGIMES, rows, strict=True), 1):
        print("{:8} {:5} {:5} {:5} {:5} ".format(*regime), end="")
        print(" ".join(f"{100 * value:11.1f}" for value in row.values()))
        best = max(row[name] for name in PUBLISHED)
        bars.at_least(f"gated_minus_best_published_regime{n}", row["gated"] - best, -0.02)
    bars.at_least("abstained_regime7", rows[6]["abstain"], ABSTAINED)
    bars.at_least("right_of_answered_regime7", rows[6]["of answered"], 0.5)
    for n, row in enumerate(rows[:6], 1):
        bars.at_least(f"answered_regime{n}", 1 - row["abstain"], 0.95)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
