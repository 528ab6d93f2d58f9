"""Try many edits of a broken design at little cost: read together, simulated as gates beside the reference."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from proofsmith.domains.verilog import engines, product, toolchain
from proofsmith.domains.verilog.cells import UnsupportedCell
from proofsmith.domains.verilog.circuit import Circuit, CombinationalLoop, Step, build
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated, read_commands, top_of
from proofsmith.domains.verilog.equality import Terms
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.prepare import prepared
from proofsmith.domains.verilog.product import Setting
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

BATCH = 16
LIMITS = Limits(wall_s=60, cpu_s=30, memory_mib=2048, disk_mib=512, output_kib=32768)
LARGEST = 200_000
"""Bytes of netlist above which simulation costs more than it tells."""
_PASSES = "proc -noopt -norom; flatten; opt_expr -keepdc; memory_map; opt_expr -keepdc; opt_clean"
_SEED = 7_001


@dataclass(frozen=True, slots=True)
class Tried:
    """An edit with the share of simulated steps in which it differs from the reference."""

    name: str
    text: str
    wrong: float


class Screen:
    """Simulates edits beside one reference; decides nothing, since only a proof does."""

    def __init__(self, reference: Elaborated, design: Design, path: str, terms: Terms) -> None:
        """Screen versions of the file `path` of `design`."""
        self._design = design
        self._path = path
        shape = reference.interface
        self._setting = Setting(
            step=Step.CYCLE if reference.one_clock else Step.EVENT,
            reset=shape.reset,
            reset_level=shape.reset_level,
            clocks=tuple(sorted({name for name, _ in reference.flops if name})),
            valid=terms.valid,
            latency=terms.latency,
        )
        made = circuit_of(reference, self._setting.step)
        self.circuit = made if isinstance(made, Circuit) else None

    async def tried(self, edits: Sequence[tuple[str, str]], sandbox: Sandbox) -> list[Tried]:
        """Return the edits that can be read, each with how wrong it seems; the order is kept."""
        found = []
        for circuit, (name, text) in zip(await self._read(edits, sandbox), edits, strict=True):
            if circuit is not None:
                found.append(Tried(name, text, self._wrong(circuit)))
        return found

    async def circuits(self, text: str, sandbox: Sandbox) -> Circuit | None:
        """Return the gates of one version; None when it cannot be read."""
        return (await self._read([("", text)], sandbox))[0]

    async def _read(
        self, edits: Sequence[tuple[str, str]], sandbox: Sandbox
    ) -> list[Circuit | None]:
        files: dict[str, str | bytes] = {}
        scripts = []
        for number, (_, text) in enumerate(edits):
            design = self._design.with_files({**self._design.files, self._path: text})
            ready = await prepared(design, sandbox)
            files[f"{number}/design.sv"] = ready.text.replace("always_comb", "always @*")
            for path, data in design.files.items():
                if path not in design.sources:
                    files[f"{number}/{path}"] = data
            scripts.append("; ".join([*read_commands(design), _PASSES, "write_json word.json"]))
        rows = await toolchain.yosys_each(sandbox, scripts, files, ("word.json",), LIMITS)
        return [self._built(row.get("word.json", b"")) for row in rows]

    def _built(self, netlist: bytes) -> Circuit | None:
        if not 0 < len(netlist) <= LARGEST:
            return None
        try:
            return build(top_of(netlist), self._setting.step)
        except (UnsupportedCell, CombinationalLoop):
            return None

    def _wrong(self, circuit: Circuit) -> float:
        """Return the share of simulated steps in which an output differs; 1 when the ports do."""
        if self.circuit is None:
            return 0.0
        shapes = [
            {
                side: {n: len(w) for n, w in getattr(c, side).items()}
                for side in ("inputs", "outputs")
            }
            for c in (self.circuit, circuit)
        ]
        if (
            shapes[0]["outputs"] != shapes[1]["outputs"]
            or shapes[0]["inputs"] != shapes[1]["inputs"]
        ):
            return 1.0
        machine = product.miter(self.circuit, circuit, self._setting, ternary=True)
        return engines.share_bad(machine, random.Random(_SEED))
