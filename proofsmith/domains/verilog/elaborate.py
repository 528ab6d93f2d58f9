"""Read a design with yosys: ports, clocks, latches, conflicts of drivers, and the netlist of gates."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from proofsmith.domains.verilog import (
    controls,
    drivers,
    gate,
    lexicon,
    loop_variables,
    lowered,
    moving_parts,
    syntax,
    toolchain,
    tristate,
)
from proofsmith.domains.verilog.design import Design, Interface, Port
from proofsmith.domains.verilog.prepare import prepared
from proofsmith.domains.verilog.specification import guessed_reset
from proofsmith.domains.verilog.toolchain import ToolResult, ToolStatus
from proofsmith.errors import SandboxError, UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

Trouble = Literal["", "syntax", "drivers", "loop", "limit", "time"]
_PASSES = (
    "proc -noopt -norom; write_rtlil drivers.il; flatten; "
    "design -push-copy; simplemap; tee -q -o check.txt check; design -pop; "
    "opt_expr -keepdc; memory_map; opt_expr -keepdc; opt_clean; write_json word.json; write_rtlil word.il"
)
_LATCH = "inferred for signal"
_CHANGES = re.compile(
    r"\b(?:task|function)\b(?:(?!\bend(?:task|function)\b).)*?\b(?:inout|ref)\b", re.DOTALL
)
_LOWERED = ("loop", "syntax error", "Can't resolve task", "interfaces", "hile loops", "epeat loops")
"""What yosys says of texts that slang may read."""
_LOOP = re.compile(r"found logic loop in module (\S+?):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elaborated:
    """What yosys made of a design, or why it did not."""

    design: Design
    text: str
    """The one text that every tool sees."""
    trouble: Trouble = ""
    complaint: str = ""
    legal: bool = False
    """It is SystemVerilog as far as slang knows, though yosys does not read it."""
    interface: Interface = field(default_factory=lambda: Interface(ports=()))
    flops: frozenset[tuple[str, str]] = frozenset()
    """(clock, edge) of all flip-flops; the clock is empty when it is no input port."""
    latches: tuple[str, ...] = ()
    """Nets that latches hold."""
    floating: bool = False
    """Something drives z."""
    far: bool = False
    """Something shifts by a constant that yosys misreads."""
    nets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Public nets of every module."""
    notes: tuple[str, ...] = ()
    plain: str = ""
    """What yosys and Icarus read in place of a text that only slang reads."""
    wall_s: float = 0.0
    """How long yosys took."""
    word: bytes = b""
    """RTLIL of words, after `proc; flatten; memory_map`."""
    word_json: Any = None
    """The top module of yosys' netlist of words."""

    @property
    def one_clock(self) -> bool:
        """True when a step can be one cycle of one clock."""
        return not self.latches and len(self.flops) <= 1 and all(name for name, _ in self.flops)


class Elaborator:
    """Reads designs; remembers nothing."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Read inside `sandbox`."""
        self._sandbox = sandbox

    async def read(self, design: Design) -> Elaborated:
        """Return the user's own design; raises UsageError when it cannot be read."""
        found = await elaborate(design, self._sandbox)
        if found.trouble in ("limit", "time"):
            raise UsageError(
                f"{design.top} is too large to read: {found.complaint}",
                hint=f"name a smaller --top; {toolchain.READ_LIMITS.memory_mib} MiB and"
                f" {toolchain.READ_LIMITS.cpu_s:.0f} s are allowed",
            )
        if found.trouble:
            open_one = re.search(r"Parameter `\\?(\w+)' has no default", found.complaint)
            hint = "correct it, or name other --files"
            raise UsageError(
                f"{design.top}: {found.complaint}",
                hint=f"--parameter {open_one[1]}=VALUE" if open_one else hint,
            )
        return found


