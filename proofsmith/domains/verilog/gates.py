"""The gates of a design that was read, and which of its inputs they compute with."""

from proofsmith.domains.verilog.cells import UnsupportedCell
from proofsmith.domains.verilog.circuit import Circuit, CombinationalLoop, Step, build
from proofsmith.domains.verilog.elaborate import Elaborated


def circuit_of(read: Elaborated, step: Step, *, positional: bool = False) -> Circuit | str:
    """Return the gates of a design, or why there are none."""
    try:
        return build(read.word_json, step, positional=positional)
    except UnsupportedCell as error:
        return f"no gates for {error}"
    except CombinationalLoop as error:
        return f"combinational loop through {error}"


def reads(circuit: Circuit, name: str) -> bool:
    """Say whether a circuit computes with the input `name`."""
    if name not in circuit.inputs:
        return False
    roots = [bit for word in circuit.outputs.values() for bit in word]
    cone = set(circuit.graph.cone([*roots, *(r.next for r in circuit.registers)]))
    return any(bit >> 1 in cone for bit in circuit.inputs[name])
