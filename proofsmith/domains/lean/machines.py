"""Goals about a machine that runs: simulated here, then proved by letting the kernel run it, or by an invariant.

A machine is recognised by its table `q, s => some (w, .R, q')` in the text before the statement, whatever it is called.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

STEPS = 200_000
"""Steps after which a machine is taken to run on."""
PERIODS = 64
_ROW = re.compile(
    r"\|\s*(\d+)\s*,\s*(\d+)\s*=>\s*some\s*\(\s*(\d+)\s*,\s*(?:\w+)?\.(L|R)\s*,\s*(\d+)\s*\)"
)
_RUN = re.compile(r"halted\s+(\w+)\s*\(run\s+\1\s+(\w+)\s+(\w+)\)\s*=\s*(true|false)")


@dataclass(slots=True)
class Tape:
    """A configuration: state, what is under the head, and the cells to both sides, nearest first."""

    state: int = 0
    head: int = 0
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)

    def step(self, table: dict[tuple[int, int], tuple[int, str, int]]) -> bool:
        """Take one step; return False when the machine has halted and nothing changed."""
        rule = table.get((self.state, self.head))
        if rule is None:
            return False
        write, move, self.state = rule
        here, there = (self.left, self.right) if move == "R" else (self.right, self.left)
        here.append(write)
        self.head = there.pop() if there else 0
        return True

    def ones(self) -> int:
        """Count the ones on the tape."""
        return sum(c == 1 for c in (*self.left, *self.right, self.head))

    def lean(self) -> str:
        """Write the configuration as the problems write theirs: ⟨state, left, head, right⟩."""
        sides = [f"[{', '.join(map(str, reversed(side)))}]" for side in (self.left, self.right)]
        return f"⟨{self.state}, {sides[0]}, {self.head}, {sides[1]}⟩"


def table(prelude: str) -> dict[tuple[int, int], tuple[int, str, int]]:
    """Return the transition table written in a text, empty when there is none."""
    return {
        (int(q), int(s)): (int(w), move, int(to)) for q, s, w, move, to in _ROW.findall(prelude)
    }


def halting_steps(prelude: str, most: int = STEPS) -> int | None:
    """Return after how many steps the machine of `prelude` has halted from a blank tape; None when it runs on."""
    rules, tape = table(prelude), Tape()
    for steps in range(most):
        if not tape.step(rules):
            return steps
    return None


def proofs(prelude: str, statement: str) -> Iterator[str]:
    """Yield proofs of a goal about the machine of `prelude`; nothing when there is none."""
    if not table(prelude):
        return
    goal = statement.partition(":")[2].strip() if statement.startswith(("(", ":")) else statement
    if re.match(r"\(?\s*\(?\w+\s*:\s*Nat\)?", statement) and "halted" in goal:
        yield from _endless(prelude, statement)
        return
    steps = halting_steps(prelude)
    if "∃" in goal and steps is not None:
        yield f"exact ⟨{steps}, by decide⟩" if steps < 60 else f"exact ⟨{steps}, by decide +kernel⟩"
        yield f"exact ⟨{steps}, by rfl⟩"
        yield f"exact ⟨{steps}, by decide +kernel⟩"
    yield "decide +kernel"
    yield "rfl"
    yield "refine ⟨?_, ?_⟩ <;> decide +kernel"


def _endless(prelude: str, statement: str) -> Iterator[str]:
    """Prove that a machine never halts: its configurations repeat, or it sweeps over blank tape."""
    name = re.search(r"\(?\s*(\w+)\s*:\s*Nat", statement)
    found = _RUN.search(statement)
    if name is None or found is None:
        return
    machine, start = found[1], found[3]
    rules, tape = table(prelude), Tape()
    seen = [tape.lean()]
    for _ in range(PERIODS):
        if not tape.step(rules):
            return
        if tape.lean() in seen:
            yield from _cycle(seen, name[1], machine, start)
            return
        seen.append(tape.lean())
    yield from _sweep(rules, name[1], machine, start)


def _cycle(seen: list[str], k: str, machine: str, start: str) -> Iterator[str]:
    """The configurations repeat: every run ends in one of them, and none of them has halted."""
    options = " ∨ ".join(f"c = {c}" for c in seen)
    yield "\n".join(
        [
            f"have inv : ∀ (k : Nat) (c : Cfg), ({options}) → halted {machine} (run {machine} k c) = false := by",
            "  intro k",
            "  induction k with",
            "  | zero =>",
            "    intro c h",
            f"    {_split(len(seen))} <;> subst h <;> decide",
            "  | succ n ih =>",
            "    intro c h",
            f"    {_split(len(seen))} <;> subst h <;> (apply ih; decide)",
            f"exact inv {k} {start} (by decide)",
        ]
    )
    yield "\n".join(
        [
            f"have inv : ∀ (k : Nat) (c : Cfg), ({options}) → halted {machine} (run {machine} k c) = false := by",
            "  intro k",
            "  induction k with",
            f"  | zero => intro c h; {_split(len(seen))} <;> subst h <;> rfl",
            "  | succ n ih =>",
            "    intro c h",
            f"    {_split(len(seen))} <;> subst h",
            f"    all_goals first | exact ih _ (by simp [Cfg.next, {machine}])"
            " | (simp only [run]; exact ih _ (by simp))",
            f"exact inv {k} {start} (by simp [{start}])",
        ]
    )


def _split(count: int) -> str:
    return f"rcases h with {' | '.join(['h'] * count)}" if count > 1 else "skip"


def _sweep(
    rules: dict[tuple[int, int], tuple[int, str, int]], k: str, machine: str, start: str
) -> Iterator[str]:
    """The head runs into blank tape for ever: the states on blanks repeat, all in one direction."""
    for direction, blank in (("R", "right"), ("L", "left")):
        states: list[int] = []
        at = 0
        while at not in states and rules.get((at, 0), (0, "", 0))[1] == direction:
            states.append(at)
            at = rules[(at, 0)][2]
        if at not in states:
            continue
        options = " ∨ ".join(f"c.q = {q}" for q in states)
        facts = f"c.head = 0 ∧ c.{blank} = []"
        yield "\n".join(
            [
                f"have inv : ∀ (k : Nat) (c : Cfg), ({options}) → {facts} →"
                f" halted {machine} (run {machine} k c) = false := by",
                "  intro k",
                "  induction k with",
                "  | zero =>",
                "    intro c h hb",
                "    obtain ⟨hh, hr⟩ := hb",
                f"    {_split(len(states))} <;> simp [run, halted, {machine}, h, hh]",
                "  | succ n ih =>",
                "    intro c h hb",
                "    obtain ⟨hh, hr⟩ := hb",
                f"    {_split(len(states))} <;> simp only [run, Cfg.next, {machine}, h, hh, hr]"
                " <;> apply ih <;> simp",
                f"exact inv {k} {start} (by simp [{start}]) (by simp [{start}])",
            ]
        )
