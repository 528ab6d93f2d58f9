"""Improve the text of a design step by step: rewrite, synthesise, and prove what seems better before building on it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from proofsmith.domains.verilog import simulation
from proofsmith.domains.verilog.elaborate import elaborate, gates
from proofsmith.domains.verilog.measure import Meter, Version, worth
from proofsmith.domains.verilog.rewrites.catalogue import rewrites
from proofsmith.domains.verilog.rewrites.observed import Trace, observe
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Problem

MOST_STEPS = 16
"""Rounds, each of which puts one rewrite on top of the others or refuses some."""
MOST_TRIED = 48
"""Rewrites that are synthesised at each step."""
MOST_PROOFS = 4
"""Rewrites that seem better and are judged at each step until one holds."""
STRONG = 0.85
"""A rewrite that leaves at most this share is judged at once."""
ENOUGH = 0.9995
"""A rewrite must leave at most this share of the goal's metric."""

Judge = Callable[[Candidate], Awaitable[bool]]
"""Says whether a candidate is proved equal to the original."""


class Climb:
    """One ascent from a version of a problem's design."""

    def __init__(
        self,
        problem: Problem,
        goal: str,
        library: Path,
        meter: Meter,
        sandbox: Sandbox,
        judge: Judge,
    ) -> None:
        """Improve `goal` as measured on `library`; `judge` decides what may be built upon."""
        self._problem = problem
        self._goal = goal
        self._library = library
        self._meter = meter
        self._sandbox = sandbox
        self._judge = judge

    async def steps(self, version: Version, parent: Candidate | None) -> AsyncIterator[Candidate]:
        """Yield ever better candidates; each was judged, the last one is the best."""
        at, best, move = version, await self._worth(version), ""
        if best is None:
            return
        parents = (parent.id,) if parent else ()
        seen = {version.key}
        for _ in range(MOST_STEPS):
            found = await self._better(at, best, seen)
            for value, name, better in found[:MOST_PROOFS]:
                named = f"{move}+{name}" if move else name
                candidate = Candidate(
                    files=dict(better.design.files), parents=parents, move=f"rule:{named}"
                )
                seen.add(better.key)
                if await self._judge(candidate):
                    yield candidate
                    at, best, move = better, value, named
                    break
            if not found:
                return

    async def _better(
        self, at: Version, best: float, seen: set[str]
    ) -> list[tuple[float, str, Version]]:
        """Return the rewrites of `at` that improve the goal, best first."""
        trace = await self._trace(at)
        found = []
        editable = {p: at.design.files[p] for p in self._problem.editable if p in at.design.files}
        tried = 0
        for name, files in rewrites(editable, trace):
            version = Version(at.design.with_files({**at.design.files, **files}), at.recipe)
            if version.key in seen or tried >= MOST_TRIED:
                continue
            seen.add(version.key)
            tried += 1
            value = await self._worth(version)
            if value is not None and value < best * ENOUGH:
                found.append((value, name, version))
                if value < best * STRONG:
                    break
        # What did not win this step may win on top of it: only losers stay out.
        seen.difference_update(version.key for _, _, version in found)
        return sorted(found, key=lambda item: item[0])

    async def _worth(self, version: Version) -> float | None:
        try:
            power = "power" in self._goal
            values = await self._meter.values(version, self._sandbox, self._library, power=power)
        except UsageError:
            return None
        return worth(values, self._goal)

    async def _trace(self, version: Version) -> Trace | None:
        """Simulate `version`; None where there is no state or no circuit to be had."""
        read = await elaborate(version.design, self._sandbox)
        if read.trouble or not read.one_clock or not read.flops:
            return None
        try:
            circuit = simulation.read(await gates(read, self._sandbox))
        except ValueError:
            return None
        shape = read.interface
        return observe(circuit, reset=shape.reset, level=shape.reset_level)
