"""PLANSEARCH: search over observations and their combinations in natural language, then plan, then code."""

import heapq
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from proofsmith.planners.best_of import PROBE, Plan, render
from proofsmith.planners.prompts import fill
from proofsmith.planners.replies import alike, fingerprint, items, read_object, stated, text_of
from proofsmith.planners.stepwise import Stepwise
from proofsmith.planners.value import behaviour, briefed, raised, value_of
from proofsmith.types import JSON, Move, Outcome, Reply, digest

Job = dict[str, Any]
"""A step to take: stage, combination, plan, and what earlier steps gave; plain JSON."""
DEPTH_FIRST = "implement", PROBE, "refute", "repair", "pseudocode", "criticise", "plan", "observe"
"""Stages in the order in which waiting steps are taken: programs exist as soon as possible."""
TEXT_TOKENS = 1200
RETIRED = 2
"""Refuted programs that retire what they rest on for the whole search, as long as there is something else."""
NO_OBSERVATION = "(none is given here: use what you see yourself)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How wide and deep the search is."""

    order: int = 2
    """Most observations in one combination."""
    layers: int = 2
    """Observations of observations of ..."""
    observations: int = 8
    """Most kept per expansion."""
    calls: int = 400
    """Most model calls."""
    fixes: int = 1
    """Repairs of one program that an executed counter-example has refuted."""
    patience: int = 48
    """Programs in a row without a new behaviour or a better value that end the search."""
    exhaustive: bool = False
    """The published procedure: every combination of every node, criticised, in pseudocode, then code; no repairs."""
    critic: bool = False
    """Ask for a counter-example to each plan. Where the domain can run it, the plan is coded as it is, and only a
    confirmed counter-example spends a repair; elsewhere the corrected plan is coded."""


@dataclass(slots=True)
class _State:
    """Everything that changes; plain JSON."""

    serial: int = 0
    calls: int = 0
    observations: list[str] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)
    worth: list[float] = field(default_factory=list)
    """Sum of the values of the programs that rest on each observation."""
    refuted: list[int] = field(default_factory=list)
    """Programs resting on each observation that an executed counter-example refuted."""
    combos: list[list[int]] = field(default_factory=list)
    """Combinations that plans were made from."""
    expanded: list[list[int]] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    """Best value per combination."""
    plans: list[str] = field(default_factory=list)
    queue: list[list[Any]] = field(default_factory=list)
    """Heap of [stage rank, serial, job]."""
    flying: dict[str, Job] = field(default_factory=dict)
    behaviours: list[str] = field(default_factory=list)
    best: float = 0.0
    stale: int = 0
    barren: int = 0
    """Expansions in a row that found nothing new."""
    bar: list[Any] = field(default_factory=lambda: [1.0, ""])
    """Gain of the best candidate that anyone made, and what to say of it."""
    solved: bool = False
    silent: bool = False


