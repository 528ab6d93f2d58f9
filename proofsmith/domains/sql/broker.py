"""The user's own database: read its schema, and run statements that passed the gate, read-only and under a deadline.

This runs outside the sandbox, because the database is the user's; it never takes text that the gate has not seen.
"""

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from proofsmith.domains.sql import catalogue
from proofsmith.domains.sql.engines import Outcome
from proofsmith.domains.sql.engines.inside import serve
from proofsmith.errors import SandboxError, UsageError

LIMIT_S = 30.0
MOST_ROWS = 100_000
_CONNECT_S = 10
_URL = re.compile(r"^postgres(ql)?://", re.IGNORECASE)
_SQLITE = b"SQLite format 3\x00"

_DEFINITIONS = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL",
    "duckdb": """SELECT table_name, table_name, sql FROM duckdb_tables() WHERE NOT internal UNION ALL
SELECT view_name, view_name, sql FROM duckdb_views() WHERE NOT internal""",
}
"""Name, the table that it belongs to, and text of every definition."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the user's database is; a URL may hold a password and is never shown."""

    engine: str
    _place: str

    def __repr__(self) -> str:
        """Show the engine and no password."""
        return f"Address({self.engine}, {self.shown})"

    @property
    def shown(self) -> str:
        """Return the address without its password."""
        return without_password(self._place)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Open the database for reading.

        Raises:
            SandboxError: it cannot be reached, now or any more; the same command goes on where it was.
        """
        try:
            connection = self._connect()
        except (psycopg.Error, duckdb.Error, sqlite3.Error) as error:
            told = "check that it is there and that you may read it"
            if "no password supplied" in str(error):
                told = "give the password in the URL, in PGPASSWORD or in ~/.pgpass"
            raise SandboxError(
                f"the database {self.shown} cannot be opened: {_line(error)}", hint=told
            ) from None
        try:
            yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise SandboxError(
                f"the database {self.shown} went away: {_line(error)}", hint="run it again"
            ) from None
        finally:
            connection.close()

    def _connect(self) -> Any:
        if self.engine == "postgresql":
            options = "-c default_transaction_read_only=on"
            return psycopg.connect(
                self._place, autocommit=True, connect_timeout=_CONNECT_S, options=options
            )
        if self.engine == "sqlite":
            uri = Path(self._place).resolve().as_uri() + "?mode=ro"
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection = duckdb.connect(self._place, read_only=True)
        connection.execute("SET enable_external_access=false; SET lock_configuration=true")
        return connection


def without_password(text: str) -> str:
    """Return `text` with the password of every URL in it blotted out.

    >>> without_password("postgresql://me:secret@host/db?password=x")
    'postgresql://me:***@host/db?password=***'
    """
    text = re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", text)
    return re.sub(r"(?i)(password=)[^&\s]+", r"\1***", text)


def keyless(shown: str) -> str:
    """Return an address that was written down without its password, to be opened with one from PGPASSWORD.

    >>> keyless("postgresql://me:***@host/db?password=***&a=1")
    'postgresql://me@host/db?a=1'
    """
    text = shown.replace(":***@", "@")
    return re.sub(r"(?i)([?&])(ssl)?password=\*{3}&?", r"\1", text).rstrip("?&")


def address_of(given: str) -> Address:
    """Return the address that --db names: a postgresql:// URL, or a DuckDB or SQLite file.

    Raises:
        UsageError: there is no such file.
    """
    if _URL.match(given):
        return Address("postgresql", given)
    path = Path(given)
    if not path.is_file():
        raise UsageError(
            f"there is no database {without_password(given)}",
            hint="give a file, or a URL like postgresql://user@host/name",
        )
    with path.open("rb") as file:
        return Address("sqlite" if file.read(16) == _SQLITE else "duckdb", str(path.resolve()))


def ddl_of(address: Address, names: frozenset[str]) -> str:
    """Return CREATE statements of the tables called `names`, with those that their foreign keys reach.

    Raises:
        SandboxError: the database cannot be reached.
        UsageError: its own rows break a foreign key that it declares.
    """
    with address.connected() as connection:
        if address.engine == "postgresql":
            return catalogue.ddl_of(connection, names)
        rows = connection.execute(_DEFINITIONS[address.engine]).fetchall()
        used = _reached(rows, names)
        if address.engine == "sqlite":
            _require_parents(connection, used)
    return "\n".join(f"{text.strip().rstrip(';')};" for _, of, text in rows if of.lower() in used)


def _reached(rows: Sequence[tuple[str, str, str]], names: frozenset[str]) -> set[str]:
    """Return `names` with every table and view that a definition among `rows` names, its own included; lower case."""
    texts: dict[str, str] = {}
    for _, of, text in rows:
        texts[of.lower()] = f"{texts.get(of.lower(), '')}\n{text.lower()}"
    plain = {name for name in texts if name.isidentifier()}
    pending, found = [name.lower() for name in names], set[str]()
    while pending:
        name = pending.pop()
        if name in found or name not in texts:
            continue
        found.add(name)
        pending += plain.intersection(re.findall(r"\w+", texts[name]))
        pending += [other for other in texts if other not in plain and other in texts[name]]
    return found


def _require_parents(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """SQLite checks foreign keys only when asked to, so that rows may break what the schema says."""
    broken: list[tuple[Any, ...]] = []
    for name in sorted(names):
        quoted = name.replace('"', '""')
        broken += connection.execute(f'PRAGMA foreign_key_check("{quoted}")').fetchmany(3)
    if broken:
        told = "; ".join(f"{row[0]} row {row[1]} has no {row[2]}" for row in broken[:3])
        raise UsageError(f"the data break a declared foreign key: {told}", hint="correct the rows")


def outcomes(address: Address, statements: list[str], *, limit_s: float = LIMIT_S) -> list[Outcome]:
    """Run statements that passed the gate, one after the other, read-only; blocks this thread.

    Raises:
        SandboxError: the database went away.
    """
    with address.connected() as connection:
        return [_outcome(address, connection, text, limit_s) for text in statements]


def _outcome(address: Address, connection: Any, statement: str, limit_s: float) -> Outcome:
    stop = connection.cancel if address.engine == "postgresql" else connection.interrupt
    late = threading.Event()

    def end() -> None:
        late.set()
        stop()

    timer = threading.Timer(limit_s, end)
    timer.start()
    try:
        return _fetched(address, connection, statement)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if not late.is_set() and connection.broken:
            raise
        return Outcome(ended="timeout" if late.is_set() else "error", error=_line(error))
    except (psycopg.Error, duckdb.Error, sqlite3.Error) as error:
        return Outcome(ended="timeout" if late.is_set() else "error", error=_line(error))
    finally:
        timer.cancel()
        timer.join()


def _fetched(address: Address, connection: Any, statement: str) -> Outcome:
    if address.engine == "postgresql":
        with connection.transaction(), connection.cursor(name="proofsmith") as cursor:
            cursor.execute(statement)
            return _collected(cursor)
    return _collected(connection.execute(statement))


def _collected(cursor: Any) -> Outcome:
    rows: list[Any] = []
    while batch := cursor.fetchmany(2048):
        rows += batch
        if len(rows) > MOST_ROWS:
            return Outcome(ended="rows", count=len(rows))
    names = tuple(item[0] for item in cursor.description)
    cells = tuple(tuple(serve.encoded(value) for value in row) for row in rows)
    return Outcome(ended="ok", columns=names, rows=cells, count=len(rows))


def _line(error: BaseException) -> str:
    return without_password(" ".join(str(error).split())[:300])
