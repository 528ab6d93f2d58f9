"""Run yosys, ABC, Icarus and Verilator in the sandbox; a crash, a limit or a missing tool is a status."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from proofsmith.protocols import Sandbox
from proofsmith.types import ExecResult, Limits

READ_LIMITS = Limits(wall_s=180, cpu_s=60, memory_mib=2048, disk_mib=512, output_kib=1024)
"""For yosys: reading, elaborating and building an AIG of designs up to some 10^5 cells."""
ENGINE_LIMITS = Limits(wall_s=60, cpu_s=60, memory_mib=2048, disk_mib=256, output_kib=256)
"""For ABC, whose commands carry limits of their own."""
SIMULATION_LIMITS = Limits(wall_s=60, cpu_s=20, memory_mib=1024, disk_mib=256, output_kib=16384)
"""For Icarus; benches without an end run into it."""
BUILD_LIMITS = Limits(
    wall_s=300, cpu_s=120, memory_mib=2048, disk_mib=512, output_kib=1024, processes=128
)
"""For Verilator, which compiles C++."""
LOG_CHARS = 4096
INSTALL = {
    "yosys": "apt-get install yosys",
    "yosys-abc": "apt-get install yosys berkeley-abc",
    "iverilog": "apt-get install iverilog",
    "verilator": "apt-get install verilator g++ make",
}
EXPANDED = "expanded.v"
COUNTS = "coverage.dat"
_VERILATED = ("--timing", "-Wno-fatal", "-O0", "--prefix", "Vroot")
_COMPILE = """\
R=$(verilator --getenv VERILATOR_ROOT)/include
for f in "$R"/verilated.cpp "$R"/verilated_timing.cpp "$R"/verilated_threads.cpp {more} obj_dir/Vroot*.cpp main.cpp
do echo "#include \\"$f\\""; done > one.cpp
g++ -O0 -w -std=gnu++20 -fcoroutines -I. -Iobj_dir -I"$R" -I"$R"/vltstd {defines} -o sim one.cpp -pthread -latomic \
  >&2 || exit $(($?==127?127:97))
exec ./sim
"""
"""One translation unit without optimisation: headers are read once, and half of the time is saved."""
_MAIN = """\
#include "Vroot.h"
#include "verilated.h"
#include "verilated_cov.h"
int main() {
  VerilatedContext context;
  Vroot root{&context};
  while (!context.gotFinish()) {
    root.eval();
    if (!root.eventsPending()) break;
    context.time(root.nextTimeSlot());
  }
  root.final();
#if VM_COVERAGE
  context.coveragep()->write("coverage.dat");
#endif
}
"""
_COMPILE_FAILED = 97


class ToolStatus(StrEnum):
    """How a tool's run ended."""

    OK = "ok"
    """Exit code 0."""
    REFUSED = "refused"
    """The tool itself said no: its input is wrong."""
    LIMIT = "limit"
    """A limit of time, memory, disk or output ended it."""
    CRASHED = "crashed"
    """A signal ended it."""
    MISSING = "missing"
    """It is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What one run of a tool gave."""

    tool: str
    status: ToolStatus
    stdout: str = ""
    log: str = ""
    """Tail of stderr."""
    exceeded: str = ""
    """The limit that ended it."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    outputs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when it ended by itself with exit code 0."""
        return self.status is ToolStatus.OK

    @property
    def trouble(self) -> str:
        """Say in one line why there is no result; empty when there is one."""
        if self.status is ToolStatus.MISSING:
            return f"{self.tool} is not installed: {INSTALL[self.tool]}"
        if self.status is ToolStatus.LIMIT:
            return f"{self.tool} reached its limit of {self.exceeded}"
        if self.status is ToolStatus.CRASHED:
            return f"{self.tool} crashed"
        lines = [line.strip() for line in self.log.splitlines() if line.strip()]
        errors = [x for x in lines if "error" in x.lower() or "not found" in x.lower()]
        return "" if self.ok else (errors or lines[-1:] or [f"{self.tool} failed"])[0]


async def yosys(
    sandbox: Sandbox,
    script: str,
    files: Mapping[str, str | bytes],
    limits: Limits = READ_LIMITS,
    outputs: Sequence[str] = (),
) -> ToolResult:
    """Run a yosys script over `files`; the files named by `outputs` come back."""
    return await _run(sandbox, "yosys", ("yosys", "-q", "-p", script), files, limits, outputs)


