"""Run a design alone in Icarus under given inputs and read its outputs, step by step, in four values.

Reference and candidate are simulated in processes of their own, so neither can see or stand for the other.
"""

import random
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from proofsmith.domains.verilog import lexicon, toolchain
from proofsmith.domains.verilog.circuit import Step
from proofsmith.domains.verilog.design import Design, Interface
from proofsmith.domains.verilog.product import RESET_STEPS, Setting
from proofsmith.protocols import Sandbox

Inputs = Mapping[str, int]
"""Value of each input port in one step."""
_SIMPLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*|\[\d+\])*")
_CONSTANT = re.compile(r"(\d+)?\s*'[sS]?([bodhBODH])\s*([0-9a-fA-F_]+)|(\d[\d_]*)")
_BASES = {"b": 2, "o": 8, "d": 10, "h": 16}


class Simulator(Protocol):
    """Compiles sources and runs the module `top`; what it prints comes back."""

    async def __call__(
        self,
        sandbox: Sandbox,
        sources: Sequence[str],
        files: Mapping[str, str | bytes],
        *,
        top: str,
    ) -> toolchain.ToolResult:
        """Run it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Outputs of a simulation, or why there are none."""

    steps: tuple[tuple[str, ...], ...] = ()
    """For each step the output ports in order, as characters 0, 1, x and z, most significant bit first."""
    complaint: str = ""


async def simulate(
    text: str,
    interface: Interface,
    setting: Setting,
    inputs: Sequence[Inputs],
    sandbox: Sandbox,
    *,
    top: str,
    data: Mapping[str, str] | None = None,
    powerup: Mapping[str, int] | None = None,
    parameters: Mapping[str, str] | None = None,
    early: frozenset[str] = frozenset(),
    run: Simulator = toolchain.iverilog,
) -> Simulated:
    """Simulate the module `top` of `text`; `powerup` sets register bits, by hierarchical name, before the first step.

    When a step is a cycle, inputs change while the clock rests, outputs are read before its edge. When a step is an
    event, inputs in `early` change first, clocks a moment later, then all others.
    """
    nonce = secrets.token_hex(8)
    design = Design(files={}, top=top, parameters=parameters or {})
    bench = bench_files(interface, setting, inputs, nonce, design, powerup, early)
    files = {**(data or {}), "dut.sv": text, **bench}
    done = await run(sandbox, ("bench.sv", "dut.sv"), files, top=f"bench_{nonce}")
    lines = [line[17:] for line in done.stdout.splitlines() if line.startswith(nonce)]
    if not done.ok or not lines or lines[-1] != "end" or len(lines) != len(inputs) + 1:
        return Simulated(complaint=done.trouble or "the simulation ended early")
    return Simulated(steps=tuple(tuple(line.split()) for line in lines[:-1]))


