"""What is said and tried of designs that are too large for proof engines."""

from collections.abc import Iterator

from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.circuit import Circuit
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.tools.notices import tell
from proofsmith.types import JSON

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
