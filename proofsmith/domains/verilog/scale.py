"""What is said and tried of designs that are too large for proof engines."""

from collections.abc import Iterable, Iterator

from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.circuit import Circuit
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.tools.notices import tell
from proofsmith.types import JSON, Limits

LARGE = 100_000
"""Nodes of both graphs together from which on engines are not asked."""
NODE_BYTES = 700
"""What a node takes here while registers are matched, at most."""
EVENTS = 50_000_000
"""Cells times steps that a simulation may evaluate."""
MOST_STEPS = 20_000
LEAST_STEPS = 200
MEANING = (
    "in every step for every input, from every state that both share, registers matched one to one"
)
NOT_RUN = "proof engines and bounded search: the design is too large for them"


MENTIONED_BYTES = 256 * 1024
"""Texts from this size on are announced before they are read."""
MENTIONED_BITS = 20_000
"""Bits that cells drive from which on a design is introduced."""
MENTIONED_S = 10.0
"""Wall time from which on a step is told when it ends."""


def announced(top: str, texts: Iterable[str]) -> None:
    """Tell, before it is read, how long a large text is and what reading takes at most."""
    size = sum(map(len, texts))
    if size >= MENTIONED_BYTES:
        limits = toolchain.READ_LIMITS
        tell(f"reading {top}, {size >> 10:,} KiB: {_ends(limits)}")


def introduced(read: Elaborated, synthesis: Limits | None = None) -> None:
    """Tell, before anything else starts, how large a design is and what its tools take at most."""
    cells = read.word_json["cells"].values() if read.word_json else ()
    pins = (c["connections"].get("Q") or c["connections"].get("Y") or () for c in cells)
    bits = sum(map(len, pins))
    if bits >= MENTIONED_BITS:
        limits = toolchain.SIMULATION_LIMITS
        more = f"; a synthesis {_ends(synthesis)}" if synthesis is not None else ""
        tell(
            f"{read.design.top}: cells drive {bits:,} bits, read in {read.wall_s:.0f} s;"
            f" a simulation {_ends(limits)}{more}"
        )


def ended(what: str, wall_s: float, size: str) -> None:
    """Tell that a step is done which took long."""
    if wall_s >= MENTIONED_S:
        tell(f"{what} took {wall_s:.0f} s: {size}")


def _ends(limits: Limits) -> str:
    return f"ends at {limits.memory_mib:,} MiB or {limits.cpu_s:.0f} CPU-seconds"


def large(*circuits: Circuit) -> bool:
    """Say whether designs are too large for proof engines."""
    return sum(len(circuit.graph) for circuit in circuits) > LARGE


def stated(top: str, *circuits: Circuit) -> dict[str, JSON]:
    """Return, and tell before anything starts, how large both designs are and what judging them takes at most."""
    nodes = sum(len(circuit.graph) for circuit in circuits)
    registers = sum(len(circuit.registers) for circuit in circuits)
    mib = nodes * NODE_BYTES >> 20
    limits = toolchain.SIMULATION_LIMITS
    tell(
        f"{top}: {nodes:,} gates and {registers:,} register bits in both designs; takes some {mib} MiB here,"
        f" tools end at {toolchain.ENGINE_LIMITS.memory_mib} MiB, simulations at {limits.cpu_s:.0f} CPU-seconds"
    )
    return {"gates": nodes, "register bits": registers, "memory in MiB, at most": mib}


def steps(read: Elaborated, wanted: int) -> Iterator[int]:
    """Yield how many steps to simulate, then more of them, for outputs that a long pipeline moves late."""
    cells = len(read.word_json["cells"]) or 1
    most = max(LEAST_STEPS, min(MOST_STEPS, EVENTS // cells))
    yield min(wanted, most)
    if wanted < most:
        tell(f"the outputs hardly moved: simulating {most} steps")
        yield most
