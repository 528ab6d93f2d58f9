"""Run a tool plan as dataflow: each call starts the moment its line and its inputs exist; failures are values."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from proofsmith.agents.hedge import Hedge
from proofsmith.agents.journal import Journal, MemoryJournal
from proofsmith.errors import ProofsmithError, StoreError
from proofsmith.planners.dag import Observation, Plan
from proofsmith.planners.plan_lines import Fault, PlanLine, PlanReader
from proofsmith.planners.references import ReferenceFault
from proofsmith.types import JSON, canonical, digest

Call = Callable[[str, BaseModel], Awaitable[JSON]]
"""Carry out the named tool on typed arguments."""
Repair = Callable[[Fault], Awaitable[str]]
"""Ask the planner for a corrected version of one bad line."""
Enough = Callable[[Mapping[int, Observation]], bool]
"""Say whether what is known so far makes the rest unnecessary."""

TOOL_FAULTS = (ProofsmithError, ArithmeticError, LookupError, OSError, RuntimeError, ValueError)
"""What a tool may raise on hostile input; it becomes a value. Anything else is a bug and ends the run at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPolicy:
    """How one tool may be used: calls in flight, seconds per call, tries of a call that raised."""

    slots: int = 4
    deadline_s: float = 60.0
    tries: int = 1
    hedged: bool = False
    """Calls change nothing and wait for something remote: a late one is made twice when a slot is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One call on the run's clock; `cause` says what it waited for last: plan, input or slot."""

    task: int
    tool: str
    ready_s: float
    start_s: float
    end_s: float
    cause: str


@dataclass(slots=True, kw_only=True)
class Trace:
    """What a run did: spans, when each plan line arrived, faults, and how the planner ended."""

    spans: list[Span] = field(default_factory=list)
    arrived_s: dict[int, float] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    planner_error: str = ""
    hedges: int = 0
    """Calls that were made a second time because the first was late."""
    ended_by: str = "finished"
    wall_s: float = 0.0


@dataclass(slots=True, eq=False)
class _Item:
    """One call that waits for a slot or runs; `index` is its place in the map of its task."""

    task: int
    index: int
    key: str
    arguments: BaseModel
    ready_s: float
    cause: str


