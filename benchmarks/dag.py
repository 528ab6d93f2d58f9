"""Measure the plan executor on simulated question-answering workloads.

Run it as `python benchmarks/dag.py [--quick] [--seed N]`.

Workloads and latencies follow LLMCompiler (H2: two searches; M8: eight; Pk: k search > math pairs joined by math).
Tool times are lognormal (sigma 0.53), the planner writes a line at a time, and the clock is virtual plus the CPU
time that the executor really uses. ReAct, serial, level-synchronous and ideal times are computed on the same draws.
"""

import argparse
import asyncio
import math
import random
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic import BaseModel

from benchmarks.bars import Bars
from benchmarks.virtual_time import run
from proofsmith.agents.dataflow import Dataflow, ToolPolicy
from proofsmith.planners.dag import Plan
from proofsmith.types import JSON, canonical

SIGMA = 0.53
MEAN_S = {"search": 0.61, "math": 2.3}
SLOTS = 1024


class Query(BaseModel):
    """Arguments of both tools; `n` names the draw of its duration."""

    n: int
    inputs: list[str] = []


@dataclass(frozen=True)
class Workload:
    """A DAG as (tool, parents) by position, with the model's latencies in seconds."""

    name: str
    nodes: tuple[tuple[str, tuple[int, ...]], ...]
    step_s: float
    head_s: float
    line_s: float
    answer_s: float

    @property
    def arrivals_s(self) -> list[float]:
        return [self.head_s + self.line_s * (n + 1) for n in range(len(self.nodes))]

    @property
    def planned_s(self) -> float:
        return self.head_s + self.line_s * (len(self.nodes) + 1)

    def lines(self) -> list[str]:
        rows = []
        for n, (tool, parents) in enumerate(self.nodes):
            args: dict[str, JSON] = {"n": n, "inputs": [f"${p + 1}.text" for p in parents]}
            rows.append(canonical({"id": n + 1, "tool": tool, "args": args}) + "\n")
        return [*rows, '{"tool":"join"}\n']


def searches(name: str, count: int) -> Workload:
    """Return `count` independent searches planned by a small model."""
    return Workload(name, (("search", ()),) * count, 1.75, 0.6, 0.14, 1.62)


def parallel(count: int) -> Workload:
    """Return `count` search > math pairs and a last math over all, planned by a large model."""
    nodes: list[tuple[str, tuple[int, ...]]] = []
    for pair in range(count):
        nodes += [("search", ()), ("math", (2 * pair,))]
    nodes.append(("math", tuple(range(1, 2 * count, 2))))
    return Workload(f"P{count}", tuple(nodes), 3.0, -0.3, 0.92, 3.0)


WORKLOADS = (searches("H2", 2), searches("M8", 8), *(parallel(k) for k in (2, 3, 4, 5)))


def draws(load: Workload, rng: random.Random) -> list[float]:
    """Draw one duration per node with the mean of its tool."""
    return [MEAN_S[tool] * math.exp(rng.gauss(-SIGMA * SIGMA / 2, SIGMA)) for tool, _ in load.nodes]


def react_s(load: Workload, took: list[float]) -> float:
    return sum(took) + load.step_s * len(took) + load.answer_s


def serial_s(load: Workload, took: list[float]) -> float:
    return load.planned_s + sum(took) + load.answer_s


def levels_s(load: Workload, took: list[float]) -> float:
    depth: list[int] = []
    for _, parents in load.nodes:
        depth.append(1 + max((depth[p] for p in parents), default=0))
    slowest = [
        max(t for t, d in zip(took, depth, strict=True) if d == level)
        for level in range(1, max(depth) + 1)
    ]
    return load.planned_s + sum(slowest) + load.answer_s


def ideal_s(load: Workload, took: list[float], *, stream: bool) -> float:
    """Return when the join could answer if every call started the moment its line and inputs were there."""
    ends: list[float] = []
    for n, (_, parents) in enumerate(load.nodes):
        arrived = load.arrivals_s[n] if stream else load.planned_s
        ends.append(max([arrived, *(ends[p] for p in parents)]) + took[n])
    return max(load.planned_s, *ends) + load.answer_s


