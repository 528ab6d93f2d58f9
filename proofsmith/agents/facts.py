"""What a run gathers before it searches: a plan over the tools on offer, within a share of the budget."""

from collections.abc import Sequence
from typing import Any

from proofsmith.agents import experience
from proofsmith.agents.budget import BudgetLedger, Reservation
from proofsmith.agents.dataflow import ToolPolicy
from proofsmith.agents.gather import Gatherer
from proofsmith.agents.metered import Metered
from proofsmith.agents.offers import offered
from proofsmith.agents.run import Run
from proofsmith.memory.ledger import Ledger
from proofsmith.protocols import Model, Repeatable, Tool
from proofsmith.types import JSON, Profile

SEARCH = "search"
"""Key under which the prompts of a search show lessons."""
QUESTION = "The goal is $goal. Which facts must someone know who wants to reach it with this code?"
WALL_S = 90.0
WALL_SHARE = 0.25
"""Part of a wall budget that gathering may use."""
LEAST_WALL_S = 20.0
LEAST_ATTEMPTS = 4
"""Budgets below these are left to the search alone."""
REPORT_WALL_S = 20.0
"""Longest gathering for a report alone."""
PAID = "paid"
"""Kind of the ledger's records of what gathering cost."""
PLAN_TOKENS = 5000
"""What a planning call is expected to need at most."""
PLAN_SHARE = 0.1
"""Part of the tokens left that a planning call may need."""
PLAN_ATTEMPTS = 16
"""Searches of fewer attempts call every tool and leave the model to the search."""


def policies(tools: Sequence[Tool], width: int) -> dict[str, ToolPolicy]:
    """Return how a run of `width` jobs calls each tool; late calls that change nothing are made twice."""
    return {
        tool.name: ToolPolicy(slots=width, hedged=isinstance(tool, Repeatable) and tool.repeatable)
        for tool in tools
    }


class _LedgerJournal:
    """Finished calls in the run's own ledger."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, key: str) -> tuple[JSON] | None:
        found: dict[str, Any] | None = self._run.ledger.get("call", key, dict)
        return None if found is None else (found["value"],)

    def put(self, key: str, value: JSON) -> None:
        self._run.ledger.put("call", key, {"value": value}, problem_id=self._run.problem.id)


async def gather(run: Run) -> dict[str, JSON]:
    """Return the facts by tool name, from the ledger when they were gathered before.

    Nothing is gathered yet for a run without a model, whose search has no use for facts, nor under a budget so small
    that the search needs all of it. The model plans the calls when it can afford that; else all tools are called.
    """
    known: dict[str, Any] | None = run.ledger.get("facts", "gathered", dict)
    if known is not None:
        return known
    facts: dict[str, JSON] = {}
    if run.model is not None and not _small(run):
        run.ledger.reserve(1, PLAN_TOKENS)
        gatherer = Gatherer(
            run.problem,
            tools := offered(run),
            run.fresh(),
            model=_metered(run, run.model) if _affords_plan(run) else None,
            policies=policies(tools, run.width),
            journal=_LedgerJournal(run),
            wall_s=_wall_s(run),
            seed=run.seed,
        )
        found = await gatherer.run(QUESTION.replace("$goal", str(run.problem.goal)))
        facts = dict(found.facts) | _lessons(run)
        run.tell("gather", note=found.summary)
    if run.model is not None:
        run.ledger.put("facts", "gathered", facts, problem_id=run.problem.id)
    return facts


async def gather_for_report(run: Run) -> dict[str, JSON]:
    """Return what was gathered; a run that gathered nothing calls the domain's tools now, in time that is left over."""
    known: dict[str, Any] | None = run.ledger.get("facts", "gathered", dict)
    left_s = run.budget.left.wall_s
    wall_s = REPORT_WALL_S if left_s is None else min(REPORT_WALL_S, left_s)
    if known is not None or wall_s <= 0 or run.stop.is_set():
        return known or {}
    gatherer = Gatherer(
        run.problem, offered(run), run.fresh(), journal=_LedgerJournal(run), wall_s=wall_s
    )
    facts = dict((await gatherer.run("")).facts)
    run.ledger.put("facts", "gathered", facts, problem_id=run.problem.id)
    return facts


def recharge(ledger: Ledger, budget: BudgetLedger) -> None:
    """Count the model calls of gathering that earlier sessions of a run have paid for."""
    for row in ledger.all(PAID, dict).values():
        budget.charge(tokens=row["tokens"], cost_usd=row["cost_usd"], model_calls=1)


def _metered(run: Run, model: Model) -> Metered:
    def record(paid: Reservation) -> None:
        number = len(run.ledger.all(PAID, dict))
        row: dict[str, JSON] = {"tokens": paid.tokens, "cost_usd": paid.cost_usd}
        run.ledger.put(PAID, f"gather-{number}", row, problem_id=run.problem.id)

    return Metered(model, run.budget, run.prices, record)


def _lessons(run: Run) -> dict[str, JSON]:
    """Return what earlier runs learned that fits this problem's text and symptoms."""
    if run.experience is None:
        return {}
    text = "\n".join((run.problem.text, *run.problem.files.values()))
    profile = run.ledger.get("profile", "original", Profile)
    found = run.experience.recall(run.domain.name, text, experience.symptoms(profile))
    return {experience.FACT: experience.show(run.ledger, SEARCH, found)} if found else {}


def _small(run: Run) -> bool:
    cap = run.budget.budget
    few = cap.attempts is not None and cap.attempts < LEAST_ATTEMPTS
    return few or (cap.wall_s is not None and cap.wall_s < LEAST_WALL_S)


def _affords_plan(run: Run) -> bool:
    left, attempts = run.budget.left.tokens, run.budget.budget.attempts
    if attempts is not None and attempts < PLAN_ATTEMPTS:
        return False
    return left is None or left >= PLAN_TOKENS / PLAN_SHARE


def _wall_s(run: Run) -> float:
    cap = run.budget.budget.wall_s
    return WALL_S if cap is None else min(WALL_S, WALL_SHARE * cap)
