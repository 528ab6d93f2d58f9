"""Run instrumented builds of a candidate: sanitizers, a race detector, statement coverage."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from proofsmith.domains.kernels import coverage, elf, jobs
from proofsmith.domains.kernels.climb import Climb, weight
from proofsmith.domains.kernels.compile import Build, base_of
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.judging import ending
from proofsmith.types import Candidate, Depth, Status

_UNDEFINED = re.compile(r"runtime error: ([^\n]{0,200})")
_ADDRESS = re.compile(r"ERROR: AddressSanitizer:? ([^\n]{0,160})")
_RACE = re.compile(
    r"WARNING: ThreadSanitizer: ([^\n(]{0,80}).*?#0 ([^\n]{0,120})\n.*?#0 ([^\n]{0,120})\n",
    re.DOTALL,
)
_TEAM_RUNTIME = re.compile(r"(GOMP_|omp_|__kmpc)\w+")
_CASES = {Depth.QUICK: 120, Depth.FULL: 400}
_RACE_CASES = {Depth.QUICK: 24, Depth.FULL: 80}
_RACE_BYTES = {Depth.QUICK: 1_000_000, Depth.FULL: 16_000_000}
"""Data of the heavier calls that the race detector watches: threads may begin above a size only."""


@asynccontextmanager
async def prepared(climb: Climb) -> AsyncIterator[None]:
    """While a full judgement compares results, compile on another core what its last steps need."""
    ahead = asyncio.create_task(_compiled(climb))
    try:
        yield
    finally:
        ahead.cancel()
        await asyncio.wait({ahead})
        if not ahead.cancelled():
            ahead.exception()  # whatever it was, the step that needs the build tells it


async def _compiled(climb: Climb) -> None:
    if climb.depth is Depth.FULL:
        shim = jobs.shim(climb.contract)
        await climb.compiler.sanitized(climb.problem, climb.candidate, climb.sandbox)
        await climb.compiler.runner(shim, climb.sandbox, kind="sanitized")
        await climb.compiler.runner(shim, climb.sandbox, kind="coverage")


async def sanitizers(climb: Climb) -> str:
    """Run with address and undefined-behaviour checks; what the base does too is no fault."""
    build = await climb.compiler.sanitized(climb.problem, climb.candidate, climb.sandbox)
    if build.binary is None:
        return f"does not compile with sanitizers: {build.error}"
    cases = climb.light[:: max(1, len(climb.light) // _CASES[climb.depth])]
    report = await _sanitized(climb, build, cases)
    if report:
        base = await climb.compiler.sanitized(climb.problem, base_of(climb.problem), climb.sandbox)
        known = await _sanitized(climb, base, cases) if base.binary else []
        fresh = [r for r in report if _kind(r) not in {_kind(k) for k in known}]
        if fresh:
            return f"undefined behaviour that the base does not have: {fresh[0]}"
    climb.note("sanitizers", Status.TESTED, {"inputs": len(cases)})
    return ""


async def _sanitized(climb: Climb, build: Build, cases: Sequence[Case]) -> list[str]:
    ran = await climb.run(build, cases, kind="sanitized", team=2, slack=4.0)
    log = ran.result.stderr.decode(errors="replace")
    found = _ADDRESS.findall(log) + _UNDEFINED.findall(log)
    if not found and not ran.transcript.complete:
        found = [f"the sanitized build does not finish ({ending(ran)})"]
    return found


def _kind(report: str) -> str:
    return re.sub(r"0x[0-9a-f]+|-?\d+", "#", report)[:60]


async def races(climb: Climb) -> str:
    """Watch every access of an OpenMP candidate's threads; what the base does too is no fault."""
    if not climb.threads:
        return ""
    largest = sorted(climb.light, key=lambda c: -sum(c.sizes.values()))
    watched, reason = 0, ""
    for cases in (largest[: _RACE_CASES[climb.depth]], _heavier(climb)):
        if not cases:
            continue
        report, why = await _raced(climb, climb.candidate, cases)
        if report and report not in (await _raced(climb, base_of(climb.problem), cases))[0]:
            return report
        watched, reason = watched + len(cases) * (not why), reason or why
    climb.note("races", Status.TESTED, {"inputs": watched, "reason": reason})
    return ""


def _heavier(climb: Climb) -> list[Case]:
    """Return one call for each of the sizes that no light call has, smallest first, as far as the data allows."""
    found, left = dict[str, Case](), _RACE_BYTES[climb.depth]
    known = {str(c.sizes) for c in climb.light}
    for case in sorted(climb.calls, key=weight):
        if str(case.sizes) not in known | found.keys() and weight(case) <= left:
            found[str(case.sizes)] = case
            left -= weight(case)
    return list(found.values())


async def _raced(climb: Climb, candidate: Candidate, cases: Sequence[Case]) -> tuple[str, str]:
    """Return what the race detector says, and why it could not look."""
    build = await climb.compiler.threaded(climb.problem, candidate, climb.sandbox)
    if build.binary is None:
        return "", f"does not compile for the race detector: {build.error}"
    missing = sorted(filter(_TEAM_RUNTIME.fullmatch, elf.parse(build.binary).undefined))
    if missing:
        return "", f"uses {missing[0]}, which the race detector does not understand"
    ran = await climb.run(build, cases, kind="threaded", team=3, slack=10.0)
    log = ran.result.stderr.decode(errors="replace")
    found = _RACE.search(log)
    if found:
        places = " and ".join(_place(f) for f in found.groups()[1:])
        return f"threads race: {found[1].strip()} at {places}", ""
    return "", "" if ran.transcript.complete else f"the race detector gave up ({ending(ran)})"


def _place(frame: str) -> str:
    """Shorten a stack frame to function and line."""
    found = re.match(r"(\S+) (?:\S*/)?([^/\s]+:\d+)?", frame)
    return f"{found[1]} {found[2] or ''}".strip() if found else frame


async def statements(climb: Climb, idle: frozenset[str]) -> str:
    """Demand that every statement ran but those in `idle`: what no test executed was not tested."""
    found = await never_run(climb, climb.candidate, idle, climb.calls)
    if found is None:
        return "the run that counts statements did not come to its end"
    if found:
        shown = "; ".join(f"`{text}`" for text in found[:5])
        return (
            f"never runs in any of {len(climb.cases)} tests: {shown}. Remove the special case, or let the "
            "header's sizes and ranges reach it"
        )
    return covered(climb, climb.calls)


def covered(climb: Climb, cases: Sequence[Case]) -> str:
    """Record that `cases` ran every statement."""
    climb.note("coverage", Status.TESTED, {"inputs": len(cases)})
    return ""


async def never_run(
    climb: Climb, candidate: Candidate, idle: frozenset[str], cases: Sequence[Case]
) -> list[str] | None:
    """Return a candidate's statements that none of `cases` reached and nothing excuses; None when nobody knows."""
    instrument = coverage.Instrument(climb.compiler)
    laid = await instrument.layouts(climb.problem, candidate, climb.sandbox)
    binary = await instrument.build(climb.problem, candidate, laid, climb.sandbox)
    if binary is None:
        return ["(does not compile without optimisation)"]
    ran = await climb.run(Build(binary, "", ()), cases, kind="coverage", slack=10.0)
    if not ran.transcript.complete:
        return None
    missed = await instrument.untested(binary, ran.transcript.blocks, climb.sandbox)
    return [
        coverage.plain(layout.text.splitlines()[line - 1])
        for unit, layout in zip(instrument.names(laid), laid.values(), strict=True)
        for line in sorted(missed.get(unit, frozenset()) & layout.own)
        if not coverage.excused(layout, line, idle)
    ]
