"""Shrink a failing call: the smallest sizes, then the simplest values, on which the candidate really goes wrong."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from proofsmith.domains.kernels import bounds, judging
from proofsmith.domains.kernels.climb import Climb
from proofsmith.domains.kernels.contract import Array, Contract, Scalar, Size
from proofsmith.domains.kernels.inputs import Generator, Style
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.legal import Legal, pack, unpack
from proofsmith.domains.kernels.legal import bounds as limits
from proofsmith.domains.kernels.runs import Ran
from proofsmith.errors import UsageError

SIZES = (
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    11,
    15,
    16,
    17,
    23,
    31,
    32,
    33,
    47,
    64,
    65,
    129,
    257,
    1025,
    4097,
    16385,
)
"""Sizes that are tried, ascending, as far as they are below the failing one; then some between the last two."""
BETWEEN = 12
MOST_CASES = 96
"""Calls of one round."""
MOST_ELEMENTS = 60_000
"""Elements of all arrays of one round's calls together."""
SINGLE = 40
"""Arrays of at most this many elements are simplified one element at a time, longer ones by eighths."""
ESTIMATE_S = 0.2
SIMPLIFIED = 20_000
"""Calls on more elements than this keep their values: nobody reads them."""
Values = list[int | float]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A run whose first failing call is the smallest known."""

    climb: Climb
    ran: Ran
    complaint: str


async def shrink(climb: Climb, ran: Ran, team: int) -> Shrunk | None:
    """Return a smaller call on which `climb.candidate` fails when it is made alone; None when none is found.

    `ran` is the run in which the failure was seen. Every step is executed: the base says what is right, in rounds of
    many calls at once.
    """
    call = failing(climb, ran)
    if call is None or ran.result.timed_out:
        return None
    trials = _Trials(climb, team)
    start = climb.cases[call].case
    contract = climb.contract
    case = await trials.first(_smaller(climb, start, SIZES)) or start
    case = await trials.first(_smaller(climb, case, _between(case.sizes))) or case
    if _elements(contract, case.sizes) <= SIMPLIFIED:
        case = await trials.first(_plain(contract, case)) or case
        for simpler in (_zeroed, _rounded):
            case = await _simplified(trials, contract, case, simpler)
    return await trials.alone(case) if case is not start else None


def failing(climb: Climb, ran: Ran) -> int | None:
    """Return the index of the first call of a run that went wrong, None when no call did."""
    results, cases = ran.transcript.results, climb.cases
    odd = {call for call, _, _ in ran.transcript.violations}
    for call, result in enumerate(results):
        if call in odd or bounds.compare(cases[call].bands, result) is not None:
            return call
    ended = len(results) < len(cases) and not ran.transcript.complete
    return len(results) if ended else None


class _Trials:
    """Runs calls through the base and the candidate."""

    def __init__(self, climb: Climb, team: int) -> None:
        self._climb, self._team = climb, team

    async def _run(self, cases: Sequence[Case]) -> tuple[Climb, Ran] | None:
        """Make `cases` with both sides; None when the base itself refuses one."""
        climb = self._climb
        try:
            expected = await climb.oracle.expected(
                cases, climb.sandbox, needed=False, estimate_s=ESTIMATE_S
            )
        except UsageError:
            return None
        trial = replace(climb, cases=expected, evidence=[], remedy="")
        return trial, await trial.run(climb.build, trial.calls, team=self._team)

    async def failures(self, cases: Sequence[Case]) -> list[int]:
        """Return which calls fail when they are made one after the other, up to a crash."""
        ran = await self._run(cases) if cases else None
        if ran is None:
            return []
        trial, did = ran
        wrong = [
            call
            for call, result in enumerate(did.transcript.results)
            if bounds.compare(trial.cases[call].bands, result) is not None
        ]
        first = failing(trial, did)
        return sorted({*wrong, *([first] if first is not None else [])})

    async def first(self, cases: Iterator[Case]) -> Case | None:
        """Return the first of `cases` that fails."""
        tried = list(_within(self._climb.contract, cases))
        found = await self.failures(tried)
        return tried[found[0]] if found else None

    async def alone(self, case: Case) -> Shrunk | None:
        """Make one call in a process of its own; None when that does not fail."""
        ran = await self._run([case])
        if ran is None or failing(*ran) is None:
            return None
        return Shrunk(*ran, judging.complaint(*ran))


def _within(contract: Contract, cases: Iterator[Case]) -> Iterator[Case]:
    """Yield as many cases as one round holds."""
    room = MOST_ELEMENTS
    for count, case in enumerate(cases):
        room -= _elements(contract, case.sizes)
        if count >= MOST_CASES or (count and room < 0):
            return
        yield case


def _elements(contract: Contract, sizes: Mapping[str, int]) -> int:
    return sum(contract.elements(a, sizes) for a in contract.arrays.values())


def _between(sizes: Mapping[str, int]) -> list[int]:
    """Return values between the largest size of a failing call and the next smaller one of SIZES."""
    high = max(sizes.values(), default=0)
    low = max((v for v in SIZES if v < high), default=0)
    return sorted({low + (high - low) * n // BETWEEN for n in range(1, BETWEEN)} - {low, high})


def _smaller(climb: Climb, start: Case, values: Sequence[int]) -> Iterator[Case]:
    """Yield calls at smaller sizes, ascending: cut from the failing values, and of its and other styles."""
    contract = climb.contract
    generate = Generator(contract, random.Random(climb.seed))
    styles = [s for s in Style if s == start.label] + [Style.PLAIN, Style.CONSTANT, Style.SPECIAL]
    for sizes in _shrunk_sizes(contract, start.sizes, values):
        cut = _cut(contract, start, sizes)
        if cut is not None:
            yield cut
        for style in dict.fromkeys(styles):
            made = generate.case(sizes, style, low=start.low, same=start.same)
            yield replace(made, scalars=start.scalars)


def _shrunk_sizes(
    contract: Contract, sizes: Mapping[str, int], values: Sequence[int]
) -> list[dict[str, int]]:
    """Return legal size combinations below `sizes` made of `values`, those of fewest elements first."""
    free = [s for s in contract.sizes.values() if s.value is None]
    found = [{s.name: _legal(s, min(v, sizes[s.name])) for s in free} for v in values]
    for size in free:
        others = {s.name: sizes[s.name] for s in free}
        found += [others | {size.name: _legal(size, v)} for v in values if v < sizes[size.name]]
    whole = {tuple(sorted(f.items())): contract.complete(f) for f in found}
    below = [s for s in whole.values() if _elements(contract, s) < _elements(contract, sizes)]

    def weight(s: Mapping[str, int]) -> tuple[int, list[int]]:
        return _elements(contract, s), list(s.values())

    return sorted(below, key=weight)


def _legal(size: Size, value: int) -> int:
    """Return the smallest legal value from `value` on."""
    least = max(value, size.minimum)
    return least + -least % size.multiple


def _cut(contract: Contract, case: Case, sizes: Mapping[str, int]) -> Case | None:
    """Return the call with its arrays cut to smaller sizes; None when an array has a structure that cutting breaks."""
    arrays = {}
    for name, data in case.arrays.items():
        array = contract.arrays[name]
        count = contract.elements(array, sizes)
        ranged = array.low is not None and limits(array, sizes) != limits(array, case.sizes)
        if array.structure not in ("any", "sorted") or ranged or len(data) < count * _width(array):
            return None
        arrays[name] = data[: count * _width(array)]
    return replace(case, sizes=dict(sizes), arrays=arrays)


def _width(array: Array) -> int:
    return array.element.bytes


def _plain(contract: Contract, case: Case) -> Iterator[Case]:
    """Yield the call with simple values everywhere, then in one array or scalar at a time."""
    fillers: tuple[Callable[[int], Values], ...] = (
        lambda n: [0] * n,
        lambda n: [1] * n,
        lambda n: list(range(1, n + 1)),
    )
    free = [n for n in case.arrays if contract.arrays[n].structure == "any"]
    scalars = [{n: _nearest(contract.scalars[n], case, v) for n in case.scalars} for v in (0, 1)]
    for fill in fillers:
        for values in (*scalars, case.scalars):
            yield replace(_filled(contract, case, free, fill), scalars=values)
    for name in free:
        for fill in fillers:
            yield _filled(contract, case, [name], fill)
    for values in scalars:
        yield replace(case, scalars=values)


def _filled(
    contract: Contract, case: Case, names: Sequence[str], fill: Callable[[int], Values]
) -> Case:
    arrays = dict(case.arrays)
    for name in names:
        array = contract.arrays[name]
        legal = _allowed(array, case)
        count = len(case.arrays[name]) // _width(array)
        arrays[name] = pack(array.element, [legal.nearest(v) for v in fill(count)])
    return replace(case, arrays=arrays)


def _allowed(item: Array | Scalar, case: Case) -> Legal:
    finite = isinstance(item, Array) and item.finite
    return Legal(item.element, *limits(item, case.sizes), finite=finite)


def _nearest(scalar: Scalar, case: Case, value: int) -> int | float:
    return _allowed(scalar, case).nearest(value)


def _zeroed(legal: Legal, value: float) -> int | float:
    return legal.nearest(0)


def _rounded(legal: Legal, value: float) -> int | float:
    """Return a short number near `value`: an integer, or one of few digits."""
    short = float(f"{value:.1g}") if value == value and abs(value) < 1e15 else value
    return legal.nearest(short) if legal.allows(short) else value


async def _simplified(
    trials: _Trials, contract: Contract, case: Case, simpler: Callable[[Legal, float], int | float]
) -> Case:
    """Make one part of the values simpler at a time, then as many parts together as still fail."""
    parts = [
        part for part in _parts(contract, case) if _with(contract, case, [part], simpler) != case
    ]
    single = list(_within(contract, (_with(contract, case, [part], simpler) for part in parts)))
    kept = [parts[n] for n in await trials.failures(single)]
    halves = [kept[: round(len(kept) * share)] for share in (1.0, 0.75, 0.5, 0.25)]
    joint = [_with(contract, case, some, simpler) for some in halves if some]
    return await trials.first(iter([*joint, *(single[parts.index(p)] for p in kept[:1])])) or case


def _parts(contract: Contract, case: Case) -> list[tuple[str, int, int]]:
    """Return the parts that are simplified on their own: array, first and last element (exclusive)."""
    found = []
    for name, data in case.arrays.items():
        array = contract.arrays[name]
        count = len(data) // _width(array)
        step = 1 if count <= SINGLE else -(-count // 8)
        if array.structure == "any":
            found += [(name, at, min(at + step, count)) for at in range(0, count, step)]
    return found


def _with(
    contract: Contract,
    case: Case,
    parts: Sequence[tuple[str, int, int]],
    simpler: Callable[[Legal, float], int | float],
) -> Case:
    """Return the call with the values of some parts made simpler."""
    arrays = dict(case.arrays)
    for name, first, last in parts:
        array = contract.arrays[name]
        values, legal = unpack(array.element, arrays[name]), _allowed(array, case)
        values[first:last] = [simpler(legal, v) for v in values[first:last]]
        arrays[name] = pack(array.element, values)
    return replace(case, arrays=arrays)
