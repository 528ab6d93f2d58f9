"""Whether a text that only slang reads does in simulation what is read in its place."""

import random
from dataclasses import dataclass

from proofsmith.domains.verilog import stimulus, toolchain
from proofsmith.domains.verilog.circuit import Step
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.product import Setting
from proofsmith.protocols import Sandbox

STEPS = 400
"""Steps of simulation in which both texts must agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What simulation says of a lowered text beside its original."""

    doubt: str = ""
    """Why the lowered text may not be believed; empty when both agree."""
    simulator: str = ""
    """The simulator that read the original."""


async def compared(read: Elaborated, sandbox: Sandbox) -> Agreement:
    """Simulate a text that only slang reads in Icarus, or else in Verilator, beside what yosys read in its place."""
    design, shape = read.design, read.interface
    clocks = tuple(sorted({name for name, _ in shape.clocks}))
    step = Step.CYCLE if read.one_clock else Step.EVENT
    setting = Setting(step=step, reset=shape.reset, reset_level=shape.reset_level, clocks=clocks)
    rng = random.Random(STEPS)
    inputs = stimulus.random_inputs(shape, setting, (read.text,), rng, STEPS)
    got = await stimulus.simulate(read.plain, shape, setting, inputs, sandbox, top=design.top)
    if got.complaint:
        return Agreement(doubt=f"the text without it does not run: {got.complaint}")
    data = {p: t for p, t in design.files.items() if p not in design.sources}
    for simulator in ("Icarus", "Verilator"):
        wanted = await stimulus.simulate(
            read.text,
            shape,
            setting,
            inputs,
            sandbox,
            top=design.top,
            parameters=design.parameters,
            data=data,
            run=toolchain.iverilog if simulator == "Icarus" else toolchain.verilated,
        )
        if wanted.complaint:
            continue
        # Verilator has no x: what is unknown in the other run may be anything there.
        pair = (wanted, got) if simulator == "Icarus" else (got, wanted)
        differs = stimulus.difference(*pair, shape, setting, strict=False)
        if differs is None:
            return Agreement(simulator=simulator)
        return Agreement(
            doubt=f"{simulator} runs it differently in step {differs}", simulator=simulator
        )
    return Agreement(doubt=f"no simulator reads the original: {wanted.complaint}")