def bench_files(
    interface: Interface,
    setting: Setting,
    inputs: Sequence[Inputs],
    nonce: str,
    design: Design,
    powerup: Mapping[str, int] | None = None,
    early: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Return the bench that plays `inputs` and prints outputs after `nonce`, and the file that it reads."""
    chosen = ", ".join(f".{name}({value})" for name, value in design.parameters.items())
    dut = f"{_escaped(design.top)} #({chosen})" if chosen else _escaped(design.top)
    text = _bench(interface, setting, len(inputs), nonce, dut, powerup or {}, early, inputs[0])
    return {"bench.sv": text, "inputs.txt": _vectors(inputs, interface, setting)}


def difference(
    reference: Simulated,
    candidate: Simulated,
    interface: Interface,
    setting: Setting,
    *,
    strict: bool,
) -> int | None:
    """Return the first step after the reset in which a known output of the reference is not the candidate's.

    Without `strict`, bits that are x or z in the candidate count as the same. The step is the reference's; the
    candidate's is later by the latency.
    """
    names = [p.name for p in interface.outputs]
    first = RESET_STEPS[setting.step] if setting.reset else 0
    qualifier = {names.index(d): names.index(v) for d, v in setting.valid}
    later = candidate.steps[setting.latency :]
    for index, (wanted, got) in enumerate(zip(reference.steps, later, strict=False)):
        if index < first or wanted == got:
            continue
        for output, (left, right) in enumerate(zip(wanted, got, strict=True)):
            if output in qualifier and "1" not in wanted[qualifier[output]]:
                continue
            if _differ(left, right, strict=strict):
                return index
    return None


def _differ(wanted: str, got: str, *, strict: bool) -> bool:
    return wanted != got and any(
        left in "01z" and left != right and (strict or right in "01")
        for left, right in zip(wanted, got, strict=True)
    )


def random_inputs(
    interface: Interface,
    setting: Setting,
    texts: Sequence[str],
    rng: random.Random,
    steps: int,
) -> list[Inputs]:
    """Return inputs that start with the reset: uniform, constants of the sources and their neighbours, held values.

    The first half never resets again, so that deep counters are reached; later the reset returns one time in 32.
    """
    interesting = sorted({c + d for text in texts for c in constants(text) for d in (-1, 0, 1)})
    held, found = RESET_STEPS[setting.step], list[Inputs]()
    current = {port.name: rng.getrandbits(port.width) for port in interface.inputs}
    keep = dict.fromkeys(current, 0)
    for index in range(steps):
        for port in interface.inputs:
            name, mask = port.name, (1 << port.width) - 1
            if name in setting.clocks and setting.step is Step.EVENT:
                current[name] = index & 1 if index < held or rng.random() < 0.75 else current[name]
                if index >= held and rng.random() < 0.5:
                    current[name] ^= 1
            elif name == setting.reset:
                returns = index > steps // 2 and rng.randrange(32) == 0 and not setting.latency
                again = index < held or returns
                current[name] = setting.reset_level if again else 1 - setting.reset_level
            elif keep[name] > 0:
                keep[name] -= 1
            else:
                value = (
                    rng.choice(interesting)
                    if interesting and rng.random() < 0.4
                    else rng.getrandbits(port.width)
                )
                current[name] = value & mask
                keep[name] = rng.randrange(1, 64) if rng.random() < 0.05 else 0
        found.append(dict(current))
    return found


def constants(text: str) -> set[int]:
    """Return the numbers that occur in a text.

    >>> sorted(constants("if (a == 8'hA5) y = 3;"))
    [3, 165]
    """
    found = set()
    for token in lexicon.tokens(text):
        match = _CONSTANT.fullmatch(token.text) if token.kind == "number" else None
        if match:
            digits, base = (match[3], _BASES[match[2].lower()]) if match[2] else (match[4], 10)
            try:
                found.add(int(digits.replace("_", ""), base))
            except ValueError:
                continue
    return {value for value in found if value < 1 << 64}


def _driven(interface: Interface, setting: Setting) -> list[str]:
    """Return the inputs that take values from the file, clocks first: all but the clock of cycles."""
    hidden = {name for name, _ in interface.clocks} if setting.step is Step.CYCLE else set()
    names = [p.name for p in interface.inputs if p.name not in hidden]
    return sorted(names, key=lambda name: name not in setting.clocks)


def _vectors(inputs: Sequence[Inputs], interface: Interface, setting: Setting) -> str:
    width = {p.name: p.width for p in interface.inputs}
    names = _driven(interface, setting)
    lines = ["".join(f"{step.get(n, 0):0{width[n]}b}" for n in names) or "0" for step in inputs]
    return "\n".join(lines) + "\n"


def _bench(
    interface: Interface,
    setting: Setting,
    steps: int,
    nonce: str,
    dut: str,
    powerup: Mapping[str, int],
    early: frozenset[str],
    start: Inputs,
) -> str:
    width = {p.name: p.width for p in interface.inputs}
    names = _driven(interface, setting)
    total = sum(width[n] for n in names) or 1
    clocks = [c for c in interface.clocks if c[0] not in names]
    index = {port.name: f"i{n}" for n, port in enumerate(interface.inputs)}
    outputs = {port.name: f"o{n}" for n, port in enumerate(interface.outputs)}
    lines = ["`timescale 1ns/1ps", f"module bench_{nonce};"]
    # Clocks have their first value from the start: a step from x would be an edge that no machine has.
    lines += [
        f"  reg [{width[n] - 1}:0] {index[n]}{f' = {start.get(n, 0)}' if n in setting.clocks else ''};"
        for n in names
    ]
    lines += [f"  reg {index[n]} = {int(edge == 'negedge')};" for n, edge in clocks]
    lines += [f"  wire [{p.width - 1}:0] {outputs[p.name]};" for p in interface.outputs]
    lines.append(
        f"  reg [{total - 1}:0] given [0:{steps - 1}]; reg [{total - 1}:0] now; integer t;"
    )
    links = [f".{_escaped(n)}({w})" for n, w in (*index.items(), *outputs.items())]
    lines.append(f"  {dut} dut_{nonce}({', '.join(links)});")
    lines.append('  initial begin $readmemb("inputs.txt", given);')
    lines += [f"    dut_{nonce}.{n} = 1'b{v};" for n, v in powerup.items() if _SIMPLE.fullmatch(n)]
    lines.append(f"    for (t = 0; t < {steps}; t = t + 1) begin now = given[t];")
    high = total
    for name in names:
        low = high - width[name]
        after = 0 if name in early else 1 + (name not in setting.clocks)
        how = f"<= #{after}" if setting.step is Step.EVENT else "="
        lines.append(f"      {index[name]} {how} now[{high - 1}:{low}];")
        high = low
    shown = ", ".join(outputs.values())
    blanks = " ".join("%b" for _ in outputs)
    lines.append(f'      #4 $display("{nonce} {blanks}", {shown});')
    lines += [f"      #1 {index[n]} = {int(e == 'posedge')};" for n, e in clocks] or ["      #1 ;"]
    lines += [f"      #4 {index[n]} = {int(e == 'negedge')};" for n, e in clocks] or ["      #4 ;"]
    lines += [
        "      #1 ;",
        "    end",
        f'    $display("{nonce} end"); $finish;',
        "  end",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def _escaped(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"\\{name} "
