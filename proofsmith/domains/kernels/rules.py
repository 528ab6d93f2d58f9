"""Candidates that need no model: flags and source transformations, best guess first."""

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice

from proofsmith.domains.kernels import flag_grid
from proofsmith.domains.kernels.flag_grid import Flags
from proofsmith.domains.kernels.transforms.catalogue import Facts, Rewrite, rewrites
from proofsmith.domains.kernels.transforms.program import load
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Candidate, Limits, Problem

_PROBE = Limits(wall_s=10.0, cpu_s=10.0, memory_mib=512)


async def propose(
    problem: Problem, parent: Candidate | None, tried: frozenset[str], sandbox: Sandbox
) -> AsyncIterator[Candidate]:
    """Yield candidates lazily from `parent`, or from the problem's own files when it is None.

    The order is fixed: the most promising rewrite under the flags that usually win, those flags alone, one rewrite
    of each other rule, then further variants, then the flag grid. `tried` holds ids that are left out. Whether
    a candidate is right is for `verify` to say: rules only look for shapes. Compilers that are absent are left out.
    """
    seen = set(tried)
    present = {"gcc": True}
    for candidate in _all(problem, parent):
        compiler = str(candidate.settings["compiler"])
        if compiler not in present:
            done = await sandbox.fresh().exec((compiler, "--version"), limits=_PROBE)
            present[compiler] = done.ok
        if candidate.id not in seen and present[compiler]:
            seen.add(candidate.id)
            yield candidate


def _all(problem: Problem, parent: Candidate | None) -> Iterator[Candidate]:
    facts, finite = facts_of(problem)
    usual = flag_grid.best(facts.policy, finite=finite)
    flags = (flag_grid.of(parent.settings) if parent else None) or usual
    files = {**problem.files, **(parent.files if parent else {})}
    parents = (parent.id,) if parent else ()

    def flagged(choice: Flags) -> Candidate:
        changed = dict(parent.files) if parent else {}
        return Candidate(
            files=changed or dict(problem.files),
            settings=choice.settings,
            parents=parents,
            move=f"rule:flags({choice.words})",
        )

    def rewritten(found: Rewrite) -> Candidate:
        return Candidate(
            files={**files, _path(problem): found.program.render()},
            settings=flags.plus(*found.flags).settings,
            parents=parents,
            move=f"rule:{found.move}",
        )

    program = load(files[_path(problem)], _path(problem), str(problem.options["entry"]))
    made = iter(rewrites(program, facts)) if program else iter(())
    grid = (flagged(f) for f in flag_grid.grid(facts.policy, finite=finite))
    sources = (rewritten(r) for r in made)
    yield from islice(sources, 1)
    yield flagged(usual)
    yield from islice(sources, _EARLY)
    yield from _in_turn(sources, grid)


_EARLY = 5
"""Rewrites that are tried before the second set of flags."""


def _in_turn(sources: Iterator[Candidate], grid: Iterator[Candidate]) -> Iterator[Candidate]:
    """Yield two rewrites for each set of flags until both end."""
    while batch := [*islice(sources, 2), *islice(grid, 1)]:
        yield from batch


def _path(problem: Problem) -> str:
    return str(problem.options.get("path") or next(iter(problem.editable or problem.files)))


def facts_of(problem: Problem) -> tuple[Facts, bool]:
    """Return what the contract allows, and whether all floating-point input is finite."""
    contract = problem.options.get("contract")
    known = contract if isinstance(contract, Mapping) else {}
    tolerance = known.get("tolerance")
    policy = tolerance.get("policy") if isinstance(tolerance, Mapping) else None
    arrays = known.get("arrays")
    finite = isinstance(arrays, Mapping) and all(_finite(a) for a in arrays.values())
    return Facts(policy=str(policy or "reassociate")), finite


def _finite(array: JSON) -> bool:
    """Say whether an array never holds NaN or infinities on entry."""
    if not isinstance(array, Mapping):
        return False
    element = array.get("element")
    integers = isinstance(element, Mapping) and element.get("kind") != "float"
    bounded = array.get("finite") or array.get("low") is not None
    return bool(
        integers or bounded or array.get("access") == "out" or array.get("structure") in _SOLVABLE
    )


_SOLVABLE = ("spd", "diagonally-dominant", "lower")
"""Structures whose generated values are finite."""
