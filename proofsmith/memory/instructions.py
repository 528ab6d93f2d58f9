"""The instruction registry: a typed prompt program that changes only through logged operations."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.database import connect, transaction


class State(StrEnum):
    """Where an instruction stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One step of a prompt program."""

    id: str
    goal: str
    depends_on: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    """Files that the step reads."""
    outputs: tuple[str, ...] = ()
    """Files that the step may write."""
    checks: tuple[str, ...] = ()
    """Acceptance checks: commands that must pass."""
    state: State = State.WAITING
    attempts: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0


class _Operation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = ""


class Add(_Operation):
    """Append a step."""

    kind: Literal["add"] = "add"
    instruction: Instruction


class Split(_Operation):
    """Replace a step by several; what depended on it then depends on the last of them."""

    kind: Literal["split"] = "split"
    id: str
    parts: tuple[Instruction, ...] = Field(min_length=2)


class Revise(_Operation):
    """Rewrite the goal of a step that has not passed, and make it wait again."""

    kind: Literal["revise"] = "revise"
    id: str
    goal: str = Field(min_length=1)


class Drop(_Operation):
    """Give a step up; its dependants no longer wait for it."""

    kind: Literal["drop"] = "drop"
    id: str


class Start(_Operation):
    """Begin an attempt."""

    kind: Literal["start"] = "start"
    id: str


class Finish(_Operation):
    """End an attempt with what it cost."""

    kind: Literal["finish"] = "finish"
    id: str
    passed: bool
    tokens: int = Field(default=0, ge=0)
    cost_usd: float | None = Field(default=0.0, ge=0)


Operation = Annotated[Add | Split | Revise | Drop | Start | Finish, Field(discriminator="kind")]
_OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


def apply(program: Mapping[str, Instruction], operation: Operation) -> Mapping[str, Instruction]:
    """Return the program after `operation`; pure.

    Raises:
        UsageError: unknown or duplicate id, unknown dependency, cycle, or a step in the wrong state.
    """
    match operation:
        case Add():
            after = _inserted(program, (operation.instruction,))
        case Split():
            after = _split(program, operation)
        case Revise():
            step = _step(program, operation.id, State.WAITING, State.RUNNING, State.FAILED)
            after = {**program, step.id: replace(step, goal=operation.goal, state=State.WAITING)}
        case Drop():
            step = _step(program, operation.id, State.WAITING, State.FAILED)
            after = {**program, step.id: replace(step, state=State.DROPPED)}
        case Start():
            step = _step(program, operation.id, State.WAITING, State.FAILED)
            if step.id not in ready(program, retry=True):
                raise UsageError(f"'{step.id}' waits for {', '.join(step.depends_on)}")
            after = {
                **program,
                step.id: replace(step, state=State.RUNNING, attempts=step.attempts + 1),
            }
        case Finish():
            after = _finished(program, operation)
    _refuse_cycle(after)
    return after


def ready(program: Mapping[str, Instruction], *, retry: bool = False) -> tuple[str, ...]:
    """Return the ids that may start now, in order; `retry` includes failed ones."""
    done = {State.PASSED, State.DROPPED}
    open_states = {State.WAITING, State.FAILED} if retry else {State.WAITING}
    return tuple(
        step.id
        for step in program.values()
        if step.state in open_states and all(program[d].state in done for d in step.depends_on)
    )


class Registry:
    """A program in a SQLite log: the log is the truth, the program its replay."""

    def __init__(self, database: Path) -> None:
        """Open or create the log and replay it.

        Raises:
            StoreError: the log is damaged or cannot be written.
        """
        self._path = database
        try:
            self._connection = connect(
                database,
                "CREATE TABLE IF NOT EXISTS operations (number INTEGER PRIMARY KEY, text TEXT NOT NULL)",
            )
            rows = self._connection.execute(
                "SELECT text FROM operations ORDER BY number"
            ).fetchall()
            self.log: Sequence[Operation] = [_OPERATION.validate_json(text) for (text,) in rows]
            self.program: Mapping[str, Instruction] = {}
            for operation in self.log:
                self.program = apply(self.program, operation)
        except (sqlite3.Error, ValidationError, UsageError) as error:
            raise StoreError(
                f"the instruction registry '{database.name}' is damaged: {str(error).splitlines()[0]}",
                hint="move it away to start afresh",
            ) from error

    def edit(self, *operations: Operation) -> None:
        """Apply and log `operations` in order, all or none; a refused one leaves no trace.

        Raises:
            UsageError: see `apply`.
            StoreError: another process edited the log meanwhile, or it cannot be written.
        """
        after = self.program
        for operation in operations:
            after = apply(after, operation)
        rows = [
            (number, operation.model_dump_json())
            for number, operation in enumerate(operations, len(self.log) + 1)
        ]
        try:
            with transaction(self._connection, self._path):
                self._connection.executemany("INSERT INTO operations VALUES (?, ?)", rows)
        except StoreError as error:
            if isinstance(error.__cause__, sqlite3.IntegrityError):
                raise StoreError(
                    f"the instruction registry '{self._path.name}' was edited by somebody else",
                    hint="open it again",
                ) from error
            raise
        self.log = [*self.log, *operations]
        self.program = after

    def close(self) -> None:
        """Release the database."""
        self._connection.close()


def _step(program: Mapping[str, Instruction], name: str, *states: State) -> Instruction:
    step = program.get(name)
    if step is None:
        raise UsageError(f"there is no instruction '{name}'")
    if step.state not in states:
        raise UsageError(f"'{name}' is {step.state}, not {' or '.join(states)}")
    return step


def _inserted(
    program: Mapping[str, Instruction], steps: Iterable[Instruction]
) -> dict[str, Instruction]:
    after = dict(program)
    for step in steps:
        if step.id in after:
            raise UsageError(f"there is an instruction '{step.id}' already")
        missing = [d for d in step.depends_on if d not in after]
        if missing:
            raise UsageError(f"'{step.id}' depends on the unknown instruction '{missing[0]}'")
        after[step.id] = replace(step, state=State.WAITING, attempts=0, tokens=0, cost_usd=0.0)
    return after


def _split(program: Mapping[str, Instruction], operation: Split) -> dict[str, Instruction]:
    whole = _step(program, operation.id, State.WAITING, State.FAILED)
    inherited = [
        replace(part, depends_on=tuple(dict.fromkeys((*whole.depends_on, *part.depends_on))))
        for part in operation.parts
    ]
    after = _inserted(program, inherited)
    after[whole.id] = replace(whole, state=State.DROPPED)
    last = operation.parts[-1].id
    new = {part.id for part in operation.parts}
    for step in program.values():
        if whole.id in step.depends_on and step.id not in new:
            depends = tuple(last if d == whole.id else d for d in step.depends_on)
            after[step.id] = replace(after[step.id], depends_on=depends)
    return after


def _finished(program: Mapping[str, Instruction], operation: Finish) -> dict[str, Instruction]:
    step = _step(program, operation.id, State.RUNNING)
    unknown = step.cost_usd is None or operation.cost_usd is None
    return {
        **program,
        step.id: replace(
            step,
            state=State.PASSED if operation.passed else State.FAILED,
            tokens=step.tokens + operation.tokens,
            cost_usd=None if unknown else (step.cost_usd or 0.0) + (operation.cost_usd or 0.0),
        ),
    }


def _refuse_cycle(program: Mapping[str, Instruction]) -> None:
    left = {step.id: set(step.depends_on) for step in program.values()}
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        if not free:
            raise UsageError(f"the instructions {', '.join(sorted(left))} depend on each other")
        for name in free:
            del left[name]
