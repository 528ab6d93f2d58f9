"""RESAMPLE: keep the beginning of the best text up to a boundary that the domain names, and ask for another rest.

Idea: Dharwada and others, *Query Rewriting via LLMs* (LITHE, 2025), who branch where a token was unlikely. So does this
in an answer whose endpoint told the probabilities of its tokens; everywhere else the boundaries of clauses stand for
them: the one asked least comes next, and among equals the one whose answers were worth most.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from proofsmith.planners.best_of import Plan, render
from proofsmith.planners.prompts import fill
from proofsmith.planners.stepwise import Stepwise
from proofsmith.planners.value import value_of
from proofsmith.tools.fences import fenced
from proofsmith.types import Candidate, Move, Outcome, Reply

ASKED = 2
"""Answers a boundary: the branching of the published search."""
CALLS = 24
MOST_BOUNDARIES = 8
KIND = "resample"


@dataclass(slots=True)
class _State:
    """Everything that changes; plain JSON."""

    calls: int = 0
    best: str = ""
    """Id of the version that is cut; empty for the original."""
    files: dict[str, str] = field(default_factory=dict)
    gain: float = 1.0
    worth: dict[str, list[float]] = field(default_factory=dict)
    """Values of the answers by boundary of the version that is cut."""
    asked: dict[str, int] = field(default_factory=dict)
    flying: dict[str, list[str]] = field(default_factory=dict)
    """Version and boundary of each move in flight."""
    doubts: list[str] = field(default_factory=list)
    """Places of unlikely tokens in the version that is cut, as `file:offset`."""
    silent: bool = False


class Resample(Stepwise[_State]):
    """Cuts the best version at its boundaries; pure, so equal outcomes give equal moves."""

    def __init__(self, plan: Plan) -> None:
        """Start with the original."""
        self._plan = plan
        self._state = _State(files=dict(plan.files))

    @property
    def finished(self) -> bool:
        """True when every boundary of the best version was asked often enough."""
        state = self._state
        return state.silent or state.calls >= CALLS or not self._open()

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Learn what another rest was worth."""
        state = self._state
        version, boundary = state.flying.pop(move.id)
        if outcome is None:
            state.silent = state.silent or reply is None
            return
        if version == state.best:
            worth = value_of(outcome, self._plan.required).scalar
            state.worth.setdefault(boundary, []).append(worth)
        if self._better(outcome):
            self._cut(outcome.candidate, outcome.gain)
            self._state.doubts = _doubts(reply, self._state.files, self._plan.boundaries)

    def _next(self) -> Move:
        return self._move(self._open()[0])

    def see(self, outcome: Outcome) -> None:
        """Cut a right candidate from now on when it is better than the one so far."""
        if self._better(outcome):
            self._cut(outcome.candidate, outcome.gain)

    def _better(self, outcome: Outcome) -> bool:
        right = outcome.verdict.status.at_least(self._plan.required)
        return right and outcome.gain > self._state.gain

    def _cut(self, candidate: Candidate, gain: float) -> None:
        state = self._state
        state.best, state.gain = candidate.id, gain
        state.files = dict(candidate.files)
        state.worth, state.asked, state.doubts = {}, {}, []

    def _open(self) -> list[str]:
        """Return the boundaries that may be asked again, as `file:offset`, the next one first."""
        state = self._state
        found = state.doubts or [
            f"{name}:{place}"
            for name, pattern in sorted(self._plan.boundaries.items())
            for place in boundaries(state.files.get(name, ""), pattern)
        ]
        left = [item for item in found if state.asked.get(item, 0) < ASKED]
        return sorted(left, key=lambda item: (state.asked.get(item, 0), -self._mean(item)))

    def _mean(self, boundary: str) -> float:
        return fmean(self._state.worth.get(boundary) or [0.0])

    def _move(self, boundary: str) -> Move:
        state = self._state
        state.calls += 1
        state.asked[boundary] = state.asked.get(boundary, 0) + 1
        name, _, place = boundary.rpartition(":")
        prompt = fill(
            "resample",
            brief=self._plan.brief,
            code=render(state.files),
            gain=f"{state.gain:.2f}",
            file=name,
            start=fenced(state.files[name][: int(place)].rstrip()),
        )
        number = state.calls
        parents = (state.best,) if state.best else ()
        move = Move(
            id=f"{KIND}-{number}",
            kind=KIND,
            prompt=prompt,
            parents=parents,
            sample=number,
            doubts=True,
        )
        state.flying[move.id] = [state.best, boundary]
        return move


def _doubts(
    reply: Reply | None, files: Mapping[str, str], patterns: Mapping[str, str]
) -> list[str]:
    """Return where the reply's unlikely tokens stand in the files that it holds, few and spread like boundaries."""
    found = []
    for name in sorted(patterns):
        start = reply.text.find(files.get(name, "").strip()) if reply and files.get(name) else -1
        for offset in reply.doubts if reply and start >= 0 else ():
            place = offset - start + len(files[name]) - len(files[name].lstrip())
            if 0 < place < len(files[name].rstrip()):
                found.append(f"{name}:{place}")
    step = -(-len(found) // MOST_BOUNDARIES) or 1
    return found[::step]


def boundaries(text: str, pattern: str) -> list[int]:
    """Return offsets at which `text` may be cut, at most MOST_BOUNDARIES spread over it; never its beginning.

    >>> boundaries("SELECT a FROM t WHERE b", r"SELECT|FROM|WHERE")
    [9, 16]
    """
    found = [match.start() for match in re.finditer(pattern, text) if text[: match.start()].strip()]
    step = -(-len(found) // MOST_BOUNDARIES) or 1
    return found[::step]
