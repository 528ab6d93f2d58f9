"""Keep a filled database of a problem open in an engine, for plans and for timing."""

import asyncio
import csv
import tempfile
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlglot import exp

from proofsmith.domains.sql.broker import Address
from proofsmith.domains.sql.copies import copied, mutated
from proofsmith.domains.sql.engines import Clocked, Database, Engine, Fill, StatementRefused, start
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.parameters import Binding, bound, bound_text
from proofsmith.domains.sql.population import ROWS, populate
from proofsmith.domains.sql.query import statement_text
from proofsmith.domains.sql.referential import require_parents
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.slices import joined, read_per_row
from proofsmith.domains.sql.source import Source, source_of
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.pools import pools_of
from proofsmith.errors import SandboxError, UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Problem

MEMORY_MIB = 4096
REQUEST_S = 600.0
_COMFORTABLE_S = 2.0
_FEWEST_ROWS = 1500
T = TypeVar("T")
_LOADED = {"postgresql": "VACUUM ANALYZE", "sqlite": "ANALYZE", "duckdb": ""}


@dataclass(frozen=True, slots=True)
class Bench:
    """A database with the problem's tables, filled once and never changed by a candidate."""

    engine: Engine
    database: Database
    data: str
    """Where the rows come from, in words."""
    values: Binding = field(default_factory=dict)
    """Values of the query's parameters under which it is timed."""
    slow: dict[tuple[str, float], Clocked] = field(default_factory=dict)
    """A whole run of each statement that takes long, by its limit in seconds."""
    best: dict[str, float] = field(default_factory=dict)
    """Seconds of the fastest candidate for each slow base."""

    def text(self, file: str) -> str:
        """Return the one statement of a candidate's file, as the engine is given it."""
        name = self.engine.name
        return bound_text(statement_text(file, name), name, self.values)

    async def clock(
        self,
        statements: Sequence[str],
        *,
        limit_s: float,
        settings: Sequence[Mapping[str, str]] = (),
    ) -> list[Clocked]:
        """Run statements one after the other under their settings, each fetched whole, cancelled at `limit_s`."""
        return await self.database.clock(statements, limit_s=limit_s, settings=settings)

    async def plan(
        self, statement: str, *, analyze: bool = False, limit_s: float = 30.0
    ) -> tuple[JSON, str]:
        """Return the plan and an error, one of which is empty."""
        return await self.database.explain(statement, analyze=analyze, limit_s=limit_s)


async def prepare(problem: Problem, sandbox: Sandbox, own: Address | None = None) -> Bench:
    """Start the problem's engine with its data, with a copy of the database `own`, or with generated data.

    Raises:
        UsageError: the data do not fit the schema.
        SandboxError: the engine does not start.
    """
    source = source_of(problem)
    schema = source.schema.only(source.tables)
    tunable = problem.options.get("knobs") is True
    folder = problem.inputs.get("data")
    if folder is not None:
        told = f"rows of {folder.name}"
        bench = await filled(schema, folder, told, sandbox, tunable=tunable)
        return replace(bench, values=source.bindings[0])
    if own is not None:
        with _scratch() as scratch:
            if await asyncio.to_thread(copied, own, schema, scratch):
                told = f"a copy of {own.shown}"
                bench = await filled(schema, scratch, told, sandbox, tunable=tunable)
                return replace(bench, values=source.bindings[0])
    return await _generated(source, schema, sandbox, tunable)


@contextmanager
def _scratch() -> Iterator[Path]:
    """Make a folder that the sandbox's ordinary user can read, for a while."""
    with tempfile.TemporaryDirectory(prefix="proofsmith-") as scratch:
        Path(scratch).chmod(0o755)
        yield Path(scratch)


async def on_mutants(
    problem: Problem, sandbox: Sandbox, count: int, *, sliced: bool = False
) -> AsyncIterator[Bench]:
    """Yield benches with changed copies of the problem's CSV data, one after the other; none without such data."""
    source, folder = source_of(problem), problem.inputs.get("data")
    schema = source.schema.only(source.tables)
    if folder is not None:
        slow = source.query if sliced else None
        async for bench in changed_copies(schema, folder, sandbox, count, slow=slow):
            yield replace(bench, values=source.bindings[0])


async def changed_copies(
    schema: Schema, folder: Path, sandbox: Sandbox, count: int, *, slow: exp.Query | None
) -> AsyncIterator[Bench]:
    """Yield benches with changed copies of the CSV files in `folder`: slices on which the query `slow` may end.

    None come where rows do not fit any more, as when a reference is not written as the key that it refers to.
    """
    sliced = None if slow is None else read_per_row(slow, schema)
    linked = schema if slow is None else joined(slow, schema)
    for seed in range(1, count + 1):
        with _scratch() as scratch:
            if not await asyncio.to_thread(mutated, linked, folder, scratch, seed, sliced=sliced):
                return
            try:
                bench = await filled(schema, scratch, f"changed copy {seed}", sandbox)
            except UsageError:
                return
        try:
            yield bench
        finally:
            await bench.engine.close()


