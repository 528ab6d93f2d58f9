"""Judge a design that has no reference: ports as specified, the user's bench passed, and the bench worth something."""

from collections.abc import Mapping
from dataclasses import replace

from proofsmith.domains.verilog import (
    coverage,
    elaborate,
    fidelity,
    form,
    gate,
    lexicon,
    prepare,
    scale,
    source,
    trial,
)
from proofsmith.domains.verilog.bench import connected_by_name
from proofsmith.domains.verilog.design import Design, Interface, Port
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.equality import ports_differ
from proofsmith.domains.verilog.finding import Finding
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.trial import Bench, Run, Worth
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Depth, Problem, Status

_ASKING = frozenset({"===", "!==", "==?", "!=?", "casex", "casez"})
"""What tells unknown values from others."""
_NONE = Run(outcome="silent")
MUTANTS = {Depth.QUICK: 10, Depth.FULL: 30}


class Trial:
    """The bench of one problem; what is known of it is earned once."""

    def __init__(
        self, problem: Problem, own: Mapping[str, str] | None = None, *, weighed: bool = True
    ) -> None:
        """Take the bench out of `problem`, unless a version brings its `own`; `weighed`: mutants say its worth."""
        files = own or source.checked(problem, source.BENCH)
        self._weighed = weighed
        self._top = str(problem.options["top"])
        self.bench = Bench(files=files, top=self._top) if files else None
        self._interface = interface_of(problem) if problem.options.get("specification") else None
        self._widths = problem.options.get("widths") is not False
        self._own = None if self._interface else source.design_of(problem)
        self._broken: bool | None = None
        self._hollow: tuple[str, ...] | None = None
        self._worth: dict[Depth, Worth] = {}

    async def said(self, design: Design, sandbox: Sandbox) -> Run | None:
        """Return what the bench says of a design; None without a bench."""
        return await trial.run(self.bench, design, sandbox) if self.bench else None

    async def found(self, design: Design, sandbox: Sandbox, depth: Depth) -> Finding:
        """Judge a design by the specification's ports and the bench."""
        facts: dict[str, JSON] = {"depth": str(depth)}
        others = self.bench.modules if self.bench else frozenset()
        refused = gate.complaint(design, None, others, silent=True, own=self._own)
        if refused:
            return Finding(status=Status.FAILED, check="text gate", complaint=refused)
        read = await elaborate.elaborate(design, sandbox)
        if read.trouble:
            return Finding(status=Status.FAILED, check="read", complaint=read.complaint)
        if self._interface is not None:
            by_name = self.bench is None or self._by_name()
            wanted = replace(read, interface=self._interface)
            differ = ports_differ(wanted, read, by_name=by_name, widths=self._widths)
            if differ:
                return Finding(status=Status.FAILED, check="ports", complaint=differ)
        slip = form.complaint(design, read)
        if slip:
            return Finding(status=Status.FAILED, check="form", complaint=slip)
        if self.bench is None:
            why = "neither a bench nor a reference says what is right"
            return Finding(status=Status.UNDECIDED, check="bench", complaint=why, facts=facts)
        scale.introduced(read)
        design = prepare.chosen(design, read.text)
        unread = read.plain and (await self.said(design, sandbox) or _NONE).outcome == "compile"
        if not unread:
            return await self._tried(self.bench, design, read, sandbox, depth)
        plain = Design(files={f"{design.top}.sv": read.plain}, top=design.top)
        found = await self._tried(self.bench, plain, read, sandbox, depth)
        told = await fidelity.compared(read, sandbox) if found.status is Status.TESTED else None
        if told is not None and told.doubt:
            return replace(found, status=Status.UNDECIDED, complaint=told.doubt)
        return replace(found, facts={**found.facts, "notes": list(read.notes)})

    def _by_name(self) -> bool:
        assert self.bench is not None
        return any(connected_by_name(self.bench.files[p], self._top) for p in self.bench.sources)

    async def _tried(
        self, bench: Bench, design: Design, read: Elaborated, sandbox: Sandbox, depth: Depth
    ) -> Finding:
        ran = await trial.run(bench, design, sandbox)
        facts: dict[str, JSON] = {"depth": str(depth), "said": ran.said}
        if ran.outcome == "compile" and await self._unfit(bench, read.interface, sandbox):
            why = f"the bench does not compile, not even with a module without function: {ran.said}"
            return Finding(status=Status.UNDECIDED, check="bench", complaint=why, facts=facts)
        if ran.outcome != "pass":
            status = Status.UNDECIDED if ran.outcome == "silent" else Status.FAILED
            flooded = "output" in ran.said
            word = "timed out: " if ran.outcome == "endless" and not flooded else ""
            return Finding(status=status, check="bench", complaint=f"{word}{ran.said}", facts=facts)
        doubt = await _as_gates(bench, read, sandbox)
        if doubt is not None and doubt.status is not Status.TESTED:
            return replace(doubt, facts=facts)
        facts.update(doubt.facts if doubt is not None else {})
        if self._hollow is None:
            self._hollow = await trial.passed_by_stubs(bench, read.interface, sandbox)
        if self._hollow:
            why = f"the bench proves nothing: a module with {', '.join(self._hollow)} passes it"
            return Finding(status=Status.UNDECIDED, check="bench", complaint=why, facts=facts)
        if not self._weighed:
            return Finding(status=Status.TESTED, check="bench", facts=facts)
        if depth not in self._worth:
            self._worth[depth] = await self._worth_of(bench, design, sandbox, depth)
        known = self._worth[depth]
        facts.update({"mutants": known.mutants, "killed": known.killed})
        facts.update(await coverage.toggled(bench, design, sandbox))
        if depth is Depth.FULL:
            facts.update(await coverage.lines_run(bench, design, sandbox))
        if known.killed < trial.WEAK_BELOW * known.mutants:
            facts["weak bench"] = (
                f"it misses {known.mutants - known.killed} of {known.mutants} faults"
            )
        return Finding(status=Status.TESTED, check="bench", facts=facts)

    async def _unfit(self, bench: Bench, shape: Interface, sandbox: Sandbox) -> bool:
        """Say whether a bench compiles with no module of these ports, whatever that does."""
        if self._broken is None:
            stub = trial.stubs(shape, bench.top)["all 0"]
            self._broken = (await trial.run(bench, stub, sandbox)).outcome == "compile"
        return self._broken

    @staticmethod
    async def _worth_of(bench: Bench, design: Design, sandbox: Sandbox, depth: Depth) -> Worth:
        """Return the bench's mutation score; mutants that are proved equal to the design do not count."""
        raw = await trial.worth(bench, design, sandbox, MUTANTS[depth])
        same = 0
        for survivor in raw.survivors:
            same += (await prove(design, survivor, sandbox)).status is Status.PROVED
        return replace(raw, mutants=raw.mutants - same, survivors=())


