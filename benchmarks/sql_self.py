"""Compare queries with themselves: how often is the same text called faster? Nothing may be published of it.

Run it as `python -m benchmarks.sql_self [--trials N] [--engine E] [--results FILE] [--seconds S] [--quick]`. Each trial
is one screening comparison of the product, on generated rows; the share of `faster` is bounded from above by its exact
binomial interval. With `--results` each verdict is a line of that file and its trial is not run again.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.bars import Bars
from proofsmith.domains.sql.bench import Bench, filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.population import populate
from proofsmith.domains.sql.testing.pools import Pools
from proofsmith.domains.sql.timing import compare
from proofsmith.executors.choice import open_sandbox
from proofsmith.tools.stats import clopper_pearson
from proofsmith.types import Depth

DDL = """CREATE TABLE p (id INTEGER PRIMARY KEY, a INTEGER);
CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER REFERENCES p(id), v INTEGER);"""
QUERIES = (
    "SELECT COUNT(*) AS n FROM c WHERE v > 5",
    "SELECT p.a, SUM(c.v) AS s FROM c JOIN p ON c.p_id = p.id GROUP BY p.a",
    "SELECT id FROM c WHERE v = 17",
)


async def trials(engine: str, count: int, results: Path, until_s: float) -> Counter[str]:
    """Return verdicts of `count` comparisons of a query with itself, or fewer; those in `results` are among them."""
    kept = results.read_text().splitlines() if results.is_file() else []
    verdicts = Counter(line.split()[1] for line in kept if line.split()[0] == engine)
    if verdicts.total() >= count:
        return verdicts
    schema = parse_schema(DDL, engine)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        populate(schema, Pools(), Path(folder), rows=5000)
        bench: Bench = await filled(schema, Path(folder), "generated rows", await open_sandbox())
    while verdicts.total() < count and time.perf_counter() < until_s:
        text = QUERIES[verdicts.total() % len(QUERIES)]
        verdict = str((await compare(bench, text, text, Depth.QUICK)).verdict)
        verdicts[verdict] += 1
        with results.open("a") as file:
            file.write(f"{engine} {verdict}\n")
    await bench.engine.close()
    return verdicts


async def main() -> int:
    """Print verdicts and bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--engine", action="append", choices=("duckdb", "sqlite", "postgresql"))
    parser.add_argument("--results", type=Path)
    parser.add_argument(
        "--seconds", type=float, default=86_400.0, help="begin no trial after these"
    )
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    until_s = time.perf_counter() + given.seconds
    count, bars = 40 if given.quick else given.trials, Bars()
    for engine in given.engine or ["postgresql", "duckdb"]:
        with tempfile.TemporaryDirectory() as folder:
            results = given.results or Path(folder, "verdicts")
            verdicts = await trials(engine, count, results, until_s)
        share = clopper_pearson(verdicts["faster"], max(verdicts.total(), 1))
        print(
            f"{engine}: {dict(verdicts)}; faster {share.estimate:.1%}, at most {share.high:.1%} (95 %)"
        )
        bars.at_least(f"{engine} trials", verdicts.total(), count)
        bars.at_most(f"{engine} the same called faster", share.estimate, 0.05)
    return bars.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
