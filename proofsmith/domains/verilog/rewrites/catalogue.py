"""Every rewrite that applies to a design, cheapest guess first."""

from collections.abc import Callable, Iterator, Mapping

from proofsmith.domains.verilog.rewrites import (
    adders,
    arithmetic,
    branching,
    multipliers,
    registers,
    sharing,
)
from proofsmith.domains.verilog.rewrites.observed import Trace
from proofsmith.domains.verilog.rewrites.text import Proposal, Source
from proofsmith.domains.verilog.syntax import splice

Rule = Callable[[Source], Iterator[Proposal]]
RULES: tuple[Rule, ...] = (
    sharing.branches,
    sharing.selections,
    arithmetic.remainders,
    arithmetic.factored,
    arithmetic.distances,
    arithmetic.absorbed,
    arithmetic.constant_products,
    branching.cases,
    adders.architectures,
    multipliers.architectures,
)
"""Rules that need the text alone."""
LARGEST_CHARS = 200_000


def rewrites(files: Mapping[str, str], trace: Trace | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (name of the rule and its line, changed files) for every rewrite of every file.

    `trace` is a simulation of the design; without one the rules that need it say nothing.
    """
    for path, text in files.items():
        if len(text) > LARGEST_CHARS:
            continue
        source = Source.of(text)
        for proposal in _proposals(source, trace):
            changed = splice(text, proposal.edits)
            if changed != text:
                yield f"{proposal.rule}({proposal.line})", {**files, path: changed}


def _proposals(source: Source, trace: Trace | None) -> Iterator[Proposal]:
    if trace is not None and trace.cycles:
        yield from registers.narrowed(source, trace)
        yield from registers.merged(source, trace)
    for rule in RULES:
        yield from rule(source)
