"""Machines that never halt: a configuration comes again, up to cells that nobody touches; proved by induction.

From `⟨q, u ++ l, h, v ++ r⟩` the machine gets to the same state and the same near cells, whatever lies beyond them: the
run repeats for ever, whether it stands still, cycles, or moves over the tape.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.lean.machines import Tape, table

LATEST = 160
"""Steps before the repetition begins."""
LONGEST = 80
"""Steps of one repetition."""
_RUN = re.compile(
    r"(?P<halted>\w+)\s+(?P<machine>\w+)\s*"
    r"\((?P<run>\w+)\s+(?P=machine)\s+\w+\s+(?P<start>\w+)\)\s*=\s*(?:true|false)"
)

Snapshot = tuple[tuple[int, int], tuple[list[int], list[int]]]
"""State and head; cells to the left and the right, nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """After `begin` steps the machine repeats itself every `period` steps."""

    begin: int
    period: int
    state: int
    head: int
    near: tuple[tuple[int, ...], tuple[int, ...]]
    """Cells that matter to the left and the right, nearest first."""
    free: tuple[bool, bool]
    """Whether anything may lie beyond them, to the left and the right."""


def repetition(prelude: str) -> Repetition | None:
    """Find how the machine of `prelude` repeats itself; None when it halts or no repetition was found."""
    rules, tape = table(prelude), Tape()
    trace = [_snapshot(tape)]
    for _ in range(LATEST + LONGEST):
        if not tape.step(rules):
            return None
        trace.append(_snapshot(tape))
    for begin in range(LATEST):
        found = _from(trace, begin)
        if found is not None:
            return found
    return None


def _snapshot(tape: Tape) -> Snapshot:
    return (tape.state, tape.head), (tape.left[::-1], tape.right[::-1])


def _from(trace: list[Snapshot], begin: int) -> Repetition | None:
    (state, head), sides = trace[begin]
    least = [len(side) for side in sides]
    fell = [False, False]  # whether the head went beyond what is written on that side
    for period in range(1, LONGEST + 1):
        before, now = trace[begin + period - 1][1], trace[begin + period][1]
        for side in (0, 1):
            fell[side] |= not before[side] and len(now[1 - side]) > len(before[1 - side])
            least[side] = min(least[side], len(now[side]))
        depths = [len(sides[i]) - (0 if fell[i] else least[i]) for i in (0, 1)]
        if trace[begin + period][0] == (state, head) and all(
            now[i] == sides[i] if fell[i] else now[i][: depths[i]] == sides[i][: depths[i]]
            for i in (0, 1)
        ):
            return Repetition(
                begin=begin,
                period=period,
                state=state,
                head=head,
                near=(tuple(sides[0][: depths[0]]), tuple(sides[1][: depths[1]])),
                free=(not fell[0], not fell[1]),
            )
    return None


def proofs(prelude: str, statement: str) -> Iterator[str]:
    """Yield a proof that the machine of `prelude` never halts, however the goal says it; nothing when it halts."""
    claim = _RUN.search(statement) if table(prelude) else None
    found = repetition(prelude) if claim else None
    if claim is not None and found is not None:
        yield _proof(
            found,
            claim["machine"],
            claim["start"],
            f"{claim['halted']} {claim['machine']}",
            claim["run"],
        )


def _proof(found: Repetition, machine: str, start: str, halted: str, run: str) -> str:
    free = [name for name, is_free in zip("lr", found.free, strict=True) if is_free]
    binder = f" ({' '.join(free)} : List Nat)" if free else ""
    sides = [
        " :: ".join([*map(str, near), name]) if is_free else f"[{', '.join(map(str, near))}]"
        for near, name, is_free in zip(found.near, "lr", found.free, strict=True)
    ]
    here = f"⟨{found.state}, {sides[0]}, {found.head}, {sides[1]}⟩"
    holes = " _" * len(free)
    lines = [
        f"have again : ∀ (n : Nat){binder}, {halted} ({run} {machine} n {here}) = false := by",
        "  intro n",
        "  induction n using Nat.strongRecOn with",
        "  | _ n ih =>",
        *([f"    intro {' '.join(free)}"] if free else []),
        "    match n, ih with",
        *(f"    | {step}, _ => rfl" for step in range(found.period)),
        f"    | n + {found.period}, ih => exact ih n (by omega){holes}",
        f"have never : ∀ k : Nat, {halted} ({run} {machine} k {start}) = false := by",
        "  intro k",
        "  match k with",
        *(f"  | {step} => rfl" for step in range(found.begin)),
        f"  | k + {found.begin} => exact again k{holes}"
        if found.begin
        else f"  | k => exact again k{holes}",
        "simp [never]",
    ]
    return "\n".join(lines)
