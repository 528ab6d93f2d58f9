"""Drive pure strategies on simulated problems, on a virtual clock with any number of moves in flight."""

import heapq
import random
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proofsmith.model import Knobs, SimulatedModel, behaviour_of, passed_of
from proofsmith.planners.best_of import Plan
from proofsmith.protocols import Strategy
from proofsmith.types import (
    Candidate,
    Evidence,
    Message,
    Move,
    Outcome,
    Reply,
    Status,
    Verdict,
)

SETTINGS = Path(__file__).with_name("simulator.toml")
PLAN = Plan(brief="Solve it.", files={"solution.txt": ""}, solving=True, model=True, rules=False)
VERIFY_S = 1.0
Builder = Callable[[int], Strategy]
"""Make a strategy from a seed."""


def regimes() -> dict[str, dict[str, Any]]:
    """Return the settings of each regime, common ones included."""
    data = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    return {name: {**data["common"], **own} for name, own in data["regime"].items()}


def problems(settings: Mapping[str, Any], count: int, seed: int) -> Iterator[SimulatedModel]:
    """Yield `count` simulated problems of a regime, drawn from its mix."""
    rng = random.Random(seed)
    knobs = {key: value for key, value in settings.items() if key != "mix"}
    mix = settings["mix"]
    for _ in range(count):
        (chosen,) = rng.choices(mix, [row["share"] for row in mix])
        own = {key: value for key, value in chosen.items() if key != "share"}
        yield SimulatedModel(Knobs(**knobs, **own), seed=rng.getrandbits(48), sleep=_no_sleep)


async def _no_sleep(_: float) -> None:
    """Take no time: the driver keeps its own clock."""


def answer(model: SimulatedModel, move: Move) -> Reply:
    """Return the simulated reply to `move`, without an event loop."""
    coroutine = model.complete(
        [Message(role="user", content=move.prompt)],
        max_output_tokens=move.max_output_tokens,
        temperature=move.temperature,
        seed=0,
        sample=move.sample,
    )
    try:
        coroutine.send(None)
    except StopIteration as end:
        reply: Reply = end.value
        return reply
    raise RuntimeError("the simulated model waited")


def verify(reply: Reply, move: Move) -> Outcome | None:
    """Judge a simulated program as a domain would: by its visible tests."""
    behaviour = behaviour_of(reply.text)
    if behaviour is None or move.answer == "text":
        return None
    passed, tests = passed_of(reply.text)
    right = behaviour == "right"
    status = Status.TESTED if right else Status.FAILED
    evidence = Evidence(
        check="visible tests",
        status=status,
        command=("simulated",),
        facts={"passed": passed, "tests": tests, "behaviour": f"{behaviour}:{passed}"},
    )
    program = reply.text.split("\n", 1)[1].removesuffix("```\n")
    return Outcome(
        candidate=Candidate(files={"solution.txt": program}, parents=move.parents, move=move.id),
        verdict=Verdict(
            status=status,
            evidence=(evidence,),
            feedback="" if right else f"{tests - passed} of {tests} tests fail",
        ),
    )


@dataclass
class Course:
    """What one search did: tokens and seconds when each program came, and which were right."""

    tokens: list[int] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    best_passed: float = 0.0
    total_tokens: int = 0
    wall_s: float = 0.0
    calls: int = 0

    def solved_within(self, tokens: int) -> bool:
        """Say whether a right program existed when `tokens` had been spent."""
        return any(ok and t <= tokens for t, ok in zip(self.tokens, self.right, strict=True))

    @property
    def solved(self) -> bool:
        return any(self.right)


def search(
    model: SimulatedModel,
    strategy: Strategy,
    *,
    tokens: int,
    width: int = 1,
    programs: int = 10**9,
) -> Course:
    """Run a strategy with `width` moves in flight until it ends, wrote `programs` or would exceed `tokens`."""
    course, flying, order = Course(), [], 0
    while True:
        for move in strategy.ask(width - len(flying)):
            reply = answer(model, move)
            course.calls += 1
            end_s = course.wall_s + reply.latency_s + (VERIFY_S if move.answer == "code" else 0)
            heapq.heappush(flying, (end_s, order, move, reply))
            order += 1
        if not flying or len(course.right) >= programs:
            return course
        course.wall_s, _, move, reply = heapq.heappop(flying)
        course.total_tokens += reply.usage.output_tokens
        if course.total_tokens > tokens:
            return course
        outcome = verify(reply, move)
        if outcome is not None:
            passed, tests = passed_of(reply.text)
            course.tokens.append(course.total_tokens)
            course.right.append(outcome.verdict.status is Status.TESTED)
            course.best_passed = max(course.best_passed, passed / tests)
        strategy.tell(move, reply, outcome)
