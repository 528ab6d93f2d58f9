"""Carry out one attempt at one step: a fresh context, a conversation of calls, a judgement; all of it recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from proofsmith.agents.build_lessons import recalled
from proofsmith.agents.evaluator import Judgement, Result, Score, Task, evaluate, tests_of
from proofsmith.agents.program import ancestors
from proofsmith.agents.prompts import text as prompt_text
from proofsmith.agents.site import Site
from proofsmith.agents.workbench import GIVEN, Call, View, Workbench, step_of
from proofsmith.errors import ModelError, SandboxError
from proofsmith.memory.context import Part, Prompt, assemble, slices, trimmed
from proofsmith.memory.instructions import Instruction
from proofsmith.tools.feedback import clip
from proofsmith.tools.schema import parse
from proofsmith.types import Message, canonical, digest

RESULT_CHARS = 20_000
SAME = 3
"""Equal calls with equal results that mark a loop."""
HELD_TOKENS = 2
"""A conversation may grow to this many times the first prompt before its oldest exchanges are dropped."""


class Turn(BaseModel):
    """One reply of an agent."""

    model_config = ConfigDict(extra="forbid")

    note: str = ""
    calls: list[Call] = []
    done: bool = False


class Stopped(Exception):
    """The build was asked to stop; everything so far is recorded."""


@dataclass(slots=True)
class Worker:
    """One attempt at one step, identified by `step#attempt`; walking it again takes what is recorded."""

    site: Site
    step: Instruction

    async def attempt(self) -> Judgement:
        """Let the agent work and judge what it made.

        Raises:
            ModelError: the endpoint failed for good.
            BudgetSpent: the next call does not fit.
            SandboxError: the machinery failed twice.
            Stopped: somebody asked to stop.
        """
        known = self.site.ledger.get("judgement", self.key, Judgement)
        if known is None:
            known = await self._judged()
            if known.result is Result.INFRA_ERROR:
                raise SandboxError(known.detail, hint="proofsmith sandbox check")
            self.site.ledger.put("judgement", self.key, known)
            self.site.failpoints.reach("build.judged")
        return known

    @property
    def key(self) -> str:
        """Name of this attempt."""
        return f"{self.step.id}#{self.step.attempts}"

    @property
    def before(self) -> frozenset[str]:
        """The steps that this one builds on."""
        return ancestors(self.site.registry.program, self.step.id)

    @property
    def view(self) -> View:
        """What the agent sees: files of the user, of the steps before, and its own."""
        return View(self.site.store, self.before | {self.step.id})

    async def _judged(self) -> Judgement:
        try:
            complaint = await self._conversation()
        except ModelError as error:
            if not error.only_this_call:
                raise
            complaint = f"the reply was of no use: {error.message}"
        if complaint:
            return Judgement(result=Result.FAIL, detail=complaint)
        return await evaluate(self.task(), self.site.sandbox)

    async def _conversation(self) -> str:
        """Exchange turns until the agent is done; return why it never was, empty when it was."""
        site, bench = self.site, self._bench()
        messages = [
            Message(role="system", content=prompt_text("build_step")),
            Message(role="user", content=self._prompt().text),
        ]
        seen: list[str] = []
        for number in range(site.caps.turns):
            if site.stop.is_set():
                raise Stopped
            room = HELD_TOKENS * site.caps.prompt_tokens
            reply = await site.ask(
                f"{self.key}.{number}",
                trimmed(messages, budget_tokens=room),
                Turn,
                sample=self.step.attempts - 1,
            )
            turn = parse(Turn, reply.text)
            results = await self._results(bench, turn, number)
            if turn.done:
                return ""
            seen.append(digest(canonical(turn.model_dump(mode="json")["calls"]), *results))
            if seen.count(seen[-1]) >= SAME:
                return f"the same calls with the same results came {SAME} times: {_said(turn)}"
            answer = "\n\n".join(results) or "No call was made: make one, or say that you are done."
            messages += [
                Message(role="assistant", content=reply.text),
                Message(role="user", content=answer),
            ]
        return f"the step was not done after {site.caps.turns} replies"

    def _bench(self) -> Workbench:
        site = self.site
        return Workbench(
            view=self.view,
            step=self.step,
            fixed=site.fixed,
            sandbox=site.sandbox,
            failpoints=site.failpoints,
        )

    async def _results(self, bench: Workbench, turn: Turn, number: int) -> list[str]:
        """Do the calls of a turn, each recorded with its result."""
        told = []
        for index, call in enumerate(turn.calls):
            name = f"{self.key}.{number}.{index}"
            result = self.site.ledger.get("result", name, str)
            if result is None:
                result = clip(await bench.carry_out(call, name), RESULT_CHARS)
                self.site.ledger.put("result", name, result)
            path = getattr(call, "path", "")
            told.append(f"### {index + 1}. {call.tool} {path}".rstrip() + f"\n{result}")
        return told

    def _prompt(self) -> Prompt:
        """Return the recorded first prompt, else assemble and record it with its recipe."""
        known = self.site.ledger.get("prompt", self.key, Prompt)
        if known is None:
            known = assemble(self._parts(), budget_tokens=self.site.caps.prompt_tokens)
            self.site.ledger.put("prompt", self.key, known)
        return known

    def _parts(self) -> Sequence[Part]:
        program, step = self.site.registry.program, self.step
        files = {path: data.decode(errors="replace") for path, data in self.view.files().items()}
        earlier = [f"{name}: {program[name].goal}" for name in program if name in self.before]
        listing = "\n".join(f"{len(text):7} {path}" for path, text in files.items())
        near = [p for name in step.depends_on for p in program[name].outputs if not is_test(p)]
        roots = (*step.inputs, *step.outputs, *near, step.goal)
        evidence = self._last_evidence()
        lessons = recalled(self.site, step)
        parts = [
            Part(name="Specification", text=self.site.spec, pinned=True),
            Part(name="Steps before yours", text="\n".join(earlier), rank=30, cut=True),
            Part(name="Files", text=listing, rank=10, cut=True),
            *slices(files, roots, budget_tokens=self.site.caps.prompt_tokens // 2),
            Part(name="Learned in earlier builds", text=lessons, rank=40, cut=True),
            Part(name="Your last attempt failed", text=evidence, rank=5, cut=True),
            Part(name="Your step", text=described(step), pinned=True),
        ]
        return [part for part in parts if part.text.strip()]

    def _last_evidence(self) -> str:
        ledger = self.site.ledger
        last = ledger.get("judgement", f"{self.step.id}#{self.step.attempts - 1}", Judgement)
        return f"{last.result}: {last.detail}" if last else ""

    def task(self) -> Task:
        """Return what is judged: the checks, the tests of the steps before, and the scores that may not fall."""
        view, ledger, program = self.view, self.site.ledger, self.site.registry.program
        files = view.files()
        earlier = [program[name] for name in program if name in self.before]
        known = given_tests(self.site)
        suite = (*known, *tests_of([check for step in earlier for check in step.checks]))
        floors: dict[str, Score] = {}
        for key in (GIVEN, *(f"{step.id}#{step.attempts}" for step in earlier)):
            passed = ledger.get("judgement", key, Judgement)
            floors.update(passed.scores if passed else {})
        product = product_of(files, (*suite, *tests_of(self.step.checks)))
        touched = any(
            step_of(write.author) == self.step.id
            for path in {p for step in earlier for p in step.outputs} | self._given()
            for write in self.site.store.history(path)
        )
        own = set(self.step.outputs) | (floors.keys() if touched else set())
        return Task(
            files=files,
            checks=self.step.checks,
            outputs=self.step.outputs,
            suite=suite,
            product=product,
            seeded=[path for path in product if path in own],
            floors={p: s for p, s in floors.items() if p in product},
        )

    def _given(self) -> set[str]:
        return {write.path for write in self.site.store.history() if write.author == GIVEN}


def is_test(path: str) -> bool:
    """Say whether a path names a test file.

    >>> is_test("tests/test_a.py"), is_test("src/a.py")
    (True, False)
    """
    name = path.rpartition("/")[2]
    return name.startswith("test_") and name.endswith(".py")


def given_tests(site: Site) -> tuple[str, ...]:
    """Return the tests of a folder that was there before and that passed there: they must go on passing."""
    judged = site.ledger.get("judgement", GIVEN, Judgement)
    if judged is None or judged.result is not Result.PASS:
        return ()
    given = View(site.store, frozenset()).writes()
    return tuple(path for path in given if is_test(path) and path not in site.fixed)


def product_of(files: Iterable[str], tests: Sequence[str]) -> list[str]:
    """Return the Python files that are not tests, in order."""
    return [
        path
        for path in sorted(files)
        if path.endswith(".py") and path not in tests and not is_test(path)
    ]


def described(step: Instruction) -> str:
    """Return a step as its agent reads it."""
    lines = [f"{step.id}: {step.goal}", f"outputs: {', '.join(step.outputs)}"]
    if step.inputs:
        lines.append(f"inputs: {', '.join(step.inputs)}")
    return "\n".join([*lines, "checks:", *(f"  {check}" for check in step.checks)])


def _said(turn: Turn) -> str:
    return ", ".join(f"{call.tool} {getattr(call, 'path', '')}".strip() for call in turn.calls)
