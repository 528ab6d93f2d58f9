"""Unbiased estimates from repeated samples: pass@k, and eff@k with runs that were cut off."""

import math
from collections.abc import Sequence


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Estimate the chance that k samples hold a right one: 1 - C(n-c, k) / C(n, k), as a stable product.

    Raises:
        ValueError: unless 0 <= right <= samples and 1 <= k <= samples.

    >>> round(pass_at_k(10, 3, 1), 12)
    0.3
    """
    if not (0 <= right <= samples and 1 <= k <= samples):
        raise ValueError(f"pass@{k} of {right} right among {samples} is not defined")
    if samples - right < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(samples - right + 1, samples + 1))


def efficiency(time_s: float | None, *, reference_s: float, limit_s: float) -> float:
    """Score one run 0.. relative to the reference (1 = as fast): (limit - t) / (limit - reference), not below 0.

    `time_s` None is a wrong or cut-off program: a censored time counts as the limit, so as 0, never as a fast run.

    Raises:
        ValueError: the limit is not beyond the reference.
    """
    if limit_s <= reference_s:
        raise ValueError("the limit must be beyond the reference time")
    return 0.0 if time_s is None else max(0.0, (limit_s - time_s) / (limit_s - reference_s))


def eff_at_k(scores: Sequence[float], k: int) -> float:
    """Estimate the expected best of k samples without bias: sum over r of C(r-1, k-1) / C(n, k) times the r-th score.

    Scores are in any order, 0 for censored and wrong samples (ENAMEL, Qiu et al. 2024).

    Raises:
        ValueError: k is not in 1..len(scores).

    >>> eff_at_k([0.0, 1.0], 1), eff_at_k([0.0, 1.0], 2)
    (0.5, 1.0)
    """
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(f"eff@{k} of {n} samples is not defined")
    total, weight = 0.0, k / n
    for rank, score in zip(range(n, k - 1, -1), sorted(scores, reverse=True), strict=False):
        total += weight * score
        weight *= (rank - k) / (rank - 1) if rank > 1 else 0.0
    return total
