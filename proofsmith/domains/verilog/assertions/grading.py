"""Grade assertions: proved, refuted with a trace, vacuous, undecided or not supported; and what mutants they notice."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from proofsmith.domains.verilog import engines
from proofsmith.domains.verilog.assertions.monitor import (
    BAD,
    HIT,
    NotSupported,
    Property,
    instrumented,
    parse,
)
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated, elaborate
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.product import Machine, Product, Setting
from proofsmith.domains.verilog.repair import single
from proofsmith.protocols import Sandbox

Grade = Literal["proved", "refuted", "vacuous", "undecided", "not supported"]
ENGINES = engines.SEQUENTIAL[:3]
MUTANTS = 8
_SEED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One assertion and what is known of it."""

    text: str
    grade: Grade
    detail: str = ""
    """Construct that is not supported, engine, or the step of the violation."""
    trace: engines.Trace = ()


async def grade(
    texts: Sequence[str], design: Design, read: Elaborated, sandbox: Sandbox
) -> list[Graded]:
    """Grade each assertion about the design that was `read`, from its reset on."""
    clock, edge = read.interface.clocks[0] if read.interface.clocks else ("", "posedge")
    found: dict[int, Graded] = {}
    parsed: dict[int, Property] = {}
    for number, text in enumerate(texts):
        try:
            parsed[number] = parse(text)
        except NotSupported as error:
            found[number] = Graded(text=text, grade="not supported", detail=str(error))
    order = list(parsed)
    circuit = await _monitored(design, read, list(parsed.values()), clock, edge, sandbox)
    for place, number in enumerate(order):
        if isinstance(circuit, str):
            alone = await _monitored(design, read, [parsed[number]], clock, edge, sandbox)
            found[number] = await _decided(texts[number], alone, 0, read, sandbox)
        else:
            found[number] = await _decided(texts[number], circuit, place, read, sandbox)
    return [found[number] for number in range(len(texts))]


async def _monitored(
    design: Design,
    read: Elaborated,
    properties: Sequence[Property],
    clock: str,
    edge: str,
    sandbox: Sandbox,
) -> Circuit | str:
    """Return the gates of the design with monitors, or why there are none."""
    if not properties:
        return "nothing to monitor"
    try:
        text = instrumented(read.text, design.top, properties, clock, edge)
    except NotSupported as error:
        return str(error)
    data = {p: t for p, t in design.files.items() if p not in design.sources}
    made = await elaborate(design.with_files({**data, "monitored.sv": text}), sandbox)
    if made.trouble or not made.one_clock:
        return made.complaint or "more than one clock"
    return circuit_of(made, Step.CYCLE)


async def _decided(
    text: str, circuit: Circuit | str, place: int, read: Elaborated, sandbox: Sandbox
) -> Graded:
    if isinstance(circuit, str):
        return Graded(text=text, grade="not supported", detail=circuit)
    chance = random.Random(_SEED)
    bad = _machine(circuit, read, BAD, place)
    seen = engines.sampled(bad, chance)
    if seen:
        return Graded(text=text, grade="refuted", detail=f"step {len(seen) - 1}", trace=seen)
    decision = await engines.decide(bad, sandbox, ENGINES)
    if decision.status == "refuted":
        detail = f"step {len(decision.trace) - 1}"
        return Graded(text=text, grade="refuted", detail=detail, trace=decision.trace)
    if decision.status == "open":
        return Graded(text=text, grade="undecided", detail="; ".join(decision.notes)[:200])
    hit = _machine(circuit, read, HIT, place)
    if not engines.sampled(hit, chance):
        reached = await engines.decide(hit, sandbox, ENGINES)
        if reached.status == "proved":
            return Graded(text=text, grade="vacuous", detail="the antecedent is never true")
        if reached.status == "open":
            return Graded(text=text, grade="undecided", detail="is the antecedent ever true?")
    return Graded(text=text, grade="proved", detail=decision.engine)


def _machine(circuit: Circuit, read: Elaborated, output: str, place: int) -> Machine:
    shape = read.interface
    setting = Setting(step=Step.CYCLE, reset=shape.reset, reset_level=shape.reset_level)
    widths = {name: len(word) for name, word in circuit.inputs.items()}
    made = Product(widths, setting, sequential=True)
    return made.machine(made.plain(circuit)[output][place], {})


async def kills(
    texts: Sequence[str], design: Design, read: Elaborated, sandbox: Sandbox
) -> tuple[list[int], int]:
    """Return how many mutants each assertion notices in simulation, and how many there are."""
    clock, edge = read.interface.clocks[0]
    properties = [parse(text) for text in texts]
    counts, mutants = [0] * len(texts), 0
    chance = random.Random(_SEED)
    for _, text in list(single.tokens(read.text))[: 4 * MUTANTS : 4]:
        other = await elaborate(design.with_files({"mutant.sv": text}), sandbox)
        if other.trouble or not other.one_clock:
            continue
        circuit = await _monitored(design, other, properties, clock, edge, sandbox)
        if isinstance(circuit, str):
            continue
        mutants += 1
        for place in range(len(texts)):
            counts[place] += bool(engines.sampled(_machine(circuit, read, BAD, place), chance))
    return counts, mutants
