"""Find the statement that last wrote an element: run a wrong call again, watching that element block by block."""

import re

from proofsmith.domains.kernels import bounds, coverage
from proofsmith.domains.kernels.bounds import Difference
from proofsmith.domains.kernels.climb import Climb
from proofsmith.domains.kernels.compile import Build
from proofsmith.domains.kernels.jobs import Result
from proofsmith.domains.kernels.oracle import Expected
from proofsmith.domains.kernels.rounding import RETURNED


def assignment(name: str) -> re.Pattern[str]:
    """Return the pattern of an assignment to an element of the array called `name`, or of a return for RETURNED."""
    if name == RETURNED:
        return re.compile(r"\breturn\b")
    step = rf"(?:\+\+|--)\s*{re.escape(name)}\s*\[|\b{re.escape(name)}\s*\[[^;=]*\]\s*(?:\+\+|--)"
    return re.compile(rf"\b{re.escape(name)}\s*\[[^;=]*\]\s*([-+*/%|&^]|<<|>>)?=(?!=)|{step}")


async def last_write(climb: Climb, call: Expected, found: Difference) -> str:
    """Say what last changed the element `found` in `call`, and how often it was changed; empty when that is unknown.

    It is unknown where threads write, where the call goes another way without optimisation, and where the block that
    changed the element holds no assignment to its array (it writes through another name).
    """
    if climb.threads or found.name == RETURNED:
        return ""
    instrument = coverage.Instrument(climb.compiler)
    laid = await instrument.layouts(climb.problem, climb.candidate, climb.sandbox)
    binary = await instrument.build(climb.problem, climb.candidate, laid, climb.sandbox)
    if binary is None:
        return ""
    width = climb.contract.arrays[found.name].element.bytes
    parameter = climb.contract.parameters.index(found.name)
    watch = f"{parameter} {found.index * width} {width}"
    build = Build(binary, "", ())
    ran = await climb.run(build, [call.case], kind="coverage", slack=10.0, watch=watch)
    told = ran.transcript
    if not told.complete or told.writer is None or not _same(call, told.results[0], found):
        return ""
    writer, changes = told.writer
    if not changes:
        return "nothing changes it during the call"
    places = await instrument.places(binary, climb.sandbox)
    texts = {
        unit: layout.text
        for unit, layout in zip(instrument.names(laid), laid.values(), strict=True)
    }
    line = statement(texts, places, writer, found.name)
    times = "once" if changes == 1 else f"{changes} times"
    return f"last write to it: `{line}` (changed {times})" if line else ""


def _same(call: Expected, result: Result, found: Difference) -> bool:
    """Say whether the instrumented build goes wrong in the same element in the same way."""
    again = bounds.compare(call.bands, result)
    return again is not None and repr((again.name, again.index, again.got)) == repr(
        (found.name, found.index, found.got)
    )


def statement(
    texts: dict[str, str], places: dict[int, tuple[str, int]], writer: int, name: str
) -> str:
    """Return the last assignment to `name` in the block that is marked by `writer`, empty without one."""
    if writer not in places:
        return ""
    path, first = places[writer]
    starts = sorted(line for file, line in places.values() if file == path and line > first)
    lines = texts.get(path, "").split("\n")[first - 1 : (starts[0] - 1 if starts else None)]
    written = [line for line in lines if assignment(name).search(line)]
    return coverage.plain(written[-1]) if written else ""
