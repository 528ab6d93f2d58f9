"""Decide a machine: random simulation here, then ABC's engines in the sandbox; no answer decides nothing."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from proofsmith.domains.verilog import enumeration, toolchain
from proofsmith.domains.verilog.aig import FALSE, TRUE, Latch, aiger, value_of
from proofsmith.domains.verilog.product import Machine
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

Trace = tuple[tuple[int, ...], ...]
"""For each step, the value of each input of the machine's graph."""
_STATUS = re.compile(r"^Status = (-?\d+)", re.MULTILINE)
_INPUT = re.compile(r"^pi(\d+)@(\d+)=([01])$", re.MULTILINE)
_DEEPEST = re.compile(r"(?:explored|completing|frame) +(\d+)", re.IGNORECASE)
RUNS = 64
BUSY = 3.0
"""How much longer than on an idle processor an engine may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an engine found."""

    status: Literal["proved", "refuted", "open"]
    engine: str = ""
    trace: Trace = ()
    """Inputs that make the machine bad in the last step, when refuted."""
    frames: int = 0
    """Steps without a counter-example, when open."""
    notes: tuple[str, ...] = ()
    """What was not run, and why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An ABC script over `m.aig` that ends in a status."""

    name: str
    script: str
    cpu_s: float


COMBINATIONAL = (
    Engine("cec", "&get; &cec -m -T 3", 8),
    Engine("iprove", "ifraig; iprove", 12),
)
THOROUGH = Engine("scorr-pdr", "scorr; dc2; pdr -T 5", 14)
SEQUENTIAL = (
    Engine("scorr-pdr", "scorr; dc2; pdr -T 2", 8),
    # Few reachable states that no local invariant describes, as those of a counter in two codes.
    Engine("reach", "scorr; dc2; reach -T 3 -B 200000 -F 100000", 10),
    Engine("bmc3", "bmc3 -F 40 -T 2", 8),
    THOROUGH,
    Engine("pdr", "pdr -T 5", 12),
    Engine("dprove", "dprove -F 20", 12),
)
BOUND = Engine("bmc3", "bmc3 -F 200 -T 4", 12)


async def decide(
    machine: Machine, sandbox: Sandbox, engines: Sequence[Engine] | None = None
) -> Decision:
    """Return whether `machine` can become bad; engines are tried in order until one knows."""
    return enumerated(machine) or await asked(machine, sandbox, engines)


def enumerated(machine: Machine) -> Decision | None:
    """Return the proof that a small machine never becomes bad; None when it is large, or does."""
    if machine.bad == FALSE:
        return Decision(status="proved", engine="structural hashing")
    sure = enumeration.never_bad(machine.graph, needed(machine), machine.bad)
    return Decision(status="proved", engine="enumeration of states") if sure else None


async def asked(
    machine: Machine, sandbox: Sandbox, engines: Sequence[Engine] | None = None
) -> Decision:
    """Return what ABC says of `machine`, which is not proved by its structure."""
    latches = needed(machine)
    if engines is None:
        engines = SEQUENTIAL if latches else COMBINATIONAL
    data = aiger(machine.graph, latches, [machine.bad])
    notes = []
    for engine in engines:
        status, trace, note = await _run(machine, data, engine, sandbox)
        if status == 1:
            return Decision(status="proved", engine=engine.name)
        if status == 0 and trace:
            return Decision(status="refuted", engine=engine.name, trace=trace)
        notes.append(note or f"{engine.name}: no answer")
    return Decision(status="open", notes=tuple(notes))


async def bound(machine: Machine, sandbox: Sandbox) -> Decision:
    """Return a counter-example, or how many steps have none."""
    data = aiger(machine.graph, needed(machine), [machine.bad])
    script = f"read_aiger m.aig; {BOUND.script}; print_status; write_cex -n cex.txt"
    # It ends by itself, and the steps that it counted are lost when it is ended.
    limits = replace(_limits(BOUND), wall_s=3.0 * BUSY * BOUND.cpu_s)
    done = await toolchain.abc(sandbox, script, {"m.aig": data}, limits, outputs=("cex.txt",))
    found = _STATUS.findall(done.stdout)
    if found and found[-1] == "1":
        return Decision(status="proved", engine=BOUND.name)
    trace = _trace(machine, done.outputs.get("cex.txt", b"")) if found and found[-1] == "0" else ()
    if trace:
        return Decision(status="refuted", engine=BOUND.name, trace=trace)
    frames = re.search(r"Frames = (\d+)", done.stdout)
    notes = () if done.ok else (f"bounded search: {done.trouble}",)
    return Decision(status="open", frames=int(frames[1]) if frames else 0, notes=notes)


def needed(machine: Machine) -> tuple[Latch, ...]:
    """Return the state bits that `bad` depends on: without any, the question is combinational."""
    cone = set(machine.graph.cone([machine.bad], machine.latches))
    return tuple(latch for latch in machine.latches if latch.output >> 1 in cone)


