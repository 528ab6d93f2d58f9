"""The default search: cheap samples first, then whichever strategy is most likely to improve on the best per token."""

import copy
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import NormalDist, fmean
from typing import Any, Protocol, runtime_checkable

from proofsmith.planners.best_of import PROBE, RULE, BestOf, Plan
from proofsmith.planners.evolve import Evolve
from proofsmith.planners.plansearch import PlanSearch
from proofsmith.planners.proofsearch import ProofSearch
from proofsmith.planners.resample import Resample
from proofsmith.planners.rethink import Rethink
from proofsmith.planners.stepwise import Stepwise
from proofsmith.planners.triage import DIRECT, Mixing, Triage, triage
from proofsmith.planners.value import RIGHT_FROM, behaviour, value_of
from proofsmith.protocols import Strategy
from proofsmith.types import JSON, Move, Outcome, Reply, Status, digest

PRIOR = (0.65, 0.12, 4.0)
"""Mean and spread of the value of a program before any is seen, and how many programs that counts as."""
CHECK_TOKENS = 100.0
"""What verifying a program costs, in tokens: keeps arms that use no model comparable."""
REPEAT = 0.1
"""Worth of a program that does what another did before, beside that of a new one."""
NEAR = 0.85
"""Value from which a program is nearly right: a cheap model may repair it."""


class Arm(Strategy, Protocol):
    """A strategy that can say that it is finished."""

    @property
    def finished(self) -> bool:
        """True when no further move will come."""


@runtime_checkable
class Watching(Protocol):
    """A strategy that can build on what others found."""

    def see(self, outcome: Outcome) -> None:
        """Learn of a candidate that another strategy asked for."""


@dataclass(slots=True)
class _Record:
    """What an arm did; plain JSON."""

    values: list[float] = field(default_factory=list)
    """Values of its latest programs."""
    fresh: list[bool] = field(default_factory=list)
    """Whether each of these did something that no program before it did."""
    programs: int = 0
    tokens: float = 0.0


@dataclass(slots=True)
class _State:
    """Everything that changes beside the arms; plain JSON."""

    serial: int = 0
    best: float = 0.0
    stale: int = 0
    solved: bool = False
    seen: dict[str, int] = field(default_factory=dict)
    """Behaviours of all programs so far."""
    flying: dict[str, str] = field(default_factory=dict)
    """Arm by id of each move in flight."""
    values: dict[str, float] = field(default_factory=dict)
    """Value by candidate id, for routing repairs."""


def default_arms(plan: Plan, seed: int) -> dict[str, Arm]:
    """Return the strategies that can work on `plan`: without a model the rules alone."""
    arms: dict[str, Arm] = {DIRECT: BestOf(plan)}
    if plan.required is Status.PROVED and plan.solving:
        arms = {DIRECT: ProofSearch(plan)}
    if plan.model:
        thoughtful = replace(plan, rules=False)
        arms["plansearch"] = PlanSearch(thoughtful, seed=seed)
        arms["rethink"] = Rethink(thoughtful)
    if plan.model and not plan.solving:
        arms["evolve"] = Evolve(plan, seed=seed)
    if plan.model and plan.boundaries and not plan.solving:
        arms["resample"] = Resample(replace(plan, rules=False))
    return arms


