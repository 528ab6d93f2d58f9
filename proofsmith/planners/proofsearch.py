"""Proof search: whole proofs repaired from errors, a sketch of sub-goals, and best-first steps over open goals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proofsmith.planners.best_of import RULE, Plan, render
from proofsmith.planners.prompts import fill
from proofsmith.planners.stepwise import Stepwise
from proofsmith.tools.feedback import clip
from proofsmith.types import Move, Outcome, Reply, digest

GOALS_CHARS = 6000
TRIED_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """How effort is split."""

    calls: int = 200
    """Most model moves."""
    whole: int = 2
    """Whole-proof attempts before the first sketch; later ones come every `cycle` moves."""
    repairs: int = 2
    """Repairs in a row of one whole proof."""
    sketches: int = 2
    """Attempts to split the statement into sub-goals."""
    cycle: int = 6
    expansions: int = 4
    """Model steps tried on one set of open goals."""


@dataclass(slots=True)
class _State:
    """Everything that changes; plain JSON."""

    serial: int = 0
    calls: int = 0
    whole: int = 0
    sketches: int = 0
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Checked partial proofs by candidate id: files, goals, depth, tries, notes, rules asked, exhausted."""
    goals_seen: list[str] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    depths: dict[str, int] = field(default_factory=dict)
    feedback: str = ""
    solved: bool = False
    silent: bool = False


BASE = ""


class ProofSearch(Stepwise[_State]):
    """Best-first search whose nodes are checked partial proofs; pure."""

    def __init__(self, plan: Plan, proving: Proving | None = None) -> None:
        """Start from the statement alone; rules may apply their tactics to it and to every partial proof."""
        self._plan, self._how = plan, proving or Proving()
        self._state = _State()
        self._state.nodes[BASE] = _node(dict(plan.files), [], depth=0)

    @property
    def finished(self) -> bool:
        """True when it is proved, or nothing is left to try."""
        return self._state.solved

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Keep a checked partial proof as a node, queue a failed whole proof for repair, stop on a proof."""
        state = self._state
        depth = state.depths.pop(move.id, 0)
        parent = state.nodes.get(move.parents[0] if move.parents else BASE)
        if outcome is None:
            if move.kind == RULE and parent is not None:
                parent["exhausted"] = True
            elif reply is None and move.kind != RULE:
                state.silent = True
            return
        verdict = outcome.verdict
        if verdict.status.at_least(self._plan.required):
            state.solved = True
        elif outcome.states:
            self._keep(outcome, parent)
        else:
            self._refuted(move, outcome, depth, parent)

    def _keep(self, outcome: Outcome, parent: dict[str, Any] | None) -> None:
        """Add a node unless its open goals were reached before: then it is the same position."""
        goals = list(outcome.states)
        mark = digest(*sorted(goals))[:16]
        if mark in self._state.goals_seen:
            return
        self._state.goals_seen.append(mark)
        depth = parent["depth"] + 1 if parent else 1
        files = dict(outcome.candidate.files)
        self._state.nodes[outcome.candidate.id] = _node(files, goals, depth=depth)

    def _refuted(
        self, move: Move, outcome: Outcome, depth: int, parent: dict[str, Any] | None
    ) -> None:
        feedback = outcome.verdict.feedback
        if move.kind in ("prove", "repair", "decompose"):
            self._state.feedback = feedback
            if depth < self._how.repairs:
                code = render(outcome.candidate.files)
                self._state.broken.append({"code": code, "feedback": feedback, "depth": depth + 1})
        elif parent is not None and move.kind == "tactic":
            parent["notes"] = [*parent["notes"], clip(feedback, 400)][-TRIED_SHOWN:]

    def _open(self) -> list[str]:
        """Return partial proofs with open goals, best first: few goals, little tried, small, shallow."""
        nodes = self._state.nodes
        found = [n for n in nodes if n != BASE and nodes[n]["tries"] < self._how.expansions]
        return sorted(found, key=lambda n: (_cost(nodes[n]), n))

    def _next(self) -> Move | None:
        makers = (self._rule_move, self._model_move)
        first = self._state.serial % 2
        move = makers[first]() or makers[1 - first]()
        self._state.serial += move is not None
        return move

    def _rule_move(self) -> Move | None:
        """Let the domain's tactics try the best node that they have not given up on."""
        if not self._plan.rules:
            return None
        nodes = self._state.nodes
        open_ = [n for n in (BASE, *self._open()) if not nodes[n]["exhausted"]]
        if not open_:
            return None
        best = min(open_, key=lambda n: (nodes[n]["asked"] + _cost(nodes[n]), n))
        nodes[best]["asked"] += 1
        tag = f"{best or 'base'}-{nodes[best]['asked']}"
        return Move(id=f"rule-{tag}", kind=RULE, parents=(best,) if best else ())

    def _model_move(self) -> Move | None:
        state, how = self._state, self._how
        if not self._plan.model or state.silent or state.calls >= how.calls:
            return None
        state.calls += 1
        if state.broken:
            return self._repair(state.broken.pop())
        open_ = self._open()
        early = state.whole < how.whole
        if early or not (open_ or state.sketches < how.sketches) or state.calls % how.cycle == 0:
            state.whole += 1
            prompt = fill("prove", brief=self._plan.brief, code=render(self._plan.files))
            return self._move("prove", prompt)
        if state.sketches < how.sketches and (not open_ or state.sketches == 0):
            return self._sketch()
        return self._step(open_[0])

    def _repair(self, wrong: Mapping[str, Any]) -> Move:
        prompt = fill(
            "repair", brief=self._plan.brief, code=wrong["code"], feedback=wrong["feedback"]
        )
        return self._move("repair", prompt, depth=wrong["depth"])

    def _sketch(self) -> Move:
        self._state.sketches += 1
        prompt = fill(
            "decompose",
            brief=self._plan.brief,
            code=render(self._plan.files),
            feedback=clip(self._state.feedback, GOALS_CHARS) or "nothing was tried yet",
        )
        return self._move("decompose", prompt)

    def _step(self, name: str) -> Move:
        node = self._state.nodes[name]
        node["tries"] += 1
        prompt = fill(
            "tactic",
            brief=self._plan.brief,
            code=render(node["files"]),
            goals=clip("\n\n".join(node["goals"]), GOALS_CHARS),
            tried="\n".join(f"- {note}" for note in node["notes"]) or "none",
        )
        return self._move("tactic", prompt, parents=(name,))

    def _move(
        self, kind: str, prompt: str, *, parents: tuple[str, ...] = (), depth: int = 0
    ) -> Move:
        number = self._state.calls
        move = Move(id=f"{kind}-{number}", kind=kind, prompt=prompt, parents=parents, sample=number)
        self._state.depths[move.id] = depth
        return move


def _node(files: dict[str, str], goals: list[str], *, depth: int) -> dict[str, Any]:
    return {
        "files": files,
        "goals": goals,
        "size": sum(len(goal) for goal in goals),
        "depth": depth,
        "tries": 0,
        "asked": 0,
        "notes": [],
        "exhausted": False,
    }


def _cost(node: Mapping[str, Any]) -> float:
    """Return how far a node seems from a proof: goals left, tries spent on them, their size, depth."""
    goals, tries = len(node["goals"]), int(node["tries"])
    return goals + 0.5 * tries + int(node["size"]) / 2000 + 0.05 * int(node["depth"])
