import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners import matrix as rules
from proofsmith.planners.matrix import (
    b4,
    b4u,
    codet,
    gated,
    log_beta,
    matrix,
    max_pass,
    mbr,
    surprising,
)


def rows(*texts):
    """Return rows from '1101'-like texts, first test first."""
    return [sum((c == "1") << j for j, c in enumerate(text)) for text in texts]


SMALL = matrix(rows("1100", "1100", "1110", "0001"), 4)


def test_the_simple_rules_are_their_formulas():
    two, three, last = rows("1100", "1110", "0001")
    assert max_pass(SMALL) == {two: 2, three: 3, last: 1}
    assert mbr(SMALL) == {two: 2, three: 1, last: 1}
    assert codet(SMALL) == pytest.approx({two: 2 * math.sqrt(2), three: 3, last: 1})


def test_b4_is_the_sum_of_its_four_beta_terms():
    two = rows("1100")[0]
    a, b0 = 10, 100
    # other rows: 1110 and 0001; in columns 1-2 they pass 2 of 4 cells, in columns 3-4 they pass 2 of 4 cells
    expected = (
        log_beta(2 + a, 4 - 2 + 1)
        + log_beta(2 + a, 4 - 2 + 1)
        + log_beta(2 + 1, 4 - 2 + 1)
        + log_beta(2 + 1, 4 - 2 + b0)
    )
    assert b4(SMALL, a, b0)[two] == pytest.approx(expected)


def test_b4u_leaves_popularity_out():
    once, often = (
        matrix(rows("1100", "1110", "0001"), 4),
        matrix(rows("1100", "1110", "0001", "0001", "0001"), 4),
    )
    assert b4u(once) == pytest.approx(b4u(often))


def test_one_repeated_behaviour_among_different_ones_wins_by_agreement():
    rng = random.Random(1)
    wrong = [rng.getrandbits(20) for _ in range(15)]
    right = 0b11
    assert max(gated(m := matrix([*wrong, *[right] * 4], 20)), key=gated(m).get) == right


def test_shared_ways_of_being_wrong_do_not_win_by_their_number():
    wrong = rows("11110000000000000000", "00001111000000000000")
    right = rows("11111111111111000000")[0]
    m = matrix([wrong[0]] * 8 + [wrong[1]] * 8 + [right] * 3, 20)
    assert max(mbr(m), key=mbr(m).get) in wrong
    assert max(gated(m), key=gated(m).get) == right


def test_two_programs_that_pass_nothing_are_no_surprise_when_passing_is_rare():
    sparse = matrix([0, 0, *(1 << j for j in range(12))], 20)
    assert not surprising(sparse, 0)
    dense = matrix([0, 0, *(0xFFFFF ^ (1 << j) for j in range(12))], 20)
    assert surprising(dense, 0)


def test_programs_of_one_lineage_and_behaviour_count_once():
    m = matrix(rows("11", "11", "11", "01"), 2, ["plan", "plan", "other", "plan"])
    assert sorted(m.sizes.values()) == [1, 2]


@given(st.lists(st.integers(0, 255), min_size=1, max_size=12))
def test_every_rule_scores_every_class_and_ignores_the_order(found):
    for rule in rules.RULES.values():
        scores = rule(matrix(found, 8))
        assert scores == pytest.approx(rule(matrix(found[::-1], 8)))
        assert scores.keys() == set(found)
        assert all(math.isfinite(score) for score in scores.values())


def test_a_row_with_bits_beyond_its_tests_is_refused():
    with pytest.raises(ValueError, match="bits beyond"):
        matrix([8], 3)
