"""Which search a run uses: the names that a user may give, and what each of them is made of."""

from collections.abc import Callable
from dataclasses import replace

from proofsmith.errors import UsageError
from proofsmith.planners.best_of import BestOf, Plan
from proofsmith.planners.evolve import Evolve
from proofsmith.planners.plansearch import PlanSearch
from proofsmith.planners.portfolio import Arm, Portfolio
from proofsmith.planners.rethink import Rethink
from proofsmith.planners.triage import DIRECT, Mixing
from proofsmith.protocols import Strategy

DEFAULT = "portfolio"
THOUGHTFUL: dict[str, Callable[[Plan, int], Arm]] = {
    "plansearch": lambda plan, seed: PlanSearch(plan, seed=seed),
    "rethink": lambda plan, _: Rethink(plan),
}
"""Strategies that ask the model for thoughts; they leave rules to others."""
NAMES = (DEFAULT, "best_of", *THOUGHTFUL, "evolve")
OPENING = 2
"""Rules that are tried before a thoughtful strategy begins: they tell settings under which code is judged."""


def require_known(name: str, *, model: bool) -> None:
    """Raise UsageError unless `name` is a strategy that can work; `model` says whether there is one."""
    if name not in NAMES:
        raise UsageError(f"unknown strategy '{name}'", hint=f"strategies: {', '.join(NAMES)}")
    if name in THOUGHTFUL and not model:
        raise UsageError(
            f"strategy '{name}' needs a model", hint="add --base-url and --model, or leave it out"
        )


def strategy_of(name: str, plan: Plan, *, seed: int) -> Strategy:
    """Return the search called `name`; raises UsageError when there is none or it lacks a model.

    Rules run in every search that has some: a thoughtful strategy takes turns with them and both build on what the
    other found.
    """
    require_known(name, model=plan.model)
    if name == "best_of":
        return BestOf(plan)
    if name == "evolve":
        return Evolve(plan, seed=seed)
    if name == DEFAULT:
        return Portfolio(plan, seed=seed)
    rules = BestOf(replace(plan, model=False))
    thinker = THOUGHTFUL[name](replace(plan, rules=False), seed)
    arms = {DIRECT: rules, name: thinker}
    return Portfolio(plan, arms=arms, mixing=Mixing(opening=OPENING, turns=True), seed=seed)
