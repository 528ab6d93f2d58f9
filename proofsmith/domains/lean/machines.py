"""Goals about a machine that halts: simulated here, then proved by letting the kernel run it.

A machine is recognised by its table `q, s => some (w, .R, q')` in the text before the statement, whatever it is called.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

STEPS = 200_000
"""Steps after which a machine is taken to run on."""
_ROW = re.compile(
    r"\|\s*(\d+)\s*,\s*(\d+)\s*=>\s*some\s*\(\s*(\d+)\s*,\s*(?:\w+)?\.(L|R)\s*,\s*(\d+)\s*\)"
)


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
    """Yield proofs of a goal about the machine of `prelude`; nothing when there is none or it runs on."""
    if not table(prelude):
        return
    goal = statement.partition(":")[2].strip() if statement.startswith(("(", ":")) else statement
    steps = halting_steps(prelude)
    if steps is None:
        return
    if "∃" in goal and steps is not None:
        yield f"exact ⟨{steps}, by decide⟩" if steps < 60 else f"exact ⟨{steps}, by decide +kernel⟩"
        yield f"exact ⟨{steps}, by rfl⟩"
        yield f"exact ⟨{steps}, by decide +kernel⟩"
    yield "decide +kernel"
    yield "rfl"
    yield "refine ⟨?_, ?_⟩ <;> decide +kernel"
