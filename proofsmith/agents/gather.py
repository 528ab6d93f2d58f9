"""Collect facts for a problem: let a model plan tool calls, run them as dataflow, join or patch the plan."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from proofsmith.agents.dataflow import Dataflow, ToolPolicy, Trace, closed
from proofsmith.agents.journal import Journal, MemoryJournal
from proofsmith.errors import ModelError
from proofsmith.planners.dag import Observation, Plan
from proofsmith.planners.join import Decision, parse_join
from proofsmith.planners.plan_lines import JOIN, Fault
from proofsmith.planners.prompts import fill
from proofsmith.protocols import Model, Sandbox, Tool
from proofsmith.tools.feedback import clip
from proofsmith.types import JSON, Message, Problem, canonical, digest

RESULT_CHARS = 2000
"""Cap on one observation inside a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a gather phase found."""

    facts: Mapping[str, JSON]
    """Value per finished task: `tool` for the first task of a tool, `tool.2` for the second ..."""
    failures: Mapping[str, str]
    """Why each other task has no value."""
    answer: str = ""
    replans: int = 0
    model_calls: int = 0
    trace: Trace = field(default_factory=Trace)
    critical_path_s: float = 0.0

    @property
    def summary(self) -> str:
        """One line: calls made, time, and that time against the critical path."""
        ratio = self.trace.wall_s / self.critical_path_s if self.critical_path_s > 0 else 1.0
        return (
            f"{len(self.facts)} facts, {len(self.failures)} failures, {len(self.trace.spans)} calls in "
            f"{self.trace.wall_s:.2f} s, {ratio:.2f}x the critical path"
        )


def default_plan(tools: Mapping[str, Tool]) -> str:
    """Return the plan used without a model: every tool that needs no argument, and then those that need such results.

    A required argument that has the name of a planned tool takes the result of that tool.
    """
    ids: dict[str, int] = {}
    lines = []
    for name, needed in sorted(_needs(tools).items(), key=lambda item: len(item[1])):
        if needed <= ids.keys():
            ids[name] = len(ids) + 1
            given: dict[str, JSON] = {other: f"${ids[other]}" for other in sorted(needed)}
            lines.append(canonical({"id": ids[name], "tool": name, "args": given}))
    return "\n".join([*lines, canonical({"tool": JOIN})])


def _needs(tools: Mapping[str, Tool]) -> dict[str, set[str]]:
    """Return the names of the required arguments by tool."""
    return {
        name: {key for key, info in tool.arguments.model_fields.items() if info.is_required()}
        for name, tool in tools.items()
    }


class Gatherer:
    """One gather phase over the tools of a domain and a run."""

    def __init__(
        self,
        problem: Problem,
        tools: Sequence[Tool],
        sandbox: Sandbox,
        *,
        model: Model | None = None,
        policies: Mapping[str, ToolPolicy] | None = None,
        journal: Journal | None = None,
        wall_s: float = 120.0,
        replans: int = 1,
        seed: int = 0,
        fallback: bool = True,
    ) -> None:
        """Bind the parts; `model` None plans by `default_plan`, `journal` makes a later call resume.

        `fallback` replaces a model's plan without any call by `default_plan`; without it nothing is called then.
        """
        self._fallback = fallback
        self._problem, self._sandbox, self._model, self._seed = problem, sandbox, model, seed
        self._tools = {tool.name: tool for tool in tools}
        self._replans = replans if model else 0
        self._journal: Journal = journal or MemoryJournal()
        self._plan = Plan({name: tool.arguments for name, tool in self._tools.items()})
        self._flow = Dataflow(
            self._plan,
            self._call,
            policies=policies,
            journal=self._journal,
            repair=self._repair if model else None,
            wall_s=wall_s,
        )
        self._model_calls = 0

    async def run(self, question: str, *, answer: bool = False) -> Gathered:
        """Plan, call, and when something failed or an `answer` is wanted let the model join or replan once more.

        Without tools nothing is asked and nothing is found. A planner that dies leaves what was found by then; one
        that plans nothing usable is replaced by `default_plan`.
        """
        if not self._tools:
            return Gathered(facts={}, failures={})
        await self._flow.run(self._lines(question, "", round_=0))
        if not self._plan.tasks and self._fallback:
            await self._flow.run(_once(default_plan(self._tools)))
        decision, round_ = Decision("finish", ""), 0
        while self._model and (answer or self._failures()):
            try:
                decision = await self._join(self._model, question)
            except ModelError:
                break  # what was found stays found
            if decision.action == "finish" or round_ == self._replans:
                break
            round_ += 1
            earlier = f"\n# Earlier results (keep them; re-use a failed id to replace it)\n{self._results()}\n"
            reason = f"{question}\n{decision.text}"
            await self._flow.run(self._lines(reason, earlier, round_=round_))
        return self._gathered(decision, round_)

    def _gathered(self, decision: Decision, replans: int) -> Gathered:
        names = self._names()
        seen = self._plan.observations
        took = {span.task: span.end_s - span.start_s for span in self._flow.trace.spans}
        arrived = self._flow.trace.arrived_s
        began = min(arrived.values(), default=0.0)
        ends = self._plan.finish_times(arrived, took)
        return Gathered(
            facts={names[t]: seen[t].value for t in self._plan.tasks if seen[t].ok},
            failures=self._failures(),
            answer=decision.text if decision.action == "finish" else "",
            replans=replans,
            model_calls=self._model_calls,
            trace=self._flow.trace,
            critical_path_s=max(ends.values(), default=0.0) - began,
        )

    async def _call(self, name: str, arguments: BaseModel) -> JSON:
        return await self._tools[name].run(self._problem, arguments, self._sandbox.fresh())

    async def _lines(self, question: str, earlier: str, *, round_: int) -> AsyncIterator[str]:
        """Yield plan text: from the journal when this plan was completed before, else from the model."""
        if self._model is None:
            yield default_plan(self._tools)
            return
        prompt = fill(
            "gather_plan",
            tools=self._catalogue(),
            problem=clip(self._problem.text, 8000),
            question=question,
            earlier=earlier,
        )
        key = digest("plan", str(round_), prompt)
        known = self._journal.get(key)
        if known is not None:
            yield str(known[0])
            return
        self._model_calls += 1
        chunks: list[str] = []
        stream = self._model.stream(
            [Message(role="user", content=prompt)],
            max_output_tokens=2048,
            temperature=0.0,
            seed=self._seed,
        )
        async with closed(stream):
            try:
                async for chunk in stream:
                    chunks.append(chunk)
                    yield chunk
            except GeneratorExit:  # the reader saw the join: the plan is complete
                self._journal.put(key, "".join(chunks))
                raise
        self._journal.put(key, "".join(chunks))

    async def _repair(self, fault: Fault) -> str:
        prompt = fill(
            "gather_repair",
            line=clip(fault.text, 2000),
            reason=fault.reason,
            tools=self._catalogue(),
            id=str(fault.id),
        )
        return await self._complete(prompt, most=512)

    async def _join(self, model: Model, question: str) -> Decision:
        prompt = fill("gather_join", question=question, results=self._results())
        return parse_join(await self._complete(prompt, most=1024))

    async def _complete(self, prompt: str, *, most: int) -> str:
        assert self._model is not None
        self._model_calls += 1
        reply = await self._model.complete(
            [Message(role="user", content=prompt)],
            max_output_tokens=most,
            temperature=0.0,
            seed=self._seed,
        )
        return reply.text

    def _catalogue(self) -> str:
        return "\n".join(
            f"- {name}({_signature(tool.arguments)}): {tool.description}"
            for name, tool in self._tools.items()
        )

    def _names(self) -> dict[int, str]:
        """Name tasks by tool, numbered from the second on."""
        count: dict[str, int] = {}
        names = {}
        for task_id, task in self._plan.tasks.items():
            count[task.tool] = count.get(task.tool, 0) + 1
            names[task_id] = (
                task.tool if count[task.tool] == 1 else f"{task.tool}.{count[task.tool]}"
            )
        return names

    def _failures(self) -> dict[str, str]:
        names = self._names()
        return {
            names.get(t, f"line {t}"): seen.cause
            for t, seen in self._plan.observations.items()
            if seen.state in ("failed", "cancelled")
        }

    def _results(self) -> str:
        names = self._names()
        return "\n".join(
            f"{t}. {names.get(t, 'unreadable line')}: {_shown(seen)}"
            for t, seen in sorted(self._plan.observations.items())
        )


def shown(value: JSON) -> str:
    """Write a result as a prompt shows it."""
    return clip(value if isinstance(value, str) else canonical(value), RESULT_CHARS)


def _shown(seen: Observation) -> str:
    return shown(seen.value) if seen.ok else f"{seen.state}: {seen.cause}"


def _signature(arguments: type[BaseModel]) -> str:
    parts = []
    for name, info in arguments.model_fields.items():
        kind = getattr(info.annotation, "__name__", str(info.annotation))
        parts.append(f"{name}: {kind}" + ("" if info.is_required() else f" = {info.default!r}"))
    return ", ".join(parts)


async def _once(text: str) -> AsyncIterator[str]:
    yield text
