"""The source transformations in the order in which they are worth trying."""

from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.kernels.transforms import register_tile
from proofsmith.domains.kernels.transforms.normal import forms
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
    for label, form in forms(program):
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


RULES = (tiles,)
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
