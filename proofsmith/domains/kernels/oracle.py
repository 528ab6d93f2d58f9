"""What the base computes: runs it apart from every candidate, remembers its results and the bands around them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proofsmith.domains.kernels import bounds, jobs
from proofsmith.domains.kernels.bounds import Band
from proofsmith.domains.kernels.compile import Build, Compiler, base_of, entry_symbol, flags_of
from proofsmith.domains.kernels.contract import Array, Contract, Scalar
from proofsmith.domains.kernels.inputs import Style
from proofsmith.domains.kernels.jobs import Case, Result, Rounding
from proofsmith.domains.kernels.legal import unpack
from proofsmith.domains.kernels.rounding import Estimate, Shadow
from proofsmith.domains.kernels.runs import Ran, Side, run, together
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Problem

WALL_S = 40.0
CPU_S = 6.0
SPARE_CPU_S = 1.5
"""For calls that may be given up."""
_HUGE = {8: 1e100, 4: 1e15}
_RANDOM = (Style.PLAIN, Style.WIDE)
_DOUBTFUL = 0.01
"""Share of the base's results that may be further off than estimated before the estimates are dropped."""
_ROUNDING_FLAGS = ("-frounding-math", "-ffp-contract=off", "-fno-builtin-rint")


@dataclass(frozen=True, slots=True)
class Expected:
    """A case with the legal results, and what the base itself gave."""

    case: Case
    result: Result
    bands: dict[str, Band]


