"""Look for a query whose rewrite by a rule differs from it, on random schemas, queries and databases.

Run it as `python -m benchmarks.sql_fuzz [--queries N] [--seed S] [--engine E] [--results FILE] [--seconds S]`.
Every rule is applied to every query at every place; each output runs beside its input on small adversarial databases
in the product's own sandboxed engine, and what the two return is compared as bags, in order where the query orders.
The solver's model of SQL answers every query too, on databases of at most three rows a table, and is compared with the
engine: every fourth by search, for the others the formula is folded on known rows. The queries are divided among the
engines and come in parts of 100 with a seed of their own; with `--results` each finished part is a line of that file
and is not run again. `--quick` takes 2 000 queries.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlglot import exp

from benchmarks.bars import Bars
from benchmarks.sql_model import answer
from benchmarks.sql_queries import Writer, draw_schema
from proofsmith.domains.sql.analysis import promise_of
from proofsmith.domains.sql.analysis import qualified as resolved
from proofsmith.domains.sql.engines import Engine, Outcome, start
from proofsmith.domains.sql.query import Unreadable, parse_query
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.testing.databases import Generator, Shape, inserts
from proofsmith.domains.sql.testing.pools import pools_of
from proofsmith.domains.sql.testing.results import Promise, difference
from proofsmith.executors.choice import open_sandbox

A_PART = 100
"""Queries of one seed."""
A_SCHEMA = 50
"""Queries over one schema."""
DATABASES = 12
MODEL_ROWS = 3
SEARCHED = 4
"""One query of so many is answered by the solver's search; for the rest the model's formula is folded on known rows."""
SEARCH_S = 1.0
"""Seconds after which a search is given up, and that query folded like the others."""
SHARES = {"sqlite": 8, "postgresql": 7, "duckdb": 5}
"""How the queries are divided among the engines."""
STATEMENT_LIMIT_S = 60.0


@dataclass
class Tally:
    """What was run and what was found."""

    queries: int = 0
    outputs: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    telling: int = 0
    errors: int = 0
    findings: list[str] = field(default_factory=list)
    answers: int = 0
    """Queries that the solver's model answered."""
    solved: int = 0
    """Of them, those that its search answered."""
    model_findings: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    def add(self, more: "Tally") -> None:
        """Count what another part found."""
        for name, value in vars(more).items():
            setattr(self, name, getattr(self, name) + value)


async def one_schema(engine: Engine, rng: random.Random, tally: Tally, count: int) -> None:
    """Draw one schema and `count` queries; run all rewrites beside their inputs."""
    schema = draw_schema(rng, engine.name)
    writer = Writer(schema, rng)
    cases: list[tuple[str, Promise, list[tuple[str, str]]]] = []
    trees = []
    for _ in range(count):
        text = writer.query()
        try:
            tree = qualified(text, schema)
        except Unreadable as error:
            raise SystemExit(f"the generator wrote what cannot be read: {error}\n{text}") from None
        trees.append(parse_query(text, engine.name))
        promise = promise_of(trees[-1])
        made = [
            (rule.name, written(output, schema))
            for rule in CATALOGUE
            if engine.name in rule.engines
            for output in islice(rule.apply(tree, schema), 6)
        ]
        cases.append((text, promise, made))
        tally.queries += 1
    generator = Generator(schema, pools_of(trees), rng.getrandbits(32))
    scripts = [inserts(schema, database) for database in generator.databases(DATABASES)]
    statements = [text for base, _, made in cases for text in (base, *(out for _, out in made))]
    for script, outcomes in zip(
        scripts,
        await engine.trials(schema, scripts, statements, limit_s=STATEMENT_LIMIT_S),
        strict=True,
    ):
        judge(schema, script, cases, iter(outcomes), tally)
    await judge_model(engine, schema, [text for text, *_ in cases], trees, rng, tally)


async def judge_model(
    engine: Engine,
    schema: Schema,
    texts: list[str],
    trees: list[exp.Query],
    rng: random.Random,
    tally: Tally,
) -> None:
    """Compare the solver's answers with the engine's on one tiny database."""
    generator = Generator(schema, pools_of(trees), rng.getrandbits(32))
    database = generator.draw(Shape(most_rows=MODEL_ROWS, domain=3, null_share=0.2))
    script = inserts(schema, database)
    (outcomes,) = await engine.trials(schema, [script], texts, limit_s=STATEMENT_LIMIT_S)
    number = 0
    for text, query, outcome in zip(texts, trees, outcomes, strict=True):
        tree = resolved(query, schema)
        if tree is None or outcome.ended != "ok":
            continue
        number += 1
        rows = None
        if number % SEARCHED == 0:
            rows = answer(tree, schema, database, limit_s=SEARCH_S)
            tally.solved += rows is not None
        if rows is None:
            rows = answer(tree, schema, database, folded=True)
        if rows is None:
            continue
        tally.answers += 1
        if Counter(map(rounded, rows)) != Counter(map(rounded, outcome.rows)):
            tally.model_findings.append(f"{text}\n{script}\nsolver {rows}\nengine {outcome.rows}")


