"""Run hostile programs against a sandbox and say which of them it holds."""

import platform
import secrets
import time
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.canaries import Canaries, canaries
from proofsmith.protocols import Sandbox
from proofsmith.types import ExecResult, Limits

FOLDER = Path(__file__).with_name("hostile")
"""The programs are data of the package, so that whoever installed it can check the machine at hand."""

_BUILD_LIMITS = Limits(wall_s=60.0, cpu_s=60.0, memory_mib=1024, disk_mib=128)
_RUN_LIMITS: Mapping[str, Any] = {"wall_s": 15.0, "cpu_s": 10.0, "memory_mib": 256, "disk_mib": 64}
_LATE_S = 1.0
_STARTS = 3
"""A late end counts beyond this many times what an execution of `true` takes at that moment on a busy machine."""
_LANGUAGES = {
    "py": ("program.py", ("python3", "-I", "program.py"), ()),
    "sh": ("program.sh", ("sh", "program.sh"), ()),
    "c": ("program.c", ("./program",), ("gcc", "-o", "program", "program.c")),
    "c++": ("program.cc", ("./program",), ("g++", "-o", "program", "program.cc")),
}
_VERDICTS = {
    "wall": "TIMEOUT",
    "cpu": "CPU",
    "memory": "MEMORY",
    "output": "OUTPUT",
    "disk": "DISK",
    "processes": "PROCS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One hostile program and the verdicts that mean it was held."""

    number: int
    id: str
    language: str
    tries: str
    expect: tuple[str, ...]
    source: str
    limits: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    """Files that must not exist afterwards."""
    machines: tuple[str, ...] = ()
    """Processor architectures that it is written for; empty for all."""
    repeat: int = 1
    within_s: float | None = None
    """Bound on the time of the whole execution, tighter than the wall limit."""
    build_only: bool = False
    """The compiler is the victim."""
    unconfined: bool = False
    """Harmless enough to run where nothing stops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What one row did on one sandbox."""

    row: Row
    state: Literal["held", "breach", "not run", "failed"]
    """`failed`: the machinery broke, so nothing is known."""
    verdict: str = ""
    why: str = ""
    wall_s: float = 0.0


@cache
def rows(folder: Path = FOLDER) -> tuple[Row, ...]:
    """Return all rows by number; raises UsageError for a row that is not well formed."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text()).get("row", []):
            try:
                found.append(Row(**{k: _frozen(v) for k, v in entry.items()}))
            except TypeError as error:
                raise UsageError(f"{path.name}: row {entry.get('id')}: {error}") from error
    return tuple(sorted(found, key=lambda row: (row.number, row.id)))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def _prelude() -> str:
    text: str = tomllib.loads((FOLDER / "prelude.toml").read_text())["python"]
    return text


async def check(sandbox: Sandbox, chosen: Sequence[Row] | None = None) -> AsyncIterator[RowResult]:
    """Run the rows one after the other and yield each result; the sandbox's own files are not touched."""
    confined = sandbox.level != "unsafe-local"
    missing = await _missing_languages(sandbox)
    async with canaries() as baits:
        for row in rows() if chosen is None else chosen:
            reason = _not_run(row, missing, confined=confined)
            if reason:
                yield RowResult(row=row, state="not run", why=reason)
            else:
                yield await _run(sandbox, row, baits)


async def _missing_languages(sandbox: Sandbox) -> frozenset[str]:
    missing = set()
    for language, (_, run, build) in _LANGUAGES.items():
        tool = (build or run)[0]
        found = await sandbox.exec(["sh", "-c", f"command -v {tool}"], limits=Limits())
        if not found.ok:
            missing.add(language)
    return frozenset(missing)


def _not_run(row: Row, missing: frozenset[str], *, confined: bool) -> str:
    if not confined and not row.unconfined:
        return "too dangerous without a sandbox"
    if row.machines and platform.machine() not in row.machines:
        return f"written for {', '.join(row.machines)}"
    if row.language in missing:
        return f"no toolchain for {row.language}"
    return ""


async def _run(sandbox: Sandbox, row: Row, baits: Canaries) -> RowResult:
    box = sandbox.fresh()
    run = f"run-{secrets.token_hex(8)}"
    name, command, build = _LANGUAGES[row.language]
    text = (_prelude() if row.language == "py" else "") + row.source
    for placeholder, value in baits.substitutions(run).items():
        text = text.replace(placeholder, value)
    await box.write(name, text.encode())
    limits = Limits(**{**_RUN_LIMITS, **row.limits})
    baits.arm()
    started = time.perf_counter()
    try:
        if build:
            built = await box.exec(
                build, limits=limits if row.build_only else _BUILD_LIMITS, outputs=("program",)
            )
            if row.build_only:
                took_s = time.perf_counter() - started
                return _judge(row, [built], baits, run, await _lateness(row, 1, took_s, box))
            if not built.ok:
                return RowResult(
                    row=row, state="failed", why=built.stderr.decode(errors="replace")[-200:]
                )
        started = time.perf_counter()
        results = [
            await box.exec((*command, run), limits=limits, outputs=(*row.outputs, *row.absent))
            for _ in range(row.repeat)
        ]
        took = await _lateness(row, len(results), time.perf_counter() - started, box)
    except SandboxError as error:
        return RowResult(row=row, state="failed", verdict="INFRA", why=error.message)
    return _judge(row, results, baits, run, took)


async def _lateness(
    row: Row, executions: int, took_s: float, sandbox: Sandbox
) -> tuple[float, bool]:
    """Return the time that a row took, and whether that is more than its limits and the start of so many explain."""
    limits = Limits(**{**_RUN_LIMITS, **row.limits})
    bound = row.within_s or limits.wall_s * executions + _LATE_S * (1 + executions)
    if took_s <= bound:
        return took_s, False
    started = time.perf_counter()
    await sandbox.exec(["true"], limits=Limits())
    start_s = time.perf_counter() - started
    return took_s, took_s > bound + _STARTS * start_s * executions


def verdict(result: ExecResult) -> str:
    """Return the one word that the table uses for a result."""
    if b"BREACH" in result.stdout:
        return "BREACH"
    if result.exceeded:
        return _VERDICTS[result.exceeded]
    if result.signal is not None:
        return f"SIGNAL({result.signal})"
    if result.tampered:
        return "TAMPER"
    if result.exit_code:
        return f"EXIT({result.exit_code})"
    return "DENIED" if b"DENIED" in result.stdout else "OK"


def _judge(
    row: Row, results: Sequence[ExecResult], baits: Canaries, run: str, took: tuple[float, bool]
) -> RowResult:
    wall_s, late = took
    verdicts = [verdict(result) for result in results]
    reasons = [why for result in results for why in baits.fired(result, run)]
    reasons += [f"left {name}" for r in results for name in row.absent if name in r.outputs]
    reasons += [f"{v}, expected {' or '.join(row.expect)}" for v in verdicts if v not in row.expect]
    if late:
        reasons.append(f"took {wall_s:.1f} s")
    return RowResult(
        row=row,
        state="breach" if reasons else "held",
        verdict=verdicts[-1],
        why="; ".join(reasons),
        wall_s=wall_s,
    )
