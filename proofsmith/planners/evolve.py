"""Quality diversity: an archive of the best right candidate per kind of solution, and moves that fill and mix it."""

import itertools
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proofsmith.planners.best_of import RULE, Plan, render
from proofsmith.planners.edits import combined, compatible, edits
from proofsmith.planners.prompts import fill
from proofsmith.planners.stepwise import Stepwise
from proofsmith.types import Move, Outcome, Reply, digest

Cell = tuple[str, ...]
Describe = Callable[[Outcome], Cell]
"""Name the kind of solution that an outcome is, e.g. what bounds it and which patterns it uses."""
PATTERNS = 3
"""Most patterns in the name of a cell."""


def kind_of(outcome: Outcome) -> Cell:
    """Name a cell by the fact `bound` (roofline class) of what was measured or judged, and the set of patterns applied.

    Patterns are the fact `patterns`, else the names of the rules in the candidate's move: `rule:tile(i,32)` is `tile`.
    """
    bound, patterns = "unknown", set[str]()
    shown = [evidence.facts for evidence in outcome.verdict.evidence]
    for facts in (*shown, *(comparison.host for comparison in outcome.comparisons[:1])):
        found = facts.get("bound")
        bound = found if isinstance(found, str) else bound
        listed = facts.get("patterns")
        patterns |= {str(name) for name in listed} if isinstance(listed, list) else set()
    if not patterns:
        parts = outcome.candidate.move.removeprefix("rule:").split("+")
        patterns = {re.split(r"[^a-z_]", part)[0] for part in parts if part}
    return (bound, *sorted(patterns)[:PATTERNS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Breeding:
    """How the archive is used."""

    opening: int = 6
    """Moves on the original before elites take turns."""
    calls: int = 200
    """Most model moves."""
    patience: int = 60
    """Outcomes in a row that change no cell and end the search."""
    crossover: float = 0.25
    """Share of model moves that combine two elites, once there are two that fit."""


@dataclass(slots=True)
class _State:
    """Everything that changes; plain JSON."""

    serial: int = 0
    calls: int = 0
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Elite by cell name: id, files, low and high of its gain, picks, wins."""
    asked: dict[str, int] = field(default_factory=lambda: {"": 0})
    exhausted: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    parents: dict[str, list[str]] = field(default_factory=dict)
    """Cells that a move in flight starts from."""
    stale: int = 0
    silent: bool = False


class Evolve(Stepwise[_State]):
    """MAP-Elites over measured candidates; pure and seeded."""

    def __init__(
        self,
        plan: Plan,
        breeding: Breeding | None = None,
        *,
        describe: Describe = kind_of,
        seed: int = 0,
    ) -> None:
        """Start with an empty archive."""
        self._plan, self._how, self._describe, self._seed = (
            plan,
            breeding or Breeding(),
            describe,
            seed,
        )
        self._state = _State()

    @property
    def elites(self) -> Mapping[str, tuple[float, float]]:
        """Interval of the measured gain by cell name."""
        return {name: (elite["low"], elite["high"]) for name, elite in self._state.cells.items()}

    @property
    def finished(self) -> bool:
        """True when no further move will come."""
        return self._state.stale >= self._how.patience

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Put a right candidate into its cell when it is better than the elite there."""
        state = self._state
        origins = state.parents.pop(move.id, [])
        if outcome is None:
            if move.kind == RULE:
                state.exhausted.append(move.parents[0] if move.parents else "")
            elif reply is None:
                state.silent = True
            state.stale += move.kind != RULE
            return
        won = self._enter(outcome)
        for origin in origins:
            if won and origin in state.cells:
                state.cells[origin]["wins"] += 1
        state.stale = 0 if won else state.stale + 1

    def see(self, outcome: Outcome) -> None:
        """Let a candidate of another strategy compete for its cell; one that was refuted since leaves it."""
        if not outcome.verdict.status.at_least(self._plan.required):
            held = [n for n, e in self._state.cells.items() if e["id"] == outcome.candidate.id]
            for name in held:
                del self._state.cells[name]
        if self._enter(outcome):
            self._state.stale = 0

    def _enter(self, outcome: Outcome) -> bool:
        if not outcome.verdict.status.at_least(self._plan.required) or outcome.gain <= 0:
            return False
        name, low = "/".join(self._describe(outcome)), outcome.gain
        high = outcome.comparisons[0].high if outcome.comparisons else None
        elite = self._state.cells.get(name)
        if elite is not None and low <= elite["low"]:
            return False
        picks, wins = (elite["picks"], elite["wins"]) if elite else (0, 0)
        self._state.cells[name] = {
            "id": outcome.candidate.id,
            "files": dict(outcome.candidate.files),
            "low": low,
            "high": high or low,
            "picks": picks,
            "wins": wins,
        }
        return True

    def _next(self) -> Move | None:
        makers = (self._rule_move, self._model_move)
        first = self._state.serial % 2
        move = makers[first]() or makers[1 - first]()
        if move is not None:
            self._state.serial += 1
        return move

    def _parent(self, open_: Sequence[str]) -> str:
        """Pick a cell by the upper end of its measured interval and by how often moves from it filled a cell."""
        total = 1 + sum(self._state.cells[name]["picks"] for name in open_)

        def appeal(name: str) -> float:
            elite = self._state.cells[name]
            success = (elite["wins"] + 1) / (elite["picks"] + 2)
            bonus = math.sqrt(math.log(total + 1) / (elite["picks"] + 1))
            return float(math.log2(max(elite["high"], 1.0)) + success + 0.5 * bonus)

        return max(open_, key=lambda name: (appeal(name), name))

    def _rule_move(self) -> Move | None:
        state, how = self._state, self._how
        if not self._plan.rules:
            return None
        open_ = [n for n, e in state.cells.items() if e["id"] not in state.exhausted]
        base_open = "" not in state.exhausted
        if base_open and (state.asked[""] < how.opening or not open_ or state.serial % 8 == 0):
            parent, origins = "", []
        elif open_:
            name = self._parent(open_)
            state.cells[name]["picks"] += 1
            parent, origins = state.cells[name]["id"], [name]
        else:
            return None
        state.asked[parent] = state.asked.get(parent, 0) + 1
        move = Move(
            id=f"rule-{parent or 'base'}-{state.asked[parent]}",
            kind=RULE,
            parents=(parent,) if parent else (),
        )
        state.parents[move.id] = origins
        return move

    def _model_move(self) -> Move | None:
        state, plan = self._state, self._plan
        if not plan.model or state.silent or state.calls >= self._how.calls:
            return None
        state.calls += 1
        if not state.cells:
            prompt = fill("optimize", brief=plan.brief, code=render(plan.files))
            return self._sample("optimize", prompt, [])
        pair = self._pair() if self._rng().random() < self._how.crossover else None
        if pair is not None:
            return self._crossover(*pair)
        name = self._parent(list(state.cells))
        elite = state.cells[name]
        elite["picks"] += 1
        kind = "improve" if state.calls % 2 else "explore"
        values = {
            "code": render(elite["files"]),
            "gain": f"{elite['low']:.2f}",
            "reached": name,
        }
        if kind == "explore":
            values["cells"] = "\n".join(f"- {n}: {_interval(e)}" for n, e in state.cells.items())
        return self._sample(kind, fill(kind, brief=plan.brief, **values), [name])

    def _pair(self) -> tuple[str, str] | None:
        """Return the two elites with the largest joint gain that were not crossed yet, those that fit first."""
        state, base = self._state, self._plan.files
        top = sorted(state.cells, key=lambda n: (-state.cells[n]["low"], n))[:6]
        changes = {name: edits(base, state.cells[name]["files"]) for name in top}
        pairs = [
            (compatible(changes[a], changes[b]), a, b)
            for a, b in itertools.combinations(top, 2)
            if self._pair_mark(a, b) not in state.crossed
        ]
        if not pairs:
            return None
        _, one, other = max(
            pairs, key=lambda p: (p[0], state.cells[p[1]]["low"] * state.cells[p[2]]["low"])
        )
        state.crossed.append(self._pair_mark(one, other))
        return one, other

    def _pair_mark(self, one: str, other: str) -> str:
        return "+".join(sorted((self._state.cells[one]["id"], self._state.cells[other]["id"])))

    def _crossover(self, one: str, other: str) -> Move:
        a, b, base = self._state.cells[one], self._state.cells[other], self._plan.files
        first, second = edits(base, a["files"]), edits(base, b["files"])
        overlap = "They touch the same lines, so choose with care."
        if compatible(first, second):
            merged = render(combined(base, first, second))
            overlap = f"They touch different lines; applied together they read:\n{merged}\n"
        prompt = fill(
            "crossover",
            brief=self._plan.brief,
            code=render(base),
            one=render(a["files"]),
            two=render(b["files"]),
            gain_one=_interval(a),
            gain_two=_interval(b),
            overlap=overlap,
        )
        a["picks"] += 1
        b["picks"] += 1
        return self._sample("crossover", prompt, [one, other])

    def _sample(self, kind: str, prompt: str, origins: list[str]) -> Move:
        ids = tuple(self._state.cells[name]["id"] for name in origins)
        number = self._state.calls
        move = Move(id=f"{kind}-{number}", kind=kind, prompt=prompt, parents=ids, sample=number)
        self._state.parents[move.id] = origins
        return move

    def _rng(self) -> random.Random:
        return random.Random(digest(str(self._seed), str(self._state.serial)))


def _interval(elite: Mapping[str, Any]) -> str:
    """Say between what the gain of an elite was measured to lie."""
    return f"{elite['low']:.2f} to {elite['high']:.2f} times"