def rounded(row) -> tuple[str, ...]:
    """Name the numbers of a row to nine digits."""
    values = [next(iter(cell.values())) if isinstance(cell, dict) else cell for cell in row]
    return tuple("null" if v is None else f"{float(v):.9g}" for v in values)


def judge(schema: Schema, script: str, cases, outcomes, tally: Tally) -> None:
    """Compare each output with its input on one database."""
    for base, promise, made in cases:
        wanted: Outcome = next(outcomes)
        for name, text in made:
            got: Outcome = next(outcomes)
            tally.runs += 1
            tally.outputs[name] += 1
            if wanted.ended != "ok":
                tally.errors += 1
                continue
            tally.telling += bool(wanted.rows)
            same = got.ended == "ok" and got.rows == wanted.rows
            if not same and (got.ended != "ok" or difference(wanted, got, promise)):
                tally.findings.append(
                    f"{name} on {schema.dialect}\n{base}\n{text}\n{script}\n{got.error}"
                )


async def fuzz(name: str, queries: int, seed: int, results: Path | None, until_s: float) -> Tally:
    """Fuzz one engine, part by part, until `until_s`; finished parts are read from `results` and written there."""
    total, done = Tally(), finished(results)
    engine = await start(name, await open_sandbox(), request_timeout_s=600.0)
    for number in range(-(-queries // A_PART)):
        count = min(A_PART, queries - number * A_PART)
        key = f"{name} {seed} {number} {count}"
        tally = done.get(key)
        if tally is None:
            if time.perf_counter() > until_s:
                break
            tally = await one_part(engine, random.Random(key), count)
            if results is not None:
                with results.open("a") as file:
                    file.write(json.dumps({"key": key, "tally": vars(tally)}) + "\n")
        total.add(tally)
    await engine.close()
    return total


async def one_part(engine: Engine, rng: random.Random, count: int) -> Tally:
    """Fuzz with `count` queries over fresh schemas."""
    tally, began_s = Tally(), time.perf_counter()
    while tally.queries < count:
        await one_schema(engine, rng, tally, min(A_SCHEMA, count - tally.queries))
    tally.wall_s = time.perf_counter() - began_s
    return tally


def finished(results: Path | None) -> dict[str, Tally]:
    """Return the parts that `results` holds."""
    if results is None or not results.is_file():
        return {}
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    return {
        row["key"]: Tally(**{**row["tally"], "outputs": Counter(row["tally"]["outputs"])})
        for row in rows
    }


def told(name: str, tally: Tally) -> None:
    """Print what was run on one engine and what was found."""
    print(
        f"{name}: {tally.queries} queries, {len(tally.outputs)} rules fired, {tally.runs} comparisons, "
        f"{tally.telling} with rows, {tally.errors} where the input fails, {tally.wall_s:.0f} s"
    )
    print("  " + ", ".join(f"{rule} {count}" for rule, count in tally.outputs.most_common()))
    print(
        f"  the solver's model answered {tally.answers} queries, {tally.solved} of them by search"
    )
    for finding in tally.findings[:5]:
        print(f"DIFFERENCE {finding}\n")
    for finding in tally.model_findings[:5]:
        print(f"MODEL {finding}\n")


async def main() -> int:
    """Fuzz the engines side by side and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=20_000, help="over all engines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", action="append", choices=tuple(SHARES))
    parser.add_argument("--results", type=Path)
    parser.add_argument("--seconds", type=float, default=86_400.0, help="begin no part after these")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    until_s = time.perf_counter() + given.seconds
    asked = 2_000 if given.quick else given.queries
    shares = {name: SHARES[name] for name in given.engine or SHARES}
    counts = {name: -(-asked * share // sum(shares.values())) for name, share in shares.items()}
    tallies = await asyncio.gather(
        *(fuzz(name, n, given.seed, given.results, until_s) for name, n in counts.items())
    )
    bars, total = Bars(), Tally()
    for name, tally in zip(counts, tallies, strict=True):
        told(name, tally)
        total.add(tally)
        bars.at_least(f"{name} queries fuzzed", tally.queries, counts[name])
        bars.at_most(f"{name} rewrites that differ", len(tally.findings), 0)
        bars.at_most(f"{name} answers of the solver that differ", len(tally.model_findings), 0)
    bars.at_least("queries fuzzed", total.queries, asked)
    bars.at_least("queries that the solver answered", total.answers, total.queries // 2)
    return bars.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
