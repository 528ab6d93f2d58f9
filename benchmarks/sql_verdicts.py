"""Judge labelled pairs of queries and hostile statements: the bars of the SQL verifier.

Run it as `python -m benchmarks.sql_verdicts [--quick]` with PROOFSMITH_DATA naming the data folder. Bars: verdicts on
the own pairs at full depth and on the Calcite pairs, time of a quick verdict, size of counter-examples and whether
they replay, and hostile statements that the gate alone and the engines alone stop. Pairs that an engine itself does not
run are left out of it.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import sql_replay
from benchmarks.bars import Bars
from benchmarks.sql_pairs import (
    DATA,
    Pair,
    Row,
    calcite_pairs,
    counts,
    example_scripts,
    example_sizes,
    many_shapes,
    own_pairs,
    quantile,
    sweep,
    told,
)
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.engines import StatementRefused, start
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.gate import Refused, admit
from proofsmith.domains.sql.query import parse_query
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status

ENGINES = ("duckdb", "sqlite", "postgresql")
ONLY_GATE = ("denied by AST gate", "denied by AST gate or outer limits")
TABLE = "CREATE TABLE t (a INTEGER)"


def share(rows: Sequence[Row], level: Status) -> float:
    """Return the share of rows whose verdict is at least `level`."""
    return sum(bool(r.verdict and r.verdict.status.at_least(level)) for r in rows) / max(
        len(rows), 1
    )


def failed(rows: Sequence[Row]) -> int:
    return sum(bool(r.verdict and r.verdict.status is Status.FAILED) for r in rows)


async def runnable(pairs: Sequence[Pair], engine_name: str) -> list[Pair]:
    """Return the pairs of which the engine itself plans both queries."""
    engine = await start(engine_name, await open_sandbox())
    found = []
    try:
        for pair in pairs:
            schema = parse_schema(pair.ddl, engine_name)
            database = await engine.open(create_tables(schema))
            errors = [(await database.explain(text))[1] for text in (pair.base, pair.candidate)]
            if not any(errors):
                found.append(pair)
    finally:
        await engine.close()
    return found


async def own(bars: Bars, step: int, engine: str, results: Path | None) -> None:
    rows = await sweep(own_pairs()[::step], engine, Depth.FULL, results)
    usable = [row for row in rows if row.verdict]
    correct = [row for row in usable if row.pair.equivalent]
    wrong = [row for row in usable if not row.pair.equivalent]
    show(f"own pairs, {engine}, full", rows)
    above = sum(bool(r.verdict and r.verdict.status.at_least(Status.TESTED)) for r in wrong)
    bars.at_most(f"sql.{engine}.wrong_above_undecided", above, 0)
    bars.at_most(f"sql.{engine}.correct_failed", failed(correct), 0)
    bars.at_least(f"sql.{engine}.bounded_share", share(correct, Status.BOUNDED), 64 / 65)
    bars.at_least(f"sql.{engine}.proved_share", share(correct, Status.PROVED), 0.7)
    sizes = example_sizes(rows)
    bars.at_most(f"sql.{engine}.example_rows_median", statistics.median(sizes), 3)
    scripts = example_scripts(wrong)
    print(f"{len(scripts)} of {failed(wrong)} refusals have a counter-example; each is run anew")
    bars.at_least(f"sql.{engine}.examples_replayed", await sql_replay.share(engine, scripts), 1)


async def shapes(bars: Bars, step: int, engine: str, results: Path | None) -> None:
    rows = await sweep(many_shapes(engine)[::step], engine, Depth.FULL, results)
    show(f"pairs of many shapes, {engine}, full", rows)
    wrong = [row for row in rows if not row.pair.equivalent]
    above = sum(bool(r.verdict and r.verdict.status.at_least(Status.TESTED)) for r in wrong)
    bars.at_most(f"sql.shapes.{engine}.wrong_above_undecided", above, 0)
    correct = [row for row in rows if row.pair.equivalent]
    bars.at_most(f"sql.shapes.{engine}.correct_failed", failed(correct), 0)


async def timed(bars: Bars, step: int, engine: str) -> None:
    rows = await sweep(own_pairs()[::step], engine, Depth.QUICK)
    show(f"own pairs, {engine}, quick", rows)
    times_ms = [row.wall_s * 1000 for row in rows if row.verdict]
    bars.at_most(f"sql.{engine}.quick_median_ms", statistics.median(times_ms), 60)
    bars.at_most(f"sql.{engine}.quick_p95_ms", quantile(times_ms, 0.95), 500)


async def calcite(bars: Bars, step: int, engine: str, results: Path | None) -> None:
    every = calcite_pairs()[::step]
    pairs = await runnable(every, engine)
    rows = await sweep(pairs, engine, Depth.FULL, results)
    print(f"Calcite: {engine} runs {len(pairs)} of {len(every)} pairs")
    show(f"Calcite pairs, {engine}, full", rows)
    bars.at_most("sql.calcite.failed", failed(rows), 0)
    bars.at_least("sql.calcite.bounded_share", share(rows, Status.BOUNDED), 0.75)


def show(title: str, rows: Sequence[Row]) -> None:
    """Print counts, and every row that contradicts its label or stays weak."""
    print(f"{title}: {dict(counts(rows))}")
    for row in rows:
        weak = (
            row.pair.equivalent and row.verdict and not row.verdict.status.at_least(Status.TESTED)
        )
        if weak or (
            not row.pair.equivalent and row.verdict and row.verdict.status is not Status.FAILED
        ):
            print("  " + told(row))


async def hostile(bars: Bars) -> None:
    """Try every statement against the gate alone, and against the engine alone where it is to stop it."""
    rows = [json.loads(line) for line in (DATA / "hostile_sql.jsonl").read_text().splitlines()]
    passed = [row["id"] for row in rows if not gated(row["sql"], row["engine"])]
    loose = []
    for name in ENGINES:
        engine = await start(name, await open_sandbox())
        try:
            for row in rows:
                if row["engine"] == name and row["expect"] not in ONLY_GATE:
                    database = await engine.open(TABLE)
                    outcome = await database.run(row["sql"], limit_s=1.0)
                    if outcome.ended == "ok" and outcome.rows:
                        loose.append(row["id"])
        except StatementRefused as error:
            loose.append(f"{name}: {error}")
        finally:
            await engine.close()
    print(f"hostile: {len(rows)} statements; past the gate: {passed}; past an engine: {loose}")
    bars.at_least("sql.hostile_stopped_by_gate", len(rows) - len(passed), len(rows))
    bars.at_most("sql.hostile_past_engine", len(loose), 0)


def gated(text: str, engine: str) -> bool:
    try:
        admit(text, parse_query("SELECT a FROM t", engine), (), parse_schema(TABLE, engine))
    except Refused:
        return True
    return False


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every fifth pair")
    parser.add_argument(
        "--part", choices=["own", "shapes", "timed", "calcite", "hostile"], action="append"
    )
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--results", type=Path, help="keep verdicts here, and go on where it ends")
    given = parser.parse_args()
    step, bars = (5 if given.quick else 1), Bars()
    parts = given.part or ["hostile", "own", "timed", "calcite"]
    if "hostile" in parts:
        await hostile(bars)
    for engine in given.engine or ("postgresql", "sqlite"):
        if "shapes" in parts:
            await shapes(bars, step, engine, given.results)
        if "own" in parts:
            await own(bars, step, engine, given.results)
        if "timed" in parts and engine != "duckdb":
            await timed(bars, step, engine)
    if "calcite" in parts:
        await calcite(bars, step, (given.engine or ["duckdb"])[0], given.results)
    return bars.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
