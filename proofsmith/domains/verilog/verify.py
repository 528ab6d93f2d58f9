"""The ladder that a candidate climbs: scope, then the reference design, then the bench."""

from dataclasses import replace

from proofsmith.domains.verilog import gate, prove, sameness, source, voting
from proofsmith.domains.verilog.benched import Trial
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.diagnosis import diagnosed
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.equality import terms_of
from proofsmith.domains.verilog.evidence import compared_files, replay_command
from proofsmith.domains.verilog.finding import Finding, verdict
from proofsmith.domains.verilog.netlist import implementation, netlist_of, texts
from proofsmith.domains.verilog.reference import Reference
from proofsmith.domains.verilog.trial import Run
from proofsmith.protocols import Sandbox
from proofsmith.tools.notices import tell
from proofsmith.types import (
    JSON,
    Candidate,
    Depth,
    Goal,
    Problem,
    Status,
    Verdict,
    canonical,
    digest,
)


class Verifier:
    """Judges candidates of one problem; keeps what only depends on the reference."""

    def __init__(self, problem: Problem) -> None:
        """Judge candidates of `problem`."""
        self._problem = problem
        self._known: Reference | None = None
        self._reference_said: Run | None = None
        self._trial = Trial(problem)
        self._terms = terms_of(problem)

    async def verify(self, candidate: Candidate, sandbox: Sandbox, depth: Depth) -> Verdict:
        """Judge a candidate."""
        base, made = compared_files(self._problem, candidate)
        command = replay_command(self._problem, base, made, depth)
        beyond = self._out_of_scope(candidate)
        if beyond:
            found = Finding(status=Status.FAILED, check="scope", complaint=beyond)
            return verdict(found, command)
        if self._problem.options.get(source.OWN_BENCH):
            return verdict(await voting.waiting(self._problem, candidate, sandbox), command)
        design = implementation(self._problem, candidate)
        if not self._has_reference:
            return verdict(await self._trial.found(design, sandbox, depth), command)
        return await self._compared(design, sandbox, depth, command)

    async def announce(self, sandbox: Sandbox) -> None:
        """Say before anything else that the bench speaks against the design that says what is right."""
        if self._trial.bench is None or not self._has_reference:
            return
        said = await self._trial.said(self._right, sandbox)
        self._reference_said = said
        if said is not None and said.outcome != "pass":
            tell(f"the reference fails its bench: {said.said}")

    async def gates_name(self, candidate: Candidate, sandbox: Sandbox) -> str:
        """Return a digest of settings and gates; empty where something else has a part in the verdict.

        A bench sees the text in four-valued simulation, and a netlist is judged beside the text that it was made of.
        """
        benched = bool(source.checked(self._problem, source.BENCH)) or not self._has_reference
        if benched or netlist_of(candidate) or self._out_of_scope(candidate):
            return ""
        known, design = await self._wanted(sandbox), implementation(self._problem, candidate)
        if not sameness.only_gates(known.read):
            return ""
        if gate.complaint(design, known.design, frozenset(), silent=True):
            return ""
        made = sameness.gates_name(await known.reading(design, sandbox))
        return digest(canonical(candidate.settings), made) if made else ""

    def _out_of_scope(self, candidate: Candidate) -> str:
        for path, text in texts(candidate).items():
            if path not in self._problem.editable and text != self._problem.files.get(path):
                shown = ", ".join(self._problem.editable)
                return f"'{path}' may not be changed; editable: {shown}"
        return ""

    async def _wanted(self, sandbox: Sandbox) -> Reference:
        if self._known is None:
            self._known = Reference(self._right, await elaborate(self._right, sandbox))
        return self._known

    @property
    def _right(self) -> Design:
        return source.reference_of(self._problem) or source.design_of(self._problem)

    async def _compared(
        self, design: Design, sandbox: Sandbox, depth: Depth, command: tuple[str, ...]
    ) -> Verdict:
        """Judge against the reference, and tell what the bench says beside it."""
        known = await self._wanted(sandbox)
        found = await prove.Comparison(known, design, sandbox, depth, self._terms).found()
        if depth is Depth.FULL and found.status is Status.PROVED:
            found = replace(found, facts={**found.facts, **await self._diagnosed(known, sandbox)})
        unread = found.check in ("text gate", "read", "ports", "reference")
        said = None if unread else await self._trial.said(design, sandbox)
        if said is not None:
            facts = {**found.facts, "bench": f"{said.outcome}: {said.said}"}
            if self._reference_said is None:
                self._reference_said = await self._trial.said(known.design, sandbox)
            if self._reference_said is not None and self._reference_said.outcome != "pass":
                facts = {"the reference fails its bench": self._reference_said.said, **facts}
            complaint = found.complaint
            if complaint and said.outcome == "pass":
                complaint = f"bench: pass, reference: different; {complaint}"
            found = replace(found, facts=facts, complaint=complaint)
        return verdict(found, command)

    async def _diagnosed(self, known: Reference, sandbox: Sandbox) -> dict[str, JSON]:
        """Return what was wrong with the user's own design, when another one says what is right."""
        if not source.checked(self._problem, source.REFERENCE):
            return {}
        if self._problem.options.get("specification"):
            return {}
        return await diagnosed(known, source.design_of(self._problem), sandbox, self._terms)

    @property
    def _has_reference(self) -> bool:
        """True when a design says what is right: one that the user names, or the user's own that is improved."""
        if source.checked(self._problem, source.REFERENCE):
            return True
        return not self._problem.options.get("specification") and not self._broken

    @property
    def _broken(self) -> bool:
        """True when the design itself is what is wrong: it is to be repaired until the bench passes."""
        solving = self._problem.goal in (Goal.SOLVE, Goal.REFUTE)
        solving = solving or bool(self._problem.options.get("by-bench"))
        return solving and bool(source.checked(self._problem, source.BENCH))
