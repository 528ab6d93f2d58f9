"""The decision rule on seeded noise: coverage, looks, verdict table, false alarms and power."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.tools import stats
from proofsmith.types import ComparisonVerdict


def noise(rng, count, effect=0.0, spread=0.065):
    """Log ratios as a busy host gives them: autocorrelated, heavy-tailed, sides swapped at random."""
    values, phase = [], 0.0
    for _ in range(count):
        phase = 0.8 * phase + rng.gauss(0, spread / 2)
        error = rng.gauss(0, spread) + phase
        if rng.random() < 0.05:
            error *= 5
        values.append(effect + (error if rng.getrandbits(1) else -error))
    return values


def verdicts(effect, trials, seed, spread=0.065):
    rng = random.Random(seed)
    return [stats.judge(noise(rng, 60, effect, spread)).verdict for _ in range(trials)]


@pytest.mark.parametrize("count", [10, 30, 60])
def test_interval_covers_the_truth_at_its_level_even_with_heavy_tails(count):
    rng = random.Random(count)
    trials = 400
    hits = 0
    for _ in range(trials):
        interval = stats.hodges_lehmann(noise(rng, count, 0.1))
        hits += interval.low <= 0.1 <= interval.high
    assert stats.clopper_pearson(hits, trials, 0.001).high >= 0.95
    assert hits / trials < 0.995, "an interval that always covers is too wide to be useful"


def test_equal_programs_are_called_different_or_faster_in_at_most_five_percent():
    called = [v in ("faster", "different") for v in verdicts(0.0, 400, 1)]
    assert stats.clopper_pearson(sum(called), 400, 0.01).low <= 0.05


def test_a_five_percent_change_is_called_in_most_trials():
    called = [v in ("faster", "different") for v in verdicts(math.log(1.05), 200, 2)]
    assert sum(called) / 200 >= 0.8


def test_a_ten_percent_change_is_called_faster_in_most_trials():
    called = [v == "faster" for v in verdicts(math.log(1.10), 200, 3)]
    assert sum(called) / 200 >= 0.8


def test_looking_at_every_pair_without_correction_would_raise_false_alarms():
    rng = random.Random(4)
    naive = corrected = 0
    for _ in range(300):
        values = noise(rng, 60)
        naive += any(
            not (i := stats.hodges_lehmann(values[:n])).low <= 0 <= i.high for n in stats.LOOKS
        )
        alpha = stats.level_per_look(len(stats.LOOKS))
        corrected += any(
            not (i := stats.hodges_lehmann(values[:n], alpha)).low <= 0 <= i.high
            for n in stats.LOOKS
        )
    assert corrected / 300 <= 0.08 < naive / 300


@given(st.lists(st.floats(-0.5, 0.5), min_size=60, max_size=60))
@settings(max_examples=40, deadline=None)
def test_the_interval_never_widens_from_look_to_look(values):
    previous = None
    for look in stats.LOOKS:
        judgement = stats.judge(values[:look])
        assert judgement.low <= judgement.ratio <= judgement.high
        if previous and not judgement.reason.startswith("the ratio drifted"):
            assert judgement.low >= previous.low
            assert judgement.high <= previous.high
        previous = judgement
        if judgement.settled:
            assert stats.judge(values).verdict == judgement.verdict
            break


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.0301, 1.5, "faster"),
        (1.03, 1.5, "different"),
        (1.0001, 1.031, "different"),
        (1.0001, 1.02, "no difference"),
        (0.98, 1.029, "no difference"),
        (0.96, 1.02, "inconclusive"),
        (0.9, 1.1, "inconclusive"),
        (0.9, 0.99, "different"),
        (0.5, 0.97, "slower"),
        (0.0, math.inf, "inconclusive"),
    ],
)
def test_verdict_follows_from_the_interval_alone(low, high, expected):
    assert stats.verdict_of(low, high) == expected


def test_a_point_estimate_above_the_margin_is_not_enough():
    values = [0.3, -0.2, 0.25, -0.1, 0.2, 0.3, -0.2, 0.3, 0.1, 0.2]
    judgement = stats.judge(values)
    assert judgement.ratio > 1.03
    assert judgement.verdict is ComparisonVerdict.INCONCLUSIVE
    assert not judgement.settled


def test_looks_that_contradict_each_other_are_reported_as_drift():
    early = [0.022 + i * 2e-3 for i in range(10)]
    judgement = stats.judge([*early, *[0.5] * 50], looks=(10, 60))
    assert judgement.verdict is ComparisonVerdict.INCONCLUSIVE
    assert "drifted" in judgement.reason


def test_too_few_pairs_give_no_verdict():
    with pytest.raises(ValueError, match="needs 10 pairs"):
        stats.judge([0.1] * 9)


def test_self_check_refuses_a_biased_host_and_asks_a_noisy_one_for_more_pairs():
    rng = random.Random(5)
    assert stats.self_check([rng.gauss(0.03, 0.01) for _ in range(20)]).biased
    noisy = stats.self_check([rng.gauss(0, 0.1) for _ in range(10)])
    assert noisy.noisy
    assert not noisy.biased
    calm = stats.self_check([rng.gauss(0, 0.005) for _ in range(10)])
    assert not calm.noisy
    assert not calm.biased


def test_a_biased_host_shows_only_what_exceeds_its_bias():
    rng = random.Random(7)
    check = stats.self_check([rng.gauss(0.02, 0.005) for _ in range(30)])
    assert check.biased
    assert 0.04 < check.bias < 0.06
    small = [rng.gauss(0.05, 0.005) for _ in range(60)]
    assert stats.judge(small).verdict is ComparisonVerdict.FASTER
    assert stats.judge(small, bias=check.bias).verdict is not ComparisonVerdict.FASTER
    large = stats.judge([rng.gauss(1.0, 0.005) for _ in range(10)], bias=check.bias)
    assert large.verdict is ComparisonVerdict.FASTER
    assert large.low < math.exp(1.0 - check.bias) + 0.01


def test_self_check_rarely_refuses_a_healthy_host():
    rng = random.Random(6)
    refused = sum(stats.self_check(noise(rng, 20)).biased for _ in range(300))
    assert refused / 300 <= 0.03


def test_orders_are_fair_and_reproducible():
    first = list(stats.orders(1000, random.Random(7)))
    assert first == list(stats.orders(1000, random.Random(7)))
    assert 430 < sum(first) < 570


def test_geometric_mean_contains_its_truth_and_refuses_nonsense():
    interval = stats.geometric_mean([2.0, 2.1, 1.9, 2.05, 1.95])
    assert interval.low < 2.0 < interval.high
    assert interval.high - interval.low < 0.2
    for bad in ([], [1.0, 0.0]):
        with pytest.raises(ValueError, match="positive"):
            stats.geometric_mean(bad)


def test_binomial_intervals_hold_their_share_and_refuse_what_cannot_be():
    for successes in (0, 1, 7, 19, 20):
        exact = stats.clopper_pearson(successes, 20)
        assert exact.low <= successes / 20 <= exact.high
    with pytest.raises(ValueError, match="impossible"):
        stats.clopper_pearson(3, 2)