async def ours_s(load: Workload, took: list[float]) -> float:
    """Run the real executor on the workload; returns seconds of virtual time, CPU time included."""

    async def call(tool: str, arguments: BaseModel) -> JSON:
        assert isinstance(arguments, Query)
        await asyncio.sleep(took[arguments.n])
        return {"text": f"{tool} {arguments.n}"}

    async def lines() -> AsyncIterator[str]:
        await asyncio.sleep(max(0.0, load.head_s + load.line_s))
        for n, line in enumerate(load.lines()):
            if n:
                await asyncio.sleep(load.line_s)
            yield line

    loop = asyncio.get_running_loop()
    plan = Plan({"search": Query, "math": Query}, latency_s=MEAN_S)
    policies = {tool: ToolPolicy(slots=SLOTS) for tool in MEAN_S}
    began = loop.time()
    await Dataflow(plan, call, policies=policies).run(lines())
    if not all(seen.ok for seen in plan.observations.values()):
        raise SystemExit("a simulated call failed")
    await asyncio.sleep(load.answer_s)
    return loop.time() - began


def compare(load: Workload, rounds: int, rng: random.Random) -> Mapping[str, float]:
    """Return mean seconds per way of running `load`."""
    rows = []
    for _ in range(rounds):
        took = draws(load, rng)
        rows.append(
            {
                "ReAct": react_s(load, took),
                "serial": serial_s(load, took),
                "levels": levels_s(load, took),
                "no stream": ideal_s(load, took, stream=False),
                "ideal": ideal_s(load, took, stream=True),
                "ours": run(ours_s(load, took), cpu=True),
            }
        )
    return {key: fmean(row[key] for row in rows) for key in rows[0]}


def start_delays_s(tasks: int, rng: random.Random) -> list[float]:
    """Return CPU seconds from ready to start for each call of a random DAG of `tasks`, virtual sleeps."""

    async def call(tool: str, arguments: BaseModel) -> JSON:
        assert isinstance(arguments, Query)
        await asyncio.sleep(rng.lognormvariate(0, SIGMA))
        return {"text": tool}

    async def lines() -> AsyncIterator[str]:
        for n in range(1, tasks + 1):
            parents = sorted(rng.sample(range(1, n), min(n - 1, rng.randrange(4))))
            args: dict[str, JSON] = {"n": n, "inputs": [f"${p}.text" for p in parents]}
            yield canonical({"id": n, "tool": rng.choice(("search", "math")), "args": args}) + "\n"
            await asyncio.sleep(0.05)

    async def main() -> list[float]:
        plan = Plan({"search": Query, "math": Query})
        policies = {tool: ToolPolicy(slots=SLOTS) for tool in MEAN_S}
        flow = Dataflow(plan, call, policies=policies, clock=time.process_time)
        trace = await flow.run(lines())
        return [span.start_s - span.ready_s for span in trace.spans]

    return run(main())


async def chain_s(length: int, task_s: float) -> float:
    """Return real seconds for a chain of `length` calls of `task_s` each."""

    async def call(tool: str, arguments: BaseModel) -> JSON:
        await asyncio.sleep(task_s)
        return {"text": tool}

    async def lines() -> AsyncIterator[str]:
        for n in range(1, length + 1):
            inputs: list[JSON] = [f"${n - 1}.text"] if n > 1 else []
            yield canonical({"id": n, "tool": "search", "args": {"n": n, "inputs": inputs}}) + "\n"

    began = time.perf_counter()
    await Dataflow(Plan({"search": Query}), call).run(lines())
    return time.perf_counter() - began


def main() -> int:
    """Print the table and the bars; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="40 draws per workload instead of 400")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rounds = 40 if options.quick else 400
    rng = random.Random(options.seed)
    bars, table = Bars(), {load.name: compare(load, rounds, rng) for load in WORKLOADS}
    print(f"mean seconds over {rounds} draws, seed {options.seed}")
    print("workload " + " ".join(f"{key:>10}" for key in table["H2"]) + "   ReAct/ours levels/ours")
    for name, row in table.items():
        speed = f"{row['ReAct'] / row['ours']:12.2f} {row['levels'] / row['ours']:11.2f}"
        print(f"{name:8} " + " ".join(f"{value:10.2f}" for value in row.values()) + speed)
        bars.at_most(f"{name}_over_ideal", row["ours"] / row["ideal"], 1.05)
    for name, goal in (("H2", 1.80), ("M8", 3.74), *((f"P{k}", 2.15) for k in (2, 3, 4, 5))):
        bars.at_least(f"{name}_over_react", table[name]["ReAct"] / table[name]["ours"], goal)
    for name in ("P2", "P3", "P4", "P5"):
        bars.at_least(f"{name}_over_levels", table[name]["levels"] / table[name]["ours"], 1.15)
    delays = sorted(d for _ in range(rounds // 4) for d in start_delays_s(64, rng))
    bars.at_most("ready_to_start_p99_cpu_ms", 1e3 * delays[int(0.99 * len(delays))], 2.0)
    chains = sorted(asyncio.run(chain_s(20, 0.001)) for _ in range(9))
    bars.at_most("chain_of_20_ms", 1e3 * chains[4], 40.0)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
