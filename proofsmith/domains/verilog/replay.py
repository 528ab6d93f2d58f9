"""Play inputs to both designs in Icarus and tell what they do: replayed counter-examples and random runs."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from proofsmith.domains.verilog import stimulus
from proofsmith.domains.verilog.circuit import Step
from proofsmith.domains.verilog.design import Interface
from proofsmith.domains.verilog.elaborate import Elaborated, rewritten
from proofsmith.domains.verilog.engines import Trace
from proofsmith.domains.verilog.product import RESET_STEPS, Machine, Setting
from proofsmith.domains.verilog.stimulus import Inputs, Simulated
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON

Start = tuple[dict[str, int], dict[str, int]]
"""Bits of registers before the first step, of the reference and of the candidate."""
Known = dict[tuple[Setting, tuple[tuple[tuple[str, int], ...], ...]], Simulated]
"""What a reference does under inputs that were played before."""
MOST_KNOWN = 4
SHOWN_STEPS = 8
OFFER_STEPS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What both designs did under the same inputs."""

    step: int | None = None
    """First step in which they differ."""
    text: str = ""
    """The steps around it as a table."""
    table: JSON = None
    """The same as records: `{"inputs": {port: [value, ...]}, "reference": {...}, "candidate": {...}, "first": n}`."""
    toggled: float = 0.0
    """Share of the reference's output bits that took both values."""
    complaint: str = ""
    note: str = ""
    """Which text was simulated, when it is not the one that was given."""


async def replayed(
    reference: Elaborated,
    candidate: Elaborated,
    setting: Setting,
    machine: Machine,
    trace: Trace,
    sandbox: Sandbox,
) -> Played:
    """Play a counter-example, first from x in every register, then from the power-up state that it names.

    A text that Icarus does not read, such as one with some casts of SystemVerilog, is played as yosys writes it.
    """
    inputs = inputs_of(machine, trace, setting, [p.name for p in reference.interface.inputs])
    inputs += [inputs[-1]] * setting.latency
    unset: Start = ({}, {})
    start: Start = (dict.fromkeys(machine.zeroed, 0), {})
    position = {literal: index for index, literal in enumerate(machine.graph.inputs)}
    for literal, (side, name) in machine.powerup.items():
        start[side == "candidate"][name] = trace[0][position[literal]]
    start = (_variables(start[0], reference.text), _variables(start[1], candidate.text))
    played = Played()
    # A reset that ends together with a clock edge ends before it in the machine; a simulator knows both orders.
    orders = [frozenset([setting.reset])] if setting.step is Step.EVENT else []
    for early in (frozenset[str](), *orders):
        for powerup in (unset, start):
            played = await _both(
                reference,
                candidate,
                setting,
                inputs,
                sandbox,
                powerup,
                strict=True,
                early=early,
                words=True,
            )
            if played.step is not None:
                return played
    return played


async def agreed(
    reference: Elaborated,
    candidate: Elaborated,
    setting: Setting,
    sandbox: Sandbox,
    seed: int,
    steps: int,
    known: Known,
) -> Played:
    """Play random inputs; an x of the candidate shows nothing where what yosys read of it has one as well."""
    shape, rng, texts = reference.interface, random.Random(seed), (reference.text, candidate.text)
    inputs = stimulus.random_inputs(shape, setting, texts, rng, steps)
    start: Start = ({}, {})
    found, complaint = await _runs(
        reference, candidate, setting, inputs, sandbox, start, known=known
    )
    if len(found) < 2:
        return Played(complaint=complaint)
    wanted, got = found
    told = _told(shape, setting, inputs, wanted, got, strict=False)
    unknown = stimulus.difference(wanted, got, shape, setting, strict=True)
    if told.step is None and unknown is not None and not complaint:
        text, bare = await rewritten(candidate, sandbox), replace(candidate.design, parameters={})
        plain = replace(candidate, text=text, design=bare)
        again, _ = await _runs(reference, plain, setting, inputs, sandbox, start, known=known)
        read = again[1] if len(again) > 1 else got
        later = stimulus.difference(wanted, read, shape, setting, strict=True)
        if later is None or later > unknown:
            return _told(shape, setting, inputs, wanted, got, strict=True)
    return told


async def random_run(
    reference: Elaborated,
    candidate: Elaborated,
    setting: Setting,
    sandbox: Sandbox,
    seed: int,
    steps: int,
) -> Played:
    """Play random inputs that hold the constants of both texts."""
    inputs = stimulus.random_inputs(
        reference.interface,
        setting,
        (reference.text, candidate.text),
        random.Random(seed),
        steps,
    )
    start: Start = ({}, {})
    return await _both(reference, candidate, setting, inputs, sandbox, start, strict=True)


def _variables(bits: dict[str, int], text: str) -> dict[str, int]:
    """Return the bits of what is declared as a variable, since a bench cannot set a wire."""
    words = re.findall(r"\b(?:reg|logic|integer|bit)\b([^;)]*)", text)
    declared = {name for word in words for name in re.findall(r"[A-Za-z_]\w*", word)}
    return {n: v for n, v in bits.items() if n.split(".")[-1].split("[")[0] in declared}


