"""Say where a kernel spends its time, what the compiler made of it, and what bounds it."""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from proofsmith.domains.kernels import host, symptoms, timing
from proofsmith.domains.kernels.compile import Build, Compiler, entry_symbol, flags_of
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.roofline import NEAR_ROOF, Position, Roofline
from proofsmith.domains.kernels.timing import Bench, Session
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.tools import counters
from proofsmith.types import JSON, Candidate, HotSpot, Limits, Problem, Profile

PAIRS = 20
ENOUGH_S = 1.0
"""Time after which no further pair starts, as long as there is one at all within the limit."""
LIMIT_S = 10.0
QUOTED_CHARS = 70
MATHS = "libm."
_SAMPLES_PER_S = 5000
_READING = Limits(wall_s=20.0, cpu_s=20.0, memory_mib=1024, disk_mib=128, processes=16)
REMARKS = {
    "gcc": ("-fopt-info-vec-optimized", "-fopt-info-vec-missed"),
    "clang": (
        "-Rpass=loop-vectorize",
        "-Rpass-missed=loop-vectorize",
        "-Rpass-analysis=loop-vectorize",
    ),
}


@dataclass(slots=True)
class _Findings:
    """What is known so far; whatever could not be measured is named with its reason."""

    time_s: float = 0.0
    hot: tuple[HotSpot, ...] = ()
    library: str = ""
    """Time in the maths library, which the shares of lines leave out."""
    mix: dict[str, JSON] = field(default_factory=dict)
    mca: dict[str, JSON] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


async def profile(
    problem: Problem,
    contract: Contract,
    candidate: Candidate,
    sandbox: Sandbox,
    *,
    compiler: Compiler,
    roofline: Roofline,
) -> Profile | None:
    """Return where the time of a kernel goes at its measuring sizes; None when it does not compile or run."""
    tool = str(candidate.settings.get("compiler", "gcc"))
    build = await compiler.kernel(problem, candidate, sandbox, ("-g1", *REMARKS[tool]))
    symbol = entry_symbol(build, contract.entry) if build.binary else None
    if build.binary is None or symbol is None:
        return None
    threaded = any(f.startswith("-fopenmp") for f in flags_of(problem, candidate))
    timer, side = await timing.build_timer(contract, compiler, sandbox)
    bench = Bench(
        contract=contract,
        base=build.binary,
        candidate=build.binary,
        symbols=(symbol, symbol),
        timer=timer,
        side=side,
        threaded=threaded,
    )
    found = _Findings()
    session, recording = await _record(bench, sandbox, found)
    if session.problem or not session.pairs:
        return None
    blocks = [min(b.time_s for b in p.base) for p in session.pairs]
    found.time_s = median(blocks) / max(1, session.repeats)
    await _locate(build, recording, sandbox, found)
    position = roofline.position(contract, found.time_s)
    written = _written(contract, position, roofline, found, problem.files)
    seen = symptoms.of_profile(written.facts, written.hot) + symptoms.of_code(problem, contract)
    return replace(written, facts={**written.facts, "symptoms": list(seen)})


async def _record(bench: Bench, sandbox: Sandbox, found: _Findings) -> tuple[Session, bytes]:
    """Run the kernel under perf for about a second, longer where a single pair takes longer."""
    session, recording = await _observed(bench, sandbox, found, ENOUGH_S)
    if not session.pairs:
        return await _observed(bench, sandbox, found, LIMIT_S)
    return session, recording


async def _observed(
    bench: Bench, sandbox: Sandbox, found: _Findings, limit_s: float
) -> tuple[Session, bytes]:
    """Run the kernel under perf, or without it when perf is missing or not permitted."""
    rng = random.SystemRandom()
    orders = [
        timing.order(bool(rng.getrandbits(1)), bool(rng.getrandbits(1))) for _ in range(PAIRS)
    ]
    seed = rng.getrandbits(63)
    if shutil.which("perf") is None:
        found.missing["hot spots"] = "perf is not installed (apt-get install linux-perf)"
        return await bench.run(sandbox, orders, seed=seed, limit_s=limit_s), b""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "perf.data"
        rate = str(_SAMPLES_PER_S)
        observe = ("perf", "record", "-q", "-e", "cpu-clock:u", "-F", rate, "-o", str(data), "--")
        try:
            session = await bench.run(sandbox, orders, seed=seed, limit_s=limit_s, observe=observe)
            return session, await asyncio.to_thread(data.read_bytes)
        except (SandboxError, OSError):
            found.missing["hot spots"] = "perf may not sample here (kernel.perf_event_paranoid)"
    return await bench.run(sandbox, orders, seed=seed, limit_s=limit_s), b""


async def _locate(build: Build, recording: bytes, sandbox: Sandbox, found: _Findings) -> None:
    """Turn samples into lines, the hottest loop and its instructions; all readers run in the sandbox."""
    box = sandbox.fresh()
    await box.write("perf.data", recording)
    await box.write("kernel.so", build.binary or b"")
    samples: Counter[int] = Counter()
    if recording:
        fields = ("-F", "pid,ip,sym,dso", "--show-mmap-events")
        text = await _read(box, ("perf", "script", "-i", "perf.data", *fields), found, "hot spots")
        samples = counters.offsets(text, "base.so") + counters.offsets(text, "candidate.so")
        found.library = _library_share(text, sum(samples.values()))
        if not samples and "hot spots" not in found.missing:
            found.missing["hot spots"] = "no sample fell into the kernel"
    addresses = sorted(samples)
    if addresses:
        argv = ("addr2line", "-e", "kernel.so", *(hex(a) for a in addresses))
        known = counters.places(await _read(box, argv, found, "source lines"), addresses)
        found.hot = counters.hot_spots(samples, known, counters.remarks(build.log))
    argv = ("objdump", "-d", "--no-show-raw-insn", "kernel.so")
    code = counters.instructions(await _read(box, argv, found, "instructions"))
    loop = counters.hottest_loop(code, samples) if samples else ()
    if not loop:
        found.missing["hottest loop"] = "no loop holds half of the samples"
        return
    found.mix = counters.mix(loop)
    await box.write("loop.s", counters.assembly(loop).encode())
    found.mca = counters.mca(
        await _read(box, ("llvm-mca", "-mcpu=native", "loop.s"), found, "static throughput")
    )


