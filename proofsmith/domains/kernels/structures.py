"""Contents of arrays that hold offsets or text."""

import random
from collections.abc import Sequence


def offsets(rng: random.Random, count: int, total: int, *, one_step: bool) -> Sequence[int]:
    """Return `count` non-decreasing offsets from 0 to `total`; with `one_step` all rows but one are empty."""
    if count <= 1:
        return [0] * count
    if one_step:
        cut = rng.randrange(1, count)
        return [0] * cut + [total] * (count - cut)
    inner = sorted(rng.randint(0, total) for _ in range(count - 2))
    return [0, *inner, total]


def text(rng: random.Random, count: int, letters: bytes) -> Sequence[int]:
    """Return `count` characters of an alphabet."""
    return rng.choices(letters, k=count)
