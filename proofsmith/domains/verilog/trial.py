"""Run a design under a bench that somebody else wrote, and first ask what that bench is worth.

The design can print nothing, end nothing and name nothing outside of itself (the text gate sees to it), so every line
that is read here comes from the bench. A bench that a module without function passes proves nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from proofsmith.domains.verilog import lexicon, mutants, toolchain
from proofsmith.domains.verilog.design import Design, Interface, compiled
from proofsmith.domains.verilog.toolchain import ToolStatus
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox

Outcome = Literal["pass", "fail", "compile", "endless", "silent"]
_COUNTED = re.compile(
    r"\b(?P<a>\d+)\s*(?:/\s*\d+\s*)?(?:errors?|failures?|failed|mismatch(?:es)?)\b"
    r"|\b(?:errors?|failures?|failed|mismatch(?:es)?)\s*[:=]\s*(?P<b>\d+)"
    r"|\b(?:mismatched|failing|failed|wrong)\s+(?:samples|tests|vectors|cases)\s*(?:is|are|:|=)?\s*(?P<c>\d+)",
    re.IGNORECASE,
)
_SAMPLES = re.compile(r"\b(?:in|out of)\s+(\d+)\s+samples\b", re.IGNORECASE)
_NONE = re.compile(
    r"\b(?:no|without|zero)\s+(?:errors?|failures?|mismatch(?:es)?)\b", re.IGNORECASE
)
_BAD = re.compile(r"error|fail|mismatch|wrong|incorrect|fatal", re.IGNORECASE)
_GOOD = re.compile(r"\b(?:pass|passed|success|successful|successfully)\b", re.IGNORECASE)
WEAK_BELOW = 0.9
"""Share of non-equivalent mutants that a bench must kill, or it is called weak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A bench: its texts and data files, and the design's module that it instantiates."""

    files: Mapping[str, str]
    top: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Texts that are compiled."""
        return compiled({p: t for p, t in self.files.items() if p.endswith((".v", ".sv"))})

    @property
    def modules(self) -> frozenset[str]:
        """Modules that the bench defines itself: a design may not."""
        return frozenset(
            n for p in self.sources for n in lexicon.modules(lexicon.bare(self.files[p]))
        )

    @property
    def root(self) -> str:
        """The module that starts the simulation; empty when that cannot be told."""
        text = "\n".join(lexicon.bare(self.files[p]) for p in self.sources)
        found = [name for name in lexicon.tops(text) if name != self.top]
        return found[-1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a bench said of one design."""

    outcome: Outcome
    said: str = ""
    """The line that decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What is known of a bench."""

    passed_by: tuple[str, ...] = ()
    """Modules without function that pass it."""
    killed: int = 0
    mutants: int = 0
    survivors: tuple[Design, ...] = field(default=(), repr=False)


async def run(bench: Bench, design: Design, sandbox: Sandbox) -> Run:
    """Simulate `design` under `bench`; raises SandboxError when Icarus is missing."""
    files, sources, flags = arguments(bench, design)
    done = await toolchain.iverilog(sandbox, sources, files, top=bench.root, flags=flags)
    if done.status is ToolStatus.MISSING:
        raise SandboxError(done.trouble, hint=toolchain.INSTALL["iverilog"])
    if done.status is ToolStatus.CRASHED:
        return Run(outcome="silent", said=done.trouble)
    if done.status is ToolStatus.LIMIT:
        return Run(outcome="endless", said=f"no end within the limit of {done.exceeded}")
    if done.status is ToolStatus.REFUSED and not done.stdout.strip():
        return Run(outcome="compile", said=done.trouble)
    if not done.ok:
        return Run(outcome="fail", said=done.trouble or "the simulation ended with an error")
    return judged(done.stdout + done.log)


def arguments(bench: Bench, design: Design) -> tuple[dict[str, str], list[str], list[str]]:
    """Return the files, the sources among them and the flags with which Icarus compiles a design under a bench."""
    files = {**bench.files, **{f"dut/{p}": design.files[p] for p in design.sources}}
    files.update({p: t for p, t in design.files.items() if p not in design.sources})
    sources = [*bench.sources, *(f"dut/{p}" for p in design.sources)]
    return files, sources, ["-I", ".", "-I", "dut", *(f"-D{macro}" for macro in design.defines)]


def judged(output: str) -> Run:
    """Read what a bench printed: one bad line fails, one good line is needed.

    >>> judged("Mismatches: 0 in 100 samples").outcome, judged("Test 3 passed, Test 4 failed").outcome
    ('pass', 'fail')
    >>> judged("finished at 100").outcome
    'silent'
    """
    good = ""
    for line in output.splitlines():
        verdict = _line(line)
        if verdict is False:
            return Run(outcome="fail", said=line.strip()[:200])
        if verdict:
            good = good or line.strip()[:200]
    return Run(outcome="pass" if good else "silent", said=good or "the bench states no result")


def _line(line: str) -> bool | None:
    """Return whether a line says that the design is right; None when it says neither."""
    counts = [int(m["a"] or m["b"] or m["c"]) for m in _COUNTED.finditer(line)]
    samples = _SAMPLES.search(line)
    if counts:
        return not any(counts) and (samples is None or int(samples[1]) > 0)
    cleared = _NONE.sub("", line)
    if _BAD.search(cleared):
        return False
    return True if _GOOD.search(cleared) else None


def stubs(interface: Interface, top: str) -> dict[str, Design]:
    """Return modules without function: nothing driven, all outputs 0, 1 or x."""
    found = {}
    ports = ", ".join(str(p) for p in interface.ports)
    for name, value in (("empty", ""), ("all 0", "0"), ("all 1", "1"), ("all x", "x")):
        body = [f"assign {p.name} = {{{p.width}{{1'b{value}}}}};" for p in interface.outputs]
        text = f"module {top}({ports});\n" + "\n".join(body if value else []) + "\nendmodule\n"
        found[name] = Design(files={f"{top}.sv": text}, top=top)
    return found


async def passed_by_stubs(bench: Bench, interface: Interface, sandbox: Sandbox) -> tuple[str, ...]:
    """Return the modules without function that the bench lets pass."""
    passing = []
    for name, stub in stubs(interface, bench.top).items():
        if (await run(bench, stub, sandbox)).outcome == "pass":
            passing.append(name)
    return tuple(passing)


async def worth(bench: Bench, right: Design, sandbox: Sandbox, limit: int) -> Worth:
    """Run the bench on up to `limit` mutants of a design that passes it; equivalent ones are the caller's to drop."""
    killed, survivors, count = 0, [], 0
    for mutant in mutants.of(right, limit):
        outcome = (await run(bench, mutant, sandbox)).outcome
        if outcome == "compile":
            continue
        count += 1
        killed += outcome != "pass"
        survivors += [mutant] if outcome == "pass" else []
    return Worth(killed=killed, mutants=count, survivors=tuple(survivors))
