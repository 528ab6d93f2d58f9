"""Build a project of many files from a specification: a stored program of steps, each carried out by its own agent.

After Holt, Luyten and van der Schaar, "L2MAC" (ICLR 2024): the program and the files are the memory, a model's context
is made anew for each step.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten

from pydantic import BaseModel

from proofsmith.agents.budget import Reservation
from proofsmith.agents.evaluator import Judgement, Result, Task, evaluate, tests_of
from proofsmith.agents.program import (
    Change,
    Draft,
    RevisedStep,
    SplitStep,
    changed,
    drafted,
    table,
    tries,
)
from proofsmith.agents.prompts import text as prompt_text
from proofsmith.agents.site import Site
from proofsmith.agents.workbench import GIVEN, View
from proofsmith.agents.worker import Stopped, Worker, given_tests, is_test, product_of
from proofsmith.errors import BudgetSpent, ModelError, SandboxError, UsageError
from proofsmith.memory.instructions import Finish, Instruction, Operation, Start, State, ready
from proofsmith.tools.feedback import clip
from proofsmith.tools.schema import parse
from proofsmith.types import Message, Reply

REPAIRS = 2
"""Further replies in which a plan that does not fit may be corrected."""
REPLAN = "change of plan"
SPEC_CHARS = 40_000
EVIDENCE_CHARS = 6_000


class GaveUp(Exception):
    """The plan was changed as often as it may be; the message says what still fails."""


@dataclass(slots=True)
class Builder:
    """Drives one build to its end; everything that it decides is in the registry and the ledger."""

    site: Site
    why: str = ""
    """What stood in the way, for the report."""
    _tasks: dict[asyncio.Task[Judgement], str] = field(default_factory=dict)

    async def drive(self) -> tuple[Judgement | None, str]:
        """Build until the whole passes or nothing can go on; return the last judgement and what ended the build.

        Raises:
            SandboxError: the machinery failed twice.
            StoreError: a store cannot be used.
        """
        ended_by = "finished"
        try:
            async with asyncio.timeout(self.site.budget.left.wall_s):
                return await self._whole(), ended_by
        except GaveUp as error:
            self.why = str(error)
            await self._keep_others()
        except BudgetSpent as error:
            ended_by = f"budget:{error.resource}"
        except TimeoutError:
            ended_by = "budget:wall_s"
        except Stopped:
            ended_by = "interrupted"
            if self._tasks:  # each ends at its next reply, which is recorded
                await asyncio.wait(self._tasks)
        except ModelError as error:
            ended_by = "model"
            self.why = f"the model stopped answering: {error.message}"
        finally:
            await self._cancel()
        return None, ended_by

    async def _whole(self) -> Judgement:
        await self._know_given()
        await self._plan()
        while True:
            await self._steps()
            judged = await self._judge_whole()
            if judged.result is Result.PASS:
                return judged
            await self._replan(None, judged.detail)

    async def _know_given(self) -> None:
        """Judge the tests of a folder that was there before, so that nobody can weaken them."""
        site = self.site
        files = View(site.store, frozenset()).files()
        tests = [path for path in sorted(files) if is_test(path) and path not in site.fixed]
        if not tests or site.ledger.get("judgement", GIVEN, Judgement) is not None:
            return
        product = product_of(files, tests)
        task = Task(
            files=files, checks=("test " + " ".join(tests),), product=product, seeded=product
        )
        judged = await self._evaluated(task, GIVEN)
        site.tell("gather", f"tests that were there: {judged.result}, {_first(judged.detail)}")

    async def _plan(self) -> None:
        site = self.site
        if site.registry.log:
            return
        site.tell("gather", "planning")
        system = Message(role="system", content=prompt_text("build_plan"))
        files = "\n".join(View(site.store, frozenset()).writes())
        asked = f"## Specification\n{site.spec}\n\n## Files that are there\n{files or '(none)'}"

        def operations(reply: Reply) -> list[Operation]:
            return drafted(parse(Draft, reply.text), site.fixed)

        plan = [system, Message(role="user", content=asked)]
        site.registry.edit(*await self._corrected("plan", plan, Draft, operations))
        site.failpoints.reach("build.planned")
        for step in site.registry.program.values():
            site.tell("gather", f"step {step.id}: {shorten(step.goal, 80)}")

    async def _corrected(
        self,
        key: str,
        asked: Sequence[Message],
        schema: type[BaseModel],
        operations: Callable[[Reply], list[Operation]],
    ) -> list[Operation]:
        """Ask for a plan and let the model correct what does not fit; raises ModelError when it never does."""
        messages = list(asked)
        for number in range(REPAIRS + 1):
            reply = await self.site.ask(f"{key}.{number}", messages, schema)
            try:
                found: list[Operation] = operations(reply)
            except UsageError as error:
                complaint = f"This plan does not fit: {error.message}. Answer with a corrected one."
                messages += [
                    Message(role="assistant", content=reply.text),
                    Message(role="user", content=complaint),
                ]
                continue
            return found
        raise GaveUp("the model's plan stayed unusable")

    async def _steps(self) -> None:
        """Carry out every step that can be, independent ones at the same time."""
        while True:
            for step in self._exhausted():
                detail = self._last(step).detail
                await self._replan(step, f"step {step.id} failed: {detail}")
            self._start()
            if not self._tasks:
                return
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda t: self._tasks[t]):
                name = self._tasks[task]
                judged = task.result()
                del self._tasks[task]
                self._finish(name, judged)

    def _exhausted(self) -> list[Instruction]:
        registry, most = self.site.registry, self.site.caps.tries
        return [
            step
            for step in registry.program.values()
            if step.state is State.FAILED and tries(registry.log, step.id) >= most
        ]

    def _last(self, step: Instruction) -> Judgement:
        known = self.site.ledger.get("judgement", f"{step.id}#{step.attempts}", Judgement)
        return known or Judgement(result=Result.FAIL, detail="no judgement was recorded")

    def _start(self) -> None:
        """Start steps while there is room; one that an earlier session had begun goes first."""
        site = self.site
        program = site.registry.program
        begun = [s.id for s in program.values() if s.state is State.RUNNING]
        waiting = [*begun, *ready(program, retry=True)]
        for name in waiting:
            if name in self._tasks.values() or len(self._tasks) >= site.width:
                continue
            if site.stop.is_set():
                raise Stopped
            if name not in begun:
                held = site.budget.reserve(Reservation(attempts=1))
                site.registry.edit(Start(id=name))
                site.budget.settle(held, attempts=1)
            step = site.registry.program[name]
            site.tell("search", f"step {name}: attempt {step.attempts}")
            task = asyncio.create_task(Worker(site, step).attempt())
            self._tasks[task] = name

    def _finish(self, name: str, judged: Judgement) -> None:
        """Log the end of an attempt with what it cost."""
        site = self.site
        step = site.registry.program[name]
        replies = site.ledger.all("reply", Reply)
        mine = [r.usage for key, r in replies.items() if key.startswith(f"{name}#{step.attempts}.")]
        unknown = any(usage.cost_usd is None for usage in mine)
        site.registry.edit(
            Finish(
                id=name,
                passed=judged.result is Result.PASS,
                tokens=sum(usage.input_tokens + usage.output_tokens for usage in mine),
                cost_usd=None if unknown else sum(usage.cost_usd or 0.0 for usage in mine),
            )
        )
        site.failpoints.reach("build.finished")
        site.tell("search", f"step {name}: {judged.result}, {_first(judged.detail)}")

    async def _replan(self, step: Instruction | None, detail: str) -> None:
        """Let the model change the plan through logged operations; raises GaveUp after too many changes."""
        site = self.site
        number = 1 + _replans(site.registry.log)
        if number > site.caps.replans:
            raise GaveUp(f"the plan was changed {number - 1} times and still: {_first(detail)}")
        site.tell("search", f"changing the plan: {_first(detail)}")
        key = f"replan-{number}"
        asked = site.ledger.get("prompt", key, str)
        if asked is None:
            asked = "\n\n".join(
                (
                    f"## Specification\n{clip(site.spec, SPEC_CHARS)}",
                    f"## Program\n{table(site.registry.program)}",
                    f"## What is wrong\n{clip(detail, EVIDENCE_CHARS)}",
                )
            )
            site.ledger.put("prompt", key, asked)
        plan = [
            Message(role="system", content=prompt_text("build_replan")),
            Message(role="user", content=asked),
        ]

        def operations(reply: Reply) -> list[Operation]:
            change = parse(Change, reply.text)
            touched = {o.id for o in change.operations if isinstance(o, RevisedStep | SplitStep)}
            if step is not None and step.id not in touched:
                raise UsageError(f"'{step.id}' must be revised or split")
            change.reason = f"{REPLAN} {number}: {change.reason}"
            return changed(change, site.registry.program, site.fixed)

        site.registry.edit(*await self._corrected(key, plan, Change, operations))
        site.failpoints.reach("build.replanned")

    async def _judge_whole(self) -> Judgement:
        """Judge all files together: every check of every step, and the tests that the specification gives."""
        site = self.site
        program = site.registry.program
        stuck = [s.id for s in program.values() if s.state not in (State.PASSED, State.DROPPED)]
        if stuck:
            raise GaveUp(f"these steps can never start: {', '.join(stuck)}")
        key = f"whole-{_replans(site.registry.log)}"
        passed = [s for s in program.values() if s.state is State.PASSED]
        files = View(site.store, site.visible()).files()
        known = (*given_tests(site), *(path for path in sorted(site.fixed) if is_test(path)))
        site.tell("confirm", f"judging {len(files)} files together")
        task = whole_task(files, passed, known)
        return await self._evaluated(task, key)

    async def _evaluated(self, task: Task, key: str) -> Judgement:
        ledger = self.site.ledger
        known = ledger.get("judgement", key, Judgement)
        if known is None:
            known = await evaluate(task, self.site.sandbox)
            if known.result is Result.INFRA_ERROR:
                raise SandboxError(known.detail, hint="proofsmith sandbox check")
            ledger.put("judgement", key, known)
        return known

    async def _keep_others(self) -> None:
        """Wait for the attempts in flight and log how they ended: what passes is worth keeping."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        for task in [task for task in self._tasks if task.exception() is None]:
            self._finish(self._tasks.pop(task), task.result())

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for task in self._tasks:
            if not task.cancelled():
                task.exception()  # seen: the first failure is what is reported
        self._tasks.clear()


def whole_task(
    files: Mapping[str, bytes], passed: Sequence[Instruction], known: Sequence[str]
) -> Task:
    """Return what judges all files together: the checks of all steps, and test files that were there before."""
    checks = [check for step in passed for check in step.checks]
    checks += ["test " + " ".join(known)] if known else []
    product = product_of(files, tests_of(checks))
    return Task(files=files, checks=tuple(dict.fromkeys(checks)), product=product)


def _replans(log: Sequence[Operation]) -> int:
    """Return how often the plan was changed; every operation of a change bears its number."""
    reasons = {op.reason.partition(":")[0] for op in log if op.reason.startswith(REPLAN)}
    return len(reasons)


def _first(text: str) -> str:
    return text.strip().partition("\n")[0]
