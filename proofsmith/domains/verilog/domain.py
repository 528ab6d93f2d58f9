"""The Verilog domain: what the seam asks for, delegated to the modules of this folder."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from proofsmith.domains.verilog import (
    assertion_files,
    brief,
    netlist,
    proposers,
    similar,
    source,
    voting,
)
from proofsmith.domains.verilog.measure import Meter, compare, goal_of, library_of, version_of
from proofsmith.domains.verilog.profile import profile
from proofsmith.domains.verilog.recipe_memory import RecipeMemory
from proofsmith.domains.verilog.source import OWN_BENCH
from proofsmith.domains.verilog.tools import Netlist
from proofsmith.domains.verilog.verify import Verifier
from proofsmith.protocols import Poll, Sandbox, Tool
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    Depth,
    Goal,
    Outcome,
    Problem,
    Profile,
    Status,
    Verdict,
    digest,
)


class VerilogDomain:
    """Verilog and SystemVerilog designs."""

    name = "verilog"
    suffixes = (".v", ".sv", ".md")
    image = ""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._meter = Meter()
        self.tools: Sequence[Tool] = (Netlist(self._meter),)
        self._proposed: dict[tuple[str, str], Verdict] = {}
        self._verifiers: dict[str, Verifier] = {}
        self._recipes = RecipeMemory()
        self._verified: dict[str, str] = {}
        self._examples: dict[str, dict[str, str]] = {}

    async def read(
        self, path: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox
    ) -> Problem:
        """Turn a design or a specification into a problem; raises UsageError when that is impossible."""
        problem = await source.read(path, goal, options, sandbox)
        if options.get("examples"):
            texts = similar.folder(Path(str(options["examples"])))
            told: JSON = digest(*(part for item in texts.items() for part in item))
            problem = replace(problem, options={**problem.options, "examples": told})
            self._examples[problem.id] = texts
        await self._verifier(problem).announce(sandbox)
        return problem

    def remember(self, verified: Sequence[Outcome]) -> None:
        """Keep the designs and recipes that earlier runs proved, for prompts and for recipe searches."""
        proved = [o.candidate for o in verified if o.verdict.status is Status.PROVED]
        self._recipes = RecipeMemory()
        self._recipes.remember(proved)
        self._verified = {
            f"{path}, proved in an earlier run ({candidate.id[:6]})": text
            for candidate in proved
            for path, text in netlist.texts(candidate).items()
            if path.endswith((".v", ".sv"))
        }

    def brief(self, problem: Problem, facts: Mapping[str, JSON]) -> str:
        """Say what a model must know, in at most 2 000 tokens."""
        known = {**self._examples.get(problem.id, {}), **self._verified}
        return brief.write(problem, facts, similar.shown(problem, known) if known else "")

    async def propose(
        self,
        problem: Problem,
        parent: Candidate | None,
        tried: frozenset[str],
        sandbox: Sandbox,
    ) -> AsyncIterator[Candidate]:
        """Yield rule-made candidates lazily, best guess first."""

        async def proved(candidate: Candidate) -> bool:
            verdict = await self.verify(problem, candidate, sandbox.fresh(), Depth.QUICK)
            self._proposed[problem.id, candidate.id] = verdict
            return verdict.status is Status.PROVED

        if problem.goal is Goal.ASSERTIONS:
            found = assertion_files.proposed(problem, sandbox)
        elif problem.goal in (Goal.SOLVE, Goal.REFUTE):
            found = proposers.repaired(problem, parent, sandbox)
        else:
            found = proposers.optimised(
                problem, parent, tried, sandbox, self._meter, proved, self._recipes
            )
        async for candidate in found:
            if candidate.id not in tried:
                yield candidate

    async def verify(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox, depth: Depth
    ) -> Verdict:
        """Judge a candidate, cheap gates first, stopping at the first failure."""
        if assertion_files.stated(problem, candidate) is not None:
            return await assertion_files.judged(problem, candidate, sandbox, depth)
        known = self._proposed.get((problem.id, candidate.id))
        if known is not None and depth is Depth.QUICK:
            return known
        return await self._verifier(problem).verify(candidate, sandbox, depth)

    async def poll(
        self, problem: Problem, candidates: Sequence[Candidate], sandbox: Sandbox
    ) -> Poll | None:
        """Let the benches of all versions try all versions, where nothing else says what is right."""
        if not problem.options.get(OWN_BENCH):
            return None
        return await voting.polled(problem, candidates, sandbox)

    async def elect(
        self, problem: Problem, candidate: Candidate, poll: Poll, reason: str, sandbox: Sandbox
    ) -> Verdict:
        """Return the verdict of the version that the vote chose."""
        return await voting.elected(problem, candidate, poll, reason, sandbox)

    async def behaviour(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> str:
        """Return a digest of settings and gates; empty where gates do not decide the verdict alone."""
        if (
            problem.goal is Goal.ASSERTIONS
            or assertion_files.stated(problem, candidate) is not None
        ):
            return ""
        return await self._verifier(problem).gates_name(candidate, sandbox)

    def _verifier(self, problem: Problem) -> Verifier:
        if problem.id not in self._verifiers:
            self._verifiers[problem.id] = Verifier(problem)
        return self._verifiers[problem.id]

    async def measure(
        self,
        problem: Problem,
        base: Candidate,
        candidate: Candidate,
        sandbox: Sandbox,
        depth: Depth,
    ) -> tuple[Comparison, ...]:
        """Compare area, delay and power of a verified candidate with `base`."""
        if problem.goal is Goal.ASSERTIONS:
            return assertion_files.counted(problem, candidate)
        return await compare(
            version_of(problem, base),
            version_of(problem, candidate),
            goal_of(problem),
            sandbox,
            library_of(problem),
            self._meter,
            careful=depth is Depth.FULL,
        )

    async def profile(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox
    ) -> Profile | None:
        """Say where area and delay are, or None when that is not known."""
        return await profile(problem, version_of(problem, candidate), sandbox, self._meter)
