"""The ladder that a candidate climbs, up to its first failure: scope, compiler, gates, runs, sanitizers."""

import random
import re
import secrets
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from proofsmith.domains.kernels import bounds, coverage, elf, gates, jobs
from proofsmith.domains.kernels.bounds import Difference
from proofsmith.domains.kernels.compile import (
    LIMITS,
    Build,
    Compiler,
    RunnerKind,
    base_of,
    entry_symbol,
    flags_of,
    merged,
)
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.jobs import Case, Fault, Violation
from proofsmith.domains.kernels.oracle import Expected, Oracle, fault_text
from proofsmith.domains.kernels.plan import Planner, constants
from proofsmith.domains.kernels.runs import Ran, Side, run
from proofsmith.errors import SandboxError, UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools import syntax
from proofsmith.types import JSON, Candidate, Depth, Evidence, Problem, Status, Verdict, canonical

_FEEDBACK_BYTES = 2000
_DISASSEMBLY = replace(LIMITS, output_kib=32 * 1024)
_SEEN = {
    Violation.WROTE_INPUT: "writes to the input array",
    Violation.WROTE_OUTSIDE: "writes outside the array",
    Violation.FP_CONTROL: "changes the floating-point control state (rounding, flush to zero, exceptions)",
    Violation.SIGNAL_MASK: "changes the signal mask",
    Violation.SIGNAL_HANDLER: "changes a signal handler",
    Violation.THREADS: "leaves threads behind that outlive the call",
    Violation.LATE_WRITE: "writes to its output after it has returned",
    Violation.CPU_FLAGS: "leaves processor flags changed",
}
_UNDEFINED = re.compile(r"runtime error: ([^\n]{0,200})")
_ADDRESS = re.compile(r"ERROR: AddressSanitizer:? ([^\n]{0,160})")