async def _as_gates(bench: Bench, read: Elaborated, sandbox: Sandbox) -> Finding | None:
    """Return what speaks against a design that passes when its gates are put in its place; None where they pass too.

    TESTED where that may be the bench's own doing, with what it said as a fact. Gates know no name outside of the
    design, no unknown value and no time: what leans on those passes as text alone.
    """
    gates = await elaborate.rewritten(read, sandbox)
    ran = Run(outcome="compile")
    if gates:
        files = {f"{read.design.top}.v": gates}
        ran = await trial.run(bench, Design(files=files, top=read.design.top), sandbox)
    if ran.outcome == "pass":
        return None
    said = "\n".join(bench.files[p] for p in bench.sources)
    name = gate.shared_path(read.text, said)
    if name and ran.outcome == "fail":
        left = f"the name {name} leaves the module: its gates fail the bench, {ran.said}"
        return Finding(status=Status.FAILED, check="text gate", complaint=left)
    if ran.outcome == "compile" and not name:  # the bench sets parameters, or looks inside
        return None
    if ran.outcome != "compile" and not _ASKING.intersection(
        t.text for t in lexicon.tokens(read.text)
    ):  # the bench races with the clock, or starts from unknown values
        told: dict[str, JSON] = {"as gates": f"not passed: {ran.said}"}
        return Finding(status=Status.TESTED, check="bench", facts=told)
    why = f"it passes the bench as text, but not as the gates that are read of it: {ran.said}"
    if ran.outcome == "compile":
        why = f"the name {name} may stand for something of the bench's"
    return Finding(status=Status.UNDECIDED, check="bench", complaint=why)


def interface_of(problem: Problem) -> Interface:
    """Return the interface that a problem's options hold."""
    held = problem.options["interface"]
    shape: Mapping[str, JSON] = held if isinstance(held, dict) else {}
    rows = shape.get("ports")
    ports = tuple(
        Port(str(row[0]), row[1], int(str(row[2])))  # type: ignore[arg-type]
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, list)
    )
    return Interface(ports=ports)
