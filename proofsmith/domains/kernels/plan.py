"""Choose which calls to make: sizes, styles of values, repeated calls, planted constants, the measuring size."""

import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proofsmith.domains.kernels.contract import Array, Contract, Size, number
from proofsmith.domains.kernels.inputs import Generator, Style
from proofsmith.domains.kernels.jobs import Case
from proofsmith.errors import UsageError
from proofsmith.tools import loopnest, syntax
from proofsmith.types import Depth

_EDGES = (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33)
_WIDTHS = {Depth.QUICK: (128, 256), Depth.FULL: (128, 256, 32768, 65536)}
"""Sizes at which an index of a narrower type overflows."""
_CHEAP = 3e5
"""Operations of a call that is made once more with equal contents whatever it holds."""
_NUMBER = re.compile(r"(?<![\w.])(0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)[uUlLfF]*")
_STYLES: tuple[Style, ...] = tuple(
    s for s in Style if s not in (Style.PLAIN, Style.PLANTED, Style.FILLED, Style.EXTREME)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much one depth of verification calls."""

    calls: int
    elements: int
    """Elements of all small cases together."""
    large_elements: int
    """Elements of one planted or measuring case."""
    operations: float
    """Estimated operations of one such case."""
    large: int
    """Number of planted cases beyond `elements`."""
    repeats: int
    """Size combinations per style."""


EXTENTS = {
    Depth.QUICK: Extent(
        calls=300, elements=200_000, large_elements=3_500_000, operations=2e8, large=6, repeats=3
    ),
    Depth.FULL: Extent(
        calls=700,
        elements=1_200_000,
        large_elements=8_000_000,
        operations=1.2e9,
        large=18,
        repeats=9,
    ),
}


def constants(files: Mapping[str, str]) -> frozenset[int | float]:
    r"""Return the numbers that occur in the files, products and shifts of literals evaluated too.

    >>> sorted(constants({"k.c": "#define T 48\nint f(int n) { return n == 1000 * 1000 + 3 ? 7 : n; }"}))
    [3, 7, 48, 1000, 1000000, 1000003]
    """
    found: set[int | float] = set()
    for path, text in files.items():
        root = syntax.parse(text, syntax.language_of(path))
        found.update(c.value for c in syntax.constants(root))
        for node in root.find("binary_expression"):
            if not loopnest.names(node) and len(node.text) < 60:
                found.update(_evaluated(node.text))
        for node in root.find("preproc_arg"):
            for literal in _NUMBER.findall(node.text):
                value = syntax.literal_value(literal)
                found.update([value] if value is not None else [])
            found.update(_evaluated(node.text.strip()))
    return frozenset(v for v in found if math.isfinite(v) and abs(v) < 1e300)


def _evaluated(text: str) -> list[int | float]:
    plain = re.sub(r"(?<=\d)[uUlLfF]+\b", "", text)
    try:
        return [number(plain, {})] if re.search(r"\d", plain) else []
    except UsageError:
        return []


class Planner:
    """Makes the cases of one contract."""

    def __init__(
        self, contract: Contract, rng: random.Random, depth: Depth, known: Iterable[int | float]
    ) -> None:
        """Draw from `rng`; `known` are the constants to plant."""
        self._contract = contract
        self._rng = rng
        self._extent = EXTENTS[depth]
        self._widths = _WIDTHS[depth]
        self._known = sorted(known, key=lambda v: (abs(v), v))
        self._generate = Generator(contract, rng, self._known)

    def small(self) -> list[Case]:
        """Return small cases: every size combination, every style, many repeated calls, aliases."""
        combinations = self._combinations()
        cases = [
            self._generate.case(sizes, low=low) for sizes in combinations for low in (False, True)
        ]
        filled = [s for s in combinations if self._elements(s)] or combinations
        for style in _STYLES:
            cases += [
                self._generate.case(self._rng.choice(filled), style, low=self._rng.random() < 0.5)
                for _ in range(self._extent.repeats)
            ]
        cases += [
            self._generate.case(self._rng.choice(filled), Style.EXTREME, filler=side)
            for side in (-1, 1, 0) * self._extent.repeats
        ]
        cases += self._aliased(filled)
        left = self._extent.elements - sum(self._elements(c.sizes) for c in cases)
        again = sorted(filled, key=self._elements)[: max(1, len(filled) * 2 // 3)]
        fixed = self._rng.sample(again, min(3, len(again)))
        while len(cases) < self._extent.calls:
            sizes = self._rng.choice(fixed)
            edge = self._rng.random() < 0.3
            style = self._rng.choice(_STYLES) if edge else Style.PLAIN
            if left < self._elements(sizes):
                sizes = min(fixed, key=self._elements)
            cases.append(self._generate.case(sizes, style))
            left -= self._elements(sizes)
        return cases

    def planted(self) -> list[Case]:
        """Return cases with the known constants as values everywhere, among others, and as sizes."""
        combinations = [s for s in self._combinations() if self._elements(s)]
        cases = []
        if combinations and self._known:
            small = sorted(combinations, key=self._elements)[: max(1, len(combinations) * 2 // 3)]
            for value in self._known[-80:]:
                sizes = self._rng.choice(small)
                cases.append(self._generate.case(sizes, Style.FILLED, filler=value))
            cases += [
                self._generate.case(self._rng.choice(combinations), Style.PLANTED)
                for _ in range(3 * self._extent.repeats)
            ]
        return cases + list(self._planted_sizes(self._known))

    def widths(self) -> list[Case]:
        """Return calls with sizes at which indices of narrow types overflow."""
        return list(self._planted_sizes(self._widths))

    def measuring(self) -> list[Case]:
        """Return calls at the measuring size and its neighbours, as far as the extent allows."""
        contract, sizes = self._contract, self._contract.measure_sizes
        moved = [dict(sizes)]
        for step in (-1, 1):
            near = {
                n: max(s.minimum, sizes[n] + step * s.multiple) for n, s in contract.sizes.items()
            }
            moved.append(contract.complete(near))
        wanted = moved[:1] if self._extent.repeats < 5 else moved
        fitting = [s for s in wanted if self._fits(s)]
        return [self._generate.case(s, low=i % 2 == 1) for i, s in enumerate(fitting)]

    def alike(self) -> list[Case]:
        """Return a call on as many equal integers as are measured, which narrow counters cannot count."""
        counts = any(a.element.kind != "float" for a in self._contract.arrays.values())
        sizes = self._contract.measure_sizes
        fitting = [sizes] if counts and self._fits(sizes) else []
        return [self._generate.case(dict(s), Style.CONSTANT) for s in fitting]

    def beyond(self) -> list[Case]:
        """Return a call above the measuring size: what is right up to there may still be wrong beyond it."""
        contract, stretch = self._contract, self._rng.uniform(1.1, 1.6)
        sizes = contract.measure_sizes
        larger = {n: _nearest(s, sizes[n] * stretch) for n, s in contract.sizes.items()}
        return [self._generate.case(s) for s in [contract.complete(larger)] if self._fits(s)]

    def _planted_sizes(self, values: Iterable[int | float]) -> Iterator[Case]:
        """Yield calls whose sizes equal integers among `values`, and where cheap, their neighbours."""
        large = 0
        for value in values:
            if not isinstance(value, int) or value < 0:
                continue
            for sizes in self._sized(value):
                light = self._elements(sizes) < 5_000 and self._operations(sizes) < 1e6
                if not light and large >= self._extent.large:
                    continue
                large += not light
                yield self._generate.case(sizes)
                if light or self._operations(sizes) <= _CHEAP:
                    # Equal contents take searches and comparisons to their very end.
                    yield self._generate.case(sizes, Style.CONSTANT)

    def _sized(self, value: int) -> list[dict[str, int]]:
        """Return affordable size combinations with one size, or all, at `value` or beside it."""
        contract, found = self._contract, []
        middle = {n: _values(s)[len(_values(s)) // 2] for n, s in contract.sizes.items()}
        free = [s for s in contract.sizes.values() if s.value is None]
        mask = value & (value + 1) == 0  # an index cut by this mask goes wrong two sizes later
        for near in (value, value - 1, value + 1, *([value + 2] if mask else [])):
            legal = [s for s in free if _legal(s, near)]
            wanted = [{**middle, s.name: near} for s in legal]
            if len(legal) > 1:
                wanted.append({**middle, **{s.name: near for s in legal}})
            sized = (contract.complete(w) for w in wanted)
            found += [s for s in sized if self._fits(s)]
        return found

    def _fits(self, sizes: Mapping[str, int]) -> bool:
        extent = self._extent
        fits = self._elements(sizes) <= extent.large_elements
        return fits and self._operations(sizes) <= extent.operations

    def _elements(self, sizes: Mapping[str, int]) -> int:
        return sum(self._contract.elements(a, sizes) for a in self._contract.arrays.values())

    def _operations(self, sizes: Mapping[str, int]) -> float:
        """Estimate the work of one call: the header's, else 1.5 powers of the largest array."""
        flops = self._contract.work.flops
        if flops is not None:
            return max(number(flops, sizes), self._elements(sizes))
        iterations = math.prod(
            max(1, sizes[n]) for n in sizes if not any(self._shapes(a, n) for a in self._arrays)
        )
        largest = max((self._contract.elements(a, sizes) for a in self._arrays), default=1)
        flat = all(self._linear(a) for a in self._arrays)
        return float(iterations) * (largest if flat else float(largest) ** 1.5)

    @property
    def _arrays(self) -> Sequence[Array]:
        return tuple(self._contract.arrays.values())

    def _shapes(self, array: Array, name: str) -> bool:
        return re.search(rf"\b{name}\b", array.shape) is not None

    def _linear(self, array: Array) -> bool:
        return "*" not in re.sub(r"\b\d+\s*\*|\*\s*\d+\b", "", array.shape)

    def _combinations(self) -> list[dict[str, int]]:
        contract, rng = self._contract, self._rng
        free = {n: self._sample(s) for n, s in contract.sizes.items() if s.value is None}
        if not free:
            return [contract.complete({})]
        longest = max(len(v) for v in free.values())
        picked = [{n: v[i % len(v)] for n, v in free.items()} for i in range(longest)]
        if len(free) > 1:
            picked += [{n: rng.choice(v) for n, v in free.items()} for _ in range(3 * longest)]
            for name, values in free.items():
                for edge in values[:2]:
                    picked.append({n: v[len(v) // 2] for n, v in free.items()} | {name: edge})
        unique = {tuple(p.items()): contract.complete(p) for p in picked}
        limit = self._extent.elements // 8
        return [s for s in unique.values() if self._elements(s) <= limit] or [
            contract.measure_sizes
        ]

    def _sample(self, size: Size) -> list[int]:
        """Return edge values of a size and, as those can be foreseen, random ones between and above them."""
        known = _values(size)
        top = min(max(size.measure, known[-1]), max(64, 2 * known[-1]))
        drawn = {
            _nearest(size, self._rng.uniform(known[0], top)) for _ in range(self._extent.repeats)
        }
        return sorted({*known, *drawn})

    def _aliased(self, combinations: Sequence[Mapping[str, int]]) -> list[Case]:
        """Return calls in which arrays that may share an address do."""
        contract, cases = self._contract, []
        pairs = [(a.name, b) for a in contract.arrays.values() for b in a.alias]
        for name, other in pairs:
            for sizes in combinations:
                first, second = contract.arrays[name], contract.arrays[other]
                equal = contract.elements(first, sizes) == contract.elements(second, sizes)
                if equal and first.element == second.element:
                    cases.append(self._generate.case(sizes, same={name: other}))
        return cases


def _values(size: Size) -> list[int]:
    """Return the small legal values of a size in ascending order."""
    top = max(size.test, default=0)
    edges = [e * size.multiple for e in _EDGES if e * size.multiple <= max(top, size.measure)]
    found = {v for v in (*size.test, *edges) if _legal(size, v)}
    return sorted(found) or [size.measure]


def _nearest(size: Size, value: float) -> int:
    """Return the legal value nearest to `value` from below."""
    return max(
        size.minimum + -size.minimum % size.multiple, int(value) // size.multiple * size.multiple
    )


def _legal(size: Size, value: int) -> bool:
    return size.minimum <= value <= size.element.limits[1] and value % size.multiple == 0
