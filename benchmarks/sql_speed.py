"""Speed up TPC-H and TPC-DS queries by rules alone, and say what each published gain rests on.

Run it as `python -m benchmarks.sql_speed [--engine E] [--suite S] [--scale SF] [--quick] [--only ID ...]`.

For each query: every single rule and combinations on top of the best are run once in the engine that holds the data
(of those with the same plan one), cancelled at half more than the best so far and half a second; the best three go
through the product's own `verify` at full depth and its own `measure` in new interleaved pairs; what is published is
measured once more for regressions. A base that exceeds 30 s is censored: its ratio is a lower bound. Beside it stands
what sqlglot's optimizer alone gives in the same run. Finished queries are kept in the state file, so that a stopped
run goes on. `--quick` takes a fair dozen.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from sqlglot.errors import SqlglotError
from sqlglot.optimizer import optimize

from benchmarks import tpc
from benchmarks.bars import Bars
from proofsmith.domains.sql import corroboration, search, timing
from proofsmith.domains.sql.bench import Bench, changed_copies, filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.engines.keeper import Keeper
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.rules.text import written
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.source import problem, source_of
from proofsmith.domains.sql.verify import Verifier
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Comparison, ComparisonVerdict, Depth, Goal, Status

QUICK = {
    "tpch": ("tpch02", "tpch04", "tpch17", "tpch20"),
    "tpcds": (
        "tpcds01",
        "tpcds06",
        "tpcds09",
        "tpcds11",
        "tpcds30",
        "tpcds41",
        "tpcds74",
        "tpcds81",
    ),
}
PUBLISHED = (
    "LITHE 26 of 88 TPC-DS (estimated > 1.5x), R-Bot 18 of 76 DSB, GenRewrite 25 of 99 TPC-DS at 2x"
)
LIMIT_S = 30.0
SINGLES = 24
ON_TOP = 10
FINALISTS = 3
WORTH = 1.08
SHORTEST_S = 0.004


@dataclass
class Row:
    """One query on one engine: seconds, the published gain with what it rests on, and the library's ratio."""

    id: str
    base_s: float = 0.0
    censored: bool = False
    touched: int = 0
    move: str = ""
    ratio: float = 1.0
    low: float = 1.0
    high: float = 1.0
    status: str = ""
    again: str = ""
    library: float = 0.0
    note: str = ""
    seen: list[tuple[str, float]] = field(default_factory=list)

    @property
    def published(self) -> bool:
        return self.move != "" and self.status in ("tested", "bounded", "proved")


