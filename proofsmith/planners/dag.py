"""A tool plan as a graph that grows while it runs: validation, readiness, failures as values, critical path."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from proofsmith.planners.plan_lines import JOIN, Fault, PlanLine
from proofsmith.planners.references import (
    ITEM,
    Reference,
    ReferenceFault,
    references,
    resolve,
)
from proofsmith.types import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What became of a task: a value, or why there is none."""

    state: Literal["done", "failed", "skipped", "cancelled"]
    value: JSON = None
    cause: str = ""

    @property
    def ok(self) -> bool:
        """True when there is a value."""
        return self.state == "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A validated call of the plan; `args` may hold references to the tasks in `needs`."""

    id: int
    tool: str
    args: Mapping[str, JSON]
    needs: frozenset[int]
    over: str = ""
    most: int = 16
    condition: str = ""
    thought: str = ""


class Plan:
    """Tasks, what they wait for, and what came of them.

    `tools` gives the argument model of each callable tool, `latency_s` the expected duration per tool (1 s when
    unknown), which orders ready tasks by the length of the path that hangs on them.
    """

    def __init__(
        self,
        tools: Mapping[str, type[BaseModel]],
        *,
        latency_s: Mapping[str, float] | None = None,
        most_tasks: int = 64,
    ) -> None:
        """Start empty; `most_tasks` bounds what a planner may ask for."""
        self._tools = tools
        self._latency_s = dict(latency_s or {})
        self._most_tasks = most_tasks
        self.tasks: dict[int, Task] = {}
        self.observations: dict[int, Observation] = {}
        self.joined = False
        self.enough: str = "all"
        self._waiting: dict[int, int] = {}
        self._children: dict[int, list[int]] = {}
        self._tail_s: dict[int, float] = {}
        self._broken: set[int] = set()
        self._adapters: dict[tuple[str, str], TypeAdapter[object]] = {}

    def add(self, line: PlanLine) -> tuple[Fault | None, list[int]]:
        """Take `line` into the plan; return the fault that keeps it out, and the tasks that became ready."""
        if line.tool == JOIN:
            self.joined, self.enough = True, line.enough
            return None, []
        try:
            task = self._checked(line)
        except (ValueError, ReferenceFault) as error:
            if line.id not in self.tasks:
                self._broken.add(line.id)
            return Fault(reason=str(error), text=line.text, id=line.id), []
        if task.id in self.observations:
            self._withdraw(task.id)
        self._broken.discard(task.id)
        self.tasks[task.id] = task
        for parent in task.needs:
            self._children.setdefault(parent, []).append(task.id)
        self._raise_tails(task.id)
        unmet = [p for p in task.needs if not self._is_ok(p)]
        self._waiting[task.id] = len(unmet)
        lost = [p for p in unmet if p in self.observations]
        if lost:
            self._skip(task.id, f"${lost[0]} gave no value")
        return None, [] if unmet else [task.id]

    def declare_broken(self, task_id: int) -> None:
        """Remember an id whose line is being repaired, so that later lines may refer to it."""
        if task_id not in self.tasks:
            self._broken.add(task_id)

    def lose(self, task_id: int, cause: str) -> None:
        """Give up on a line that could not be repaired; what depends on it is skipped with the cause."""
        self._broken.discard(task_id)
        if task_id not in self.observations:
            self.observations[task_id] = Observation(state="failed", cause=cause)
            for child in self._children.get(task_id, ()):
                self._skip(child, f"${task_id} failed: {cause}")

    def finish(self, task_id: int, observation: Observation) -> list[int]:
        """Record what came of a task and return the tasks that this makes ready, longest path first."""
        if task_id in self.observations:
            return []
        self.observations[task_id] = observation
        ready = []
        for child in self._children.get(task_id, ()):
            if not observation.ok:
                self._skip(child, f"${task_id} {observation.state}: {observation.cause}")
                continue
            self._waiting[child] -= 1
            if self._waiting[child] == 0 and child not in self.observations:
                ready.append(child)
        return sorted(ready, key=lambda t: (-self._tail_s[t], t))

    def calls(self, task_id: int) -> list[dict[str, JSON]]:
        """Return the arguments of each call that a ready task makes: one, or one per element of its map.

        Raises:
            ReferenceFault: a reference names something that its observation does not hold.
        """
        task = self.tasks[task_id]
        values = self._values(task)
        if not task.over:
            return [self._resolved(task, values)]
        items = resolve(task.over, values)
        if not isinstance(items, list):
            raise ReferenceFault(f"{task.over} is not a list")
        return [self._resolved(task, {**values, ITEM: item}) for item in items[: task.most]]

    def wanted(self, task_id: int) -> bool:
        """Say whether the condition of a ready task holds; a missing field counts as false."""
        task = self.tasks[task_id]
        if not task.condition:
            return True
        try:
            return bool(resolve(task.condition, self._values(task)))
        except ReferenceFault:
            return False

    def bind(self, task_id: int, args: Mapping[str, JSON]) -> BaseModel:
        """Return typed arguments for the tool of `task_id`; raises pydantic's ValidationError."""
        return self._tools[self.tasks[task_id].tool].model_validate(args)

    def tail_s(self, task_id: int) -> float:
        """Return the expected length of the longest path that starts with this task."""
        return self._tail_s[task_id]

    def learn(self, tool: str, duration_s: float) -> None:
        """Move the expected duration of `tool` a fifth of the way to what was just seen."""
        known = self._latency_s.get(tool, duration_s)
        self._latency_s[tool] = known + 0.2 * (duration_s - known)

    @property
    def open_ids(self) -> list[int]:
        """Tasks with no observation yet."""
        return [task_id for task_id in self.tasks if task_id not in self.observations]

    def finish_times(
        self, arrived_s: Mapping[int, float], took_s: Mapping[int, float]
    ) -> dict[int, float]:
        """Return when each task would end if it started the moment its line and its inputs were there."""
        ends: dict[int, float] = {}
        for task_id in self._topological():
            starts = [
                arrived_s.get(task_id, 0.0),
                *(ends.get(p, 0.0) for p in self.tasks[task_id].needs),
            ]
            ends[task_id] = max(starts) + took_s.get(task_id, 0.0)
        return ends

    def _topological(self) -> Iterator[int]:
        left = {t: sum(p in self.tasks for p in task.needs) for t, task in self.tasks.items()}
        queue = [t for t, count in left.items() if count == 0]
        while queue:
            task_id = queue.pop()
            yield task_id
            for child in self._children.get(task_id, ()):
                left[child] -= 1
                if left[child] == 0:
                    queue.append(child)

    def _is_ok(self, task_id: int) -> bool:
        seen = self.observations.get(task_id)
        return seen is not None and seen.ok

    def _values(self, task: Task) -> dict[int | str, JSON]:
        return {parent: self.observations[parent].value for parent in task.needs}

    def _resolved(self, task: Task, values: Mapping[int | str, JSON]) -> dict[str, JSON]:
        return {name: resolve(value, values) for name, value in task.args.items()}

    def _checked(self, line: PlanLine) -> Task:
        """Return the task of a line that fits the tools and the plan so far; raises ValueError with the reason."""
        if len(self.tasks) >= self._most_tasks:
            raise ValueError(f"a plan has at most {self._most_tasks} tasks")
        if self._is_ok(line.id) or (line.id in self.tasks and line.id not in self.observations):
            raise ValueError(f"id {line.id} is already used")
        if line.tool not in self._tools:
            known = ", ".join(sorted(self._tools))
            raise ValueError(f"unknown tool '{line.tool}'; tools: {known}")
        args = self._named(line)
        needs = self._needs(line, args)
        self._refuse_bad_constants(line.tool, args)
        return Task(
            id=line.id,
            tool=line.tool,
            args=args,
            needs=needs,
            over=line.over,
            most=line.most,
            condition=line.condition,
            thought=line.thought,
        )

    def _named(self, line: PlanLine) -> dict[str, JSON]:
        fields = list(self._tools[line.tool].model_fields)
        if len(line.positional) > len(fields):
            raise ValueError(f"{line.tool} takes {len(fields)} arguments: {', '.join(fields)}")
        named = dict(zip(fields, line.positional, strict=False))
        twice = named.keys() & line.named.keys()
        if twice:
            raise ValueError(f"argument '{min(twice)}' is given twice")
        return {**named, **line.named}

    def _needs(self, line: PlanLine, args: dict[str, JSON]) -> frozenset[int]:
        found: list[Reference] = [*references(args)]
        if not line.over and any(r.task == ITEM for r in found):
            raise ValueError("$item is only known in a task with 'map'")
        outer: list[JSON] = [line.over, line.condition]
        for text in filter(None, (line.over, line.condition)):
            if not [*references(text)]:
                raise ValueError(f"'{text}' is not a reference")
        found += references(outer)
        needs = frozenset(r.task for r in found if isinstance(r.task, int))
        for parent in sorted(needs):
            if parent == line.id or self._reaches(line.id, parent):
                raise ValueError(f"${parent} makes a cycle")
            known = parent in self.tasks or parent in self._broken or parent in self.observations
            if not known:
                raise ValueError(f"${parent} is not planned before it (write $$ for a dollar sign)")
        return needs

    def _reaches(self, start: int, goal: int) -> bool:
        """Say whether `goal` already depends on `start`."""
        stack, seen = [start], {start}
        while stack:
            for child in self._children.get(stack.pop(), ()):
                if child == goal:
                    return True
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
        return False

    def _refuse_bad_constants(self, tool: str, args: Mapping[str, JSON]) -> None:
        """Check everything that is known before the inputs are: names, and arguments without references."""
        fields = self._tools[tool].model_fields
        for name in args:
            if name not in fields:
                raise ValueError(f"{tool} has no argument '{name}'; it takes: {', '.join(fields)}")
        for name, info in fields.items():
            if name not in args:
                if info.is_required():
                    raise ValueError(f"{tool} needs the argument '{name}'")
            elif not [*references(args[name])]:
                self._check_constant(tool, name, resolve(args[name], {}))

    def _raise_tails(self, task_id: int) -> None:
        own = self._latency_s.get(self.tasks[task_id].tool, 1.0)
        after = (self._tail_s.get(c, 0.0) for c in self._children.get(task_id, ()))
        self._tail_s[task_id] = own + max(after, default=0.0)
        stack = [task_id]
        while stack:
            child = stack.pop()
            for parent in self.tasks[child].needs & self.tasks.keys():
                tail = self._latency_s.get(self.tasks[parent].tool, 1.0) + self._tail_s[child]
                if tail > self._tail_s[parent]:
                    self._tail_s[parent] = tail
                    stack.append(parent)

    def _skip(self, task_id: int, cause: str) -> None:
        """Mark a task and everything below it as skipped."""
        stack = [task_id]
        while stack:
            current = stack.pop()
            if current not in self.observations:
                self.observations[current] = Observation(state="skipped", cause=cause)
                stack += self._children.get(current, ())

    def _withdraw(self, task_id: int) -> None:
        """Forget a failed task for its replacement, and revive what was skipped because of it."""
        old = self.tasks.pop(task_id, None)
        for parent in old.needs if old else ():
            self._children[parent].remove(task_id)
        del self.observations[task_id]
        stack = [*self._children.get(task_id, ())]
        revived: set[int] = set()
        while stack:
            current = stack.pop()
            seen = self.observations.get(current)
            if current not in revived and seen is not None and seen.state == "skipped":
                revived.add(current)
                del self.observations[current]
                stack += self._children.get(current, ())
        for current in revived:
            self._waiting[current] = sum(not self._is_ok(p) for p in self.tasks[current].needs)
        for current in sorted(revived):
            dead = [p for p in self.tasks[current].needs if p in self.observations]
            lost = [p for p in dead if not self._is_ok(p)]
            if lost:
                self._skip(current, f"${lost[0]} gave no value")

    def _check_constant(self, tool: str, name: str, value: JSON) -> None:
        adapter = self._adapters.get((tool, name))
        if adapter is None:
            info = self._tools[tool].model_fields[name]
            shape: Any = info.annotation
            if info.metadata:
                shape = Annotated[shape, *info.metadata]
            adapter = TypeAdapter(shape)
            self._adapters[tool, name] = adapter
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"argument '{name}': {error.errors()[0]['msg']}") from None
