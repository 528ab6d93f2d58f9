import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.value import NOTHING, Value, behaviour, value_of
from proofsmith.types import Candidate, Evidence, Outcome, Status, Verdict
from tests.planners.scripted import outcome_of

VALUES = st.builds(
    Value,
    right=st.booleans(),
    passed=st.floats(0, 1),
    gain=st.floats(0, 1000),
    compiled=st.just(True),
)


@given(VALUES, VALUES)
def test_a_wrong_program_never_ranks_or_scores_above_a_right_one(one, other):
    if one.right and not other.right:
        assert one > other
        assert one.scalar > other.scalar
    assert 0 <= one.scalar <= 1


def test_a_program_that_fails_one_of_four_tests_stays_below_one_that_passes_all():
    almost = value_of(outcome_of("x", passed=3, tests=4), Status.TESTED)
    right = value_of(outcome_of("y", right=True), Status.TESTED)
    assert almost < right
    assert almost.scalar == pytest.approx(0.5 + 0.4 * 0.75)
    assert right.scalar == 0.9


def test_gain_orders_right_programs_and_saturates():
    slow, fast, huge = (Value(right=True, passed=1, gain=g) for g in (1.0, 4.0, 1000.0))
    assert slow < fast < huge
    assert (slow.scalar, fast.scalar, huge.scalar) == pytest.approx((0.9, 0.95, 1.0))


def test_without_test_counts_the_gates_passed_count_and_stay_in_the_lower_half():
    def judged(*states):
        evidence = tuple(
            Evidence(check=str(n), status=s, command=("x",)) for n, s in enumerate(states)
        )
        verdict = Verdict(status=Status.FAILED, evidence=evidence)
        return value_of(Outcome(candidate=Candidate(files={}), verdict=verdict), Status.TESTED)

    first = judged(Status.FAILED)
    third = judged(Status.TESTED, Status.TESTED, Status.FAILED)
    assert first.scalar < third.scalar < 0.5
    assert value_of(None, Status.TESTED) == NOTHING


def test_a_stronger_requirement_makes_a_tested_program_not_right():
    assert not value_of(outcome_of("y", right=True), Status.PROVED).right


def test_behaviour_is_the_fact_when_there_is_one_else_the_feedback():
    assert behaviour(outcome_of("a", behaviour="x1")) == behaviour(outcome_of("b", behaviour="x1"))
    assert behaviour(outcome_of("a", passed=3)) == behaviour(outcome_of("b", passed=3))
    assert behaviour(outcome_of("a", passed=3)) != behaviour(outcome_of("b", passed=4))


def test_a_status_is_at_least_itself_and_what_is_weaker():
    assert Status.PROVED.at_least(Status.TESTED)
    assert Status.TESTED.at_least(Status.TESTED)
    assert not Status.UNDECIDED.at_least(Status.TESTED)
