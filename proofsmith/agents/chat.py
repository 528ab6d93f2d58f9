"""A conversation about one file: a question is planned as tool calls, which run at once, then answered in a stream."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofsmith.agents.chat_tools import POLICIES, WALL_S, tools_of
from proofsmith.agents.dataflow import closed
from proofsmith.agents.gather import Gathered, Gatherer, shown
from proofsmith.agents.journal import MemoryJournal
from proofsmith.agents.metered import Metered
from proofsmith.agents.offers import offered
from proofsmith.agents.request import Request, opened
from proofsmith.agents.run import Run
from proofsmith.errors import UsageError
from proofsmith.memory.context import trimmed
from proofsmith.planners.prompts import fill
from proofsmith.protocols import Model
from proofsmith.tools.feedback import clip
from proofsmith.types import Message, Problem

FILE_CHARS = 16_000
ANSWER_TOKENS = 2048
HISTORY_TOKENS = 24_000
"""Longest conversation that a question carries along; its oldest exchanges are dropped first."""
RECENT = 4
"""Messages that the planner of a question sees."""
RECENT_CHARS = 1500


@dataclass(slots=True)
class Chat:
    """Questions and answers about the problem of `run`; tools are those of its domain and those that act."""

    run: Run
    request: Request
    model: Model
    gathered: Gathered = field(default_factory=lambda: Gathered(facts={}, failures={}))
    """What was called for the latest question."""
    _history: list[Message] = field(default_factory=list)
    _journal: MemoryJournal = field(default_factory=MemoryJournal)

    async def look(self, question: str) -> Gathered:
        """Call what the model plans for `question`, nothing when it plans nothing.

        Raises:
            ModelError: the endpoint failed before any plan arrived.
        """
        run = self.run
        earlier = offered(run, runs_dir=self.request.runs_dir)
        gatherer = Gatherer(
            run.problem,
            (*earlier, *tools_of(run, self.request)),
            run.fresh(),
            model=self.model,
            policies=POLICIES,
            journal=self._journal,
            wall_s=WALL_S,
            seed=run.seed,
            fallback=False,
        )
        recent = "\n".join(
            f"{message.role}: {clip(message.content, RECENT_CHARS)}"
            for message in self._history[-RECENT:]
        )
        asked = f"{recent}\nuser: {question}\nPlan only what this last message needs; often that is nothing."
        self.gathered = await gatherer.run(asked)
        return self.gathered

    async def answer(self, question: str) -> AsyncIterator[str]:
        """Yield the answer to `question` as it arrives, from what `look` found.

        Raises:
            ModelError: the endpoint failed; the question is forgotten.
        """
        found = _results(self.gathered)
        content = f"{question}\n\n# Tool results\n{found}" if found else question
        asked = Message(role="user", content=content)
        system = Message(role="system", content=fill("chat", file=_described(self.run.problem)))
        told: list[str] = []
        stream = self.model.stream(
            trimmed([system, *self._history, asked], budget_tokens=HISTORY_TOKENS),
            max_output_tokens=ANSWER_TOKENS,
            temperature=0.2,
            seed=self.run.seed,
        )
        async with closed(stream):
            async for chunk in stream:
                told.append(chunk)
                yield chunk
        self._history += [asked, Message(role="assistant", content="".join(told))]


@asynccontextmanager
async def conversation(request: Request) -> AsyncIterator[Chat]:
    """Open a conversation about the file of `request`; it leaves no run behind, searches that it starts do.

    Raises:
        UsageError: the file cannot be read as a problem, or there is no model.
    """
    if request.model is None:
        raise UsageError("a conversation needs a model", hint="add --base-url URL --model NAME")
    with tempfile.TemporaryDirectory(prefix="proofsmith-chat-") as folder:
        async with opened(replace(request, runs_dir=Path(folder), cache_dir=None)) as run:
            yield Chat(run, request, Metered(request.model, run.budget, request.prices))


def _described(problem: Problem) -> str:
    return (
        f"{', '.join(sorted(problem.files))} ({problem.domain})\n{clip(problem.text, FILE_CHARS)}"
    )


def _results(found: Gathered) -> str:
    rows: Mapping[str, str] = {
        **{name: shown(value) for name, value in found.facts.items()},
        **{name: f"failed: {cause}" for name, cause in found.failures.items()},
    }
    return "\n".join(f"{name}: {text}" for name, text in rows.items())
