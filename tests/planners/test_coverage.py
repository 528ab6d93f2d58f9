import itertools
from math import comb
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.coverage import eff_at_k, efficiency, pass_at_k


@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_its_closed_form(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, c, k) == pytest.approx(1 - comb(n - c, k) / comb(n, k))


def test_pass_at_k_stays_accurate_where_the_binomials_overflow_a_float():
    assert pass_at_k(100_000, 1, 1) == pytest.approx(1e-5)
    assert pass_at_k(100_000, 50_000, 1000) == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 0), (5, 1, 6)])
def test_pass_at_k_outside_its_domain_is_refused(n, c, k):
    with pytest.raises(ValueError, match="not defined"):
        pass_at_k(n, c, k)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=8), st.data())
def test_eff_at_k_is_the_mean_of_the_best_over_all_subsets(scores, data):
    k = data.draw(st.integers(1, len(scores)))
    brute = fmean(max(group) for group in itertools.combinations(scores, k))
    assert eff_at_k(scores, k) == pytest.approx(brute)


def test_eff_at_k_of_zeros_and_ones_is_pass_at_k():
    assert eff_at_k([1.0] * 3 + [0.0] * 17, 5) == pytest.approx(pass_at_k(20, 3, 5))


def test_a_run_that_was_cut_off_scores_nothing():
    assert efficiency(None, reference_s=1, limit_s=10) == 0
    assert efficiency(10.0, reference_s=1, limit_s=10) == 0
    assert efficiency(99.0, reference_s=1, limit_s=10) == 0
    assert efficiency(1.0, reference_s=1, limit_s=10) == 1
    with pytest.raises(ValueError, match="beyond"):
        efficiency(1.0, reference_s=10, limit_s=10)
