"""A domain with exact arithmetic for costs: `cost = N` is right when N >= 1, and N seconds slow."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from proofsmith.agents.budget import BudgetLedger
from proofsmith.agents.run import Run
from proofsmith.errors import SandboxError, UsageError
from proofsmith.memory.ledger import Ledger
from proofsmith.planners.best_of import BestOf, Plan
from proofsmith.types import (
    Budget,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Evidence,
    Goal,
    Problem,
    Profile,
    Status,
    Verdict,
)

NAME = "answer.toy"


def text_of(cost):
    return f"cost = {cost}\n"


def cost_of(candidate):
    match = re.fullmatch(r"cost = (-?\d+)", candidate.files[NAME].strip())
    return int(match[1]) if match else None


def problem_of(cost=100, goal=Goal.SPEED):
    return Problem(
        id="toy",
        domain="toy",
        goal=goal,
        text="make it cheap",
        files={NAME: text_of(cost)},
        editable=(NAME,),
    )


class ToySandbox:
    level = "toy"

    def fresh(self, *, inputs=None):
        return self


@dataclass
class ToyDomain:
    """Counts what happens at once; `delays` slows the verification of a cost, `deaths` kills its sandbox."""

    name: str = "toy"
    suffixes: tuple[str, ...] = (".toy",)
    image: str = ""
    tools: tuple = ()
    steps: tuple[int, ...] = (10, -5, 200, 25)
    delays: Mapping[int, float] = field(default_factory=dict)
    deaths: dict[int, int] = field(default_factory=dict)
    flaky: frozenset[int] = frozenset()
    """Costs that pass QUICK and fail FULL."""
    same_code: bool = False
    verified: list = field(default_factory=list)
    measured: list = field(default_factory=list)
    verifying: int = 0
    most_verifying: int = 0
    overlaps: int = 0

    async def read(self, source, goal, options, sandbox):
        text = source.read_text()
        if "cost" not in text:
            raise UsageError("no cost in the file", hint="write `cost = N`")
        return problem_of(int(text.split("=")[1]), goal)

    def brief(self, problem, facts):
        return "Make `cost` small."

    async def propose(self, problem, parent, tried, sandbox):
        start = cost_of(parent or Candidate(files=problem.files))
        for step in self.steps:
            candidate = Candidate(
                files={NAME: text_of(start - step)},
                parents=(parent.id,) if parent else (),
                move=f"rule:minus({step})",
            )
            if candidate.id not in tried:
                yield candidate

    async def verify(self, problem, candidate, sandbox, depth):
        cost = cost_of(candidate)
        self.verifying += 1
        self.most_verifying = max(self.most_verifying, self.verifying)
        try:
            await asyncio.sleep(self.delays.get(cost, 0))
        finally:
            self.verifying -= 1
        if self.deaths.get(cost, 0) > 0:
            self.deaths[cost] -= 1
            raise SandboxError("the sandbox died")
        self.verified.append((cost, depth))
        if cost is None or cost < 1 or (depth is Depth.FULL and cost in self.flaky):
            return Verdict(status=Status.FAILED, feedback=f"cost {cost} is not allowed")
        facts = {"text_digest": str(cost % 10)} if self.same_code else {}
        evidence = Evidence(check="range", status=Status.TESTED, command=("true",), facts=facts)
        return Verdict(status=Status.TESTED, evidence=(evidence,))

    async def measure(self, problem, base, candidate, sandbox, depth):
        self.overlaps += self.verifying
        await asyncio.sleep(0.001)
        self.overlaps += self.verifying
        self.measured.append((cost_of(candidate), depth))
        ratio = cost_of(base) / cost_of(candidate)
        verdict = ComparisonVerdict.FASTER if ratio > 1.03 else ComparisonVerdict.NO_DIFFERENCE
        return (
            Comparison(
                metric="cost",
                verdict=verdict,
                ratio=ratio,
                low=ratio * 0.99,
                high=ratio * 1.01,
                pairs=10,
                method="arithmetic",
            ),
        )

    async def profile(self, problem, candidate, sandbox):
        return Profile(summary="cost is the cost")


def read_reply(text, files, editable):
    match = re.search(r"cost = -?\d+", text)
    if match is None:
        raise UsageError("no code in the reply")
    return {NAME: match[0] + "\n"}


def run_of(folder, domain=None, *, budget=None, model=None, width=1, plan=None, cost=100, **other):
    """A Run over the toy domain; `plan` overrides fields of the strategy's Plan."""
    problem = problem_of(cost)
    budget = budget or Budget(attempts=10)
    ledger = Ledger(folder / "ledger.sqlite")
    values = {"brief": "b", "files": problem.files, "model": model is not None} | (plan or {})
    return Run(
        id="r",
        folder=folder,
        source=folder / NAME,
        problem=problem,
        domain=domain or ToyDomain(),
        sandbox=ToySandbox(),
        strategy=lambda facts: BestOf(Plan(**values)),
        read_reply=read_reply,
        ledger=ledger,
        budget=BudgetLedger(budget, earlier_wall_s=ledger.earlier_wall_s()),
        model=model,
        width=width,
        **other,
    )
