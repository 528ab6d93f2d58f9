"""Measure what a strategy itself costs: CPU per move with 1,000 moves outstanding, and memory per node.

Run it as `python benchmarks/planner_cost.py [--quick]`.
"""

import argparse
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic import BaseModel

from benchmarks.bars import Bars
from benchmarks.simulation import PLAN, answer, problems, regimes, verify
from proofsmith.model import SimulatedModel
from proofsmith.planners.best_of import BestOf
from proofsmith.planners.dag import Observation, Plan
from proofsmith.planners.evolve import Breeding, Evolve
from proofsmith.planners.plan_lines import PlanLine, PlanReader
from proofsmith.planners.plansearch import PlanSearch, Shape
from proofsmith.planners.portfolio import Portfolio
from proofsmith.planners.proofsearch import ProofSearch, Proving
from proofsmith.planners.rethink import Rethink, Thinking
from proofsmith.planners.triage import Mixing
from proofsmith.protocols import Strategy
from proofsmith.types import (
    JSON,
    Comparison,
    ComparisonVerdict,
    Evidence,
    Move,
    Outcome,
    Status,
    Verdict,
)

MANY = 10**6
TASK = replace(PLAN, solving=False, samples=MANY, patience=MANY)
OUTSTANDING = 1000
STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "best_of": lambda: BestOf(TASK),
    "plansearch": lambda: PlanSearch(TASK, Shape(calls=MANY, patience=MANY)),
    "rethink": lambda: Rethink(TASK, Thinking(calls=MANY, roots=MANY)),
    "evolve": lambda: Evolve(TASK, Breeding(patience=MANY, calls=MANY)),
    "proofsearch": lambda: ProofSearch(replace(TASK, required=Status.PROVED), Proving(calls=MANY)),
    "portfolio": lambda: Portfolio(
        TASK,
        arms={
            "direct": BestOf(TASK),
            "plansearch": PlanSearch(TASK, Shape(calls=MANY, patience=MANY)),
            "rethink": Rethink(TASK, Thinking(calls=MANY, roots=MANY)),
        },
        mixing=Mixing(patience=MANY),
    ),
}


class Anything(BaseModel):
    """Arguments of the only tool of the measured plan."""

    a: str = ""


def measured(outcome: Outcome | None, rng: random.Random) -> Outcome | None:
    """Give a quarter of the programs a status and a gain, so that archives and beams fill as in an optimisation."""
    if outcome is None or rng.random() < 0.75:
        return outcome
    gain = 1 + rng.random()
    facts: dict[str, JSON] = {"passed": 10, "tests": 10, "patterns": [f"p{rng.randrange(30)}"]}
    evidence = Evidence(check="x", status=Status.TESTED, command=("x",), facts=facts)
    comparison = Comparison(
        metric="time",
        verdict=ComparisonVerdict.FASTER,
        ratio=gain,
        low=gain,
        high=gain,
        pairs=9,
        method="simulated",
    )
    return Outcome(
        candidate=outcome.candidate,
        verdict=Verdict(status=Status.TESTED, evidence=(evidence,)),
        comparisons=(comparison,),
    )


class Window:
    """Keeps up to OUTSTANDING moves of a strategy in flight and times every call into it."""

    def __init__(self, strategy: Strategy, model: SimulatedModel) -> None:
        self.strategy, self.model = strategy, model
        self.flying: list[Move] = []
        self.costs_s: list[float] = []
        self._rng = random.Random(1)

    def step(self) -> None:
        """Ask for one move when there is room, and finish a random one."""
        began = time.process_time()
        asked = self.strategy.ask(1) if len(self.flying) < OUTSTANDING else ()
        cost = time.process_time() - began
        self.flying += asked
        if asked and len(self.flying) < OUTSTANDING:
            self.costs_s.append(cost)
            return
        move = self.flying.pop(self._rng.randrange(len(self.flying)))
        reply = answer(self.model, move)
        outcome = measured(verify(reply, move), self._rng)
        began = time.process_time()
        self.strategy.tell(move, reply, outcome)
        self.costs_s.append(cost + time.process_time() - began)


def strategy_cost(build: Callable[[], Strategy], steps: int) -> tuple[int, float, float, float]:
    """Return the most moves in flight, mean and 99th percentile ms per move, and kB of growth per told move."""
    (model,) = problems(
        {**regimes()["published"], "mix": [{"share": 1.0, "solve_probability": 0.01}]}, 1, 1
    )
    window = Window(build(), model)
    for _ in range(OUTSTANDING + steps):
        window.step()
    most = len(window.flying)
    window.costs_s.clear()
    for _ in range(steps):
        window.step()
    costs = sorted(window.costs_s)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(steps):
        window.step()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (
        most,
        1e3 * fmean(costs),
        1e3 * costs[int(0.99 * len(costs))],
        (after - before) / steps / 1024,
    )


def dag_cost(tasks: int) -> tuple[float, float]:
    """Return mean ms per line or result in a plan of `tasks` open tasks, and kB per task."""
    rng = random.Random(1)
    lines: list[PlanLine] = []
    for n in range(1, tasks + 1):
        parents = sorted(rng.sample(range(1, n), min(n - 1, rng.randrange(4))))
        text = " ".join(f"${p}" for p in parents)
        (line,) = PlanReader().feed(f'{{"id": {n}, "tool": "t", "args": {{"a": "{text}"}}}}\n')
        if isinstance(line, PlanLine):
            lines.append(line)
    tracemalloc.start()
    plan = Plan({"t": Anything}, most_tasks=tasks)
    for line in lines:
        plan.add(line)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began, plan = time.process_time(), Plan({"t": Anything}, most_tasks=tasks)
    for line in lines:
        plan.add(line)
    for n in range(1, tasks + 1):
        plan.finish(n, Observation(state="done", value="x"))
    return 1e3 * (time.process_time() - began) / (2 * tasks), held / tasks / 1024


def main() -> int:
    """Print the table and the bars; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="1,000 moves per strategy instead of 5,000"
    )
    options = parser.parse_args()
    steps = 1000 if options.quick else 5000
    bars = Bars()
    print(f"{'strategy':12} in flight  ms/move mean    p99  kB/move   ({steps} moves)")
    for name, build in STRATEGIES.items():
        flying, mean, slow, kib = strategy_cost(build, steps)
        print(f"{name:12} {flying:9} {mean:15.3f} {slow:6.2f} {kib:7.2f}")
        bars.at_most(f"{name}_ms_per_move", mean, 2.0)
        bars.at_most(f"{name}_kb_per_node", kib, 4.0)
    ms, kib = dag_cost(1000)
    print(f"{'dag':12} {1000:9} {ms:15.3f} {'':6} {kib:7.2f}")
    bars.at_most("dag_ms_per_event", ms, 2.0)
    bars.at_most("dag_kb_per_task", kib, 4.0)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