class PlanSearch(Stepwise[_State]):
    """Any-time PLANSEARCH: pure and seeded; `shape.exhaustive` gives the published procedure."""

    def __init__(self, plan: Plan, shape: Shape | None = None, *, seed: int = 0) -> None:
        """Start from the problem alone."""
        self._plan, self._shape, self._seed = plan, shape or Shape(), seed
        self._code = render(plan.files)
        self._state = _State()
        self._push({"stage": "observe", "combo": [], "layer": 0})

    @property
    def finished(self) -> bool:
        """True when no further move will come."""
        state, shape = self._state, self._shape
        spent = state.calls >= shape.calls or state.silent
        stale = state.stale >= shape.patience and not shape.exhaustive
        return spent or stale or (self._plan.solving and state.solved)

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Learn what came of `move` and queue what follows from it."""
        job = self._state.flying.pop(move.id)
        if reply is None and outcome is None and move.kind != PROBE:
            self._state.silent = True
        elif move.kind == PROBE:
            self._probed(job, outcome)
        elif move.kind in ("implement", "repair"):
            self._programmed(job, outcome)
        else:
            self._thought(job, read_object(reply.text if reply else ""))

    def see(self, outcome: Outcome) -> None:
        """Learn what is to be beaten from a candidate that another strategy asked for."""
        self._state.bar = raised(self._state.bar, outcome, self._plan.required)

    @property
    def _brief(self) -> str:
        """The problem's brief, with what is to be beaten."""
        return briefed(self._plan.brief, self._state.bar)

    def _next(self) -> Move | None:
        job = self._next_job()
        return None if job is None else self._move(job)

    def _next_job(self) -> Job | None:
        if self._state.queue:
            return heapq.heappop(self._state.queue)[2]  # type: ignore[no-any-return]
        if self._shape.exhaustive or (not self._state.observations and self._observing()):
            return None
        return self._grown()

    def _observing(self) -> bool:
        return any(job["stage"] == "observe" for job in self._state.flying.values())

    def _push(self, job: Job) -> None:
        self._state.serial += 1
        rank = DEPTH_FIRST.index(job["stage"])
        heapq.heappush(self._state.queue, [rank, self._state.serial, job])

    def _move(self, job: Job) -> Move:
        state, stage = self._state, job["stage"]
        state.serial += 1
        number = state.serial
        if stage != PROBE:
            state.calls += 1
        code = stage in ("implement", "repair")
        move = Move(
            id=f"{stage}-{number}",
            kind=stage,
            prompt=self._prompt(job),
            parents=tuple(job.get("parents", ())),
            sample=number,
            temperature=0.9,
            max_output_tokens=4096 if code else TEXT_TOKENS,
            answer="code" if code else "text",
        )
        state.flying[move.id] = job
        return move

    def _prompt(self, job: Job) -> str:
        stage, brief = job["stage"], self._brief
        given = self._listed(job["combo"])
        if stage == "observe":
            known = "\n".join(f"- {text}" for text in self._state.observations[-24:]) or "nothing"
            most = str(self._shape.observations)
            return fill(
                "observe", brief=brief, code=self._code, given=given, known=known, most=most
            )
        if stage == "plan":
            return fill("plan", brief=brief, code=self._code, given=given)
        if stage == "repair":
            return fill("repair", brief=brief, code=job["code"], feedback=job["feedback"])
        if stage == "refute":
            form = self._plan.probe
            return fill(
                "refute", brief=brief, code=self._code, program=job["code"], input_form=form
            )
        if stage == "implement":
            text = f"{given}\n\n{job['plan']}" if job["combo"] else job["plan"]
            return fill("implement", brief=brief, code=self._code, plan=text)
        if stage == PROBE:
            return str(job["input"])
        if stage == "criticise":
            form = self._plan.probe or "the smallest one, written out"
            return fill(stage, brief=brief, plan=job["plan"], input_form=form)
        return fill(stage, brief=brief, plan=job["plan"])

    def _listed(self, combo: Sequence[int]) -> str:
        return "\n".join(f"- {self._state.observations[n]}" for n in combo) or NO_OBSERVATION

    def _thought(self, job: Job, data: dict[str, JSON]) -> None:
        """Take the reply to a text step; an unreadable one is asked again once."""
        if not data and not job.get("again"):
            self._push({**job, "again": 1})
        elif job["stage"] == "observe":
            self._observed(job, data)
        elif job["stage"] == "plan":
            self._planned(job, text_of(data, "plan"))
        elif job["stage"] == "criticise":
            self._criticised(job, data)
        elif job["stage"] == "refute":
            self._put(job, stated(data, "input"))
        elif text_of(data, "plan"):
            self._push({**job, "stage": "implement", "plan": text_of(data, "plan"), "again": 0})

    def _observed(self, job: Job, data: dict[str, JSON]) -> None:
        state = self._state
        found: list[int] = []
        for item in items(data, "observations"):
            number = self._noted(text_of(item, "claim", "observation", "text"))
            if number is not None and len(found) < self._shape.observations:
                found.append(number)
        state.expanded.append(job["combo"])
        state.barren = 0 if found else state.barren + 1
        if self._shape.exhaustive:
            self._all_subsets(job, found)

    def _noted(self, text: str) -> int | None:
        """Keep a new observation and return its number; None when it is empty or known."""
        state, mark = self._state, fingerprint(text)
        if not mark or any(alike(mark, known) for known in state.prints):
            return None
        state.observations.append(text)
        state.prints.append(mark)
        state.uses.append(0)
        state.worth.append(0.0)
        state.refuted.append(0)
        return len(state.observations) - 1

    def _all_subsets(self, job: Job, found: list[int]) -> None:
        """Queue every combination of a node's own observations: 1 + n + C(n, 2) for order 2, shuffled."""
        sizes = range(self._shape.order + 1)
        combos = [list(c) for size in sizes for c in itertools.combinations(found, size)]
        self._rng().shuffle(combos)
        for combo in combos:
            if combo in self._state.combos:
                continue
            self._state.combos.append(combo)
            self._push({"stage": "plan", "combo": combo})
            if combo and job["layer"] + 1 < self._shape.layers:
                self._push({"stage": "observe", "combo": combo, "layer": job["layer"] + 1})

    def _planned(self, job: Job, plan: str) -> None:
        mark = fingerprint(plan)
        if not mark or mark in self._state.plans:
            return
        self._state.plans.append(mark)
        job = {**job, "plan": plan, "again": 0, "fixes": self._shape.fixes}
        if self._shape.exhaustive or self._shape.critic:
            self._push({**job, "stage": "criticise"})
        if self._shape.exhaustive:
            self._push({**job, "stage": "pseudocode"})
        elif not self._shape.critic:
            self._push({**job, "stage": "implement"})

    def _criticised(self, job: Job, data: dict[str, JSON]) -> None:
        """Follow a critic of a plan: its input is kept for the program where the domain can run it."""
        trial, fix = stated(data, "input"), text_of(data, "fix")
        if self._shape.exhaustive:
            if fix:
                self._push({**job, "stage": "pseudocode", "plan": fix})
        elif self._plan.probe:
            self._push({**job, "stage": "implement", "trial": trial})
        else:
            self._push({**job, "stage": "implement", "plan": fix if trial and fix else job["plan"]})

    def _put(self, job: Job, trial: str) -> None:
        """Let the domain run a stated input through the program of a job; nothing is spent on an empty one."""
        if trial:
            self._push({**job, "stage": PROBE, "input": trial, "parents": [job["candidate"]]})

    def _probed(self, job: Job, outcome: Outcome | None) -> None:
        """Spend a repair only when running the counter-example confirmed it; a refuted program is no bar any more."""
        if outcome is None or value_of(outcome, self._plan.required).right:
            return
        for number in job["combo"]:
            self._state.refuted[number] += 1
        if job["gain"] == self._state.bar[0]:
            self._state.bar = list(job["before"])
        if job["fixes"] > 0:
            self._repair(job, outcome)

    def _repair(self, job: Job, outcome: Outcome) -> None:
        self._push(
            {
                "stage": "repair",
                "combo": job["combo"],
                "plan": job["plan"],
                "fixes": job["fixes"] - 1,
                "code": render(outcome.candidate.files),
                "feedback": outcome.verdict.feedback,
                "parents": [outcome.candidate.id],
            }
        )

    def _programmed(self, job: Job, outcome: Outcome | None) -> None:
        state, value = self._state, value_of(outcome, self._plan.required)
        for number in job["combo"]:
            state.worth[number] += value.scalar
        key = str(job["combo"])
        state.values[key] = max(state.values.get(key, 0.0), value.scalar)
        state.stale += 1
        if outcome is None:
            return
        before = list(state.bar)
        self.see(outcome)
        seen = behaviour(outcome)
        promising = value.scalar >= state.best
        if seen not in state.behaviours or value.scalar > state.best:
            state.stale = 0
            state.behaviours.append(seen)
        state.best = max(state.best, value.scalar)
        state.solved |= value.right
        if self._shape.exhaustive:
            return
        if value.right or value.passed >= 1.0:
            self._doubt({**job, "before": before, "gain": outcome.gain}, outcome)
        elif job["fixes"] > 0 and promising and outcome.verdict.feedback:
            self._repair(job, outcome)

    def _doubt(self, job: Job, outcome: Outcome) -> None:
        """Put a counter-example to a program that is right so far: its plan's, or for a new best one a critic's."""
        if not self._plan.probe:
            return
        code = render(outcome.candidate.files)
        job = {**job, "candidate": outcome.candidate.id, "code": code, "again": 0}
        if job.get("trial"):
            self._put(job, job["trial"])
        elif outcome.gain > job["before"][0]:
            self._push({**job, "stage": "refute"})

    def _grown(self) -> Job | None:
        """Choose what to do next when nothing waits: look deeper now and then, else plan a new combination."""
        state = self._state
        if self._wants_deeper():
            rest = [c for c in state.combos if c and c not in state.expanded]
            if rest and len(rest[0]) > 0:
                combo = max(rest, key=lambda c: state.values.get(str(c), 0.0))
                state.expanded.append(combo)
                return {"stage": "observe", "combo": combo, "layer": 1}
        combo = self._novel()
        if combo not in state.combos:
            state.combos.append(combo)
        for number in combo:
            state.uses[number] += 1
        return {"stage": "plan", "combo": combo}

    def _wants_deeper(self) -> bool:
        state = self._state
        due = self._shape.observations * max(1, len(state.expanded))
        return (
            self._shape.layers > 1
            and state.barren < 3
            and len(state.combos) >= due
            and not self._observing()
        )

    def _novel(self) -> list[int]:
        """Return a combination of little-used observations, those first whose programs came furthest."""
        state, rng = self._state, self._rng()
        sound = [n for n, times in enumerate(state.refuted) if times < RETIRED]
        known = sound or range(len(state.observations))
        if not known or not state.combos:
            return []
        best: tuple[float, list[int]] = (-math.inf, [])
        used = {tuple(combo) for combo in state.combos}
        for _ in range(24):
            size = min(len(known), rng.randint(1, self._shape.order))
            combo = sorted(rng.sample(known, size))
            fresh = 0.0 if tuple(combo) in used else 1.0
            gain = sum(self._appeal(n) for n in combo) / size
            best = max(best, (fresh + gain, combo))
        return best[1]

    def _appeal(self, number: int) -> float:
        """Return an optimistic mean value of an observation: it falls with use, rises with what its programs passed."""
        uses, state = self._state.uses[number], self._state
        return (state.worth[number] + 1.0) / (uses + 1.0)

    def _rng(self) -> random.Random:
        """Return a generator that depends on the seed and the number of steps only, so a dump needs no state of it."""
        return random.Random(digest(str(self._seed), str(self._state.serial)))
