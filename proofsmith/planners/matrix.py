"""Rules that pick a behaviour from a matrix of programs against tests: MaxPass, MBR, CodeT, B4, and a gated rule.

A row is an int whose bit j says that the program passes test j. A class is a set of programs with equal rows. Each
rule scores classes; formulas after CodeT (Chen et al. 2022) and B4 (Chen et al. 2024).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

LUCKY, LUCKY_INVALID = (10, 10), (4, 16)
"""Beta priors on the chance that a wrong program passes a valid test, and another one."""
CHANCE = 0.01
"""A repetition less likely than this, were programs independent, counts as agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Rows of all programs over `tests` tests, with how often each distinct row occurs."""

    tests: int
    sizes: Mapping[int, int]
    """Number of independent lineages per distinct row."""

    @property
    def programs(self) -> int:
        """Total number of programs that count."""
        return sum(self.sizes.values())


def matrix(rows: Sequence[int], tests: int, lineages: Sequence[str] | None = None) -> Matrix:
    """Collapse rows to classes; programs of one lineage (one plan) with one row count once.

    Raises:
        ValueError: a row has more bits than there are tests, or the lineages do not match the rows.
    """
    if any(row < 0 or row >> tests for row in rows):
        raise ValueError(f"a row has bits beyond its {tests} tests")
    origins = list(lineages) if lineages is not None else [str(n) for n in range(len(rows))]
    pairs = dict.fromkeys(zip(rows, origins, strict=True))
    return Matrix(tests=tests, sizes=dict(Counter(row for row, _ in pairs)))


def log_beta(a: float, b: float) -> float:
    """Return ln B(a, b)."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def max_pass(m: Matrix) -> dict[int, float]:
    """Score a class by the tests it passes."""
    return {row: float(row.bit_count()) for row in m.sizes}


def mbr(m: Matrix) -> dict[int, float]:
    """Score a class by its size (minimum Bayes risk over executions)."""
    return {row: float(size) for row, size in m.sizes.items()}


def codet(m: Matrix) -> dict[int, float]:
    """Score a class by tests passed times the root of its size."""
    return {row: row.bit_count() * math.sqrt(size) for row, size in m.sizes.items()}


def b4(m: Matrix, a: float, b0: float) -> dict[int, float]:
    """Score a class by B4's log posterior with priors Beta(a, 1) on validity and Beta(1, b0) on lucky passes.

    ln B(|y|+a, M-|y|+1) + ln B(|x|+a, N-|x|+1) + ln B(s1+1, c1-s1+1) + ln B(s0+1, c0-s0+b0); s1 of c1 cells of the
    other rows pass where the class passes, s0 of c0 where it fails.
    """
    total = m.programs
    return {
        row: _tests_term(row, m.tests, a)
        + log_beta(size + a, total - size + 1)
        + _others_term(row, m.sizes, m.tests, (1, b0))
        for row, size in m.sizes.items()
    }


def b4u(m: Matrix, a: float = 10, b0: float = 10) -> dict[int, float]:
    """Score a class as B4 does, without popularity and over distinct rows: immune to shared ways of being wrong."""
    unique = dict.fromkeys(m.sizes, 1)
    return {
        row: _tests_term(row, m.tests, a) + _others_term(row, unique, m.tests, (1, b0))
        for row in m.sizes
    }


def posterior(m: Matrix) -> dict[int, float]:
    """Score a class by the log posterior that it is right, over distinct rows: any share of tests may be valid.

    A wrong program passes valid tests with a chance around 0.5 and others with one around 0.2, so what the others pass
    tells which row is the validity of the tests, also where most tests are invalid: there B4's prior misleads.
    """
    unique = dict.fromkeys(m.sizes, 1)
    return {
        row: _tests_term(row, m.tests, 1) + _others_term(row, unique, m.tests, LUCKY_INVALID, LUCKY)
        for row in m.sizes
    }


def valid_below(m: Matrix, share: float) -> float:
    """Return the posterior probability that less than `share` of the tests are valid."""
    scores = posterior(m)
    top = max(scores.values())
    weights = {row: math.exp(score - top) for row, score in scores.items()}
    total = math.fsum(weights.values())
    below = (w * _beta_below(share, row.bit_count(), m.tests) for row, w in weights.items())
    return math.fsum(below) / total


@cache
def _beta_below(share: float, passed: int, tests: int) -> float:
    """Return P(Beta(passed + 1, tests - passed + 1) < share): the tail of a binomial distribution."""
    n = tests + 1
    return math.fsum(
        math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(passed + 1, n + 1)
    )


def gated(m: Matrix) -> dict[int, float]:
    """Score by size when exactly one behaviour repeats more than chance explains, else by `posterior`.

    Then the errors of the others are independent, and agreement is evidence; otherwise programs share ways of being
    wrong, and only the tests can tell.
    """
    repeated = [row for row in m.sizes if surprising(m, row)]
    if len(repeated) != 1:
        return posterior(m)
    return {row: float(row == repeated[0]) for row in m.sizes}


def surprising(m: Matrix, row: int) -> bool:
    """Say whether a row occurs more often than independent programs with the other rows' pass rates would make it."""
    size, total = m.sizes[row], m.programs
    others = [(other, n) for other, n in m.sizes.items() if other != row]
    if size < 2:
        return False
    weight = total - size
    chance = 1.0
    for j in range(m.tests):
        passes = sum(n for other, n in others if other >> j & 1)
        rate = (passes + 0.5) / (weight + 1)
        chance *= rate if row >> j & 1 else 1 - rate
    return _poisson_tail(size, total * chance) < CHANCE


def _poisson_tail(least: int, mean: float) -> float:
    """Return the probability of at least `least` events."""
    return 1 - math.fsum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(least))


def _tests_term(row: int, tests: int, a: float) -> float:
    passed = row.bit_count()
    return log_beta(passed + a, tests - passed + 1)


def _others_term(
    row: int,
    sizes: Mapping[int, int],
    tests: int,
    invalid: tuple[float, float],
    valid: tuple[float, float] = (1, 1),
) -> float:
    """Return how well the other rows fit: Beta priors on their chances to pass invalid and valid tests."""
    s1 = s0 = others = 0
    for other, size in sizes.items():
        if other != row:
            s1 += size * (other & row).bit_count()
            s0 += size * (other & ~row).bit_count()
            others += size
    c1 = others * row.bit_count()
    c0 = others * (tests - row.bit_count())
    (a1, b1), (a0, b0) = valid, invalid
    return log_beta(s1 + a1, c1 - s1 + b1) + log_beta(s0 + a0, c0 - s0 + b0)


RULES: Mapping[str, Callable[[Matrix], dict[int, float]]] = {
    "MaxPass": max_pass,
    "MBR": mbr,
    "CodeT": codet,
    "B4(10,10)": lambda m: b4(m, 10, 10),
    "B4(1e5,1e3)": lambda m: b4(m, 1e5, 1e3),
    "B4u": b4u,
    "posterior": posterior,
    "gated": gated,
}
