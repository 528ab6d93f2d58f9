"""A model outside a run under the budget of one request: attempts, tokens, money, and time from the first call on."""

import asyncio
from collections.abc import Sequence
from typing import Any

from proofsmith.agents.budget import BudgetLedger, Reservation
from proofsmith.agents.metered import Metered
from proofsmith.errors import BudgetSpent, ModelError
from proofsmith.model.accounting import Prices
from proofsmith.protocols import Model
from proofsmith.types import Budget, Message, Reply


class Rationed:
    """A `protocols.Model` for whole replies; what does not fit raises BudgetSpent, a call that is under way too."""

    def __init__(self, model: Model, budget: Budget, prices: Prices | None) -> None:
        """Wrap `model`; the clock starts when it is first asked."""
        self._model, self._budget, self._prices = model, budget, prices
        self._ledger: BudgetLedger | None = None

    def __getattr__(self, name: str) -> Any:
        """Be the model in everything else."""
        return getattr(self._model, name)

    def more(self) -> bool:
        """Say whether there is time left."""
        return self._ledger is None or self._ledger.left.wall_s != 0

    async def complete(self, messages: Sequence[Message], **how: Any) -> Reply:
        """Return one reply, which counts as one attempt.

        Raises:
            BudgetSpent: the call does not fit, or time ran out over it.
        """
        ledger = self._ledger = self._ledger or BudgetLedger(self._budget)
        held = ledger.reserve(Reservation(attempts=1))
        try:
            async with asyncio.timeout(ledger.left.wall_s):
                return await Metered(self._model, ledger, self._prices).complete(messages, **how)
        except TimeoutError:
            raise BudgetSpent("wall_s") from None
        except ModelError as error:
            raise error.__cause__ if isinstance(error.__cause__, BudgetSpent) else error from None
        finally:
            ledger.settle(held, attempts=1)
