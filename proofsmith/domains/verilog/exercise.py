"""What random simulation is worth where nothing else speaks for a design: what it moves, and which faults it tells."""

import random
import secrets

from proofsmith.domains.verilog import coverage, mutants, stimulus
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.product import Setting
from proofsmith.domains.verilog.trial import Bench
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Depth

STEPS = 2_000
"""Steps of a run that are looked at, at most; waveforms and counts of more take longer than they tell."""
MOST_CELLS = 5_000
MUTANTS = {Depth.QUICK: 6, Depth.FULL: 20}


async def worth(
    reference: Elaborated,
    other: str,
    setting: Setting,
    seed: int,
    steps: int,
    sandbox: Sandbox,
    depth: Depth,
) -> dict[str, JSON]:
    """Return how much of the reference the run of `seed` moves, and how many of its mutants show in it.

    At full depth Verilator counts lines and branches as well. Mutants may be equal to the reference, so `killed` is
    the least that the run tells apart.
    """
    shape = reference.interface
    texts = (reference.text, other)
    inputs = stimulus.random_inputs(shape, setting, texts, random.Random(seed), steps)[:STEPS]
    plain = Design(
        files={"design.sv": reference.plain or reference.text},
        top=reference.design.top,
        parameters={} if reference.plain else reference.design.parameters,
    )
    data = {p: t for p, t in reference.design.files.items() if p not in reference.design.sources}
    nonce = secrets.token_hex(8)
    files = stimulus.bench_files(shape, setting, inputs, nonce, plain)
    bench = Bench(files={**data, **files}, top=plain.top)
    facts = await coverage.toggled(bench, plain, sandbox)
    if depth is Depth.FULL:
        facts.update(await coverage.lines_run(bench, plain, sandbox))

    async def run(design: Design) -> stimulus.Simulated:
        text = design.files["design.sv"]
        return await stimulus.simulate(
            text,
            shape,
            setting,
            inputs,
            sandbox,
            top=plain.top,
            data=data,
            parameters=plain.parameters,
        )

    if len(reference.word_json["cells"]) > MOST_CELLS:
        return {**facts, "mutants": "not run: the design is too large for them"}
    right, tried, killed = await run(plain), 0, 0
    for mutant in mutants.of(plain, MUTANTS[depth] if not right.complaint else 0):
        made = await run(mutant)
        if not made.complaint:
            tried += 1
            differs = stimulus.difference(right, made, shape, setting, strict=True)
            killed += differs is not None
    return {**facts, "mutants": tried, "killed": killed}
