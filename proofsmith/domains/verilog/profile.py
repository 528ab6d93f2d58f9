"""Say where area and delay are: cells by kind, the critical path cell by cell, registers, and what bounds them."""

from collections.abc import Mapping

from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.measure import Meter, Version, library_of
from proofsmith.domains.verilog.pictures import path_picture, schematic
from proofsmith.domains.verilog.synthesis import Figures
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, HotSpot, Problem, Profile

LISTED = 6


async def profile(
    problem: Problem, version: Version, sandbox: Sandbox, meter: Meter
) -> Profile | None:
    """Return the profile of a design's mapped netlist; None when it cannot be mapped."""
    library = liberty.load(library_of(problem))
    made = await meter.synthesis(version, sandbox, library_of(problem))
    if made.figures is None:
        return None
    figures = made.figures
    areas = {kind: library.cells[kind].area * n for kind, n in figures.counts.items()}
    registers = sum(area for kind, area in areas.items() if library.cells[kind].kind)
    lines = [
        f"area {figures.area:.2f} in {figures.cells} cells of {library.name};"
        f" registers {figures.registers}, {registers / max(figures.area, 1e-9):.0%} of the area",
        f"critical path {figures.delay_ps:.1f} ps through {len(figures.path)} cells"
        f" from {_plain(figures.start)} to {_plain(figures.end)}",
        f"and-inverter graph: {figures.ands} nodes, depth {figures.depth}",
        "most area: "
        + ", ".join(f"{k} {a / max(figures.area, 1e-9):.0%}" for k, a in _most(areas)),
    ]
    facts: dict[str, JSON] = {**figures.dump(), "symptoms": _symptoms(figures, registers)}
    pictures = [path_picture(figures)]
    drawn = await schematic(made.netlist, sandbox)
    facts["pictures"] = [p for p in (*pictures, drawn) if p is not None]
    path = problem.editable[0] if problem.editable else ""
    hot = tuple(
        HotSpot(path=path, line=1, share=a / max(figures.area, 1e-9), cause=k)
        for k, a in _most(areas)
    )
    return Profile(summary="\n".join(lines), hot=hot, facts=facts)


def _most(areas: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(areas.items(), key=lambda item: -item[1])[:LISTED]


def _plain(name: str) -> str:
    return name.lstrip("\\").replace(" ", "") or "nothing"


def _symptoms(figures: Figures, registers: float) -> list[JSON]:
    found: list[JSON] = []
    if registers > 0.6 * figures.area:
        found.append("registers dominate the area")
    if figures.depth > 30:
        found.append("long carry chain")
    return found