async def _run(
    machine: Machine, data: bytes, engine: Engine, sandbox: Sandbox
) -> tuple[int, Trace, str]:
    """Return the status (1 proved, 0 refuted, -1 open), the counter-example and a note about a tool's failure."""
    script = f"read_aiger m.aig; {engine.script}; print_status; write_cex -n cex.txt"
    done = await toolchain.abc(
        sandbox, script, {"m.aig": data}, _limits(engine), outputs=("cex.txt",)
    )
    if not done.ok:
        return -1, (), f"{engine.name}: {done.trouble}"
    found = _STATUS.findall(done.stdout)
    status = int(found[-1]) if len(found) == 1 else -1
    if status != 0:
        return status, (), ""
    return 0, _trace(machine, done.outputs.get("cex.txt", b"")), f"{engine.name}: no trace"


def _limits(engine: Engine) -> Limits:
    return Limits(wall_s=BUSY * engine.cpu_s, cpu_s=engine.cpu_s, memory_mib=2048, disk_mib=128)


def _trace(machine: Machine, text: bytes) -> Trace:
    """Return ABC's counter-example, cut at the first bad step; empty when it does not make the machine bad here."""
    found = [tuple(map(int, m)) for m in _INPUT.findall(text.decode(errors="replace"))]
    if not found:
        return ()
    frames = [[0] * len(machine.graph.inputs) for _ in range(1 + max(f for _, f, _ in found))]
    for number, frame, value in found:
        if number < len(machine.graph.inputs):
            frames[frame][number] = value
    return confirmed(machine, tuple(map(tuple, frames)))


def confirmed(machine: Machine, trace: Trace) -> Trace:
    """Return `trace` up to the first step in which the machine is bad; empty when it never is."""
    nodes = machine.graph.cone([machine.bad], machine.latches)
    state = {latch.output >> 1: 0 for latch in machine.latches}
    for index, values in enumerate(trace):
        leaves = dict(state)
        leaves.update(zip((i >> 1 for i in machine.graph.inputs), values, strict=True))
        got = machine.graph.evaluate(nodes, leaves, 1)
        if value_of(machine.bad, got, 1):
            return trace[: index + 1]
        state = _next(machine, got, 1)
    return ()


def _next(machine: Machine, values: dict[int, int], mask: int) -> dict[int, int]:
    return {
        latch.output >> 1: value_of(latch.next, values, mask)
        for latch in machine.latches
        if latch.next >> 1 in values
    }


def sampled(machine: Machine, rng: random.Random, steps: int = 48, runs: int = RUNS) -> Trace:
    """Return inputs under which random simulation makes the machine bad; empty when it did not."""
    if machine.bad in (FALSE, TRUE):
        return ((0,) * len(machine.graph.inputs),) if machine.bad else ()
    inputs = [literal >> 1 for literal in machine.graph.inputs]
    history: list[dict[int, int]] = []
    for fresh, bad in _played(machine, rng, steps, runs):
        history.append(fresh)
        if bad:
            run = (bad & -bad).bit_length() - 1
            return tuple(tuple(step[node] >> run & 1 for node in inputs) for step in history)
    return ()


def share_bad(machine: Machine, rng: random.Random, steps: int = 48, runs: int = RUNS) -> float:
    """Return the share of randomly simulated steps in which the machine is bad, from 0 to 1."""
    if machine.bad in (FALSE, TRUE):
        return float(machine.bad == TRUE)
    seen = [bad.bit_count() for _, bad in _played(machine, rng, steps, runs)]
    return sum(seen) / (runs * len(seen))


def _played(
    machine: Machine, rng: random.Random, steps: int, runs: int
) -> Iterator[tuple[dict[int, int], int]]:
    """Yield the inputs of each random step and the runs that are bad in it.

    Half of the runs hold each input for some steps, since counters and protocols need it.
    """
    nodes = machine.graph.cone([machine.bad], machine.latches)
    inputs = [literal >> 1 for literal in machine.graph.inputs]
    mask = (1 << runs) - 1
    held = (1 << runs // 2) - 1
    state = {latch.output >> 1: 0 for latch in machine.latches}
    previous = dict.fromkeys(inputs, 0)
    for number in range(steps if machine.latches else 4):
        keep = rng.getrandbits(runs) & rng.getrandbits(runs) & held
        fresh = {
            node: (rng.getrandbits(runs) & ~(keep if number else 0))
            | (previous[node] & (keep if number else 0))
            for node in inputs
        }
        for literal, value in machine.rest.items():
            seldom = fresh[literal >> 1]
            for _ in range(4):
                seldom &= rng.getrandbits(runs)
            fresh[literal >> 1] = seldom ^ mask if value else seldom
        previous = fresh
        values = machine.graph.evaluate(nodes, {**state, **fresh}, mask)
        yield fresh, value_of(machine.bad, values, mask)
        state = _next(machine, values, mask)