class Portfolio(Stepwise[_State]):
    """Thompson sampling over strategies by the chance to improve on the best program per token; pure and seeded.

    Each arm's next program is taken as normal with the mean and spread of its latest ones. A mode of equally wrong
    programs has no spread and fades; a tree that climbs gets the next move; where details matter more than ideas, the
    arm that writes most programs per token wins. Until a program is right, arms have guaranteed shares of the tokens.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        arms: Mapping[str, Arm] | None = None,
        mixing: Mixing | None = None,
        seed: int = 0,
    ) -> None:
        """Start all arms empty; `arms` None takes those that fit `plan`, `mixing` None what the triage says."""
        self.triage: Triage | None = None if mixing else triage(plan)
        self._plan, self._seed = plan, seed
        self._how = mixing or triage(plan).mixing
        self._arms = dict(arms) if arms is not None else default_arms(plan, seed)
        self._state = _State()
        self._records = {name: _Record() for name in self._arms}

    @property
    def finished(self) -> bool:
        """True when it is solved, nothing got better for long, or every arm is finished."""
        if self._state.stale >= self._how.patience or (self._plan.solving and self._state.solved):
            return True
        return all(arm.finished for arm in self._arms.values())

    @property
    def summary(self) -> str:
        """One line: programs that each arm wrote and tokens that it used for them; empty for a single arm.

        Input counts a fifth, as in prices.
        """
        wrote = [
            f"{name} {record.programs} programs, {record.tokens / 1000:.1f}k tokens"
            for name, record in self._records.items()
        ]
        return f"shares: {'; '.join(wrote)}" if len(wrote) > 1 else ""

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Pass the outcome to the arm that asked, and judge the arm by it."""
        state = self._state
        name = state.flying.pop(move.id)
        record = self._records[name]
        if reply is not None:
            record.tokens += reply.usage.output_tokens + 0.2 * reply.usage.input_tokens
        value = value_of(outcome, self._plan.required)
        refuted = outcome if move.kind == PROBE and not value.right else None
        told = refuted if move.kind == PROBE else outcome
        if outcome is not None and move.kind != PROBE:
            record.tokens += CHECK_TOKENS
            record.programs += 1
            record.values = [*record.values, value.scalar][-self._how.window :]
            seen = behaviour(outcome)
            record.fresh = [*record.fresh, seen not in state.seen][-self._how.window :]
            state.seen[seen] = 1
            better = value.scalar > state.best + (self._how.margin if value.right else 0.0)
            state.stale = 0 if better else state.stale + 1
            state.best = max(state.best, value.scalar)
            state.solved |= value.right
            if not value.right and value.scalar >= NEAR:
                state.values[outcome.candidate.id] = value.scalar
        self._arms[name].tell(replace(move, id=_own(move.id)), reply, outcome)
        for other, arm in self._arms.items():
            if told is not None and other != name and isinstance(arm, Watching):
                arm.see(told)

    def dump(self) -> Mapping[str, JSON]:
        """Return the whole state as JSON."""
        records: dict[str, JSON] = {name: asdict(record) for name, record in self._records.items()}
        arms: dict[str, JSON] = {name: dict(arm.dump()) for name, arm in self._arms.items()}
        return {**super().dump(), "records": records, "arms": arms}

    def load(self, state: Mapping[str, JSON]) -> None:
        """Continue from a dumped state with identical next moves."""
        values: dict[str, Any] = dict(state)
        for name, arm_state in values.pop("arms").items():
            self._arms[name].load(arm_state)
        rows = copy.deepcopy(values.pop("records"))
        self._records = {name: _Record(**row) for name, row in rows.items()}
        super().load(values)

    def _next(self) -> Move | None:
        self._state.serial += 1
        for name in self._order():
            arm = self._arms[name]
            asked = arm.ask(1) if not arm.finished else ()
            if asked:
                move = replace(
                    asked[0],
                    id=f"{name}:{asked[0].id}",
                    tier=self._tier(name, asked[0]),
                    parents=asked[0].parents or self._settings(asked[0]),
                )
                self._state.flying[move.id] = name
                return move
        return None

    def _settings(self, move: Move) -> tuple[str, ...]:
        """Let new code be judged under the best settings found for the original."""
        direct = self._arms[DIRECT]
        plain = direct.plain if isinstance(direct, BestOf) else ""
        return (plain,) if plain and move.kind != RULE and move.answer == "code" else ()

    def _order(self) -> list[str]:
        """Return the arms by a draw of their chance to improve per token; direct ones first while opening."""
        written, flying = self._records[DIRECT].programs, Counter(self._state.flying.values())
        if written + flying[DIRECT] < self._how.opening and not self._arms[DIRECT].finished:
            return [DIRECT]
        if self._how.turns:
            names = list(self._arms)
            first = self._state.serial % len(names)
            return names[first:] + names[:first]
        rng = random.Random(digest(str(self._seed), str(self._state.serial)))
        draws = {name: self._draw(name, rng) for name in self._arms}
        owed = self._owed(flying)
        return sorted(draws, key=lambda name: (-owed.get(name, 0.0), -draws[name], name))

    def _owed(self, flying: Mapping[str, int]) -> dict[str, float]:
        """Return how far each arm is below its floor, in shares; what is in flight counts as a mean program."""
        if self._state.solved:
            return {}
        price = self._price()
        spent = {n: r.tokens + flying[n] * price for n, r in self._records.items()}
        total = sum(spent.values()) or 1.0
        return {n: max(0.0, self._how.floors.get(n, 0.0) - spent[n] / total) for n in self._arms}

    def _draw(self, name: str, rng: random.Random) -> float:
        """Draw the chance that the arm's next program beats the best so far, per token that one costs."""
        record, (mean, spread, weight) = self._records[name], PRIOR
        seen = record.values
        n = len(seen) + weight
        centre = (sum(seen) + mean * weight) / n
        around = fmean(seen) if seen else mean
        variance = (sum((v - around) ** 2 for v in seen) + weight * spread**2) / n
        sigma = max(0.01, variance**0.5)
        drawn = rng.gauss(centre, sigma / n**0.5)
        target = max(self._state.best + self._how.margin, RIGHT_FROM)
        chance = 1 - NormalDist(drawn, sigma).cdf(target)
        novelty = (sum(record.fresh) + 1.0) / (len(record.fresh) + 1.0)
        cost = (record.tokens + 2 * self._price()) / (record.programs + 1)
        return chance * (REPEAT + novelty) / cost

    def _price(self) -> float:
        """Return the mean cost of a program over all arms, for those that have written none."""
        programs = sum(record.programs for record in self._records.values())
        tokens = sum(record.tokens for record in self._records.values())
        return tokens / programs if programs else 1000.0

    def _tier(self, name: str, move: Move) -> Any:
        """Route by difficulty: first samples as told, repairs of what is nearly right cheap, ideas when stuck deep."""
        if move.kind == RULE:
            return move.tier
        if name == DIRECT and self._records[name].programs < self._how.opening:
            return self._how.first
        if move.answer == "text" and self._state.stale >= self._how.deep_after:
            return "deep"
        near = bool(move.parents) and move.parents[0] in self._state.values
        return "cheap" if move.kind == "repair" and near else move.tier


def _own(move_id: str) -> str:
    return move_id.partition(":")[2]
