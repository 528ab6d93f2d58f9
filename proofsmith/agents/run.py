"""Run: everything that one run needs, built once and passed down."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from proofsmith.agents.budget import BudgetLedger
from proofsmith.agents.experience import Experience
from proofsmith.agents.failpoints import Failpoints
from proofsmith.agents.lane import Lane
from proofsmith.errors import SandboxError
from proofsmith.memory.cache import VerdictCache
from proofsmith.memory.ledger import Ledger
from proofsmith.model.accounting import Prices
from proofsmith.protocols import Behavioural, Domain, Model, Progress, Sandbox, Strategy
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    Depth,
    Goal,
    Problem,
    Profile,
    Verdict,
)

Phase = Literal["baseline", "gather", "search", "confirm", "report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The dependencies of one run; nothing in the workflow is global."""

    id: str
    folder: Path
    source: Path
    problem: Problem
    domain: Domain
    sandbox: Sandbox
    strategy: Callable[[Mapping[str, JSON]], Strategy]
    """Builds the search from the facts that were gathered."""
    ledger: Ledger
    budget: BudgetLedger
    model: Model | None = None
    read_reply: Callable[[str, Mapping[str, str], Sequence[str]], Mapping[str, str]]
    """Turns a reply, the files it answers to and the editable names into files; raises UsageError."""
    prices: Prices | None = None
    cache: VerdictCache | None = None
    experience: Experience | None = None
    """Lessons of earlier runs, and where this one's are counted; None recalls and counts nothing."""
    win_rates: Mapping[str, float] = field(default_factory=dict)
    """How often each catalogue pattern won on this machine, 0..1."""
    seed: int = 0
    width: int = 2
    lane: Lane = field(default_factory=Lane)
    failpoints: Failpoints = field(default_factory=Failpoints)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once to drain: what is in flight ends and is saved, nothing new starts."""
    watch: Callable[[Progress], None] = lambda _: None
    manifest: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def base(self) -> Candidate:
        """The original as a candidate: the problem's own files, the domain's own settings."""
        return Candidate(files=self.problem.files, move="original")

    @property
    def optimising(self) -> bool:
        """True when there is an original to be compared with."""
        return self.problem.goal not in (Goal.SOLVE, Goal.REFUTE)

    def tell(self, phase: Phase, note: str = "", best: Comparison | None = None) -> None:
        """Report progress to whoever watches, and keep the ledger's clock current."""
        spend = self.budget.spend
        self.ledger.wall_s = spend.wall_s
        self.watch(
            Progress(phase=phase, best=best, spend=spend, budget=self.budget.budget, note=note)
        )

    def right(self, verdict: Verdict) -> bool:
        """Say whether `verdict` reaches the status that counts as right here."""
        return verdict.status.at_least(self.problem.required)

    async def verify(self, candidate: Candidate, depth: Depth, *, cached: bool = True) -> Verdict:
        """Judge `candidate` in a fresh sandbox; a failing machine is tried twice, then SandboxError."""
        cache = self.cache if cached else None
        behaviour = ""
        if cache:
            known = cache.get(self.problem, candidate, depth)
            if known is None:
                behaviour = await self.behaviour(candidate)
                known = cache.get(self.problem, candidate, depth, behaviour=behaviour)
            if known is not None:
                return known
        async with self.lane.shared():
            try:
                verdict = await self._verify_once(candidate, depth)
            except SandboxError:
                verdict = await self._verify_once(candidate, depth)
        if cache:
            cache.put(self.problem, candidate, depth, verdict, behaviour=behaviour)
        return verdict

    async def behaviour(self, candidate: Candidate) -> str:
        """Return the domain's name for what `candidate` becomes; empty when it has none or knows none."""
        if not isinstance(self.domain, Behavioural):
            return ""
        return await self.domain.behaviour(self.problem, candidate, self.fresh())

    async def _verify_once(self, candidate: Candidate, depth: Depth) -> Verdict:
        return await self.domain.verify(self.problem, candidate, self.fresh(), depth)

    async def measure(
        self, candidate: Candidate, depth: Depth, *, base: Candidate | None = None
    ) -> tuple[Comparison, ...]:
        """Compare `candidate` with `base`, the original unless given, alone in the lane; retried once like `verify`."""
        against = base or self.base
        async with self.lane.alone():
            try:
                return await self._measure_once(against, candidate, depth)
            except SandboxError:
                return await self._measure_once(against, candidate, depth)

    async def _measure_once(
        self, base: Candidate, candidate: Candidate, depth: Depth
    ) -> tuple[Comparison, ...]:
        return await self.domain.measure(self.problem, base, candidate, self.fresh(), depth)

    async def profile(self, candidate: Candidate) -> Profile | None:
        """Ask the domain where the time goes, alone in the lane."""
        async with self.lane.alone():
            return await self.domain.profile(self.problem, candidate, self.fresh())

    def fresh(self) -> Sandbox:
        """Return an empty sandbox that sees the problem's inputs."""
        return self.sandbox.fresh(inputs=self.problem.inputs)
