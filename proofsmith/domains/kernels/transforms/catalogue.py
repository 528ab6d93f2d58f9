"""The source transformations in the order in which they are worth trying."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proofsmith.domains.kernels.transforms import (
    branches,
    hints,
    masks,
    recurrence,
    register_tile,
    scalars,
    streams,
    tables,
    transposition,
)
from proofsmith.domains.kernels.transforms.normal import forms, localise
from proofsmith.domains.kernels.transforms.program import Program


@dataclass(frozen=True, slots=True)
class Facts:
    """What the contract says that decides whether a rewrite can be right."""

    policy: str = "reassociate"
    """`exact`: results must not change in any bit."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewritten program and the rule that made it, in words."""

    move: str
    program: Program


_ROWS_BY_VECTORS = ((8, 3), (4, 4), (4, 2), (1, 8), (6, 4), (4, 1))
_DOTS = ((4, 4, 1), (4, 1, 1), (4, 1, 2), (1, 4, 2), (2, 2, 1), (1, 1, 8), (1, 1, 4))


def tiles(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Hold blocks of sums in registers, in every normal form."""
    for label, form in _tileable(program):
        prefix = f"{label}, " if label else ""
        for modes in (("columns", "rows"), ("rows", "columns")):
            for rows, columns in _ROWS_BY_VECTORS:
                shape = register_tile.Shape(rows, columns)
                made = register_tile.apply(form, shape, modes)
                if made is not None:
                    yield Rewrite(f"{prefix}register-tile({modes[0]},{rows}x{columns})", made)
        if facts.policy == "exact":
            continue
        for rows, columns, depth in _DOTS:
            shape = register_tile.Shape(rows, columns, depth)
            made = register_tile.apply(form, shape, ("depth",))
            if made is not None:
                yield Rewrite(f"{prefix}register-tile(depth,{rows}x{columns}x{depth})", made)


def _tileable(program: Program) -> Iterator[tuple[str, Program]]:
    """Yield the normal forms, then those of them that profit from transposed operands."""
    plain = list(forms(program))
    yield from plain
    for label, form in plain:
        turned = transposition.transpose(form)
        if turned is not None:
            yield f"{label}, transpose" if label else "transpose", turned


_STEPS: tuple[tuple[str, Callable[[Program], Program | None]], ...] = (
    ("select", branches.select),
    ("replace-elements", scalars.replace_elements),
    ("hoist", scalars.hoist),
    ("independent", hints.independent),
    ("restrict", hints.restrict),
)


def straighten(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Help the compiler vectorise: scalars for array elements, selections for branches, promises; all, then fewer."""
    del facts
    program = localise(program)
    for steps in (_STEPS, _STEPS[:3], _STEPS[1:], _STEPS[3:], _STEPS[1:2], _STEPS[:1], _STEPS[4:]):
        made, done = program, []
        for name, step in steps:
            new = step(made)
            if new is not None:
                made = new
                done.append(name)
        if done:
            yield Rewrite(", ".join(done), made)


def recurrences(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Split first-order recurrences into an independent part and a scan."""
    del facts
    for vector in (True, False):
        made = recurrence.scan(program, vector=vector)
        if made is not None:
            yield Rewrite("scan-recurrence(" + ("vectors" if vector else "one by one") + ")", made)


def tabled(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Tabulate repeated calls, then let the compiler vectorise what remains."""
    made = tables.tabulate(localise(program))
    if made is not None:
        for further in straighten(made, facts):
            yield Rewrite(f"tabulate, {further.move}", further.program)
        yield Rewrite("tabulate", made)


def chains(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Break long dependent chains: random streams into lanes, early-exit searches into masks."""
    for lanes in (32, 16, 64):
        made = streams.leapfrog(program, lanes, exact=facts.policy == "exact")
        if made is not None:
            yield Rewrite(f"leapfrog({lanes})", made)
    for block in (256, 64, 1024):
        made = masks.mask(program, block)
        if made is not None:
            yield Rewrite(f"mask-search({block})", made)


RULES = (tiles, recurrences, chains, tabled, straighten)
"""Every rule; one yields nothing where it does not apply."""


def rewrites(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Yield rewrites of all rules in turn, the first of each rule first, each text once."""
    seen = {program.render()}
    running = [rule(program, facts) for rule in RULES]
    while running:
        still = []
        for rule in running:
            found = next((r for r in rule if r.program.render() not in seen), None)
            if found is not None:
                seen.add(found.program.render())
                still.append(rule)
                yield found
        running = still
