"""What a gather plan may ask of the verilog domain: the mapped netlist of the original design."""

from pydantic import BaseModel

from proofsmith.domains.verilog.measure import Meter, library_of, version_of
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Candidate, Problem

LISTED = 12


class Nothing(BaseModel):
    """No arguments."""


class Netlist:
    """What synthesis makes of the original: its cells by kind, and the longest path through them."""

    name = "netlist"
    description = "cells of the original's mapped netlist by kind, registers, and its critical path cell by cell"
    arguments: type[BaseModel] = Nothing
    repeatable = True

    def __init__(self, meter: Meter) -> None:
        """Synthesise with the domain's own meter, which keeps its results."""
        self._meter = meter

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return area, delay and depth, frequent cells, and the path; UsageError when nothing can be mapped."""
        if problem.options.get("specification"):
            raise UsageError("a specification has no netlist")
        original = version_of(problem, Candidate(files=problem.files, move="original"))
        made = await self._meter.synthesis(original, sandbox, library_of(problem))
        if made.figures is None:
            raise UsageError("the original cannot be mapped to cells")
        figures = made.figures
        often = sorted(figures.counts.items(), key=lambda item: (-item[1], item[0]))[:LISTED]
        path = f"{figures.start or 'nothing'} > {figures.end or 'nothing'}"
        return {**figures.dump(), "counts": dict(often), "from_to": path}
