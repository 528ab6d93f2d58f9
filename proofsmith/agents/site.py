"""Site: everything that one build needs, and its paid calls, each recorded before anyone acts on it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from proofsmith.agents.budget import BudgetLedger, Reservation
from proofsmith.agents.experience import Experience
from proofsmith.agents.failpoints import Failpoints
from proofsmith.errors import ModelError
from proofsmith.memory.files import FileStore
from proofsmith.memory.instructions import Registry, Start, State
from proofsmith.memory.ledger import Ledger
from proofsmith.model.accounting import Prices
from proofsmith.protocols import Model, Progress, Sandbox
from proofsmith.types import JSON, Message, Reply

FRAMING_TOKENS = 64
"""Upper bound of what a chat template adds around one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How far a build goes before it changes its plan or gives up."""

    prompt_tokens: int = 16_000
    output_tokens: int = 8_000
    turns: int = 12
    """Replies in one attempt at one step."""
    tries: int = 3
    """Attempts at one step before its plan is changed."""
    replans: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The dependencies of one build."""

    id: str
    folder: Path
    spec: str
    fixed: frozenset[str]
    """Files that the specification gives; no step may change them."""
    model: Model
    prices: Prices | None
    sandbox: Sandbox
    ledger: Ledger
    registry: Registry
    store: FileStore
    budget: BudgetLedger
    caps: Caps = field(default_factory=Caps)
    seed: int = 0
    width: int = 2
    failpoints: Failpoints = field(default_factory=Failpoints)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    watch: Callable[[Progress], None] = lambda _: None
    manifest: Mapping[str, JSON] = field(default_factory=dict)
    experience: Experience | None = None
    """Lessons of earlier builds; None recalls none."""

    def tell(self, phase: Literal["gather", "search", "confirm", "report"], note: str = "") -> None:
        """Report progress to whoever watches, and keep the ledger's clock current."""
        spend = self.budget.spend
        self.ledger.wall_s = spend.wall_s
        self.watch(Progress(phase=phase, spend=spend, budget=self.budget.budget, note=note))

    def settle_earlier(self) -> None:
        """Charge the budget with what earlier sessions of this build spent."""
        for reply in self.ledger.all("reply", Reply).values():
            held = self.budget.reserve(Reservation(), replayed=True)
            self._settle(held, reply)
        starts = sum(isinstance(operation, Start) for operation in self.registry.log)
        held = self.budget.reserve(Reservation(), replayed=True)
        self.budget.settle(held, attempts=starts)

    def visible(self) -> frozenset[str]:
        """Return the steps that have passed."""
        program = self.registry.program
        return frozenset(step.id for step in program.values() if step.state is State.PASSED)

    async def ask(
        self, key: str, messages: Sequence[Message], schema: type[BaseModel], *, sample: int = 0
    ) -> Reply:
        """Return the recorded reply of `key`, else ask the model and record it durably.

        `sample` keeps equal requests of different attempts apart.

        Raises:
            ModelError: the endpoint failed, or (`only_this_call`, recorded too) gave nothing of use.
            BudgetSpent: the call could cost more than is left.
        """
        known = self.ledger.get("reply", key, Reply)
        if known is not None:
            return known
        lost = self.ledger.get("lost", key, str)
        if lost is not None:
            raise ModelError(lost, only_this_call=True)
        self.ledger.reserve(self.width, self.caps.output_tokens)
        held = self.budget.reserve(self._worst_case(messages))
        self.failpoints.reach("build.asked")
        try:
            reply = await self.model.complete(
                messages,
                max_output_tokens=self.caps.output_tokens,
                temperature=0.2,
                seed=self.seed,
                sample=sample,
                schema=schema,
            )
        except ModelError as error:
            self.budget.settle(held, tokens=error.tokens, cost_usd=error.cost_usd, model_calls=1)
            if error.only_this_call:
                self.ledger.put("lost", key, error.message)
            raise
        except BaseException:
            self.budget.settle(held)
            raise
        self.ledger.put("reply", key, reply)
        self.failpoints.reach("build.recorded")
        self._settle(held, reply)
        return reply

    def _settle(self, held: Reservation, reply: Reply) -> None:
        usage = reply.usage
        if reply.cached:
            self.budget.settle(held)
            return
        tokens = usage.input_tokens + usage.output_tokens
        self.budget.settle(held, tokens=tokens, cost_usd=usage.cost_usd, model_calls=1)

    def _worst_case(self, messages: Sequence[Message]) -> Reservation:
        """A token holds at least one byte of the prompt."""
        given = sum(len(message.content.encode()) + FRAMING_TOKENS for message in messages)
        most = self.caps.output_tokens
        cost = self.prices.cost_usd(given, 0, most) if self.prices else None
        return Reservation(tokens=given + most, cost_usd=cost)