def _library_share(script: str, inside: int) -> str:
    """Say how much of the kernel's time passes in functions of the maths library; empty when none does."""
    calls = counters.library_calls(script, MATHS)
    spent = sum(calls.values())
    if not spent:
        return ""
    functions = ", ".join(name for name, _ in calls.most_common(3))
    return f"{spent / (spent + inside):.0%} of the time is spent in libm ({functions}); shares of lines are of the rest"


async def _read(box: Sandbox, argv: Sequence[str], found: _Findings, what: str) -> str:
    """Run a reader in the sandbox; a failure is named, never fatal."""
    done = await box.exec(argv, limits=_READING)
    if done.ok:
        return done.stdout.decode(errors="replace")
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    missing = done.exit_code == 127
    found.missing[what] = (
        f"{argv[0]} is not installed" if missing else f"{argv[0]}: {lines[0][:120]}"
    )
    return ""


def limited_by(position: Position, mca: Mapping[str, JSON]) -> str:
    """Return what keeps a kernel from being faster in one word: `compute`, `memory`, `latency`, or `instructions`.

    `memory` is the bandwidth of any level that the arrays fit into; `instructions`: neither roof is near and no chain
    of dependencies was found, so that the code itself is what is slow.
    """
    chained = mca.get("limited_by") == "latency of a dependency chain"
    return "latency" if chained and position.share < NEAR_ROOF else position.limit


def bound(position: Position, mix: Mapping[str, JSON], mca: Mapping[str, JSON]) -> str:
    """Say in one sentence what keeps a kernel from being faster: the answer to a search that found nothing."""
    ceiling = 1 / position.share if position.share > 0 else float("inf")
    if position.share >= NEAR_ROOF:
        roof = (
            "arithmetic units" if position.bound == "compute" else f"bandwidth of {position.bound}"
        )
        return f"the {roof} of this core bound it: at most {ceiling:.1f}x is left"
    if mix and not mix.get("packed") and mix.get("scalar"):
        return f"its hottest loop is scalar; the roofline leaves {ceiling:.1f}x"
    if mca.get("limited_by") == "latency of a dependency chain":
        return f"its hottest loop waits for a dependency chain; the roofline leaves {ceiling:.1f}x"
    if position.flops is None:
        return f"not its traffic ({position.share:.0%} of the bandwidth); its operations are not declared"
    return f"neither peak is near: the roofline leaves {ceiling:.1f}x"


def _written(
    contract: Contract,
    position: Position,
    roofline: Roofline,
    found: _Findings,
    code: Mapping[str, str],
) -> Profile:
    missing = {
        **found.missing,
        "hardware counters": "only CPU time is sampled",
        "energy": "no counter is readable"
        if not host.energy_counters()
        else "not attributed to a kernel",
    }
    limit = bound(position, found.mix, found.mca)
    sizes = ", ".join(f"{n} = {v}" for n, v in contract.measure_sizes.items())
    lines = [
        f"{contract.entry} at {sizes}: {found.time_s * 1e6:.4g} us per call",
        position.summary,
        f"bound: {limit}",
    ]
    lines += [found.library] if found.library else []
    lines += [
        f"{h.share:.0%} at line {h.line}: {_quoted(h, code)}" + (f" ({h.cause})" if h.cause else "")
        for h in found.hot
    ]
    if found.mix:
        lines.append("hottest loop: " + ", ".join(f"{v} {k}" for k, v in found.mix.items()))
    if found.mca:
        lines.append("llvm-mca: " + ", ".join(f"{k} {v}" for k, v in found.mca.items()))
    lines += [f"{what}: not measured: {why}" for what, why in missing.items()]
    facts: dict[str, JSON] = {
        "time_s": found.time_s,
        "bound": limit,
        "limited_by": limited_by(position, found.mca),
        "roofline": _plotted(contract, position, roofline, found.time_s),
        "position": position.facts,
        "peaks": roofline.facts,
        "loop": found.mix,
        "mca": found.mca,
        "not_measured": dict(missing),
    }
    return Profile(summary=counters.clipped(lines), hot=found.hot, facts=facts)


def _quoted(spot: HotSpot, code: Mapping[str, str]) -> str:
    """Return the text of a hot line, since a model is not shown line numbers; empty when it is not in the files."""
    for path, text in code.items():
        lines = text.splitlines()
        if path.endswith(spot.path) and 0 < spot.line <= len(lines):
            return f"`{lines[spot.line - 1].strip()[:QUOTED_CHARS]}`"
    return spot.path


def _plotted(
    contract: Contract, position: Position, roofline: Roofline, time_s: float
) -> dict[str, JSON] | None:
    """Return the coordinates of a roofline plot, None when the operations are unknown."""
    if not position.flops or not position.bytes:
        return None
    bandwidth = position.bytes / position.transfer_s
    return {
        "peak_gflops": roofline.peak_flops(contract) / 1e9,
        "bandwidth_gbs": bandwidth / 1e9,
        "intensity": position.flops / position.bytes,
        "gflops": position.flops / time_s / 1e9,
    }