async def elaborate(
    design: Design, sandbox: Sandbox, limits: Limits = toolchain.READ_LIMITS
) -> Elaborated:
    """Read `design` down to words of gates and registers; raises SandboxError when a tool is missing."""
    ready = await prepared(design, sandbox)
    if ready.complaint:
        return Elaborated(design=design, text="", trouble="syntax", complaint=ready.complaint)
    # yosys reads some of what these mean
    misread = (
        "it has interfaces" * lexicon.interfaces(ready.text)
        or "a routine changes its argument" * bool(_CHANGES.search(lexicon.bare(ready.text)))
        or loop_variables.lost(ready.text)
    )
    if misread:
        unread = Elaborated(design=design, text=ready.text, trouble="syntax", complaint=misread)
        return await _lowered(unread, sandbox, limits)
    done, notes = await _loosely(design, ready.text, sandbox, limits)
    notes += tuple(f"read with the macro {name} not set" for name in gate.unset(design))
    if done.ok:
        described = _described(design, ready.text, done)
        return _judged(replace(described, notes=notes), done)
    ended = done.status in (ToolStatus.LIMIT, ToolStatus.CRASHED) and "ERROR" not in done.log
    ended = ended or "exceeds implementation limit" in done.log
    trouble: Trouble = "limit" if ended else "syntax"
    trouble = "time" if done.exceeded in ("wall", "cpu") else trouble
    failed = Elaborated(
        design=design,
        text=ready.text,
        trouble=trouble,
        complaint=_said(done),
        wall_s=done.wall_s,
    )
    return await _lowered(failed, sandbox, limits) if trouble == "syntax" else failed


async def _loosely(
    design: Design, text: str, sandbox: Sandbox, limits: Limits
) -> tuple[ToolResult, tuple[str, ...]]:
    """Read a text, if need be with latches in `always_comb`; return notes of what was changed."""
    done = await _yosys(design, text, sandbox, limits)
    if not done.ok and _LATCH in done.log and "always_comb" in text:
        loose = re.sub(r"\balways_comb\b", "always @*", text)
        again = await _yosys(design, loose, sandbox, limits)
        if again.ok:
            return again, ("always_comb that infers a latch was read as `always @*`",)
    return done, ()


async def _lowered(failed: Elaborated, sandbox: Sandbox, limits: Limits) -> Elaborated:
    """Read a text as slang elaborates it, where that gives one that yosys reads."""
    plain = await lowered.lowered(failed.text, failed.design, sandbox)
    if not plain.text:
        unread = any(words in failed.complaint for words in _LOWERED)
        said = plain.complaint(failed.complaint) if unread else failed.complaint
        legal = not plain.error and syntax.grammatical(failed.text)
        return replace(failed, complaint=said, legal=legal)
    bare = replace(failed.design, parameters={})
    done, notes = await _loosely(bare, plain.text, sandbox, limits)
    if not done.ok:
        return replace(failed, legal=True)
    read = _described(failed.design, failed.text, done)
    note = f"read by slang, since yosys does not: {failed.complaint}"
    return _judged(replace(read, plain=plain.text, nets=plain.nets, notes=(*notes, note)), done)


async def gates(read: Elaborated, sandbox: Sandbox) -> bytes:
    """Return yosys' JSON of AND, NOT and flip-flops, asynchronous resets made synchronous; empty on failure."""
    script = "read_rtlil word.il; async2sync; simplemap; techmap; dffunmap; aigmap; opt_clean; write_json aig.json"
    done = await toolchain.yosys(sandbox, script, {"word.il": read.word}, outputs=("aig.json",))
    return done.outputs.get("aig.json", b"") if done.ok else b""


async def rewritten(read: Elaborated, sandbox: Sandbox) -> str:
    """Return the words of a design as Verilog that every simulator reads; empty on failure."""
    top = read.design.top
    script = f"read_rtlil word.il; rename -top {top}; write_verilog -noattr words.v"
    done = await toolchain.yosys(sandbox, script, {"word.il": read.word}, outputs=("words.v",))
    return done.outputs.get("words.v", b"").decode(errors="replace") if done.ok else ""


def read_commands(design: Design) -> list[str]:
    """Return the yosys commands that read the prepared text of `design` and set its parameters.

    `hierarchy -chparam` would do both at once, but ends in an assertion of yosys' own where modules below are instances
    with parameters of their own.
    """
    values = "".join(f" -set {name} {value}" for name, value in design.parameters.items())
    chosen = [f"chparam{values} \\{design.top}"] if values else []
    return ["read_verilog -sv design.sv", *chosen, f"hierarchy -check -top \\{design.top}"]


