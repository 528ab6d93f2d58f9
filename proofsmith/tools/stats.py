"""Statistics of paired timings: interval, sequential verdict, self-check; means and proportions for tables.

The estimator of a speed-up is the Hodges-Lehmann median of the pairs' log ratios with the exact Wilcoxon signed-rank
interval (Hollander, Wolfe, Chicken, *Nonparametric Statistical Methods*, 3.2-3.4). When the order inside each pair is
drawn at random, swapping the labels of two equal programs changes nothing, so every log ratio is symmetric about 0
whatever the noise looks like and however it is correlated in time: the interval needs no other assumption.
Looking several times is paid for by dividing the level by the number of looks; the intervals of all looks then hold
together, so their intersection is reported, which can only shrink.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from proofsmith.types import ComparisonVerdict

MARGIN = 0.03
"""A gain below this is never published."""
LOOKS = (10, 20, 30, 40, 50, 60)
"""Numbers of pairs after which a full comparison may stop."""
SCREENING_LOOKS = (10, 20)
"""The same for screening during a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its bounds, in the unit of the values."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance between the bounds."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the pairs so far say: `ratio`, `low`, `high` are base / candidate; `settled` when more pairs are useless."""

    verdict: ComparisonVerdict
    ratio: float
    low: float
    high: float
    pairs: int
    settled: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """What comparing a program with itself says about the host."""

    biased: bool
    """Identical code measured as different: only what differs by much more can be believed here."""
    noisy: bool
    """The interval is too wide for a decision at the first look; more pairs are needed."""
    ratio: float
    low: float
    high: float
    reason: str

    @property
    def bias(self) -> float:
        """Log ratio that the host may feign: twice the largest that the interval holds; 0 unless `biased`."""
        return 2 * max(-math.log(self.low), math.log(self.high)) if self.biased else 0.0


@lru_cache(maxsize=128)
def _signed_rank_tail(count: int) -> tuple[float, ...]:
    """Return P(W <= w) for the signed-rank statistic of `count` symmetric values, w = 0, 1, ... (exact)."""
    ways = [1]
    for rank in range(1, count + 1):
        longer = ways + [0] * rank
        for w, n in enumerate(ways):
            longer[w + rank] += n
        ways = longer
    total, running, tail = 2**count, 0, []
    for n in ways:
        running += n
        tail.append(running / total)
    return tuple(tail)


def hodges_lehmann(values: Sequence[float], alpha: float = 0.05) -> Interval:
    """Return the median of all pairwise means and its exact two-sided interval at level 1 - `alpha`.

    With too few values for the level the interval is the whole line.

    Raises:
        ValueError: `values` is empty.

    >>> i = hodges_lehmann(range(1, 12))
    >>> i.estimate, i.low, i.high
    (6.0, 3.5, 8.5)
    >>> hodges_lehmann([1.0, 2.0]).high
    inf
    """
    count = len(values)
    if not count:
        raise ValueError("an interval needs at least one value")
    walsh = sorted((values[i] + values[j]) / 2 for i in range(count) for j in range(i, count))
    middle = len(walsh) // 2
    estimate = walsh[middle] if len(walsh) % 2 else (walsh[middle - 1] + walsh[middle]) / 2
    cut = sum(1 for p in _signed_rank_tail(count) if p <= alpha / 2)
    if cut == 0:
        return Interval(estimate=estimate, low=-math.inf, high=math.inf)
    return Interval(estimate=estimate, low=walsh[cut - 1], high=walsh[-cut])


def level_per_look(looks: int) -> float:
    """Return the two-sided level at each of `looks` looks that keeps at most 5 % over all of them (Bonferroni).

    Since looks overlap, six of them spend 3.2 % in truth (normal values): the reported interval holds at least 95 %.

    >>> round(level_per_look(1), 3), round(level_per_look(6), 4)
    (0.05, 0.0083)
    """
    return 0.05 / looks


def verdict_of(low: float, high: float, margin: float = MARGIN) -> ComparisonVerdict:
    """Classify an interval of base / candidate.

    >>> [str(verdict_of(*i)) for i in ((1.04, 1.2), (0.8, 0.9), (1.01, 1.2), (0.99, 1.02), (0.9, 1.2))]
    ['faster', 'slower', 'different', 'no difference', 'inconclusive']
    """
    if low > 1 + margin:
        return ComparisonVerdict.FASTER
    if high < 1 / (1 + margin):
        return ComparisonVerdict.SLOWER
    if low >= 1 / (1 + margin) and high <= 1 + margin:
        return ComparisonVerdict.NO_DIFFERENCE
    if low > 1 or high < 1:
        return ComparisonVerdict.DIFFERENT
    return ComparisonVerdict.INCONCLUSIVE


_SETTLED = (
    ComparisonVerdict.FASTER,
    ComparisonVerdict.SLOWER,
    ComparisonVerdict.NO_DIFFERENCE,
)


def judge(
    log_ratios: Sequence[float],
    *,
    looks: Sequence[int] = LOOKS,
    margin: float = MARGIN,
    bias: float = 0.0,
) -> Judgement:
    """Judge the pairs measured so far; `log_ratios` are log(base / candidate), one per pair, in order of measuring.

    Only the pairs up to the last reached look count, so a caller that stops late gains nothing by it. `bias` is what
    the host may add to every log ratio: the interval is widened by it on either side.

    Raises:
        ValueError: fewer pairs than the first look.

    >>> j = judge([0.1, 0.11, 0.09] * 4)
    >>> str(j.verdict), j.pairs, j.settled
    ('faster', 10, True)
    >>> str(judge([0.1, 0.11, 0.09] * 4, bias=0.08).verdict)
    'different'
    """
    reached = [look for look in looks if look <= len(log_ratios)]
    if not reached:
        raise ValueError(f"a verdict needs {looks[0]} pairs, got {len(log_ratios)}")
    alpha = level_per_look(len(looks))
    low, high = -math.inf, math.inf
    for look in reached:
        interval = hodges_lehmann(log_ratios[:look], alpha)
        low, high = max(low, interval.low - bias), min(high, interval.high + bias)
        verdict = verdict_of(math.exp(low), math.exp(high), margin)
        if low > high or verdict in _SETTLED:
            break
    ratio = math.exp(interval.estimate)
    if low > high:
        return Judgement(
            verdict=ComparisonVerdict.INCONCLUSIVE,
            ratio=ratio,
            low=math.exp(interval.low),
            high=math.exp(interval.high),
            pairs=look,
            settled=True,
            reason="the ratio drifted during the measurement: the looks contradict each other",
        )
    settled = verdict in _SETTLED or look == looks[-1]
    low_ratio, high_ratio = math.exp(low), math.exp(high)
    return Judgement(
        verdict=verdict,
        ratio=min(max(ratio, low_ratio), high_ratio),
        low=low_ratio,
        high=high_ratio,
        pairs=look,
        settled=settled,
        reason=_reason(verdict, low_ratio, high_ratio, look, margin),
    )


def _reason(verdict: ComparisonVerdict, low: float, high: float, pairs: int, margin: float) -> str:
    """Say in words why the interval [low, high] has this verdict."""
    interval = f"95 % interval {low:.3f} to {high:.3f} after {pairs} pairs"
    explanation = {
        ComparisonVerdict.FASTER: f"lies wholly above the margin of {margin:.0%}",
        ComparisonVerdict.SLOWER: f"lies wholly below the margin of {margin:.0%}",
        ComparisonVerdict.DIFFERENT: f"excludes 1 but reaches into the margin of {margin:.0%}",
        ComparisonVerdict.NO_DIFFERENCE: f"lies inside the margin of {margin:.0%}",
        ComparisonVerdict.INCONCLUSIVE: "is too wide to tell",
    }
    return f"{interval} {explanation[verdict]}"


def self_check(log_ratios: Sequence[float], *, half_width: float = 0.02) -> SelfCheck:
    """Judge pairs of a program with itself: `noisy` above `half_width`, `biased` when 1 is excluded.

    Exclusion is judged at 1 % and must be by a measurable amount (0.5 %), since 5 % would refuse every twentieth
    healthy host.

    >>> self_check([0.001, -0.002, 0.003, -0.001, 0.0, 0.002, -0.003, 0.001, -0.001, 0.0]).biased
    False
    >>> self_check([0.05, 0.06, 0.055, 0.052, 0.058, 0.05, 0.06, 0.055, 0.052, 0.058]).biased
    True
    """
    strict, usual = hodges_lehmann(log_ratios, 0.01), hodges_lehmann(log_ratios)
    biased = (strict.low > 0 or strict.high < 0) and abs(strict.estimate) > 0.005
    noisy = usual.half_width > half_width
    ratio, low, high = (math.exp(x) for x in (usual.estimate, usual.low, usual.high))
    if biased:
        reason = f"identical code measured as {ratio:.3f} ({low:.3f} to {high:.3f})"
    elif noisy:
        reason = f"identical code scatters by {usual.half_width:.1%}, more than {half_width:.0%}"
    else:
        reason = f"identical code agrees within {usual.half_width:.1%}"
    return SelfCheck(biased=biased, noisy=noisy, ratio=ratio, low=low, high=high, reason=reason)


def orders(pairs: int, rng: random.Random) -> Iterator[bool]:
    """Yield for each pair whether the base runs first: independent fair coins, which the interval relies on."""
    for _ in range(pairs):
        yield rng.getrandbits(1) == 1


def geometric_mean(
    ratios: Sequence[float], *, alpha: float = 0.05, resamples: int = 4000, seed: int = 0
) -> Interval:
    """Return the geometric mean of positive `ratios` with a percentile bootstrap interval over them.

    Raises:
        ValueError: no ratio, or one that is not positive.

    >>> geometric_mean([2.0, 8.0]).estimate
    4.0
    """
    if not ratios or min(ratios) <= 0:
        raise ValueError("a geometric mean needs positive ratios")
    logs = [math.log(r) for r in ratios]
    rng = random.Random(seed)
    means = sorted(math.fsum(rng.choices(logs, k=len(logs))) / len(logs) for _ in range(resamples))
    cut = int(alpha / 2 * resamples)
    return Interval(
        estimate=math.exp(math.fsum(logs) / len(logs)),
        low=math.exp(means[cut]),
        high=math.exp(means[-1 - cut]),
    )


def clopper_pearson(successes: int, trials: int, alpha: float = 0.05) -> Interval:
    """Return the share of successes with the exact binomial interval (Biometrika 26, 1934).

    >>> i = clopper_pearson(0, 20)
    >>> i.low, round(i.high, 3)
    (0.0, 0.168)
    >>> round(clopper_pearson(8, 10).low, 3)
    0.444
    """
    _check_counts(successes, trials)
    low = _solve(lambda p: 1 - _binomial_cdf(successes - 1, trials, p) > alpha / 2)
    high = _solve(lambda p: _binomial_cdf(successes, trials, p) < alpha / 2)
    return Interval(
        estimate=successes / trials,
        low=low if successes else 0.0,
        high=high if successes < trials else 1.0,
    )


def _check_counts(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials is impossible")


def _binomial_cdf(k: int, trials: int, p: float) -> float:
    if p in (0.0, 1.0):
        return 1.0 if p == 0.0 or k >= trials else 0.0
    return math.fsum(
        math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(i + 1)
            - math.lgamma(trials - i + 1)
            + i * math.log(p)
            + (trials - i) * math.log1p(-p)
        )
        for i in range(k + 1)
    )


def _solve(above: Callable[[float], bool]) -> float:
    """Return the share in 0..1 where the monotone test `above` turns true."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return (low + high) / 2
