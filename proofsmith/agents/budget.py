"""One budget per run: whatever is spent was reserved before, and the caps are hard."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from proofsmith.errors import BudgetSpent
from proofsmith.types import Budget, Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a move may spend at most; `cost_usd` is None when its price is unknown."""

    attempts: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    wall_s: float = 0.0


class BudgetLedger:
    """Reserve before spending, settle with the real amount; synchronous, so no interleaving can slip between.

    Wall time passes for all moves at once, so a reservation of it must fit before the deadline and adds nothing.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        earlier_wall_s: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start the clock; `earlier_wall_s` was used by earlier sessions of the same run."""
        self.budget = budget
        self._clock = clock
        self._start_s = clock() - earlier_wall_s
        self._used = Spend()
        self._held: list[Reservation] = []

    @property
    def spend(self) -> Spend:
        """What was settled so far, with the wall time of all sessions."""
        return replace(self._used, wall_s=self._clock() - self._start_s)

    @property
    def left(self) -> Budget:
        """What can still be reserved; None where nobody set a cap."""
        cap = self.budget
        cost_usd = self._used.cost_usd
        held_usd = sum(held.cost_usd or 0.0 for held in self._held)
        return Budget(
            wall_s=_minus(cap.wall_s, self.spend.wall_s),
            tokens=_whole(
                _minus(cap.tokens, self._used.tokens + sum(held.tokens for held in self._held))
            ),
            cost_usd=_minus(cap.cost_usd, cost_usd + held_usd) if cost_usd is not None else None,
            attempts=_whole(
                _minus(
                    cap.attempts, self._used.attempts + sum(held.attempts for held in self._held)
                )
            ),
        )

    def reserve(self, amount: Reservation, *, replayed: bool = False) -> Reservation:
        """Set `amount` aside and return it; what an earlier session did (`replayed`) takes no time now.

        Raises:
            BudgetSpent: it does not fit; an unknown price never fits under a cap in USD.
        """
        left = self.left
        _fit("attempts", amount.attempts, left.attempts)
        _fit("tokens", amount.tokens, left.tokens)
        if not replayed:
            _fit("wall_s", amount.wall_s, left.wall_s)
        if self.budget.cost_usd is not None:
            if amount.cost_usd is None or self._used.cost_usd is None:
                raise BudgetSpent("cost_usd", "a price is unknown, so no cap in USD can be kept")
            _fit("cost_usd", amount.cost_usd, left.cost_usd)
        self._held.append(amount)
        return amount

    def settle(
        self,
        reserved: Reservation,
        *,
        attempts: int = 0,
        tokens: int = 0,
        cost_usd: float | None = 0.0,
        model_calls: int = 0,
    ) -> None:
        """Replace a reservation by what was really spent; nothing given means that nothing was."""
        self._held.remove(reserved)
        self.charge(attempts=attempts, tokens=tokens, cost_usd=cost_usd, model_calls=model_calls)

    def charge(
        self,
        *,
        attempts: int = 0,
        tokens: int = 0,
        cost_usd: float | None = 0.0,
        model_calls: int = 0,
    ) -> None:
        """Count what was spent without a reservation: by an earlier session of the same run."""
        used = self._used
        known = used.cost_usd is not None and cost_usd is not None
        self._used = replace(
            used,
            attempts=used.attempts + attempts,
            tokens=used.tokens + tokens,
            cost_usd=(used.cost_usd or 0.0) + (cost_usd or 0.0) if known else None,
            model_calls=used.model_calls + model_calls,
        )


def _whole(amount: float | None) -> int | None:
    return None if amount is None else int(amount)


def _minus(cap: float | None, used: float) -> float | None:
    return None if cap is None else max(cap - used, 0.0)


def _fit(resource: str, amount: float, left: float | None) -> None:
    """Raise BudgetSpent unless `amount` fits; nothing left refuses every wall reservation."""
    if left is not None and (amount > left or (resource == "wall_s" and left <= 0)):
        raise BudgetSpent(resource)
