"""The ladder that a candidate climbs, up to its first failure: scope, compiler, gates, runs, sanitizers."""

import os
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from proofsmith.domains.kernels import coverage, elf, gates, instruments, judging, patterns
from proofsmith.domains.kernels.climb import Climb, clipped
from proofsmith.domains.kernels.compile import (
    LIMITS,
    Build,
    Compiler,
    base_of,
    entry_symbol,
    flags_of,
    merged,
)
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.oracle import Expected, Oracle
from proofsmith.domains.kernels.plan import Planner, constants
from proofsmith.domains.kernels.remedy import remedy
from proofsmith.domains.kernels.smallest import shrink
from proofsmith.errors import SandboxError, UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools import syntax
from proofsmith.types import (
    JSON,
    Candidate,
    Depth,
    Problem,
    Status,
    Verdict,
    canonical,
    digest,
)

_TEAMS = {1, 2, 3, 5, os.cpu_count() or 1}
_DISASSEMBLY = replace(LIMITS, output_kib=32 * 1024)


class Verifier:
    """Judges candidates of one problem; keeps what only depends on the base."""

    def __init__(self, problem: Problem, contract: Contract, compiler: Compiler) -> None:
        """Judge candidates of `problem` under `contract`."""
        self.oracle = Oracle(problem, contract, compiler)
        self._problem = problem
        self._contract = contract
        self._compiler = compiler
        self._quick: tuple[Expected, ...] | None = None
        self._known = constants(problem.files)
        self._idle: dict[Depth, frozenset[str]] = {}
        """Statements of the base that never ran, by depth."""

    async def check_base(self, sandbox: Sandbox) -> None:
        """Raise UsageError unless the base compiles, runs, is deterministic and honours its own contract."""
        planner = self._planner(self._quick_seed, Depth.QUICK)
        await self.oracle.check([*planner.small(), *planner.measuring()], sandbox)

    async def verify(
        self, candidate: Candidate, sandbox: Sandbox, depth: Depth, seed: int | None = None
    ) -> Verdict:
        """Judge a candidate; `seed` repeats the held-out inputs of an earlier judgement."""
        if seed is None:
            seed = self._quick_seed if depth is Depth.QUICK else secrets.randbits(48)
        climb = Climb(
            problem=self._problem,
            contract=self._contract,
            candidate=candidate,
            sandbox=sandbox,
            depth=depth,
            seed=seed,
            compiler=self._compiler,
            oracle=self.oracle,
        )
        steps: tuple[tuple[str, Callable[[Climb], Awaitable[str]]], ...] = (
            ("scope", self._scope),
            ("compile", self._compile),
            ("gates", self._gates),
            ("differential", self._differential),
            ("sanitizers", instruments.sanitizers),
            ("races", instruments.races),
            ("coverage", self._coverage),
        )
        async with instruments.prepared(climb):
            for name, step in steps:
                complaint = await step(climb)
                if complaint:
                    status = Status.UNDECIDED if name == "coverage" else Status.FAILED
                    climb.note(name, status, climb.shown, complaint)
                    feedback = (
                        f"{name}: {climb.remedy}"
                        if climb.remedy
                        else clipped(f"{name}: {complaint}")
                    )
                    return Verdict(status=status, evidence=tuple(climb.evidence), feedback=feedback)
        return Verdict(status=Status.TESTED, evidence=tuple(climb.evidence))

    async def machine_code(self, candidate: Candidate, sandbox: Sandbox) -> str:
        """Return a digest of a candidate's settings and machine code; empty when it is refused or does not compile."""
        if self._out_of_scope(candidate):
            return ""
        build = await self._compiler.kernel(self._problem, candidate, sandbox)
        if build.binary is None:
            return ""
        return digest(canonical(candidate.settings), elf.text_digest(build.binary))

    @property
    def _quick_seed(self) -> int:
        return int(self._problem.id[:12], 16)

    def _planner(self, seed: int, depth: Depth, known: Sequence[int | float] = ()) -> Planner:
        return Planner(self._contract, random.Random(seed), depth, known or self._known)

    async def _scope(self, climb: Climb) -> str:
        return self._out_of_scope(climb.candidate)

    def _out_of_scope(self, candidate: Candidate) -> str:
        """Only editable files may differ, and the entry keeps its parameters."""
        for path, text in candidate.files.items():
            if path not in self._problem.editable and text != self._problem.files.get(path):
                return f"'{path}' may not be changed; editable: {', '.join(self._problem.editable)}"
        try:
            flags_of(self._problem, candidate)
        except UsageError as error:
            return error.message
        known = "\n".join(self._problem.files.values())
        text = "\n".join(candidate.files.values())
        asked = coverage.asks(text)
        if asked and asked not in known:
            return (
                f"asks by '{asked}' how or from where it is run, by which tests could be told apart"
            )
        return self._signature(candidate)

    def _signature(self, candidate: Candidate) -> str:
        entry = self._contract.entry
        wanted = _signatures(self._problem.files, entry)
        given = _signatures(merged(self._problem, candidate), entry)
        if wanted and given and wanted != given:
            return f"'{entry}' has another signature: {given}, wanted {wanted}"
        return ""

    async def _compile(self, climb: Climb) -> str:
        build = await self._compiler.kernel(climb.problem, climb.candidate, climb.sandbox)
        if build.binary is None:
            return f"does not compile: {build.error}"
        if entry_symbol(build, self._contract.entry) is None:
            return f"defines no function '{self._contract.entry}' that can be called"
        climb.build = build
        facts: dict[str, JSON] = {"warnings": build.warnings, "argv": list(build.argv)}
        facts["text_digest"] = elf.text_digest(build.binary)
        climb.note("compile", Status.TESTED, facts, build.log)
        return ""

    async def _gates(self, climb: Climb) -> str:
        image = elf.parse(climb.build.binary or b"")
        base = elf.parse((await self.oracle.build(climb.sandbox)).binary or b"")
        for complaint in gates.faults(image, base, self._contract):
            return complaint
        shown = await _disassembled(climb.sandbox, climb.build)
        known = await _disassembled(climb.sandbox, await self.oracle.build(climb.sandbox))
        new = self._instructions(shown) - self._instructions(known)
        if new:
            return f"uses instructions that the base does not use: {', '.join(sorted(new))}"
        facts: dict[str, JSON] = {"symbols": " ".join(sorted(image.undefined))}
        made_of = patterns.of(shown or "", self._problem.files, climb.candidate.files)
        climb.note("gates", Status.TESTED, facts | {"patterns": list(made_of)})
        return ""

    def _instructions(self, shown: str | None) -> frozenset[str]:
        """Return the remarkable instructions in objdump's output, which is None when there was too much of it."""
        if shown is None:
            return frozenset({"more than can be looked at"})
        found = gates.instructions(shown)
        if self._contract.tolerance.policy != "reduced":
            found |= gates.narrowing(shown, single=self._contract.single)
        return found

    async def _expected(self, climb: Climb) -> tuple[Expected, ...]:
        """Return the cases of this depth, and more with the constants that only the candidate has."""
        if climb.depth is Depth.FULL or self._quick is None:
            planner = self._planner(climb.seed, climb.depth)
            spent_s = 2.0 if climb.depth is Depth.FULL else 0.8
            needed = [*planner.small(), *planner.measuring()]
            further = [*planner.planted(), *planner.widths(), *planner.alike()]
            beyond = planner.beyond() if climb.depth is Depth.FULL else []
            common = await self.oracle.expected(
                needed, climb.sandbox, needed=True, estimate_s=spent_s
            ) + await self.oracle.expected(
                further, climb.sandbox, needed=False, estimate_s=spent_s / 2
            )
            common += await self.oracle.expected(
                beyond, climb.sandbox, needed=False, estimate_s=spent_s / 4
            )
            if climb.depth is Depth.QUICK:
                self._quick = common
        else:
            common = self._quick
        novel = constants(merged(climb.problem, climb.candidate)) - self._known
        if not novel:
            return common
        planner = self._planner(climb.seed + 1, climb.depth, sorted(novel))
        return common + await self.oracle.expected(
            planner.planted(), climb.sandbox, needed=False, estimate_s=0.5
        )

    async def _differential(self, climb: Climb) -> str:
        """Compare results on the same inputs, made by processes that do not know of each other."""
        climb.cases = await self._expected(climb)
        teams = {3} if climb.depth is Depth.QUICK or not climb.threads else _TEAMS
        for team in sorted(teams):
            ran = await climb.run(climb.build, climb.calls, team=team)
            complaint = judging.complaint(climb, ran)
            if complaint:
                climb.shown = judging.score(climb, ran)
                small = None if climb.by_rule else await shrink(climb, ran, team)
                climb.remedy = await remedy(climb, ran, complaint, small)
                return complaint
        facts: dict[str, JSON] = {
            "inputs": len(climb.calls),
            "passed": len(climb.calls),
            "tests": len(climb.calls),
            "sizes": "; ".join(sorted({judging.sizes_text(c) for c in climb.calls})),
            "policy": self._contract.tolerance.policy,
            "level": climb.sandbox.level,
        }
        climb.note("differential", Status.TESTED, facts)
        return ""

    async def _coverage(self, climb: Climb) -> str:
        """Demand full coverage; a base is looked at for excuses only where the candidate needs one.

        At QUICK depth settings alone and the text that rules write are left to a full judgement.
        """
        settings_alone = merged(climb.problem, climb.candidate) == climb.problem.files
        if climb.depth is Depth.QUICK and (settings_alone or climb.by_rule):
            return ""
        for cases in (climb.light, climb.calls):  # what little data reaches, all data reaches too
            found = await instruments.never_run(climb, climb.candidate, frozenset(), cases)
            if found == []:
                return instruments.covered(climb, cases)
        if climb.depth not in self._idle:
            base = base_of(climb.problem)
            idle = await instruments.never_run(climb, base, frozenset(), climb.calls)
            if idle is not None:
                self._idle[climb.depth] = frozenset(idle)
        return await instruments.statements(climb, self._idle.get(climb.depth, frozenset()))


async def _disassembled(sandbox: Sandbox, build: Build) -> str | None:
    """Return objdump's output for an object, None when there is too much of it; raises SandboxError without objdump."""
    box = sandbox.fresh()
    await box.write("kernel.so", build.binary or b"")
    command = ("objdump", "-d", "--no-show-raw-insn", "kernel.so")
    done = await box.exec(command, limits=_DISASSEMBLY)
    if done.truncated:
        return None
    if not done.ok:
        raise SandboxError("objdump does not run", hint="apt-get install binutils")
    return done.stdout.decode(errors="replace")


def _signatures(files: dict[str, str] | object, entry: str) -> list[str]:
    found: list[str] = []
    for path, text in files.items() if isinstance(files, dict) else ():
        for function in syntax.functions(syntax.parse(text, syntax.language_of(path))):
            if function.name == entry:
                found = [f"{p.type}{'*' * bool(p.pointers)}" for p in function.parameters]
    return found
