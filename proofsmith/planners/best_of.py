"""Independent samples beside rule moves, repaired from feedback and restarted from the best: the control strategy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proofsmith.planners.prompts import fill
from proofsmith.planners.stepwise import Stepwise
from proofsmith.tools.fences import fenced
from proofsmith.types import Candidate, Move, Outcome, Reply, Status

RULE = "rule"
PROBE = "probe"
"""Kind of a move whose prompt is an input that the domain runs through the candidate in its parents."""
BASE = ""
"""Key of the original among the sources of rule moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the strategy works on and how far it goes; fixed for a run."""

    brief: str
    """What a model must know about the problem."""
    files: Mapping[str, str]
    probe: str = ""
    """How an input is stated that the domain can run; empty when it cannot."""
    boundaries: Mapping[str, str] = field(default_factory=dict)
    """By file, a regular expression of where its text may be cut and written anew; none for domains without."""
    required: Status = Status.TESTED
    solving: bool = False
    """True when the first right answer ends the search; False when the best one is wanted."""
    model: bool = False
    rules: bool = True
    tokens: int | None = None
    """Cap of the whole run, None without one; `attempts` likewise."""
    attempts: int | None = None
    samples: int = 64
    """Most model moves of a run."""
    repairs: int = 2
    """Most repairs in a row of one wrong candidate."""
    patience: int = 60
    """Finished attempts in a row without a better one that end the search."""
    opening: int = 6
    """Rule moves on the original before the best parents take turns."""
    head_start: int = 2
    """Results of rules that the model waits for: they tell settings under which its code should be judged."""
    beam: int = 3
    """Best verified candidates that rules and the model start from."""


@dataclass(slots=True)
class _State:
    """Everything that changes; plain JSON when dumped."""

    serial: int = 0
    model_moves: int = 0
    asked: dict[str, int] = field(default_factory=lambda: {BASE: 0})
    exhausted: list[str] = field(default_factory=list)
    gains: dict[str, float] = field(default_factory=dict)
    """Lower bound of the ratio by id of each right candidate."""
    plain: str = BASE
    """The best candidate that changes nothing but settings: where fresh model moves start from."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """Files of the candidates that a prompt may still need."""
    reached: dict[str, str] = field(default_factory=dict)
    """How the better candidates were made, and their settings, in words."""
    broken: list[dict[str, Any]] = field(default_factory=list)
    """Wrong model candidates that wait for a repair: id, feedback, depth."""
    depths: dict[str, int] = field(default_factory=dict)
    """How many repairs led to the reply of a move in flight."""
    seen: list[str] = field(default_factory=list)
    stale: int = 0
    solved: bool = False
    silent: bool = False
    """True once a model move came back without a reply."""


class BestOf(Stepwise[_State]):
    """Ask rules and the model in turn; pure, so equal outcomes give equal moves."""

    def __init__(self, plan: Plan) -> None:
        """Start with nothing tried."""
        self._plan = plan
        self._state = _State()

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Learn what came of `move`."""
        state = self._state
        depth = state.depths.pop(move.id, 0)
        if outcome is None:
            if move.kind == RULE:
                state.exhausted.append(_source(move))
            elif reply is None:
                state.silent = True
            else:
                state.stale += 1
            return
        self._learn(move, outcome, depth)

    def _learn(self, move: Move, outcome: Outcome, depth: int) -> None:
        state, candidate = self._state, outcome.candidate
        best = max(state.gains.values(), default=1.0)
        state.stale += 1
        if candidate.id in state.seen:
            return
        state.seen.append(candidate.id)
        if outcome.verdict.status.at_least(self._plan.required):
            state.solved = True
            if outcome.gain > best:
                state.stale = 0
            self._keep(outcome)
        elif move.kind != RULE and depth < self._plan.repairs and outcome.verdict.feedback:
            state.codes[candidate.id] = dict(candidate.files)
            state.broken.append(
                {"id": candidate.id, "feedback": outcome.verdict.feedback, "depth": depth + 1}
            )

    def _keep(self, outcome: Outcome) -> None:
        """Let later moves start from a right candidate that is better than the original."""
        state, candidate, low = self._state, outcome.candidate, outcome.gain
        if low <= 1.0:
            return
        state.gains[candidate.id] = low
        state.codes[candidate.id] = dict(candidate.files)
        state.reached[candidate.id] = reached(candidate)
        if candidate.files == self._plan.files and low > state.gains.get(state.plain, 0.0):
            state.plain = candidate.id

    @property
    def plain(self) -> str:
        """Id of the best candidate that changes nothing but settings; empty when none is better than the original."""
        return self._state.plain

    def see(self, outcome: Outcome) -> None:
        """Take a right candidate of another strategy as a further start; give up one that was refuted since."""
        state = self._state
        if not outcome.verdict.status.at_least(self._plan.required):
            state.gains.pop(outcome.candidate.id, None)
            state.plain = BASE if state.plain == outcome.candidate.id else state.plain
        if outcome.candidate.id in state.seen:
            return
        state.seen.append(outcome.candidate.id)
        if outcome.verdict.status.at_least(self._plan.required):
            if outcome.gain > max(state.gains.values(), default=1.0):
                state.stale = 0
            self._keep(outcome)

    @property
    def finished(self) -> bool:
        """True when no further move will come."""
        state = self._state
        return state.stale >= self._plan.patience or (self._plan.solving and state.solved)

    def _next(self) -> Move | None:
        makers = (self._model_move, self._rule_move)
        first = self._state.serial % 2
        move = makers[first]() or makers[1 - first]()
        if move is not None:
            self._state.serial += 1
        return move

    def _beam(self) -> list[str]:
        """Return the ids of the best right candidates, best first; equal ones in order of arrival."""
        gains = self._state.gains
        return sorted(gains, key=lambda name: -gains[name])[: self._plan.beam]

    def _rule_move(self) -> Move | None:
        """Take the next rule on the source that is furthest behind its share: the best weighs most."""
        state, beam = self._state, self._beam()
        if not self._plan.rules:
            return None
        if state.asked[BASE] < self._plan.opening and BASE not in state.exhausted:
            source = BASE
        else:
            weights = {BASE: 2.0} | {name: 3.0 if name == beam[0] else 1.0 for name in beam}
            open_ = [name for name in weights if name not in state.exhausted]
            if not open_:
                return None
            source = min(open_, key=lambda name: state.asked.get(name, 0) / weights[name])
        state.asked[source] = state.asked.get(source, 0) + 1
        parents = (source,) if source else ()
        tag = f"{source or 'base'}-{state.asked[source]}"
        return Move(id=f"rule-{tag}", kind=RULE, parents=parents)

    def _model_move(self) -> Move | None:
        state, plan = self._state, self._plan
        if not plan.model or state.silent or state.model_moves >= plan.samples:
            return None
        if self._rules_first():
            return None
        state.model_moves += 1
        number = state.model_moves
        beam = self._beam()
        if state.broken:
            return self._repair(number, state.broken.pop())
        if beam and number % 2 == 0:
            parent = beam[(number // 2 - 1) % len(beam)]
            prompt = fill(
                "improve",
                brief=plan.brief,
                code=render(state.codes[parent]),
                gain=f"{state.gains[parent]:.2f}",
                reached=state.reached.get(parent, "unknown"),
            )
            return _sample("improve", number, prompt, (parent,))
        kind = "solve" if plan.solving else "optimize"
        prompt = fill(kind, brief=self._brief(), code=render(plan.files))
        return _sample(kind, number, prompt, (state.plain,) if state.plain else ())

    def _brief(self) -> str:
        """Return the brief, with what is to be beaten once there is something."""
        state, beam = self._state, self._beam()
        if not beam:
            return self._plan.brief
        gain = f"at least {state.gains[beam[0]]:.2f} times as good as the original"
        return f"{self._plan.brief}\n\n# Best so far\nA verified version is {gain}; only a better one counts."

    def _rules_first(self) -> bool:
        plan, state = self._plan, self._state
        waiting = plan.rules and not plan.solving and BASE not in state.exhausted
        return waiting and len(state.seen) < plan.head_start

    def _repair(self, number: int, wrong: Mapping[str, Any]) -> Move:
        parent = wrong["id"]
        prompt = fill(
            "repair",
            brief=self._plan.brief,
            code=render(self._state.codes.pop(parent)),
            feedback=wrong["feedback"],
        )
        move = _sample("repair", number, prompt, (parent,))
        self._state.depths[move.id] = wrong["depth"]
        return move


def render(files: Mapping[str, str]) -> str:
    """Write files as a prompt shows them: a heading with the path, then a fenced block.

    >>> print(render({"k.c": "int f;"}))
    ### k.c
    ```
    int f;
    ```
    """
    return "\n".join(f"### {name}\n{fenced(files[name])}" for name in sorted(files))


def reached(candidate: Candidate) -> str:
    """Say what made a candidate, and under which settings it was judged.

    >>> reached(Candidate(files={}, settings={"cflags": ["-O3"]}, move="rule:interchange(i,k)"))
    'rule:interchange(i,k); judged with cflags -O3'
    """
    settings = ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in candidate.settings.items()
    )
    made_by = candidate.move if candidate.move.startswith(RULE) else "a version that you wrote"
    return f"{made_by}; judged with {settings}" if settings else made_by


def _sample(kind: str, number: int, prompt: str, parents: tuple[str, ...]) -> Move:
    """Return a model move whose id and sample index are its number, so equal prompts stay apart."""
    return Move(id=f"{kind}-{number}", kind=kind, prompt=prompt, parents=parents, sample=number)


def _source(move: Move) -> str:
    return move.parents[0] if move.parents else BASE
