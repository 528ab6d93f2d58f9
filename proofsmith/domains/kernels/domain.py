"""The kernels domain: what the seam asks for, delegated to the modules of this folder."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from proofsmith.domains.kernels import brief, inference, roofline, rules, source, stated
from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.measure import compare
from proofsmith.domains.kernels.probe import probe
from proofsmith.domains.kernels.profile import profile
from proofsmith.domains.kernels.roofline import Roofline
from proofsmith.domains.kernels.tools import ContractFacts, Remarks
from proofsmith.domains.kernels.verify import Verifier
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox, Tool
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


class KernelsDomain:
    """C and C++ functions under a contract."""

    name = "kernels"
    suffixes = (".c", ".cc", ".cpp", ".cxx")
    image = ""

    def __init__(self) -> None:
        """Start with nothing compiled."""
        self._compiler = Compiler()
        self.tools: Sequence[Tool] = (ContractFacts(), Remarks(self._compiler))
        self._roofline: Roofline | None = None
        self._verifiers: dict[str, Verifier] = {}

    async def read(
        self, path: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox
    ) -> Problem:
        """Turn a source file into a problem; raises UsageError with a hint when that is impossible."""
        problem, _ = await source.read(path, goal, options, sandbox)
        await self._verifier(problem).check_base(sandbox)
        return problem

    async def draft(self, path: Path, options: Mapping[str, JSON], sandbox: Sandbox) -> str:
        """Return the file's text with an inferred header on top; raises UsageError when it has one already."""
        problem, contract = await source.read(path, Goal.SPEED, options, sandbox)
        if not contract.inferred:
            raise UsageError(f"{path} has a header already", hint="edit it")
        return inference.render(contract) + "\n" + problem.text

    def brief(self, problem: Problem, facts: Mapping[str, JSON]) -> str:
        """Say what a model must know, in at most 2 000 tokens."""
        return brief.write(problem, source.contract_of(problem), facts)

    def propose(
        self,
        problem: Problem,
        parent: Candidate | None,
        tried: frozenset[str],
        sandbox: Sandbox,
    ) -> AsyncIterator[Candidate]:
        """Yield rule-made candidates lazily, best guess first; legality is for `verify` to decide."""
        return rules.propose(problem, parent, tried, sandbox)

    async def verify(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox, depth: Depth
    ) -> Verdict:
        """Judge a candidate, cheap gates first, stopping at the first failure."""
        seed = problem.options.get("seed")
        verifier = self._verifier(problem)
        return await verifier.verify(
            candidate, sandbox, depth, seed if isinstance(seed, int) else None
        )

    async def measure(
        self,
        problem: Problem,
        base: Candidate,
        candidate: Candidate,
        sandbox: Sandbox,
        depth: Depth,
    ) -> tuple[Comparison, ...]:
        """Time a verified candidate against `base` in interleaved pairs; QUICK screens, FULL may be published."""
        if depth is Depth.FULL:
            await self._peaks(sandbox)
        return await compare(
            problem,
            source.contract_of(problem),
            base,
            candidate,
            sandbox,
            depth,
            compiler=self._compiler,
            roofline=self._roofline,
        )

    async def profile(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox
    ) -> Profile | None:
        """Say where the time goes, what the compiler made of it and what bounds it."""
        return await profile(
            problem,
            source.contract_of(problem),
            candidate,
            sandbox,
            compiler=self._compiler,
            roofline=await self._peaks(sandbox),
        )

    async def behaviour(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> str:
        """Return a digest of settings and machine code; empty for what does not compile or is refused unread."""
        return await self._verifier(problem).machine_code(candidate, sandbox)

    def form(self, problem: Problem) -> str:
        """Say how one call of the kernel is stated."""
        return stated.form(source.contract_of(problem))

    async def probe(
        self, problem: Problem, candidate: Candidate, text: str, sandbox: Sandbox
    ) -> str:
        """Make one stated call with the base and a candidate; return how it goes wrong, empty when it does not."""
        return await probe(
            problem,
            source.contract_of(problem),
            candidate,
            text,
            sandbox,
            compiler=self._compiler,
            oracle=self._verifier(problem).oracle,
        )

    async def _peaks(self, sandbox: Sandbox) -> Roofline:
        if self._roofline is None:
            self._roofline = await roofline.measured(self._compiler, sandbox)
        return self._roofline

    def _verifier(self, problem: Problem) -> Verifier:
        if problem.id not in self._verifiers:
            contract = source.contract_of(problem)
            self._verifiers[problem.id] = Verifier(problem, contract, self._compiler)
        return self._verifiers[problem.id]
