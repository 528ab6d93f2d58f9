"""The half of a comparison that depends on the reference alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from proofsmith.domains.verilog import fidelity, toolchain
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated, elaborate
from proofsmith.domains.verilog.engines import Decision
from proofsmith.domains.verilog.fidelity import Agreement
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.product import Setting
from proofsmith.domains.verilog.replay import Known
from proofsmith.protocols import Sandbox

_KEPT_READINGS = 4


@dataclass(slots=True)
class Reference:
    """The half of a comparison that depends on the reference alone, earned once."""

    design: Design
    read: Elaborated
    circuits: dict[Step, Circuit | str] = field(default_factory=dict)
    defined: dict[Setting, Decision] = field(default_factory=dict)
    played: Known = field(default_factory=dict)
    """What it does under random inputs, in simulation."""
    _readings: dict[str, Elaborated] = field(default_factory=dict)

    _agreements: dict[str, Agreement] = field(default_factory=dict)

    async def doubt(self, reads: Sequence[Elaborated], sandbox: Sandbox) -> str:
        """Say why what was read in place of a text is not believed; empty where simulation of the text agrees."""
        for read in reads:
            key = read.design.key
            if read.plain and key not in self._agreements:
                self._agreements[key] = await fidelity.compared(read, sandbox)
            if read.plain and self._agreements[key].doubt:
                return f"only slang reads {read.design.top}, and its gates are not sure: {self._agreements[key].doubt}"
        return ""

    def circuit(self, step: Step) -> Circuit | str:
        """Return the gates, or why there are none."""
        if step not in self.circuits:
            self.circuits[step] = circuit_of(self.read, step)
        return self.circuits[step]

    async def reading(self, candidate: Design, sandbox: Sandbox) -> Elaborated:
        """Return what is read of a candidate, which may take a multiple of what the reference takes.

        The last few that were read are kept, for whoever asks for their gates before they are judged.
        """
        if candidate.key not in self._readings:
            cpu_s = min(toolchain.READ_LIMITS.cpu_s, 10.0 + 20.0 * self.read.wall_s)
            limits = replace(toolchain.READ_LIMITS, cpu_s=cpu_s, wall_s=3.0 * cpu_s)
            found = await elaborate(candidate, sandbox, limits)
            if found.trouble in ("limit", "time"):
                return found
            while len(self._readings) >= _KEPT_READINGS:
                del self._readings[next(iter(self._readings))]
            self._readings[candidate.key] = found
        return self._readings[candidate.key]
