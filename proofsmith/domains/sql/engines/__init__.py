"""Engines as sandboxed services: start one, open databases in it, run statements under limits."""

import asyncio
import importlib.util
import json
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from proofsmith.domains.sql.engines.ddl import create_tables, emptied
from proofsmith.domains.sql.schema import Schema
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox, Service, ServiceSpec
from proofsmith.types import JSON, Limits

MOST_ROWS = 10_000
STATEMENT_S = 2.0

_PACKAGES = {
    "duckdb": ("duckdb", "_duckdb"),
    "sqlite": (),
    "postgresql": ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions"),
}
_BINARIES = "/usr/lib/postgresql"
_POSTGRES_START = """set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
"$bin/initdb" -D /tmp/cluster -U owner --auth=trust --no-sync -E UTF8 --locale=C >/dev/null
"$bin/postgres" -D /tmp/cluster -c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off \
 -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c jit=off -c max_connections=20 \
 -c max_parallel_workers_per_gather=0 -c dynamic_shared_memory_type=mmap -c shared_buffers=%(buffers)s \
 -c temp_file_limit=%(temporary)s -c log_min_messages=fatal -c max_wal_size=4GB -c wal_level=minimal \
 -c max_wal_senders=0 </dev/null >/dev/null &
"""
_LIMITS = Limits(memory_mib=1536, disk_mib=512, output_kib=64 * 1024, processes=64)
_ROOMY = Limits(memory_mib=8192, disk_mib=16384, output_kib=64 * 1024, processes=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one statement did; `ended` is ok, error, timeout or rows (more than the limit)."""

    ended: str
    error: str = ""
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    """Type names as the engine reports them; empty strings on SQLite, whose values carry the types."""
    rows: tuple[tuple[JSON, ...], ...] = ()
    """Cells: null, bool, int, float, str, or an object with one of the keys decimal, time, float, bytes, other."""
    count: int = 0
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocked:
    """One timed execution: all rows were fetched and none kept."""

    wall_s: float
    rows: int
    ended: str
    error: str


@dataclass(frozen=True, slots=True)
class Fill:
    """A file of rows that is loaded into a table before the database is locked."""

    table: str
    columns: tuple[str, ...]
    """Names in the file's order; CSV files have a header, which is not looked at again."""
    path: str
    """Where the file lies inside the sandbox; `.csv` or, for DuckDB, `.parquet`."""
    texts: tuple[str, ...] = ()
    """Columns of a CSV file in which an empty field is the empty text and not NULL."""


class StatementRefused(Exception):
    """The engine refused a trusted script, e.g. a table's definition; the message is the engine's."""


class Engine:
    """A running engine; ask it for databases, close it at the end."""

    def __init__(self, name: str, version: str, service: Service) -> None:
        """Wrap a ready service."""
        self.name = name
        self.version = version
        self._service = service
        self._digests: dict[str, str] = {}
        self._turn = asyncio.Lock()

    async def open(
        self, ddl: str, *, fills: Sequence[Fill] = (), memory_mib: int = 512, tunable: bool = False
    ) -> "Database":
        """Return a new database with the tables of `ddl`, filled from `fills`; it replaces the one that was open.

        `tunable` leaves the configuration open for the settings that `Database.clock` is given.

        Raises:
            StatementRefused: the engine does not take the definitions.
            SandboxError: the engine died.
        """
        session = secrets.token_hex(8)
        listed: list[JSON] = [
            {
                "table": fill.table,
                "columns": [*fill.columns],
                "path": fill.path,
                "texts": [*fill.texts],
            }
            for fill in fills
        ]
        await self.ask(
            {
                "op": "open",
                "ddl": ddl,
                "session": session,
                "fills": listed,
                "memory_mib": memory_mib,
                "tunable": tunable,
            }
        )
        return Database(self, session)

    @asynccontextmanager
    async def empty(self, schema: Schema) -> AsyncIterator["Database"]:
        """Have the empty tables of `schema` for a block, in the database where `trials` fills them."""
        async with self._turn:
            request = self._tables(schema)
            await self.ask({"op": "ready", **request})
            yield Database(self, str(request["session"]))

    def _tables(self, schema: Schema) -> dict[str, JSON]:
        ddl = create_tables(schema, exact=True)
        session = self._digests.setdefault(ddl, secrets.token_hex(8))
        return {"ddl": ddl, "session": session, "clear": emptied(schema)}

    async def refused_statement(self, schema: Schema) -> str:
        """Return the first statement of a schema that the engine refuses, as it is written for the engine."""
        statements = create_tables(schema, exact=True).splitlines()
        for count, statement in enumerate(statements, 1):
            try:
                await self.open("\n".join(statements[:count]))
            except StatementRefused:
                return statement[:300]
        return "a statement of it"

    async def trials(
        self,
        schema: Schema,
        databases: Sequence[str],
        statements: Sequence[str],
        *,
        limit_s: float = STATEMENT_S,
        most_rows: int = MOST_ROWS,
        fresh: bool = False,
    ) -> list[list[Outcome]]:
        """Run `statements` on every one of `databases`, which are INSERT scripts over the tables of `schema`.

        Returns one list of outcomes a database, in order. Tables are emptied in between, and made anew now and then;
        with `fresh` before the first database, and a statement that is late then makes its database the last.
        """
        request: Mapping[str, JSON] = {
            "op": "trials",
            **self._tables(schema),
            "databases": list(databases),
            "statements": list(statements),
            "limit_s": limit_s,
            "most_rows": most_rows,
            "fresh": fresh,
        }
        async with self._turn:
            reply = await self.ask(request)
        results = reply["results"]
        assert isinstance(results, list)
        return [[_outcome(item) for item in row] for row in results]  # type: ignore[union-attr]

    async def ask(self, request: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """Send one request to the server inside the sandbox.

        Raises:
            StatementRefused: the engine refused a trusted script.
            SandboxError: the engine died, or its database is gone with it.
        """
        reply = json.loads(await self._service.request(json.dumps(request).encode()))
        if "refused" in reply:
            raise StatementRefused(" ".join(str(reply["refused"]).split())[:400])
        if "lost" in reply:
            raise SandboxError(f"{self.name} was restarted: {reply['lost']}", hint="run it again")
        found: Mapping[str, JSON] = reply
        return found

    async def close(self) -> None:
        """End the engine."""
        await self._service.close()


@dataclass(frozen=True, slots=True)
class Database:
    """One database of an engine; gone when the engine opens another one."""

    engine: Engine
    session: str

    async def execute(self, script: str) -> float:
        """Run a trusted script as the owner: rows, indexes, ANALYZE, settings; return its seconds."""
        reply = await self.engine.ask({"op": "execute", "script": script, "session": self.session})
        return _number(reply["wall_s"])

    async def run(
        self, statement: str, *, limit_s: float = STATEMENT_S, most_rows: int = MOST_ROWS
    ) -> Outcome:
        """Run one statement as the restricted user, who can only select."""
        return _outcome(
            await self.engine.ask(
                {
                    "op": "run",
                    "statement": statement,
                    "limit_s": limit_s,
                    "most_rows": most_rows,
                    "session": self.session,
                }
            )
        )

    async def clock(
        self,
        statements: Sequence[str],
        *,
        limit_s: float,
        settings: Sequence[Mapping[str, str]] = (),
    ) -> list[Clocked]:
        """Run statements one after the other, fetching all rows; a late one is cancelled (`ended` timeout).

        `settings` are trusted, one set for each statement, and put back after it; empty for none.
        """
        chosen: list[JSON] = [{**each} for each in settings]
        reply = await self.engine.ask(
            {
                "op": "clock",
                "statements": list(statements),
                "settings": chosen,
                "limit_s": limit_s,
                "session": self.session,
            }
        )
        runs = reply["runs"]
        assert isinstance(runs, list)
        return [
            Clocked(
                wall_s=_number(run["wall_s"]),
                rows=int(_number(run["count"])),
                ended=str(run["ended"]),
                error=str(run["error"]),
            )
            for run in runs
            if isinstance(run, dict)
        ]

    async def explain(
        self, statement: str, *, analyze: bool = False, limit_s: float = STATEMENT_S
    ) -> tuple[JSON, str]:
        """Return the plan and an error, one of which is empty; with `analyze` the statement is executed.

        PostgreSQL: parsed JSON; DuckDB: text of JSON; SQLite: rows of EXPLAIN QUERY PLAN.
        """
        reply = await self.engine.ask(
            {
                "op": "explain",
                "statement": statement,
                "analyze": analyze,
                "limit_s": limit_s,
                "session": self.session,
            }
        )
        return reply.get("plan"), str(reply.get("error", ""))


async def start(
    name: str,
    sandbox: Sandbox,
    *,
    inputs: Mapping[str, Path] | None = None,
    roomy: bool = False,
    request_timeout_s: float = 120.0,
) -> Engine:
    """Start an engine in a sandbox of its own; `inputs` are read-only at `/input/<name>` for trusted scripts.

    `roomy` gives it memory and disk for timing on real data. It ends with `Engine.close` or with this process.

    Raises:
        SandboxError: the engine is not installed or does not start.
    """
    python, bound = _interpreter()
    bound |= _packages(name)
    inside = sandbox.fresh(inputs={**bound, **(inputs or {})})
    folder = resources.files("proofsmith.domains.sql.engines.inside")
    module = f"{name}_engine"
    argv: tuple[str, ...] = (python, "-s", "-B", "serve.py", module)
    if name == "postgresql":
        if not any(Path(_BINARIES).glob("*/bin/postgres")):
            raise SandboxError("PostgreSQL is not installed", hint="apt-get install postgresql")
        buffers, temporary = ("256MB", "-1") if roomy else ("32MB", "64MB")
        begin = _POSTGRES_START % {"buffers": buffers, "temporary": temporary}
        argv = ("/bin/sh", "-c", f'{begin}exec "$@"', "sh", *argv)
    limits = _ROOMY if roomy else _LIMITS
    spec = ServiceSpec(
        name=name,
        argv=argv,
        request_timeout_s=request_timeout_s,
        limits=limits,
        files={
            "serve.py": (folder / "serve.py").read_bytes(),
            f"{module}.py": (folder / f"{module}.py").read_bytes(),
        },
        env={"PYTHONPATH": "/input", "LD_LIBRARY_PATH": "/input/python/lib"},
    )
    service = await inside.service(spec)
    reply = json.loads(await service.request(b'{"op": "version"}'))
    return Engine(name, str(reply["version"]), service)


def _interpreter() -> tuple[str, dict[str, Path]]:
    """Return the interpreter's path inside the sandbox, and what must be bound for it to exist there."""
    program = f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(sys.base_prefix)
    if prefix.is_relative_to("/usr"):
        return str(prefix / program), {}
    return f"/input/python/{program}", {"python": prefix}


def _packages(name: str) -> dict[str, Path]:
    """Return the files that the engine's Python package consists of, by the name they are imported under."""
    found: dict[str, Path] = {}
    for package in _PACKAGES[name]:
        if package.endswith(".libs"):
            beside = next(iter(found.values())).parent / package
            if beside.is_dir():
                found[package] = beside
            continue
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SandboxError(
                f"the Python package {package} is not installed",
                hint="pip install 'proofsmith[sql]'",
            )
        origin = Path(spec.origin)
        path = origin.parent if origin.name == "__init__.py" else origin
        found[path.name] = path
        found |= {item.name: item for item in path.parent.glob(f"{package}-*.dist-info")}
    return found


def _outcome(reply: object) -> Outcome:
    assert isinstance(reply, dict)
    return Outcome(
        ended=reply["ended"],
        error=reply["error"],
        columns=tuple(reply["columns"]),
        types=tuple(reply["types"]),
        rows=tuple(tuple(row) for row in reply["rows"]),
        count=reply["count"],
        wall_s=reply["wall_s"],
    )


def _number(value: JSON) -> float:
    assert isinstance(value, int | float)
    return float(value)
