"""The Lean domain: what the seam asks for, delegated to the modules of this folder."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from proofsmith.domains.lean import (
    answers,
    brief,
    filling,
    holes,
    premises,
    proposers,
    source,
    toolchain,
)
from proofsmith.domains.lean.checker import Checker
from proofsmith.domains.lean.engine import Engine
from proofsmith.domains.lean.formalise import Translator
from proofsmith.domains.lean.outline import Misfilled
from proofsmith.domains.lean.prover import More, always
from proofsmith.domains.lean.verify import verify
from proofsmith.errors import UsageError
from proofsmith.protocols import Model, Sandbox, Tool, Translation
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    Depth,
    Goal,
    Problem,
    Profile,
    Verdict,
)

MOST_PREPARED = 4
"""Statements whose text the elaborator keeps at hand; it forgets the oldest of some more."""


class LeanDomain:
    """Theorems in Lean 4, proved or disproved."""

    name = "lean"
    suffixes = (".lean",)
    image = ""

    def __init__(self) -> None:
        """Start with no checker running."""
        self.tools: Sequence[Tool] = (premises.Retrieval(self.checker),)
        self._engines: dict[tuple[int, str, str], Engine] = {}

    async def read(
        self, path: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox
    ) -> Problem:
        """Turn a file into a problem whose statements elaborate; the checkers start meanwhile.

        Raises:
            UsageError: the file is not understood, or a statement has an error.
            SandboxError: no Lean is installed, or its checker does not start.
        """
        folder = Path(str(options["project"])) if options.get("project") else None
        reader = answers.read if options.get("answers") else source.read
        problem = reader(path, goal, options, folder if toolchain.reads_text(folder) else None)
        engine = self._engine(problem, sandbox)
        searched = goal in (Goal.SOLVE, Goal.REFUTE)
        elaborator = engine.prestart(budgeted=searched)
        referee = await engine.referee()
        document = source.document_of(problem)
        engine.acquaint([target.statement for target in document.targets[:MOST_PREPARED]])
        for target in document.targets:
            reading = await referee.read(target.statement)
            if not reading.ok:
                at = source.line_of(document, target, reading.line, in_prelude=reading.in_prelude)
                line = f"line {at}: " if at else "a module that it imports: "
                said = " ".join(reading.error.split())[:300]
                raise UsageError(f"{path.name}: {line}{said}", hint="correct the statement first")
        try:
            await holes.outlined(document, referee)
        except Misfilled as error:
            hint = "write that part as a definition of its own, with `:= sorry` for its whole body"
            raise UsageError(f"{path.name}: {error}", hint=hint) from None
        if searched:  # the budget of a search begins when it can
            await asyncio.shield(elaborator)
            if folder is None:
                engine.prestart_reader(document.targets[0].statement.context)
        return problem

    def brief(self, problem: Problem, facts: Mapping[str, JSON]) -> str:
        """Say what a model must know, in at most 2 000 tokens."""
        return brief.write(problem, facts)

    async def propose(
        self,
        problem: Problem,
        parent: Candidate | None,
        tried: frozenset[str],
        sandbox: Sandbox,
    ) -> AsyncIterator[Candidate]:
        """Yield proofs made by rules, cheapest first."""
        open_definitions = bool(problem.options.get("holes"))
        if parent is not None and not open_definitions:
            return
        checker = await self.checker(problem, sandbox)
        self._engine(problem, sandbox).prestart_spare()
        rules = filling.propose if open_definitions else proposers.propose
        found = (
            filling.go_on(problem, parent, tried, checker)
            if parent is not None
            else rules(problem, tried, checker)
        )
        async for candidate in found:
            yield candidate

    async def verify(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox, depth: Depth
    ) -> Verdict:
        """Judge a candidate, cheap gates first; PROVED is the replay checker's word alone."""
        engine = self._engine(problem, sandbox)
        judge = answers.verify if problem.options.get("answers") else verify
        return await judge(problem, candidate, depth, engine.checker, await engine.referee())

    async def measure(
        self,
        problem: Problem,
        base: Candidate,
        candidate: Candidate,
        sandbox: Sandbox,
        depth: Depth,
    ) -> tuple[Comparison, ...]:
        """Return nothing: a proof is found or not."""
        return ()

    async def profile(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox
    ) -> Profile | None:
        """Return None: proofs are not programs to be timed."""
        return None

    async def translate(
        self,
        claim: str,
        model: Model,
        options: Mapping[str, JSON],
        sandbox: Sandbox,
        more: More = always,
    ) -> Translation:
        """Have a model state an informal claim as a theorem, and look for what speaks against it."""
        project = options.get("project")
        engine = self._engine_for(str(project or ""), sandbox)
        checker = await asyncio.shield(engine.prestart())
        translator = Translator(
            model=model,
            checker=checker,
            referee=await engine.referee(),
            project=bool(project),
            more=more,
        )
        return await translator.translated(claim)

    async def checker(self, problem: Problem, sandbox: Sandbox) -> Checker:
        """Return the warm elaborator for this problem's toolchain."""
        return await self._engine(problem, sandbox).checker()

    async def close(self) -> None:
        """End all checkers of the running event loop."""
        here = id(asyncio.get_running_loop())
        for key in [k for k in self._engines if k[0] == here]:
            await self._engines.pop(key).close()

    def _engine(self, problem: Problem, sandbox: Sandbox) -> Engine:
        return self._engine_for(str(problem.options.get("project") or ""), sandbox)

    def _engine_for(self, project: str, sandbox: Sandbox) -> Engine:
        key = (id(asyncio.get_running_loop()), project, sandbox.level)
        if key not in self._engines:
            self._engines[key] = Engine(sandbox, Path(project) if project else None)
        return self._engines[key]