class Race:
    """Runs one suite on one engine."""

    def __init__(self, bench: Bench, schema: Schema, sandbox: Sandbox, folder: Path) -> None:
        self.bench, self.schema, self.sandbox, self.folder = bench, schema, sandbox, folder
        self.keeper = Keeper()
        self.ddl = ""
        self.plans: dict[str, float] = {}

    async def unlike(self, text: str, limit_s: float) -> float:
        """Return `once`, without a run where the engine has the same plan as for a text that was run before."""
        plan, error = await self.bench.plan(text)
        if error:
            return math.inf
        key = json.dumps(plan, sort_keys=True)
        if key not in self.plans:
            self.plans[key] = await self.once(text, limit_s)
        return self.plans[key]

    async def once(self, text: str, limit_s: float) -> float:
        """Return the better of two runs in seconds, infinity when it failed or was late."""
        best = math.inf
        for _ in range(2):
            (run,) = await self.bench.clock([text], limit_s=limit_s)
            if run.ended != "ok":
                return math.inf
            best = min(best, run.wall_s)
            if run.wall_s > 3:
                break
        return best

    async def query(self, name: str, text: str) -> Row:
        """Search, verify, measure and measure again."""
        row = Row(name)
        self.plans.clear()
        base_s = await self.unlike(text, LIMIT_S)
        row.censored = math.isinf(base_s)
        row.base_s = LIMIT_S if row.censored else base_s
        if row.base_s < SHORTEST_S:
            row.note = "too short to improve"
            return row
        row.library = await self.library(text, row.base_s)
        found = await self.candidates(text, row)
        row.touched = len(found)
        ranked = sorted(found.items(), key=lambda item: item[1][0])
        for move, (seconds, candidate) in ranked[:FINALISTS]:
            if row.base_s / seconds < WORTH:
                break
            if await self.publish(row, text, move, candidate):
                break
        return row

    async def candidates(self, text: str, row: Row) -> dict[str, tuple[float, str]]:
        """Return seconds and text of the rewrites that ended in time, by their rules."""
        found: dict[str, tuple[float, str]] = {}
        await self.try_out(islice(singles(text, self.schema), SINGLES), "", row, found)
        best = sorted(found.items(), key=lambda item: item[1][0])[:2]
        for move, (seconds, made) in best:
            if row.base_s / seconds > WORTH:
                more = islice(singles(made, self.schema), ON_TOP)
                await self.try_out(more, f"{move}+", row, found)
        row.seen = [(m, round(row.base_s / s, 2)) for m, (s, _) in sorted(found.items())]
        return found

    async def try_out(self, rewrites, before, row, found) -> None:
        texts = {made for _, made in found.values()}
        for rewrite in rewrites:
            made = written(rewrite.tree, self.schema)
            if made not in texts:
                best_s = min([row.base_s, *(seconds for seconds, _ in found.values())])
                seconds = await self.unlike(made, min(LIMIT_S, 1.5 * best_s + 0.5))
                if math.isfinite(seconds):
                    found[before + rewrite.move] = (seconds, made)

    async def publish(self, row: Row, text: str, move: str, candidate: str) -> bool:
        """Verify and measure one finalist; fill the row when it may be published."""
        status = await self.status(text, move, candidate)
        if not Status(status).at_least(Status.TESTED):
            row.note = f"{move}: {status}"
            return False
        first = await self.compare(text, candidate)
        if first.verdict is not ComparisonVerdict.FASTER:
            row.note = f"{move}: {first.verdict} {first.reason}"
            return False
        row.move, row.status = move, status
        row.ratio, row.low = first.ratio or 1.0, first.low or 1.0
        row.high = first.high or math.inf
        if not row.censored:
            row.again = str((await self.compare(text, candidate)).verdict)
        return True

    async def compare(self, text: str, candidate: str) -> Comparison:
        return await timing.compare(self.bench, text, candidate, Depth.FULL, limit_s=LIMIT_S)

    async def status(self, text: str, move: str, candidate: str) -> str:
        """Return the product's verdict, with the data of the run as the user's own."""
        made = problem("query.sql", text, self.ddl, self.schema.dialect, Goal.SPEED, {})
        offered = Candidate(files={**made.files, "query.sql": candidate}, move=f"rule:{move}")
        verdict = await Verifier(made, self.keeper).verify(offered, self.sandbox, Depth.FULL)
        if verdict.status is Status.FAILED:
            return str(verdict.status)
        source = source_of(made)
        own = await corroboration.on_own_data(self.bench, source, candidate)
        verdict = corroboration.lifted(verdict, own, corroboration.derived(made, offered))
        if corroboration.vacuous(verdict) and own.ended == "timeout":
            schema = source.schema.only(source.tables)
            slices = changed_copies(
                schema, self.folder, self.sandbox, corroboration.MUTANTS, slow=source.query
            )
            found = [await corroboration.on_own_data(b, source, candidate) async for b in slices]
            verdict = corroboration.on_copies(verdict, found)
        return str(verdict.status)

    async def library(self, text: str, base_s: float) -> float:
        """Return base / sqlglot's own output, 0 when it does not run or is late; unverified."""
        name = tpc.DIALECTS[self.schema.dialect]
        try:
            tree = optimize(
                parse_query(text, self.schema.dialect),
                schema=dict(self.schema.mapping()),
                dialect=name,
            )
        except SqlglotError:
            return 0.0
        seconds = await self.once(tree.sql(dialect=name), min(LIMIT_S, 2 * base_s + 1))
        return base_s / seconds if math.isfinite(seconds) else 0.0


def singles(text: str, schema: Schema):
    """Yield rewrites by one rule."""
    for rewrite in search.rewrites(text, schema):
        if len(rewrite.rules) > 1:
            return
        yield rewrite


