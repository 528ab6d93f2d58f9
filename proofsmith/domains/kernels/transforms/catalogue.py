"""The source transformations in the order in which they are worth trying."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proofsmith.domains.kernels.transforms import (
    branches,
    guards,
    hints,
    interior,
    masks,
    nests,
    outer_vector,
    recurrence,
    register_tile,
    roots,
    scalars,
    streams,
    tables,
    transposition,
    triangles,
)
from proofsmith.domains.kernels.transforms.normal import distribute, forms, localise
from proofsmith.domains.kernels.transforms.pointers import plain
from proofsmith.domains.kernels.transforms.program import Program
from proofsmith.domains.kernels.transforms.register_tile import Shape


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
    flags: tuple[str, ...] = ()
    """Compiler flags that it needs beyond the usual ones."""


_SHAPES = ((8, 3), (4, 4), (4, 2), (1, 8), (6, 4), (4, 1))
"""Rows by vectors of a tile whose columns are wide."""
_DOTS = ((4, 4, 1), (4, 1, 1), (4, 1, 2), (1, 4, 2), (2, 2, 1), (1, 1, 8), (1, 1, 4))
"""Rows, columns and unrolling of a tile whose reducing loop is wide."""


def tiles(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Hold blocks of sums in registers, in every normal form."""
    reorder = facts.policy != "exact"
    for label, form in _tileable(program):
        prefix = f"{label}, " if label else ""
        for (rows, columns), dot in zip(_SHAPES, _DOTS, strict=False):
            shape = Shape(rows, columns)
            wide = [(mode, shape) for mode in ("columns", "rows")]
            choices = (*wide, *([("depth", Shape(*dot))] if reorder else []))
            made = register_tile.apply(form, choices)
            if made is not None:
                yield Rewrite(f"{prefix}register-tile({rows}x{columns})", made)
        for rows, columns in _SHAPES:
            made = register_tile.apply(form, (("rows", Shape(rows, columns)),))
            if made is not None:
                yield Rewrite(f"{prefix}register-tile(rows,{rows}x{columns})", made)
        for dot in _DOTS if reorder and "transpose" not in label else ():
            made = register_tile.apply(form, (("depth", Shape(*dot)),))
            if made is not None:
                yield Rewrite(f"{prefix}register-tile(depth,{'x'.join(map(str, dot))})", made)


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
    ("newton-root", roots.newton),
    ("independent", hints.independent),
    ("restrict", hints.restrict),
)


_SELECTIONS = (
    {"select", "replace-elements", "hoist", "independent", "restrict"},
    {"select", "replace-elements", "hoist", "newton-root", "independent", "restrict"},
    {"select", "replace-elements", "hoist"},
    {"replace-elements", "hoist", "independent", "restrict"},
    {"independent", "restrict"},
    {"replace-elements"},
    {"select"},
    {"restrict"},
)


def straighten(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Help the compiler vectorise: scalars for array elements, selections for branches, promises; all, then fewer."""
    del facts
    program = localise(program)
    for names in _SELECTIONS:
        steps = [step for step in _STEPS if step[0] in names]
        made, done = program, []
        for name, step in steps:
            new = step(made)
            if new is not None:
                made = new
                done.append(name)
        if done:
            yield Rewrite(", ".join(done), made)


def guarded(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Run loops without the guards that hold in their interior, or only where guards hold."""
    whole = localise(program)
    for label, cut in (("split-interior", interior.split), ("guards-to-bounds", guards.bound)):
        made = cut(whole)
        if made is None:
            continue
        for rule in (outer, straighten, ordered):
            further = next(rule(made, facts), None)
            if further is not None:
                yield Rewrite(f"{label}, {further.move}", further.program)
        yield Rewrite(label, made)


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


def ordered(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Interchange loops, cut them into cache tiles, and help the compiler with the result."""
    whole = localise(program)
    split = whole.with_body(distribute(whole.body))
    for label, form in (("", whole), ("distribute, ", split)):
        made = nests.interchange(form)
        if made is None:
            continue
        for further in straighten(made, facts):
            yield Rewrite(f"{label}interchange, {further.move}", further.program)
            break
        yield Rewrite(f"{label}interchange", made)
    pushed = triangles.push(whole)
    if pushed is not None:
        for further in straighten(pushed, facts):
            yield Rewrite(f"push-forward, {further.move}", further.program)
    for delay in (1, 0, 2):
        made = nests.fuse(whole, delay)
        if made is not None:
            yield Rewrite(f"fuse-behind({delay})", made)
    for size in (32, 8, 64):
        made = nests.cache_tiles(whole, size)
        if made is not None:
            yield Rewrite(f"cache-tile({size})", made)


def outer(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Turn neighbouring iterations of an outer loop into vector lanes."""
    del facts
    for copies in (4, 2, 8, 1):
        made = outer_vector.vectorise(program, copies)
        if made is not None:
            yield Rewrite(f"vectorise-outer({copies})", made)


def threads(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Share outermost loops among threads; last, since one core less busy is worth more."""
    del facts
    made = nests.parallel(localise(program))
    if made is not None:
        yield Rewrite("parallel-for", made, ("-fopenmp",))


RULES = (tiles, recurrences, chains, tabled, guarded, ordered, outer, straighten)
"""Every rule; one yields nothing where it does not apply."""


def rewrites(program: Program, facts: Facts) -> Iterator[Rewrite]:
    """Yield rewrites of all rules in turn, the first of each rule first, each text once; threads come last."""
    seen = {program.render()}
    program = plain(program)
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
    yield from threads(program, facts)