async def _generated(source: Source, schema: Schema, sandbox: Sandbox, tunable: bool) -> Bench:
    """Return a bench with generated rows: fewer of them, down to a limit, where the query is slow."""
    pools = pools_of([bound(source.query, source.bindings[0]), *conditions_of(schema)])
    rows = ROWS
    while True:
        with _scratch() as scratch:
            populate(schema, pools, scratch, rows=rows)
            told = f"generated rows, at most {rows} a table"
            bench = await filled(schema, scratch, told, sandbox, tunable=tunable)
        bench = replace(bench, values=source.bindings[0])
        (run,) = await bench.clock([source.bound(source.text)], limit_s=_COMFORTABLE_S)
        if run.ended != "timeout" or rows <= _FEWEST_ROWS:
            return bench
        await bench.engine.close()
        rows //= 4


async def filled(
    schema: Schema, folder: Path, data: str, sandbox: Sandbox, *, tunable: bool = False
) -> Bench:
    """Start the schema's engine and load all its tables from `folder`; `data` says in words what they hold.

    `tunable` lets `Bench.clock` change settings.

    Raises:
        UsageError: a table has no file, or the rows do not fit.
        SandboxError: the engine does not start.
    """
    name = schema.dialect
    fills = fills_of(schema, folder)
    engine = await start(
        name, sandbox, inputs={"data": folder}, roomy=True, request_timeout_s=REQUEST_S
    )
    try:
        database = await engine.open(
            create_tables(schema), fills=fills, memory_mib=MEMORY_MIB, tunable=tunable
        )
        if _LOADED[name]:
            await database.execute(_LOADED[name])
        await require_parents(database, schema)
    except StatementRefused as refusal:
        await engine.close()
        raise UsageError(
            f"the data do not fit the schema: {refusal}", hint="correct --data or --schema"
        ) from None
    except (asyncio.CancelledError, UsageError):
        await engine.close()
        raise
    return Bench(engine, database, data)


def fills_of(schema: Schema, folder: Path) -> list[Fill]:
    """Return the files in `folder` that hold the rows of all tables; raises UsageError where one has none."""
    return [fill_of(table, folder, schema) for table in schema.tables]


def fill_of(table: str, folder: Path, schema: Schema) -> Fill:
    """Return the file in `folder` that holds the rows of `table`.

    Raises:
        UsageError: there is none, or its header names columns that the table lacks.
    """
    parquet = folder / f"{table}.parquet"
    if schema.dialect == "duckdb" and parquet.is_file():
        names = tuple(column.name for column in schema.tables[table].columns)
        return Fill(table, names, f"/input/data/{parquet.name}")
    path = folder / f"{table}.csv"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8 text", hint="convert it first") from None
    except (OSError, csv.Error):
        raise UsageError(
            f"{folder} has no readable {table}.csv", hint="--data holds one CSV file a table"
        ) from None
    columns = tuple(name.strip().lower() for name in header)
    unknown = [name for name in columns if schema.tables[table].column(name) is None]
    if unknown or not columns:
        what = f"a column '{unknown[0]}' that {table} lacks" if unknown else "no header"
        raise UsageError(f"{path.name} has {what}", hint="its first line names the columns")
    taken = (c for c in schema.tables[table].columns if c.name in columns)
    texts = tuple(c.name for c in taken if c.kind == "text" and not c.nullable)
    return Fill(table, columns, f"/input/data/{path.name}", texts)


class Benches:
    """Keeps the bench of the problem that was asked for last; its engine ends with the next one, or with the loop."""

    def __init__(self) -> None:
        """Start with nothing running."""
        self._kept: MutableMapping[asyncio.AbstractEventLoop, _Kept] = WeakKeyDictionary()

    async def use(
        self,
        problem: Problem,
        sandbox: Sandbox,
        work: Callable[[Bench], Awaitable[T]],
        own: Address | None = None,
    ) -> T:
        """Return what `work` makes of the problem's bench; once more with a new bench when its engine was lost.

        An engine is lost when somebody who waited for it was cancelled: nobody may wait behind a forgotten statement.

        Raises:
            UsageError: the data do not fit the schema.
            SandboxError: the engine does not start, or was lost twice.
        """
        kept = self._kept.setdefault(asyncio.get_running_loop(), _Kept())
        bench = await kept.bench(problem, sandbox, own)
        try:
            return await work(bench)
        except SandboxError:
            await kept.forget(bench)
            return await work(await kept.bench(problem, sandbox, own))


class _Kept:
    """The bench of one event loop."""

    def __init__(self) -> None:
        self._problem = ""
        self._bench: Bench | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def bench(self, problem: Problem, sandbox: Sandbox, own: Address | None) -> Bench:
        async with self._turn:
            if self._bench is None or self._problem != problem.id:
                self._end()
                self._bench = await prepare(problem, sandbox, own)
                self._problem = problem.id
                self._task = asyncio.create_task(self._hold(self._bench))
            return self._bench

    async def forget(self, bench: Bench) -> None:
        """Make the next caller prepare a new bench, unless another one did already."""
        async with self._turn:
            if self._bench is bench:
                self._end()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._bench = self._task = None

    @staticmethod
    async def _hold(bench: Bench) -> None:
        """Wait until the task is cancelled, by the loop at the latest, then end the engine."""
        try:
            await asyncio.Event().wait()
        finally:
            await bench.engine.close()
