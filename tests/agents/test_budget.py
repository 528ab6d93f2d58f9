import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.agents.budget import BudgetLedger, Reservation
from proofsmith.errors import BudgetSpent
from proofsmith.types import Budget


def test_an_unknown_price_is_refused_under_a_cap_in_usd_and_accepted_without():
    with pytest.raises(BudgetSpent) as caught:
        BudgetLedger(Budget(cost_usd=5.0)).reserve(Reservation(cost_usd=None))
    assert caught.value.resource == "cost_usd"
    BudgetLedger(Budget(tokens=5)).reserve(Reservation(cost_usd=None))


def test_a_call_that_turned_out_to_have_no_known_price_closes_the_cap_in_usd():
    ledger = BudgetLedger(Budget(cost_usd=5.0))
    ledger.settle(ledger.reserve(Reservation(cost_usd=0.1)), cost_usd=None, model_calls=1)
    assert ledger.spend.cost_usd is None
    with pytest.raises(BudgetSpent):
        ledger.reserve(Reservation(cost_usd=0.1))


def test_wall_time_counts_earlier_sessions_and_stops_reservations_at_the_deadline():
    now = [100.0]
    ledger = BudgetLedger(Budget(wall_s=10.0), earlier_wall_s=4.0, clock=lambda: now[0])
    ledger.reserve(Reservation(wall_s=6.0))
    with pytest.raises(BudgetSpent):
        ledger.reserve(Reservation(wall_s=6.1))
    now[0] += 6.0
    assert ledger.spend.wall_s == 10.0
    with pytest.raises(BudgetSpent) as caught:
        ledger.reserve(Reservation(attempts=1))
    assert caught.value.resource == "wall_s"


amounts = st.tuples(st.integers(0, 3), st.integers(0, 900), st.integers(0, 700))


@given(
    caps=st.tuples(st.integers(1, 8), st.integers(1, 3000), st.integers(1, 2000)),
    steps=st.lists(st.tuples(amounts, st.integers(0, 100), st.integers(0, 5)), max_size=60),
)
def test_no_interleaving_of_concurrent_moves_overspends(caps, steps):
    """Each step starts a move, then possibly ends any of those in flight with a share of what it reserved."""
    attempts, tokens, cents = caps
    ledger = BudgetLedger(Budget(attempts=attempts, tokens=tokens, cost_usd=cents / 100))
    flying = []
    refused = 0
    for (move_attempts, move_tokens, move_cents), percent, pick in steps:
        wanted = Reservation(attempts=move_attempts, tokens=move_tokens, cost_usd=move_cents / 100)
        try:
            flying.append(ledger.reserve(wanted))
        except BudgetSpent:
            refused += 1
        if flying and pick < len(flying):
            held = flying.pop(pick)
            ledger.settle(
                held,
                attempts=held.attempts,
                tokens=held.tokens * percent // 100,
                cost_usd=held.cost_usd * percent / 100,
            )
        worst_tokens = ledger.spend.tokens + sum(held.tokens for held in flying)
        worst_attempts = ledger.spend.attempts + sum(held.attempts for held in flying)
        worst_usd = ledger.spend.cost_usd + sum(held.cost_usd for held in flying)
        assert worst_tokens <= tokens
        assert worst_attempts <= attempts
        assert worst_usd <= cents / 100 + 1e-9
    if not steps:
        assert refused == 0


@given(st.integers(1, 20), st.integers(1, 40))
def test_everything_that_fits_is_granted(cap, asked):
    ledger = BudgetLedger(Budget(attempts=cap))
    granted = 0
    for _ in range(asked):
        try:
            ledger.reserve(Reservation(attempts=1))
            granted += 1
        except BudgetSpent:
            break
    assert granted == min(cap, asked)