async def yosys_each(
    sandbox: Sandbox,
    scripts: Sequence[str],
    files: Mapping[str, str | bytes],
    outputs: Sequence[str],
    limits: Limits = READ_LIMITS,
) -> list[dict[str, bytes]]:
    """Run many scripts one after another in one sandbox, each in a folder `N`; return what came back of each.

    `files` and `outputs` are named in those folders; a script that fails gives nothing, and ends no other.
    """
    lines = [
        f"(cd {n} && yosys -q -p {shlex.quote(s)}) || rm -f {n}/*" for n, s in enumerate(scripts)
    ]
    wanted = [f"{n}/{name}" for n in range(len(scripts)) for name in outputs]
    argv = ("sh", "-c", "; ".join([*lines, "true"]))
    done = await _run(sandbox, "yosys", argv, files, limits, wanted)
    rows = [
        {name: done.outputs.get(f"{n}/{name}", b"") for name in outputs}
        for n in range(len(scripts))
    ]
    return [row if all(row.values()) else {} for row in rows]


async def abc(
    sandbox: Sandbox,
    script: str,
    files: Mapping[str, str | bytes],
    limits: Limits = ENGINE_LIMITS,
    outputs: Sequence[str] = (),
) -> ToolResult:
    """Run an ABC script over `files`; there is no abc.rc, so aliases such as `ps` do not exist."""
    return await _run(sandbox, "yosys-abc", ("yosys-abc", "-q", script), files, limits, outputs)


async def iverilog(
    sandbox: Sandbox,
    sources: Sequence[str],
    files: Mapping[str, str | bytes],
    limits: Limits = SIMULATION_LIMITS,
    *,
    top: str = "",
    flags: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> ToolResult:
    """Compile `sources` (names in `files`) and simulate them.

    A text that does not compile gives REFUSED with the compiler's messages in `log`; `vvp` runs with `-n`, so that
    `$stop` ends the simulation.
    """
    words = ["iverilog", "-g2012", "-o", "sim.vvp", *flags, *(("-s", top) if top else ()), *sources]
    script = f"{shlex.join(words)} || exit $(($?==127?127:{_COMPILE_FAILED})); exec vvp -n sim.vvp"
    return await _run(sandbox, "iverilog", ("sh", "-c", script), files, limits, outputs)


async def preprocessed(
    sandbox: Sandbox,
    sources: Sequence[str],
    files: Mapping[str, str | bytes],
    *,
    flags: Sequence[str] = (),
    limits: Limits = SIMULATION_LIMITS,
) -> ToolResult:
    """Expand the macros and includes of `sources`; the text comes back as the output EXPANDED."""
    argv = ("iverilog", "-E", "-g2012", *flags, "-o", EXPANDED, *sources)
    return await _run(sandbox, "iverilog", argv, files, limits, (EXPANDED,))


async def verilated(
    sandbox: Sandbox,
    sources: Sequence[str],
    files: Mapping[str, str | bytes],
    *,
    top: str,
    flags: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> ToolResult:
    """Let Verilator make a program of `sources` and run it; what it counts is in COUNTS, with the flag `--coverage`."""
    words = ["verilator", "--cc", "-I.", *flags, *_VERILATED, "--top", top]
    counting = "--coverage" in flags
    defines = [f"-DVM_{name}=0" for name in ("SC", "TRACE", "TRACE_FST", "TRACE_VCD")]
    compiled = _COMPILE.format(
        more='"$R"/verilated_cov.cpp' if counting else "",
        defines=" ".join([*defines, f"-DVM_COVERAGE={int(counting)}"]),
    )
    script = f"{shlex.join([*words, *sources])} >&2 || exit $(($?==127?127:{_COMPILE_FAILED}))\n{compiled}"
    given = {**files, "main.cpp": _MAIN}
    return await _run(sandbox, "verilator", ("sh", "-c", script), given, BUILD_LIMITS, outputs)


async def _run(
    sandbox: Sandbox,
    tool: str,
    argv: Sequence[str],
    files: Mapping[str, str | bytes],
    limits: Limits,
    outputs: Sequence[str],
) -> ToolResult:
    box = sandbox.fresh()
    for path, data in files.items():
        await box.write(path, data.encode() if isinstance(data, str) else data)
    done = await box.exec(argv, limits=limits, outputs=outputs)
    return ToolResult(
        tool=tool,
        status=_status(done),
        stdout=done.stdout.decode(errors="replace"),
        log=done.stderr.decode(errors="replace")[-LOG_CHARS:],
        exceeded=done.exceeded or ("output" if done.truncated else ""),
        wall_s=done.wall_s,
        cpu_s=done.cpu_s,
        outputs=done.outputs,
    )


def _status(done: ExecResult) -> ToolStatus:
    if done.exceeded or (done.truncated and done.exit_code == 0):
        return ToolStatus.LIMIT
    if done.exit_code == 0:
        return ToolStatus.OK
    if done.exit_code == 127:
        return ToolStatus.MISSING
    # A shell reports the signal of its child as 128 + n.
    crashed = done.exit_code is None or done.exit_code > 128
    return ToolStatus.CRASHED if crashed else ToolStatus.REFUSED