class Dataflow:
    """Executor of one plan; `run` may be called again with the lines of a replan."""

    def __init__(
        self,
        plan: Plan,
        call: Call,
        *,
        policies: Mapping[str, ToolPolicy] | None = None,
        journal: Journal | None = None,
        repair: Repair | None = None,
        repairs: int = 4,
        enough: Enough | None = None,
        wall_s: float = 300.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Bind the plan to `call`; `repairs` bounds repair calls, `wall_s` a whole run, `clock` the trace."""
        self._plan, self._call, self._repair, self._enough = plan, call, repair, enough
        self._policies = policies or {}
        self._journal: Journal = journal or MemoryJournal()
        self._repairs_left, self._wall_s = repairs, wall_s
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._queues: dict[str, list[_Item]] = {}
        self._busy: dict[str, int] = {}
        self._hedge = Hedge()
        self._flights: dict[str, list[_Item]] = {}
        self._parts: dict[int, list[Observation | None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._ready: deque[tuple[int, str]] = deque()
        self._starting = False
        self.trace = Trace()

    async def run(self, source: AsyncIterator[str]) -> Trace:
        """Read plan text from `source` and run it to the end, to an early join or to the deadline.

        Whatever a tool, a line or the planner does wrong ends as an observation or in the trace. An exception
        outside `TOOL_FAULTS` ends the run at once as an ExceptionGroup; nothing is left running.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._over = asyncio.Event()
        self._plan.joined = False
        timer = loop.call_later(self._wall_s, self._stop, "deadline")
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._spawn(self._read(source))
                await self._over.wait()
                for task in self._running:
                    task.cancel()
        finally:
            timer.cancel()
        self._abandon()
        self.trace.wall_s += loop.time() - began
        return self.trace

    def _spawn(self, work: Awaitable[None]) -> None:
        async def bounded() -> None:
            await work

        task = self._group.create_task(bounded())
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._running:
            self._over.set()

    def _stop(self, why: str) -> None:
        if not self._over.is_set():
            self.trace.ended_by = why
            self._over.set()

    async def _read(self, source: AsyncIterator[str]) -> None:
        reader = PlanReader()
        try:
            async with closed(source):
                async for chunk in source:
                    self._accept(reader.feed(chunk))
                    if self._plan.joined:
                        return
        except TOOL_FAULTS as error:
            self.trace.planner_error = _words(error)
        self._accept(reader.close())

    def _accept(self, lines: list[PlanLine | Fault]) -> None:
        for line in lines:
            if self._plan.joined:
                return
            if isinstance(line, Fault):
                self._mend(line)
                continue
            self.trace.arrived_s.setdefault(line.id, self._clock())
            fault, ready = self._plan.add(line)
            if fault:
                self._mend(fault)
            self._start(ready, "plan")
        self._check_enough()

    def _mend(self, fault: Fault) -> None:
        self.trace.faults.append(fault)
        if fault.id is None:
            return
        self._plan.declare_broken(fault.id)
        if self._repair is None or self._repairs_left <= 0:
            self._plan.lose(fault.id, fault.reason)
            return
        self._repairs_left -= 1
        self._spawn(self._repaired(fault, self._repair))

    async def _repaired(self, fault: Fault, repair: Repair) -> None:
        assert fault.id is not None
        try:
            text = await repair(fault)
        except TOOL_FAULTS as error:
            self._plan.lose(fault.id, f"{fault.reason}; repair failed: {_words(error)}")
            return
        reader = PlanReader()
        lines = [*reader.feed(text), *reader.close()]
        fixed = [x for x in lines if isinstance(x, PlanLine) and x.id == fault.id]
        again, ready = self._plan.add(fixed[0]) if fixed else (fault, [])
        if again:
            self.trace.faults.append(again)
            self._plan.lose(fault.id, again.reason)
        self.trace.arrived_s[fault.id] = self._clock()
        self._start(ready, "plan")

    def _start(self, ready: list[int], cause: str) -> None:
        """Begin ready tasks, and those that they make ready at once, without recursion."""
        self._ready += [(task_id, cause) for task_id in ready]
        if self._starting:
            return
        self._starting = True
        while self._ready:
            self._begin(*self._ready.popleft())
        self._starting = False

    def _begin(self, task_id: int, cause: str) -> None:
        """Queue the calls of one ready task."""
        if task_id in self._plan.observations:
            return
        if not self._plan.wanted(task_id):
            self._settle(task_id, Observation(state="skipped", cause="its condition is false"))
            return
        try:
            calls = self._plan.calls(task_id)
            bound = [self._plan.bind(task_id, args) for args in calls]
        except (ReferenceFault, ValidationError) as error:
            self._settle(task_id, Observation(state="failed", cause=_words(error)))
            return
        self._parts[task_id] = [None] * len(bound)
        if not bound:
            self._settle(task_id, Observation(state="done", value=[]))
        tool = self._plan.tasks[task_id].tool
        for index, arguments in enumerate(bound):
            key = digest("call", tool, canonical(calls[index]))
            item = _Item(task_id, index, key, arguments, self._clock(), cause)
            self._submit(tool, item)

    def _submit(self, tool: str, item: _Item) -> None:
        """Use the journal, else join an equal call in flight, else queue a new one."""
        key = item.key
        known = self._journal.get(key)
        if known is not None:
            self._part(item, Observation(state="done", value=known[0]))
        elif key in self._flights:
            self._flights[key].append(item)
        else:
            self._flights[key] = [item]
            self._queues.setdefault(tool, []).append(item)
            self._dispatch(tool)
            waiting = self._queues[tool]
            if waiting and waiting[-1] is item:
                item.cause = "slot"

    def _dispatch(self, tool: str) -> None:
        """Start waiting calls of `tool` while it has slots, the longest remaining path first."""
        queue, slots = self._queues.get(tool, []), self._policy(tool).slots
        while queue and self._busy.get(tool, 0) < slots and not self._over.is_set():
            best = max(range(len(queue)), key=lambda n: (self._plan.tail_s(queue[n].task), -n))
            item = queue.pop(best)
            self._busy[tool] = self._busy.get(tool, 0) + 1
            self._spawn(self._perform(tool, item))

    async def _perform(self, tool: str, item: _Item) -> None:
        policy, start_s = self._policy(tool), self._clock()
        seen = Observation(state="failed")
        for _ in range(policy.tries):
            try:
                async with asyncio.timeout(policy.deadline_s):
                    value = await self._answer(tool, item.arguments, policy)
                self._journal.put(item.key, value)
                seen = Observation(state="done", value=value)
                self._hedge.learn(tool, self._clock() - start_s)
                break
            except TimeoutError:
                seen = Observation(state="failed", cause=f"no answer in {policy.deadline_s:g} s")
            except StoreError:
                raise
            except TOOL_FAULTS as error:
                seen = Observation(state="failed", cause=_words(error))
        end_s = self._clock()
        self.trace.spans.append(
            Span(
                task=item.task,
                tool=tool,
                ready_s=item.ready_s,
                start_s=start_s,
                end_s=end_s,
                cause=item.cause,
            )
        )
        self._plan.learn(tool, end_s - start_s)
        self._busy[tool] -= 1
        for waiting in self._flights.pop(item.key):
            self._part(waiting, seen)
        self._dispatch(tool)
        self._check_enough()

    async def _answer(self, tool: str, arguments: BaseModel, policy: ToolPolicy) -> JSON:
        """Call a tool once, or where its policy says so a second time when the first call is late."""

        async def second() -> JSON:
            self._busy[tool] += 1
            self.trace.hedges += 1
            try:
                return await self._call(tool, arguments)
            finally:
                self._busy[tool] -= 1

        if not policy.hedged:
            return await self._call(tool, arguments)
        return await self._hedge.answer(
            tool,
            lambda: self._call(tool, arguments),
            lambda: second if self._busy[tool] < policy.slots else None,
        )

    def _part(self, item: _Item, seen: Observation) -> None:
        """Record one element of a task; the last one settles the task."""
        parts = self._parts[item.task]
        parts[item.index] = seen
        if any(part is None for part in parts):
            return
        whole = [part for part in parts if part is not None]
        if not self._plan.tasks[item.task].over:
            self._settle(item.task, seen)
        elif any(part.ok for part in whole):
            values: list[JSON] = [p.value if p.ok else {"error": p.cause} for p in whole]
            self._settle(item.task, Observation(state="done", value=values))
        else:
            self._settle(item.task, Observation(state="failed", cause=whole[0].cause))

    def _settle(self, task_id: int, seen: Observation) -> None:
        self._start(self._plan.finish(task_id, seen), "input")

    def _check_enough(self) -> None:
        found = self._plan.observations
        first = self._plan.joined and self._plan.enough == "any"
        if first and any(seen.ok for seen in found.values()):
            self._stop("early join")
        if self._enough is not None and self._enough(found):
            self._stop("early join")

    def _abandon(self) -> None:
        """Give every open task an observation, so that a join or a replan can read the whole plan."""
        for task_id in self._plan.open_ids:
            self._plan.finish(
                task_id, Observation(state="cancelled", cause=f"ended by {self.trace.ended_by}")
            )
        self._queues, self._flights, self._busy = {}, {}, {}

    def _policy(self, tool: str) -> ToolPolicy:
        return self._policies.get(tool, ToolPolicy())


@asynccontextmanager
async def closed(source: AsyncIterator[str]) -> AsyncIterator[None]:
    """End a stream when the block ends, so that what it holds (a connection, a reservation) is released at once."""
    try:
        yield
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()


def _words(error: BaseException) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
