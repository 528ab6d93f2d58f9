"""The ladder that a candidate climbs: reading, ports, and equivalence with the design that says what is right."""

from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.source import design_of
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Problem, Status, Verdict


class Verifier:
    """Judges candidates of one problem."""

    def __init__(self, problem: Problem) -> None:
        """Judge candidates of `problem`."""
        self._problem = problem

    async def verify(self, candidate: Candidate, sandbox: Sandbox, depth: Depth) -> Verdict:
        """Judge a candidate."""
        reference = await elaborate(design_of(self._problem), sandbox)
        found = await elaborate(design_of(self._problem, candidate.files), sandbox)
        if found.trouble:
            return Verdict(status=Status.FAILED, feedback=f"read: {found.complaint}")
        if found.interface.ports != reference.interface.ports:
            return Verdict(status=Status.FAILED, feedback="ports differ")
        return Verdict(status=Status.UNDECIDED, feedback="equality is not shown")
