"""A model whose every call is reserved in the budget of a run before it is made."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal

from pydantic import BaseModel

from proofsmith.agents.budget import BudgetLedger, Reservation
from proofsmith.agents.dataflow import closed
from proofsmith.errors import BudgetSpent, ModelError
from proofsmith.model.accounting import Prices, estimate_input
from proofsmith.protocols import Model, Tool
from proofsmith.types import Message, Reply

FRAMING_TOKENS = 64
"""Upper bound of what a chat template adds."""


class Metered:
    """A `protocols.Model`; a call that does not fit into the budget raises ModelError, so callers go on without."""

    def __init__(
        self,
        model: Model,
        budget: BudgetLedger,
        prices: Prices | None,
        record: Callable[[Reservation], None] = lambda _: None,
    ) -> None:
        """Wrap `model`; `prices` None means that its price is unknown. `record` is told what each call has cost."""
        self._model, self._budget, self._prices = model, budget, prices
        self._record = record

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_output_tokens: int,
        temperature: float,
        seed: int,
        sample: int = 0,
        schema: type[BaseModel] | None = None,
        tools: Sequence[Tool] | None = None,
        effort: Literal["low", "medium", "high"] | None = None,
        doubts: bool = False,
    ) -> Reply:
        """Return one reply, paid from the budget."""
        held = self._reserve(messages, max_output_tokens)
        paid = Reservation()
        try:
            reply = await self._model.complete(
                messages,
                max_output_tokens=max_output_tokens,
                temperature=temperature,
                seed=seed,
                sample=sample,
                schema=schema,
                tools=tools,
                effort=effort,
                doubts=doubts,
            )
            used = reply.usage
            if not reply.cached:
                paid = Reservation(
                    tokens=used.input_tokens + used.output_tokens, cost_usd=used.cost_usd
                )
            return reply
        finally:
            self._settle(held, paid)

    async def stream(
        self, messages: Sequence[Message], *, max_output_tokens: int, temperature: float, seed: int
    ) -> AsyncIterator[str]:
        """Yield the reply's text; what is not counted by the endpoint is charged at a token a byte."""
        held = self._reserve(messages, max_output_tokens)
        shown = 0
        stream = self._model.stream(
            messages, max_output_tokens=max_output_tokens, temperature=temperature, seed=seed
        )
        try:
            async with closed(stream):
                async for chunk in stream:
                    shown += len(chunk.encode())
                    yield chunk
        finally:
            output = min(shown, max_output_tokens)
            given = estimate_input(messages)
            cost = self._prices.cost_usd(given, 0, output) if self._prices else None
            self._settle(held, Reservation(tokens=given + output, cost_usd=cost))

    def _reserve(self, messages: Sequence[Message], most: int) -> Reservation:
        given = sum(len(message.content.encode()) for message in messages) + FRAMING_TOKENS
        cost = self._prices.cost_usd(given, 0, most) if self._prices else None
        try:
            return self._budget.reserve(Reservation(tokens=given + most, cost_usd=cost))
        except BudgetSpent as error:
            raise ModelError(f"the model is not asked: {error.message}") from error

    def _settle(self, held: Reservation, paid: Reservation) -> None:
        if paid.tokens:
            self._record(paid)
        self._budget.settle(
            held, tokens=paid.tokens, cost_usd=paid.cost_usd, model_calls=int(paid.tokens > 0)
        )