class Oracle:
    """The base of one problem; raises UsageError, with a hint, when it cannot serve as a reference."""

    def __init__(self, problem: Problem, contract: Contract, compiler: Compiler) -> None:
        """Judge candidates of `problem`."""
        self._problem = problem
        self._contract = contract
        self._compiler = compiler
        self._sides: dict[bool, Side] = {}
        self._shadow = Shadow(problem, contract, compiler)
        self._units = self._shadow.units
        self._explained = False
        self.wall_s = 0.0
        self.cpu_s = 0.0
        """Longest that one execution of the base took."""

    async def build(self, sandbox: Sandbox) -> Build:
        """Compile the base; raises UsageError when that fails."""
        build = await self._compiler.kernel(self._problem, base_of(self._problem), sandbox)
        if build.binary is None:
            raise UsageError(f"does not compile: {build.error}", hint="correct it or pass --cflags")
        return build

    async def _side(self, sandbox: Sandbox, *, rounding: bool) -> Side:
        if rounding not in self._sides:
            base = base_of(self._problem)
            extra = _ROUNDING_FLAGS if rounding else ()
            await self.build(sandbox)
            build = await self._compiler.kernel(self._problem, base, sandbox, extra)
            symbol = entry_symbol(build, self._contract.entry)
            if build.binary is None or symbol is None:
                hint = "name a function that other files can call"
                raise UsageError(f"no function '{self._contract.entry}' in the object", hint=hint)
            runner = await self._compiler.runner(jobs.shim(self._contract), sandbox)
            threads = "-fopenmp" in flags_of(self._problem, base)
            self._sides[rounding] = Side(
                runner=runner, library=build.binary, symbol=symbol, threads=threads
            )
        return self._sides[rounding]

    async def check(self, cases: Sequence[Case], sandbox: Sandbox) -> None:
        """Run the base twice in different surroundings; raises UsageError unless both runs agree and write."""
        side = await self._side(sandbox, rounding=False)
        first, second = await together(
            self._run(side, cases, sandbox, poison=0xFF),
            self._run(side, cases, sandbox, poison=0x3C),
        )
        if first.transcript.results != second.transcript.results:
            # A third run finds the same in its outputs as the first: what differs now is chance.
            third = await self._run(side, cases, sandbox, poison=0xFF)
            self._repeatable(cases, first.transcript.results, third.transcript.results)
        agreed = zip(cases, first.transcript.results, second.transcript.results, strict=True)
        for case, a, b in agreed:
            if a.returned != b.returned and not self._both_nan(a.returned, b.returned):
                raise self._unrepeatable(case, "its returned value")
            for name in a.arrays:
                self._agree(case, name, a.arrays[name], b.arrays[name])

    def _repeatable(
        self, cases: Sequence[Case], first: Sequence[Result], second: Sequence[Result]
    ) -> None:
        for case, one, two in zip(cases, first, second, strict=True):
            for name in one.arrays:
                if not self._same(name, one.arrays[name], two.arrays[name]):
                    raise self._unrepeatable(case, f"'{name}'")

    def _same(self, name: str, a: bytes, b: bytes) -> bool:
        element = self._contract.arrays[name].element
        if a == b or element.kind != "float":
            return a == b
        pairs = zip(unpack(element, a), unpack(element, b), strict=True)
        return all(x == y or (x != x and y != y) for x, y in pairs)

    def _both_nan(self, a: bytes, b: bytes) -> bool:
        result = self._contract.result
        if result is None or result.kind != "float":
            return False
        return all(v != v for v in (*unpack(result, a), *unpack(result, b)))

    def _agree(self, case: Case, name: str, a: bytes, b: bytes) -> None:
        """Elements may differ only where both runs left what was there before."""
        element = self._contract.arrays[name].element
        width = element.bytes
        if a == b:
            return
        for at in range(0, len(a), width):
            one, two = a[at : at + width], b[at : at + width]
            untouched = one == b"\xff" * width and two == b"\x3c" * width
            if one == two or untouched:
                continue
            values = (*unpack(element, one), *unpack(element, two))
            if element.kind == "float" and all(v != v for v in values):
                continue
            if self._contract.arrays[name].access == "out":
                raise UsageError(
                    f"'{name}' is declared out, but '{self._contract.entry}' reads it before it writes it "
                    f"({_shown(case)})",
                    hint=f'declare {name} with access = "inout", or correct the kernel',
                )
            raise self._unrepeatable(case, f"'{name}'")

    def _unrepeatable(self, case: Case, what: str) -> UsageError:
        return UsageError(
            f"'{self._contract.entry}' is not deterministic: {what} differs between two runs ({_shown(case)})",
            hint="it must not read uninitialised memory, addresses, clocks or random numbers",
        )

    async def expected(
        self, cases: Sequence[Case], sandbox: Sandbox, *, needed: bool, estimate_s: float = 1.0
    ) -> tuple[Expected, ...]:
        """Return the legal results of the cases; rounding errors are estimated for `estimate_s` of processor time.

        Unless they are `needed`, cases are given up from the first on for which the base has no time left.
        """
        if not cases:
            return ()
        side = await self._side(sandbox, rounding=False)
        base = (await self._run(side, cases, sandbox, needed=needed)).transcript.results
        cases, others = cases[: len(base)], []
        if self._contract.tolerance.policy != "exact" and self._floats():
            side = await self._side(sandbox, rounding=True)
            modes = (Rounding.UP, Rounding.DOWN, Rounding.ZERO)
            runs = (self._run(side, cases, sandbox, mode) for mode in modes)
            others = [ran.transcript.results for ran in await together(*runs)]
        estimates = await self._estimates(cases, base, sandbox, estimate_s) if others else {}
        return tuple(
            Expected(
                case,
                result,
                bounds.bands(
                    self._contract,
                    result,
                    [other[i] for other in others],
                    estimates=estimates.get(i),
                    overflow=self._huge(case),
                    drift=case.label not in _RANDOM,
                ),
            )
            for i, (case, result) in enumerate(zip(cases, base, strict=True))
        )

    async def _estimates(
        self, cases: Sequence[Case], base: Sequence[Result], sandbox: Sandbox, cpu_s: float
    ) -> Mapping[int, Mapping[str, Estimate]]:
        """Return estimates of the rounding errors, none when the base does something that they do not explain."""
        while self._units:
            found = await self._shadow.estimate(cases, self._units[0], sandbox, cpu_s=cpu_s)
            if found is None:
                self._units = ()
            elif self._explained or self._explains(cases, base, found):
                self._explained = True
                return found
            else:
                self._units = self._units[1:]
        return {}

    def _explains(
        self,
        cases: Sequence[Case],
        base: Sequence[Result],
        found: Mapping[int, Mapping[str, Estimate]],
    ) -> bool:
        """Say whether the base's own errors on random inputs are as large as estimated."""
        doubtful = count = 0
        for i, estimates in found.items():
            if cases[i].label not in _RANDOM:
                continue
            for name, element in bounds.written(self._contract):
                if element.kind == "float":
                    data = bounds.bytes_of(base[i], name)
                    doubtful += bounds.doubtful(element, data, estimates[name])
                    count += len(estimates[name].centre)
        return doubtful <= _DOUBTFUL * count

    def _floats(self) -> bool:
        contract = self._contract
        items: tuple[Array | Scalar, ...] = (
            *contract.arrays.values(),
            *contract.scalars.values(),
        )
        kinds = {i.element.kind for i in items} | {contract.result.kind if contract.result else ""}
        return "float" in kinds

    def _huge(self, case: Case) -> bool:
        """Say whether products of the inputs may overflow."""
        for name, data in case.arrays.items():
            element = self._contract.arrays[name].element
            if element.kind == "float" and case.label.startswith(("special", "one special")):
                limit = _HUGE[element.bytes]
                if any(limit < abs(v) < math.inf for v in unpack(element, data)):
                    return True
        return False

    async def _run(
        self,
        side: Side,
        cases: Sequence[Case],
        sandbox: Sandbox,
        rounding: Rounding = Rounding.NEAREST,
        poison: int = 0xFF,
        needed: bool = True,
    ) -> Ran:
        """Run the base; raises UsageError when it fails, but for lack of time only when all cases are `needed`."""
        spare = 1.0 if rounding is Rounding.NEAREST else 3.0
        ran = await run(
            side,
            self._contract,
            cases,
            sandbox,
            wall_s=WALL_S,
            cpu_s=spare * (CPU_S if needed else SPARE_CPU_S),
            rounding=rounding,
            poison=poison,
            team=1,
        )
        self.wall_s = max(self.wall_s, ran.result.wall_s)
        self.cpu_s = max(self.cpu_s, ran.result.cpu_s)
        entry, transcript = self._contract.entry, ran.transcript
        if ran.result.timed_out:
            if not needed:
                return ran
            case = cases[min(len(transcript.results), len(cases) - 1)]
            raise UsageError(
                f"'{entry}' does not return within {CPU_S:.0f} s of processor time ({_shown(case)})",
                hint="lower the sizes in its header",
            )
        if transcript.fault is not None:
            case = cases[min(transcript.fault.call, len(cases) - 1)]
            raise UsageError(
                f"'{entry}' itself crashes: {fault_text(transcript.fault)} ({_shown(case)})",
                hint="correct the shapes, ranges and sizes in its header, or the kernel",
            )
        written = next((v for v in transcript.violations if v[1] in _BASE_FAULTS), None)
        if written is not None:
            where = self._contract.parameters[written[2]]
            raise UsageError(
                f"'{entry}' itself writes {_BASE_FAULTS[written[1]]} '{where}' ({_shown(cases[written[0]])})",
                hint="correct the access and shape in its header, or the kernel",
            )
        if not transcript.complete:
            said = ran.result.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1] if said else f"exit code {ran.result.exit_code}"
            raise UsageError(f"'{entry}' ends the process: {why}", hint="it must return")
        return ran


_BASE_FAULTS = {
    jobs.Violation.WROTE_INPUT: "to the input",
    jobs.Violation.WROTE_OUTSIDE: "beside the array",
}
_SIGNALS = {4: "illegal instruction", 7: "bus error", 8: "arithmetic exception", 11: "bad access"}


def fault_text(fault: jobs.Fault) -> str:
    """Say in words what a fault was, e.g. `bad access 8 bytes after the start of 'A'`."""
    if fault.signal == 31:
        return f"system call {fault.offset} is not allowed"
    what = _SIGNALS.get(fault.signal, f"signal {fault.signal}")
    if fault.array is None:
        return what
    side = "before" if fault.offset < 0 else "after"
    return f"{what} {abs(fault.offset)} bytes {side} the start of '{fault.array}'"


def _shown(case: Case) -> str:
    sizes = ", ".join(f"{n} = {v}" for n, v in case.sizes.items())
    return f"{sizes or 'no sizes'}; {case.label} values"
