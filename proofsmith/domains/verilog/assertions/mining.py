"""Mine candidate assertions from random simulation: what always held, in forms that say something."""

from collections.abc import Iterator, Mapping
from itertools import islice

from proofsmith.domains.verilog.rewrites.observed import Trace

SUPPORT = 20
"""A relation between two signals counts only when both values of each were seen this often."""
WIDEST = 24
NEAR_FULL = 0.98
MOST_SIGNALS, MOST = 24, 40
MOST_RESETS = 6


def mined(trace: Trace, widths: Mapping[str, int], skip: frozenset[str]) -> Iterator[str]:
    """Yield expressions and implications over `widths`' signals that held in every recorded cycle of every run."""
    names = [n for n in widths if n in trace.cycles[0] and n not in skip][:MOST_SIGNALS]
    yield from islice(_all(trace, {n: widths[n] for n in names}), MOST)


def after_reset(trace: Trace, widths: Mapping[str, int], skip: frozenset[str]) -> Iterator[str]:
    """Yield what every run holds in the cycle after the reset, as `NAME == VALUE`; `trace` begins with that cycle."""
    first = trace.cycles[0]
    known = [n for n in widths if n in first and n not in skip and widths[n] <= WIDEST]
    settled = (n for n in known if all(word in (0, trace.ones) for word in first[n]))
    for name in islice(settled, MOST_RESETS):
        value = sum((word & 1) << place for place, word in enumerate(first[name]))
        yield f"{name} == {widths[name]}'d{value}"


def _all(trace: Trace, widths: Mapping[str, int]) -> Iterator[str]:
    vectors = [n for n, width in widths.items() if 1 < width <= WIDEST]
    bits = [n for n, width in widths.items() if width == 1 and _moves(trace, n)]
    for name in vectors:
        yield from _vector(trace, name, widths[name])
    yield from _pairs(trace, bits)


def _moves(trace: Trace, name: str) -> bool:
    ones = sum(words[0].bit_count() for words in trace.words(name))
    total = trace.ones.bit_count() * len(trace.cycles)
    return SUPPORT <= ones <= total - SUPPORT


def _vector(trace: Trace, name: str, width: int) -> Iterator[str]:
    """Yield range and one-hot facts of one vector."""
    values: set[int] = set()
    for bits in trace.words(name):
        for run in range(trace.ones.bit_length()):
            values.add(sum((word >> run & 1) << place for place, word in enumerate(bits)))
        if len(values) > 512:
            break
    most = (1 << width) - 1
    if len(values) == 1:
        yield f"{name} == {width}'d{next(iter(values))}"
        return
    hot = all(v & (v - 1) == 0 for v in values)
    if hot and len(values) > 2 and width > 2:
        yield f"$onehot{'0' if 0 in values else ''}({name})"
        return
    if len(values) <= 512 and max(values) < NEAR_FULL * most:
        yield f"{name} <= {width}'d{max(values)}"


def _pairs(trace: Trace, bits: list[str]) -> Iterator[str]:
    """Yield implications and exclusions between single bits, in the same and in the next cycle."""
    ones = trace.ones
    history = {n: [words[0] for words in trace.words(n)] for n in bits}
    for a in bits:
        for b in bits:
            if a == b:
                continue
            pairs = list(zip(history[a], history[b], strict=True))
            if a < b and all(x == y for x, y in pairs):
                yield f"{a} == {b}"
            elif all(x & ~y & ones == 0 for x, y in pairs):
                yield f"{a} |-> {b}"
            elif a < b and all(x & y == 0 for x, y in pairs):
                yield f"!({a} & {b})"
            after = list(zip(history[a], history[b][1:], strict=False))
            if all(x & ~y & ones == 0 for x, y in after):
                yield f"{a} |=> {b}"