async def _yosys(design: Design, text: str, sandbox: Sandbox, limits: Limits) -> ToolResult:
    script = "; ".join([*read_commands(design), _PASSES])
    data = {p: t for p, t in design.files.items() if p not in design.sources}
    names = ("drivers.il", "check.txt", "word.json", "word.il")
    done = await toolchain.yosys(
        sandbox,
        script,
        {**data, "design.sv": moving_parts.signed(controls.joined(text))},
        limits,
        outputs=names,
    )
    if done.status is ToolStatus.MISSING:
        raise SandboxError(done.trouble, hint=toolchain.INSTALL["yosys"])
    return done


def _said(done: ToolResult) -> str:
    """Return yosys' own complaint in one line."""
    for line in done.log.splitlines():
        if "ERROR:" in line:
            return line.replace("design.sv:", "line ").strip()[:300]
    return done.trouble[:300]


def _judged(read: Elaborated, done: ToolResult) -> Elaborated:
    """Refuse what later passes would hide: several drivers of a net, combinational loops."""
    rtlil = done.outputs["drivers.il"].decode(errors="replace")
    spare, floating = loop_variables.named(read.text), tristate.drives(read.text)
    clashes = drivers.conflicts(rtlil, spare, floating=floating)
    if clashes:
        shown = ", ".join(clashes[:5])
        return replace(read, trouble="drivers", complaint=f"multiple drivers of {shown}")
    loop = _LOOP.search(done.outputs["check.txt"].decode(errors="replace"))
    if loop:
        return replace(read, trouble="loop", complaint="combinational loop")
    return read


def _described(design: Design, text: str, done: ToolResult) -> Elaborated:
    module = top_of(done.outputs["word.json"])
    rtlil = done.outputs["drivers.il"].decode(errors="replace")
    ports = tuple(
        Port(name, port["direction"], len(port["bits"])) for name, port in module["ports"].items()
    )
    names = {
        bit: name if port["direction"] == "input" and len(port["bits"]) == 1 else ""
        for name, port in module["ports"].items()
        for bit in port["bits"]
    }
    flops, resets, held = set(), [], set()
    for cell in module["cells"].values():
        wires = cell["connections"]
        if "CLK" in wires:
            rising = int(cell["parameters"].get("CLK_POLARITY", "1"), 2) == 1
            flops.add((names.get(wires["CLK"][0], ""), "posedge" if rising else "negedge"))
        if cell["type"] in ("$dlatch", "$adlatch", "$dlatchsr", "$sr"):
            held.update(wires["Q"])
        if cell["type"] == "$adff" and names.get(wires["ARST"][0]):
            resets.append((names[wires["ARST"][0]], int(cell["parameters"]["ARST_POLARITY"], 2)))
    clocks = tuple(sorted(f for f in flops if f[0]))
    if design.clock:
        clocks = tuple(sorted(clocks, key=lambda c: c[0] != design.clock))
    latches = [n for n, net in module["netnames"].items() if held.intersection(net["bits"])]
    reset = _reset(design, ports, resets) if flops or held else ("", 1)
    return Elaborated(
        design=design,
        text=text,
        interface=Interface(ports=ports, clocks=clocks, reset=reset[0], reset_level=reset[1]),
        flops=frozenset(flops),
        latches=tuple(name for name in latches if not module["netnames"][name]["hide_name"])
        or tuple(latches),
        floating=drivers.floating(rtlil) or drivers.switched(done.log, text),
        far=drivers.shifts_far(rtlil),
        nets=drivers.nets(rtlil),
        wall_s=done.wall_s,
        word=done.outputs["word.il"],
        word_json=module,
    )


def _reset(
    design: Design, ports: tuple[Port, ...], asynchronous: list[tuple[str, int]]
) -> tuple[str, int]:
    """Return the declared reset, else the asynchronous one, else the input that is called so."""
    if design.reset:
        return design.reset, design.reset_level
    return asynchronous[0] if asynchronous else guessed_reset(ports)


def top_of(netlist: bytes) -> Any:
    """Return the top module of yosys' JSON."""
    found = json.loads(netlist)["modules"]
    return next((m for m in found.values() if "top" in m["attributes"]), None) or next(
        iter(found.values())
    )