def inputs_of(
    machine: Machine, trace: Trace, setting: Setting, names: Sequence[str]
) -> list[Inputs]:
    """Return the port values of a counter-example, with what the machine forces during the reset."""
    found = list[Inputs]()
    for index, values in enumerate(trace):
        step = dict.fromkeys(names, 0)
        for port, value in zip(machine.ports, values, strict=True):
            if port is not None:
                step[port[0]] |= value << port[1]
        if setting.latency and setting.reset in step:
            step[setting.reset] = 1 - setting.reset_level
        if setting.reset and index < RESET_STEPS[setting.step] and setting.reset in step:
            step[setting.reset] = setting.reset_level
            if setting.step is Step.EVENT:
                step.update({c: index & 1 for c in setting.clocks if c in step})
        found.append(step)
    return found


async def _both(
    reference: Elaborated,
    candidate: Elaborated,
    setting: Setting,
    inputs: Sequence[Inputs],
    sandbox: Sandbox,
    powerup: Start,
    *,
    strict: bool,
    early: frozenset[str] = frozenset(),
    words: bool = False,
) -> Played:
    runs, complaint = await _runs(
        reference, candidate, setting, inputs, sandbox, powerup, early, words=words
    )
    if len(runs) < 2:
        return Played(complaint=complaint)
    # An x of the text that slang writes may be a value that the original keeps, and shows nothing by itself.
    sure = strict and not (candidate.plain and complaint)
    told = _told(reference.interface, setting, inputs, runs[0], runs[1], strict=sure)
    return replace(told, note=complaint.lstrip(" ;"))


async def runs(
    reference: Elaborated, candidate: Elaborated, setting: Setting, sandbox: Sandbox, seed: int
) -> list[Simulated]:
    """Return what both designs do under random inputs that reset only at the start; empty when one does not run."""
    texts = (reference.text, candidate.text)
    rng = random.Random(seed)
    inputs = stimulus.random_inputs(reference.interface, setting, texts, rng, 2 * OFFER_STEPS)
    found, _ = await _runs(reference, candidate, setting, inputs[:OFFER_STEPS], sandbox, ({}, {}))
    return found


async def _runs(
    reference: Elaborated,
    candidate: Elaborated,
    setting: Setting,
    inputs: Sequence[Inputs],
    sandbox: Sandbox,
    powerup: Start,
    early: frozenset[str] = frozenset(),
    *,
    words: bool = False,
    known: Known | None = None,
) -> tuple[list[Simulated], str]:
    """Return what each design does and what Icarus did not read; fewer than two runs when one cannot be played."""
    found, unread = [], ""
    key = setting, tuple(tuple(step.items()) for step in inputs)
    for read, start in zip((reference, candidate), powerup, strict=True):
        if known is not None and read is reference and key in known:
            found.append(known[key])
            continue
        design = read.design
        data = {p: t for p, t in design.files.items() if p not in design.sources}
        ran = await stimulus.simulate(
            read.text,
            reference.interface,
            setting,
            inputs,
            sandbox,
            top=design.top,
            parameters=design.parameters,
            data=data,
            powerup=start,
            early=early,
        )
        if ran.complaint:
            side = "reference" if read is reference else "candidate"
            unread = f"; the {side} does not run in Icarus: {ran.complaint}"
            text = read.plain or (await rewritten(read, sandbox) if words else "")
            if text:
                shape = reference.interface
                ran = await stimulus.simulate(
                    text, shape, setting, inputs, sandbox, top=design.top, powerup={}, early=early
                )
            if ran.complaint:
                return [], unread
            unread += f"; it was played as {'slang' if read.plain else 'yosys'} writes it"
        found.append(ran)
    if known is not None:
        while len(known) >= MOST_KNOWN:
            del known[next(iter(known))]
        known[key] = found[0]
    return found, unread


def _told(
    interface: Interface,
    setting: Setting,
    inputs: Sequence[Inputs],
    wanted: Simulated,
    got: Simulated,
    *,
    strict: bool,
) -> Played:
    step = stimulus.difference(wanted, got, interface, setting, strict=strict)
    toggled = _toggled(wanted)
    if step is None:
        return Played(toggled=toggled)
    first = max(0, step - SHOWN_STEPS + 1)
    span = range(first, step + 1)
    names = [p.name for p in interface.outputs]
    table: dict[str, JSON] = {
        "first": first,
        "inputs": {
            p.name: [f"{inputs[i].get(p.name, 0):0{p.width}b}" for i in span]
            for p in interface.inputs
        },
        "reference": {n: [wanted.steps[i][k] for i in span] for k, n in enumerate(names)},
        "candidate": {
            n: [got.steps[i + setting.latency][k] for i in span] for k, n in enumerate(names)
        },
    }
    return Played(step=step, text=_text(table, step), table=table, toggled=toggled)


def _text(table: dict[str, JSON], step: int) -> str:
    """Return the table as lines of text; outputs that differ in the last step come first."""
    sides: list[dict[str, list[str]]] = [table[k] for k in ("inputs", "reference", "candidate")]  # type: ignore[misc]
    inputs, wanted, got = sides
    wrong = [n for n in wanted if wanted[n][-1] != got[n][-1]]
    lines = [
        f"step {step}: " + ", ".join(f"{n} is {got[n][-1]}, wanted {wanted[n][-1]}" for n in wrong)
    ]
    lines += [f"  {n}: {' '.join(values)}" for n, values in inputs.items()]
    for name in wrong:
        lines.append(f"  {name} wanted: {' '.join(wanted[name])}")
        lines.append(f"  {name} got:    {' '.join(got[name])}")
    return "\n".join(lines)


def _toggled(run: Simulated) -> float:
    columns = list(zip(*("".join(step) for step in run.steps), strict=True))
    return sum({"0", "1"} <= set(column) for column in columns) / max(1, len(columns))
