"""The prompt program of a build: what a model drafts, and the logged operations that make or change it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from proofsmith.agents.workbench import any_of
from proofsmith.errors import UsageError
from proofsmith.memory.instructions import (
    Add,
    Instruction,
    Operation,
    Revise,
    Split,
    Start,
    State,
    apply,
)
from proofsmith.tools.paths import jailed

STEPS = 200
"""Most steps of one program."""


class Step(BaseModel):
    """A step as a model writes it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    goal: str = Field(min_length=1, max_length=4000)
    depends_on: list[str] = []
    inputs: list[str] = []
    outputs: list[str] = Field(min_length=1)
    checks: list[str] = Field(min_length=1)

    def instruction(self) -> Instruction:
        """Return the registry's entry; raises UsageError for a path that is not allowed."""
        return Instruction(
            id=self.id,
            goal=self.goal,
            depends_on=tuple(dict.fromkeys(self.depends_on)),
            inputs=tuple(jailed(path) for path in self.inputs),
            outputs=tuple(jailed(path) for path in self.outputs),
            checks=tuple(" ".join(check.split()) for check in self.checks),
        )


class Draft(BaseModel):
    """A whole program as a model writes it."""

    model_config = ConfigDict(extra="forbid")

    steps: list[Step] = Field(min_length=1, max_length=STEPS)


class RevisedStep(BaseModel):
    """A new goal for a step that failed."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["revise"]
    id: str
    goal: str = Field(min_length=1, max_length=4000)


class SplitStep(BaseModel):
    """Several steps in place of one that failed."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["split"]
    id: str
    parts: list[Step] = Field(min_length=2)


class AddedStep(BaseModel):
    """A further step."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["add"]
    step: Step


class Change(BaseModel):
    """A change of plan as a model writes it; there is no way to drop what was asked for."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    operations: list[
        Annotated[
            RevisedStep | SplitStep | AddedStep,
            Field(discriminator="kind", json_schema_extra=any_of),
        ]
    ] = Field(min_length=1)


def drafted(draft: Draft, fixed: frozenset[str]) -> list[Operation]:
    """Return the operations that make the drafted program; steps that share a file wait for each other in order.

    Raises:
        UsageError: unknown or circular dependencies, doubled ids, or outputs that the specification fixes.
    """
    operations: list[Operation] = []
    program: Mapping[str, Instruction] = {}
    for step in draft.steps:
        added = Add(instruction=_ordered(step.instruction(), program, fixed))
        program = apply(program, added)
        operations.append(added)
    return operations


def changed(
    change: Change, program: Mapping[str, Instruction], fixed: frozenset[str]
) -> list[Operation]:
    """Return the operations of a change of plan, checked one after the other on `program`.

    Raises:
        UsageError: an operation does not fit, see `instructions.apply`.
    """
    operations: list[Operation] = []
    for wanted in change.operations:
        operation = _operation(wanted, change.reason, program, fixed)
        program = apply(program, operation)
        operations.append(operation)
    return operations


def _operation(
    wanted: RevisedStep | SplitStep | AddedStep,
    reason: str,
    program: Mapping[str, Instruction],
    fixed: frozenset[str],
) -> Operation:
    match wanted:
        case RevisedStep():
            return Revise(id=wanted.id, goal=wanted.goal, reason=reason)
        case SplitStep():
            others = {
                name: step
                for name, step in program.items()
                if name != wanted.id and wanted.id not in ancestors(program, name)
            }
            parts: list[Instruction] = []
            for part in wanted.parts:
                near = {**others, **{p.id: p for p in parts}}
                parts.append(_ordered(part.instruction(), near, fixed))
            return Split(id=wanted.id, parts=tuple(parts), reason=reason)
        case AddedStep():
            return Add(
                instruction=_ordered(wanted.step.instruction(), program, fixed), reason=reason
            )


def _ordered(
    step: Instruction, program: Mapping[str, Instruction], fixed: frozenset[str]
) -> Instruction:
    """Return `step` after every step that writes one of its outputs; raises UsageError for fixed outputs."""
    taken = sorted(fixed & set(step.outputs))
    if taken:
        raise UsageError(f"'{step.id}' cannot write {', '.join(taken)}: the specification gives it")
    others = [
        other.id
        for other in program.values()
        if other.state is not State.DROPPED and set(other.outputs) & set(step.outputs)
    ]
    return replace(step, depends_on=tuple(dict.fromkeys((*step.depends_on, *others))))


def ancestors(program: Mapping[str, Instruction], name: str) -> frozenset[str]:
    """Return the steps that `name` builds on, directly or not."""
    found: set[str] = set()
    todo = list(program[name].depends_on)
    while todo:
        other = todo.pop()
        if other not in found:
            found.add(other)
            todo += program[other].depends_on
    return frozenset(found)


def tries(log: Sequence[Operation], name: str) -> int:
    """Return how often `name` was started since its goal was last rewritten."""
    count = 0
    for operation in log:
        if isinstance(operation, Revise) and operation.id == name:
            count = 0
        elif isinstance(operation, Start) and operation.id == name:
            count += 1
    return count


def table(program: Mapping[str, Instruction]) -> str:
    """Return the program as lines for a model: state, id, dependencies, outputs, checks, goal."""
    lines = []
    for step in program.values():
        after = f" after {', '.join(step.depends_on)}" if step.depends_on else ""
        lines.append(f"[{step.state}] {step.id}{after}: {step.goal}")
        lines.append(f"    writes {', '.join(step.outputs)}; checks: {'; '.join(step.checks)}")
    return "\n".join(lines)