@dataclass(slots=True)
class Climb:
    """One candidate on its way up."""

    problem: Problem
    contract: Contract
    candidate: Candidate
    sandbox: Sandbox
    depth: Depth
    seed: int
    evidence: list[Evidence] = field(default_factory=list)
    build: Build | None = None
    cases: tuple[Expected, ...] = ()


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
        self._idle: frozenset[str] | None = None

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
        climb = Climb(self._problem, self._contract, candidate, sandbox, depth, seed)
        steps: tuple[tuple[str, Callable[[Climb], Awaitable[str]]], ...] = (
            ("scope", self._scope),
            ("compile", self._compile),
            ("gates", self._gates),
            ("differential", self._differential),
            ("sanitizers", self._sanitizers),
            ("coverage", self._coverage),
        )
        for name, step in steps:
            complaint = await step(climb)
            if complaint:
                status = Status.UNDECIDED if name == "coverage" else Status.FAILED
                failed = self._note(climb, name, status, {}, complaint)
                feedback = _clipped(f"{name}: {complaint}")
                return Verdict(status=status, evidence=(failed,), feedback=feedback)
        return Verdict(status=Status.TESTED, evidence=tuple(climb.evidence))

    @property
    def _quick_seed(self) -> int:
        return int(self._problem.id[:12], 16)

    def _planner(self, seed: int, depth: Depth, known: Sequence[int | float] = ()) -> Planner:
        return Planner(self._contract, random.Random(seed), depth, known or self._known)

    def _note(
        self, climb: Climb, check: str, status: Status, facts: dict[str, JSON], log: str = ""
    ) -> Evidence:
        made = Evidence(
            check=check,
            status=status,
            command=replay(climb),
            exit_code=0 if status is Status.TESTED else 1,
            log_tail=_clipped(log),
            facts={"seed": climb.seed, "depth": str(climb.depth), **facts},
        )
        climb.evidence.append(made)
        return made

    async def _scope(self, climb: Climb) -> str:
        """Only editable files may differ, and the entry keeps its parameters."""
        for path, text in climb.candidate.files.items():
            if path not in self._problem.editable and text != self._problem.files.get(path):
                return f"'{path}' may not be changed; editable: {', '.join(self._problem.editable)}"
        try:
            flags_of(self._problem, climb.candidate)
        except UsageError as error:
            return error.message
        known = "\n".join(self._problem.files.values())
        text = "\n".join(climb.candidate.files.values())
        asked = coverage.asks(text)
        if asked and asked not in known:
            return f"asks by '{asked}' how it is compiled, which tests could be told apart by"
        return self._signature(climb)

    def _signature(self, climb: Climb) -> str:
        entry = self._contract.entry
        wanted = _signatures(self._problem.files, entry)
        given = _signatures(merged(self._problem, climb.candidate), entry)
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
        self._note(climb, "compile", Status.TESTED, facts, build.log)
        return ""

    async def _gates(self, climb: Climb) -> str:
        assert climb.build is not None
        image = elf.parse(climb.build.binary or b"")
        base = elf.parse((await self.oracle.build(climb.sandbox)).binary or b"")
        for complaint in gates.faults(image, base, self._contract):
            return complaint
        binary, original = (
            climb.build.binary or b"",
            (await self.oracle.build(climb.sandbox)).binary,
        )
        shown = gates.instructions(await self._disassembly(climb.sandbox, binary))
        new = shown and shown - gates.instructions(
            await self._disassembly(climb.sandbox, original or b"")
        )
        if new:
            return f"uses instructions that the base does not use: {', '.join(sorted(new))}"
        self._note(climb, "gates", Status.TESTED, {"symbols": " ".join(sorted(image.undefined))})
        return ""

    async def _disassembly(self, sandbox: Sandbox, binary: bytes) -> str:
        box = sandbox.fresh()
        await box.write("kernel.so", binary)
        done = await box.exec(
            ("objdump", "-d", "--no-show-raw-insn", "kernel.so"), limits=_DISASSEMBLY
        )
        if not done.ok or done.truncated:
            raise SandboxError("objdump does not run", hint="apt-get install binutils")
        return done.stdout.decode(errors="replace")

    async def _side(self, climb: Climb, build: Build, *, kind: RunnerKind = "plain") -> Side:
        shim = jobs.shim(self._contract)
        return Side(
            runner=await self._compiler.runner(shim, climb.sandbox, kind=kind),
            library=build.binary or b"",
            symbol=entry_symbol(build, self._contract.entry) or "",
            threads="-fopenmp" in flags_of(climb.problem, climb.candidate),
        )

    async def _expected(self, climb: Climb) -> tuple[Expected, ...]:
        """Return the cases of this depth, and more with the constants that only the candidate has."""
        if climb.depth is Depth.FULL or self._quick is None:
            planner = self._planner(climb.seed, climb.depth)
            cases = [*planner.small(), *planner.planted(), *planner.widths(), *planner.measuring()]
            common = await self.oracle.expected(cases, climb.sandbox)
            if climb.depth is Depth.QUICK:
                self._quick = common
        else:
            common = self._quick
        novel = constants(merged(climb.problem, climb.candidate)) - self._known
        if not novel:
            return common
        planner = self._planner(climb.seed + 1, climb.depth, sorted(novel))
        return common + await self.oracle.expected(planner.planted(), climb.sandbox)

    async def _differential(self, climb: Climb) -> str:
        """Compare results on the same inputs, made by processes that do not know of each other."""
        assert climb.build is not None
        climb.cases = await self._expected(climb)
        side = await self._side(climb, climb.build)
        teams = (3,) if climb.depth is Depth.QUICK or not side.threads else (3, 1, 5)
        for team in teams:
            ran = await self._run(climb, side, [e.case for e in climb.cases], team)
            complaint = self._judge(climb, ran)
            if complaint:
                return complaint
        cases = [e.case for e in climb.cases]
        facts: dict[str, JSON] = {
            "inputs": len(cases),
            "sizes": "; ".join(sorted({_sizes(c) for c in cases})),
            "policy": self._contract.tolerance.policy,
            "level": climb.sandbox.level,
        }
        self._note(climb, "differential", Status.TESTED, facts)
        return ""

    async def _run(self, climb: Climb, side: Side, cases: Sequence[Case], team: int = 3) -> Ran:
        return await self._limited(side, cases, climb.sandbox, team, slack=1.0)

    async def _limited(
        self, side: Side, cases: Sequence[Case], sandbox: Sandbox, team: int, *, slack: float
    ) -> Ran:
        """Run within a multiple of what the base needed, so that a hang ends soon."""
        wall_s = min(60.0, slack * (3.0 + 10.0 * self.oracle.wall_s))
        cpu_s = min(60.0, slack * (1.0 + 8.0 * self.oracle.cpu_s))
        return await run(
            side, self._contract, cases, sandbox, wall_s=wall_s, cpu_s=cpu_s, team=team
        )

    def _judge(self, climb: Climb, ran: Ran) -> str:
        """Return the first thing that is wrong with a run, in the order of calls."""
        transcript, expected = ran.transcript, climb.cases
        for call, result in enumerate(transcript.results):
            found = next((v for v in transcript.violations if v[0] == call), None)
            if found is not None:
                return f"{self._seen(found)} {self._shown(climb, call)}"
            difference = bounds.compare(expected[call].bands, result)
            if difference is not None:
                return f"{_wrong(difference)} {self._shown(climb, call)}"
        call = len(transcript.results)
        if ran.result.timed_out:
            limit = f"{ran.result.wall_s:.1f} s of wall, {ran.result.cpu_s:.1f} s of processor time"
            return f"timed out after {limit} {self._shown(climb, call)}"
        if transcript.fault is not None:
            return f"{self._crash(climb, transcript.fault)} {self._shown(climb, call)}"
        for violation in transcript.violations:
            return f"{self._seen(violation)} {self._shown(climb, violation[0])}"
        if not transcript.complete:
            return f"ends the process before it returns ({_ending(ran)}) {self._shown(climb, call)}"
        return ""

    def _crash(self, climb: Climb, fault: Fault) -> str:
        """Say what a fault means; touching an input that is read-only during the call is a write."""
        array = self._contract.arrays.get(fault.array or "")
        if array is not None and array.access == "in" and fault.call < len(climb.cases):
            count = self._contract.elements(array, climb.cases[fault.call].case.sizes)
            if 0 <= fault.offset < count * array.element.bytes:
                return f"{_SEEN[Violation.WROTE_INPUT]} '{array.name}'"
        return f"crashes: {fault_text(fault)}"

    def _seen(self, violation: tuple[int, Violation, int]) -> str:
        _, kind, detail = violation
        arrays = (Violation.WROTE_INPUT, Violation.WROTE_OUTSIDE)
        return _SEEN[kind] + (f" '{self._contract.parameters[detail]}'" if kind in arrays else "")

    def _shown(self, climb: Climb, call: int) -> str:
        if call >= len(climb.cases):
            return f"(seed {climb.seed})"
        case = climb.cases[call].case
        sizes = _sizes(case)
        return f"(call {call + 1}, {sizes or 'no sizes'}, {case.label} values, seed {climb.seed})"

    async def _sanitizers(self, climb: Climb) -> str:
        """Run a build with address and undefined-behaviour checks; what the base does too is no fault."""
        build = await self._compiler.sanitized(climb.problem, climb.candidate, climb.sandbox)
        if build.binary is None:
            return f"does not compile with sanitizers: {build.error}"
        light = [e.case for e in climb.cases if sum(map(len, e.case.arrays.values())) < 100_000]
        count = 120 if climb.depth is Depth.QUICK else 400
        cases = light[:: max(1, len(light) // count)]
        report = await self._sanitized(climb, build, cases)
        if report:
            base = base_of(climb.problem)
            build = await self._compiler.sanitized(climb.problem, base, climb.sandbox)
            known = await self._sanitized(climb, build, cases) if build.binary else []
            fresh = [r for r in report if _kind(r) not in {_kind(k) for k in known}]
            if fresh:
                return f"undefined behaviour that the base does not have: {fresh[0]}"
        self._note(climb, "sanitizers", Status.TESTED, {"inputs": len(cases)})
        return ""

    async def _sanitized(self, climb: Climb, build: Build, cases: Sequence[Case]) -> list[str]:
        side = await self._side(climb, build, kind="sanitized")
        ran = await self._limited(side, cases, climb.sandbox, 2, slack=4.0)
        log = ran.result.stderr.decode(errors="replace")
        found = _ADDRESS.findall(log) + _UNDEFINED.findall(log)
        if not found and not ran.transcript.complete:
            found = [f"the sanitized build does not finish ({_ending(ran)})"]
        return found

    async def _coverage(self, climb: Climb) -> str:
        """At FULL depth every statement must have run: what no test executed was not tested."""
        if climb.depth is not Depth.FULL:
            return ""
        if self._idle is None:
            base = base_of(climb.problem)
            self._idle = frozenset(text for text, _ in await self._never(climb, base, frozenset()))
        never = await self._never(climb, climb.candidate, self._idle)
        if never:
            shown = "; ".join(f"`{text}`" for text, _ in never[:5])
            return (
                f"never runs in any of {len(climb.cases)} tests: {shown}. Remove the special case, or let the "
                "header's sizes and ranges reach it"
            )
        self._note(climb, "coverage", Status.TESTED, {"inputs": len(climb.cases)})
        return ""

    async def _never(
        self, climb: Climb, candidate: Candidate, known: frozenset[str]
    ) -> list[tuple[str, int]]:
        """Return text and line of the candidate's statements that no case reached and nothing excuses."""
        instrument = coverage.Instrument(self._compiler)
        laid = await instrument.layouts(climb.problem, candidate, climb.sandbox)
        binary = await instrument.build(climb.problem, candidate, laid, climb.sandbox)
        if binary is None:
            return [("(does not compile without optimisation)", 0)]
        side = await self._side(climb, Build(binary, "", ()), kind="coverage")
        cases = [e.case for e in climb.cases]
        ran = await self._limited(side, cases, climb.sandbox, 3, slack=10.0)
        missed = await instrument.untested(binary, ran.transcript.blocks, climb.sandbox)
        return [
            (coverage.plain(text), line)
            for unit, layout in zip(instrument.names(laid), laid.values(), strict=True)
            for line in sorted(missed.get(unit, frozenset()) & layout.own)
            if not coverage.excused(layout, line, known)
            for text in [layout.text.splitlines()[line - 1]]
        ]


def replay(climb: Climb) -> tuple[str, ...]:
    """Return the cold command that earns the evidence again, over the files `base/` and `candidate/` of a run."""
    path = str(climb.problem.options["path"])
    command = ["proofsmith", "check", f"base/{path}", f"candidate/{path}"]
    command += ["--entry", str(climb.problem.options["entry"])]
    flags = climb.problem.options["cflags"]
    if isinstance(flags, list) and flags:
        command += ["--cflags", shlex.join(map(str, flags))]
    if climb.candidate.settings:
        command += ["--settings", canonical(climb.candidate.settings)]
    command += ["--depth", str(climb.depth), "--seed", str(climb.seed), "--json"]
    return tuple(command)


def _signatures(files: dict[str, str] | object, entry: str) -> list[str]:
    found: list[str] = []
    for path, text in files.items() if isinstance(files, dict) else ():
        for function in syntax.functions(syntax.parse(text, syntax.language_of(path))):
            if function.name == entry:
                found = [f"{p.type}{'*' * bool(p.pointers)}" for p in function.parameters]
    return found


def _sizes(case: Case) -> str:
    return ", ".join(f"{n}={v}" for n, v in {**case.sizes, **case.scalars}.items())


def _kind(report: str) -> str:
    return re.sub(r"0x[0-9a-f]+|-?\d+", "#", report)[:60]


def _ending(ran: Ran) -> str:
    result = ran.result
    if result.exceeded:
        return f"{result.exceeded} limit"
    said = result.stderr.decode(errors="replace").strip().splitlines()
    ended = f"signal {result.signal}" if result.signal else f"exit code {result.exit_code}"
    return f"{ended}{': ' + said[-1][:200] if said else ''}"


def _wrong(d: Difference) -> str:
    where = d.name if d.name == bounds.RETURNED else f"{d.name}[{d.index}]"
    allowed = f", allowed difference {d.allowed:.3g}" if d.allowed == d.allowed else ""
    return f"{where} is {d.got!r}, expected {d.expected!r}{allowed}; {d.wrong} of {d.count} wrong"


def _clipped(text: str) -> str:
    return text.encode()[:_FEEDBACK_BYTES].decode(errors="ignore")
