"""What a run gathers before it searches: the domain's tools and an outline, called by a plan."""

from typing import Any

from pydantic import BaseModel, Field

from proofsmith.agents.dataflow import ToolPolicy
from proofsmith.agents.gather import Gatherer
from proofsmith.agents.metered import Metered
from proofsmith.agents.run import Run
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox, Tool
from proofsmith.tools.syntax import language_of, outline
from proofsmith.types import JSON, Problem

QUESTION = "Which facts must someone know who wants to reach the goal with this code?"
LARGE_CHARS = 12_000
"""Problems above this are outlined even when their domain offers no tools."""
WALL_S = 60.0
WALL_SHARE = 0.1
"""Part of a wall budget that gathering may use."""


class Where(BaseModel):
    """Arguments of `outline`."""

    path: str = Field(default="", description="one file of the problem; empty for all")


class Outline:
    """Functions and classes of the problem's files with their lines."""

    name = "outline"
    description = "functions and classes with their line ranges"
    arguments: type[BaseModel] = Where

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return entries by file; raises UsageError when there is no such file."""
        path = arguments.path if isinstance(arguments, Where) else ""
        if path and path not in problem.files:
            known = ", ".join(sorted(problem.files))
            raise UsageError(f"no file '{path}'; files: {known}")
        return {
            name: [
                f"{entry.kind} {entry.name} {entry.line}-{entry.last_line}"
                for entry in outline(problem.files[name], language_of(name))
            ]
            for name in ([path] if path else sorted(problem.files))
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

    Nothing is gathered for a run without a model, which has no use for facts. The model plans the calls only where
    a tool needs arguments; otherwise all of them are made at once and no token is spent.
    """
    known: dict[str, Any] | None = run.ledger.get("facts", "gathered", dict)
    if known is not None:
        return known
    facts: dict[str, JSON] = {}
    if run.model is not None and (run.domain.tools or _large(run.problem)):
        tools: list[Tool] = [*run.domain.tools, Outline()]
        needy = any(_needs_arguments(tool) for tool in tools)
        gatherer = Gatherer(
            run.problem,
            tools,
            run.fresh(),
            model=Metered(run.model, run.budget, run.prices) if needy else None,
            policies={tool.name: ToolPolicy(slots=run.width) for tool in tools},
            journal=_LedgerJournal(run),
            wall_s=_wall_s(run),
            seed=run.seed,
        )
        found = await gatherer.run(QUESTION)
        facts = dict(found.facts)
        run.tell("gather", note=found.summary)
    run.ledger.put("facts", "gathered", facts, problem_id=run.problem.id)
    return facts


def _large(problem: Problem) -> bool:
    return sum(len(text) for text in problem.files.values()) > LARGE_CHARS


def _needs_arguments(tool: Tool) -> bool:
    return any(info.is_required() for info in tool.arguments.model_fields.values())


def _wall_s(run: Run) -> float:
    cap = run.budget.budget.wall_s
    return WALL_S if cap is None else min(WALL_S, WALL_SHARE * cap)
