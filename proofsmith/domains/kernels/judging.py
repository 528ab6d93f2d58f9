"""Say in words what is wrong with what a candidate did."""

from proofsmith.domains.kernels import bounds
from proofsmith.domains.kernels.bounds import Difference
from proofsmith.domains.kernels.climb import Climb
from proofsmith.domains.kernels.jobs import Case, Fault, Violation
from proofsmith.domains.kernels.oracle import fault_text
from proofsmith.domains.kernels.rounding import RETURNED
from proofsmith.domains.kernels.runs import Ran
from proofsmith.types import JSON, canonical, digest

_SEEN = {
    Violation.WROTE_INPUT: "writes to the input array",
    Violation.WROTE_OUTSIDE: "writes outside the array",
    Violation.FP_CONTROL: "changes the floating-point control state (rounding, flush to zero, exceptions)",
    Violation.SIGNAL_MASK: "changes the signal mask",
    Violation.SIGNAL_HANDLER: "changes a signal handler",
    Violation.THREADS: "leaves threads behind that outlive the call",
    Violation.LATE_WRITE: "writes to its output after it has returned",
    Violation.CPU_FLAGS: "leaves processor flags changed",
}


def complaint(climb: Climb, ran: Ran) -> str:
    """Return the first thing that is wrong with a run, in the order of calls; empty when nothing is."""
    transcript, expected = ran.transcript, climb.cases
    for call, result in enumerate(transcript.results):
        found = next((v for v in transcript.violations if v[0] == call), None)
        if found is not None:
            return f"{_seen(climb, found)} {_shown(climb, call)}"
        difference = bounds.compare(expected[call].bands, result)
        if difference is not None:
            return f"{_wrong(difference)} {_shown(climb, call)}"
    call = len(transcript.results)
    if ran.result.timed_out:
        limit = f"{ran.result.wall_s:.1f} s of wall, {ran.result.cpu_s:.1f} s of processor time"
        return f"timed out after {limit} {_shown(climb, call)}"
    if transcript.fault is not None:
        return f"{_crash(climb, transcript.fault)} {_shown(climb, call)}"
    for violation in transcript.violations:
        return f"{_seen(climb, violation)} {_shown(climb, violation[0])}"
    if not transcript.complete:
        return f"ends the process before it returns ({ending(ran)}) {_shown(climb, call)}"
    return ""


def score(climb: Climb, ran: Ran) -> dict[str, JSON]:
    """Return how many calls of a run were right, of how many, and a digest of which were wrong and where.

    Candidates with equal digests are wrong in the same way.
    """
    transcript = ran.transcript
    odd = {call: str(kind) for call, kind, _ in transcript.violations}
    seen: list[JSON] = []
    for call, result in enumerate(transcript.results):
        wrong = bounds.compare(climb.cases[call].bands, result)
        place: JSON = [wrong.name, wrong.index, wrong.wrong] if wrong else odd.get(call)
        seen.append(place)
    passed = seen.count(None)
    tests = len(climb.cases)
    return {
        "passed": min(passed, tests - 1),
        "tests": tests,
        "behaviour": digest(canonical([*seen, tests]))[:16],
    }


def _crash(climb: Climb, fault: Fault) -> str:
    """Say what a fault means; touching an input that is read-only during the call is a write."""
    array = climb.contract.arrays.get(fault.array or "")
    if array is not None and array.access == "in" and fault.call < len(climb.cases):
        count = climb.contract.elements(array, climb.cases[fault.call].case.sizes)
        if 0 <= fault.offset < count * array.element.bytes:
            return f"{_SEEN[Violation.WROTE_INPUT]} '{array.name}'"
    return f"crashes: {fault_text(fault)}"


def _seen(climb: Climb, violation: tuple[int, Violation, int]) -> str:
    _, kind, detail = violation
    arrays = (Violation.WROTE_INPUT, Violation.WROTE_OUTSIDE)
    return _SEEN[kind] + (f" '{climb.contract.parameters[detail]}'" if kind in arrays else "")


def _shown(climb: Climb, call: int) -> str:
    if call >= len(climb.cases):
        return f"(seed {climb.seed})"
    case = climb.cases[call].case
    sizes = sizes_text(case)
    return f"(call {call + 1}, {sizes or 'no sizes'}, {case.label} values, seed {climb.seed})"


def sizes_text(case: Case) -> str:
    """Write the sizes and scalars of a call."""
    return ", ".join(f"{n}={v}" for n, v in {**case.sizes, **case.scalars}.items())


def ending(ran: Ran) -> str:
    """Say how a process ended that should have gone on."""
    result = ran.result
    if result.exceeded:
        return f"{result.exceeded} limit"
    said = result.stderr.decode(errors="replace").strip().splitlines()
    ended = f"signal {result.signal}" if result.signal else f"exit code {result.exit_code}"
    return f"{ended}{': ' + said[-1][:200] if said else ''}"


def _wrong(d: Difference) -> str:
    where = d.name if d.name == RETURNED else f"{d.name}[{d.index}]"
    allowed = f", allowed difference {d.allowed:.3g}" if d.allowed == d.allowed else ""
    return f"{where} is {d.got!r}, expected {d.expected!r}{allowed}; {d.wrong} of {d.count} wrong"