async def run(engine: str, suite: str, scale: float, given: argparse.Namespace) -> list[Row]:
    """Return the rows of one suite, those of the state file first."""
    state = Path(given.state)
    done = {}
    if state.is_file():
        listed = [json.loads(line) for line in state.read_text().splitlines()]
        done = {
            r["row"]["id"]: Row(**r["row"]) for r in listed if r["key"] == [engine, suite, scale]
        }
    folder = tpc.generate(suite, scale, Path(given.data))
    wanted = [
        (name, text)
        for name, text in tpc.queries(suite, engine, folder)
        if (not given.quick or name in QUICK.get(suite, (name,)))
        and (not given.only or name in given.only)
    ]
    rows = [done[name] for name, _ in wanted if name in done]
    left = [(name, text) for name, text in wanted if name not in done]
    if not left:
        return rows
    ddl = tpc.schema(suite, folder).read_text()
    schema = parse_schema(ddl, engine)
    sandbox = await open_sandbox()
    bench = await filled(schema, folder.resolve(), f"{suite} at scale {scale:g}", sandbox)
    race = Race(bench, schema, sandbox, folder.resolve())
    race.ddl = ddl
    for name, text in left:
        began_s = time.perf_counter()
        row = await race.query(name, text)
        rows.append(row)
        remember(state, {"key": [engine, suite, scale], "row": asdict(row)})
        show(row, time.perf_counter() - began_s)
    await bench.engine.close()
    return rows


def remember(state: Path, entry: dict[str, object]) -> None:
    """Append one finished query to the state file."""
    with state.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def show(row: Row, wall_s: float) -> None:
    mark = ">=" if row.censored else "  "
    gain = (
        f"{mark}{row.ratio:8.2f} ({row.low:.2f} to {row.high:.2f}) {row.status}"
        if row.published
        else "-"
    )
    print(
        f"{row.id:9} base {row.base_s:7.3f} s {row.touched:3} tried  {gain:40} {row.move} "
        f"again: {row.again or '-'}; library {row.library:.2f}; {row.note} [{wall_s:.0f} s]",
        flush=True,
    )


def geometric_mean(rows: list[Row]) -> float:
    """Return the geometric mean of the gains, a query without one counted as 1."""
    logs = [math.log(max(1.0, row.ratio)) for row in rows]
    return math.exp(sum(logs) / len(logs)) if logs else 1.0


def rewritten_before() -> set[str]:
    """Return the queries that the rules of the shared data set touch; later rules touch many more in vain."""
    lines = (tpc.data_root() / "tpc_rewrites.jsonl").read_text().splitlines()
    return {json.loads(line)["base_ref"] for line in lines}


def summary(engine: str, scale: float, rows: list[Row], bars: Bars, *, quick: bool) -> None:
    """Print the totals of one engine and add its bars."""
    better = [r for r in rows if r.published and r.low > 1.0]
    gains = [r for r in better if r.ratio >= 1.5]
    slow = [r for r in rows if r.touched and r.base_s > 0.1]
    listed = rewritten_before()
    known = [r for r in slow if r.id in listed]
    regressions = sum(r.again == "slower" for r in rows if r.published)
    library = sum(r.library >= 1.5 for r in rows)
    print(
        f"{engine} sf {scale:g}: {len(rows)} queries, {len(slow)} touched above 0.1 s, {len(gains)} gain >= 1.5x, "
        f"geometric mean {geometric_mean(slow):.2f}x, on the {len(known)} of them with a rewrite in "
        f"tpc_rewrites.jsonl {geometric_mean(known):.2f}x, censored {sum(r.censored for r in better)}, "
        f"regressions {regressions}; "
        f"sqlglot alone {library} (unverified); published: {PUBLISHED}"
    )
    bars.at_most(f"{engine} published regressions", regressions, 0)
    if engine == "postgresql":
        bars.at_least(
            f"postgresql queries gaining 1.5x sf {scale:g}", len(gains), 6 if quick else 14
        )
        bars.at_least(f"postgresql geometric mean sf {scale:g}", geometric_mean(known), 8)
        bars.at_least(f"postgresql geometric mean of all sf {scale:g}", geometric_mean(slow), 8)
    if engine == "duckdb":
        confirmed = [r for r in better if r.low >= 1.2 and r.again == "faster"]
        bars.at_least("duckdb queries gaining 1.2x", len(confirmed), 2 if not quick else 0)


async def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=sorted(tpc.DIALECTS))
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--suite", action="append", choices=[*sorted(tpc.SUITES), "job"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--data", default="/tmp/proofsmith-tpc")
    parser.add_argument("--state", default="/tmp/proofsmith-tpc/speed.jsonl")
    given = parser.parse_args()
    Path(given.state).parent.mkdir(parents=True, exist_ok=True)
    bars = Bars()
    for engine in given.engine or ["postgresql", "duckdb"]:
        rows = []
        for suite in given.suite or sorted(tpc.SUITES, reverse=True):
            rows += await run(engine, suite, given.scale, given)
        summary(engine, given.scale, rows, bars, quick=given.quick)
    return bars.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
