"""PostgreSQL inside the sandbox: an owner who fills tables, a reader who may only select, cancel when late."""

import decimal
import json
import re
import select
import time
from typing import Any

import psycopg
from psycopg import pq

Refused = psycopg.Error

SOCKETS = "/tmp"
_START_S = 30.0
_ROWS = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_CHUNK)
_CHUNK = 1000
"""Rows that are held at a time; the client's library knows chunks from this version on, and single rows before."""
_CHUNKS_SINCE = 170000
_INTEGERS = (20, 21, 23, 26)
_FLOATS = (700, 701)
_TEXTS = (18, 19, 25, 1042, 1043, 705)
_NAMES = {
    16: "boolean",
    20: "bigint",
    21: "smallint",
    23: "integer",
    25: "text",
    700: "real",
    701: "double",
    705: "text",
    1042: "char",
    1043: "varchar",
    1082: "date",
    1083: "time",
    1114: "timestamp",
    1184: "timestamptz",
    1186: "interval",
    1700: "numeric",
    18: "char",
    19: "name",
}

_REVOKED = """
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE ROLE reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION CONNECTION LIMIT 4;
"""


_HARMLESS = """
DO $$ DECLARE f record; BEGIN
 FOR f IN SELECT p.oid::regprocedure AS signature FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = 'pg_catalog' AND (p.proname LIKE 'lo\\_%' OR p.proname LIKE 'pg\\_sleep%'
   OR p.proname LIKE 'pg\\_%advisory%' OR p.proname LIKE '%\\_to\\_xml%' OR p.proname IN ('pg_notify', 'set_config',
   'pg_cancel_backend', 'pg_terminate_backend', 'current_setting', 'pg_read_file', 'pg_ls_dir', 'loread', 'lowrite',
   'lo_import', 'lo_export', 'pg_reload_conf', 'pg_logical_emit_message',
   'pg_export_snapshot', 'ts_rewrite', 'pg_stat_get_activity', 'ts_stat', 'query_to_xml'))
 LOOP EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || f.signature || ' FROM PUBLIC'; END LOOP; END $$;
"""


class Engine:
    """A cluster of its own; every `create` makes all tables anew."""

    refills = 2000
    """Fillings before a new database is made: nothing is known against more."""

    def __init__(self) -> None:
        """Wait for the server and take from the public what could do harm."""
        self.number = 0
        self.emptied = 0
        self.filled = False
        self.planned: dict[str, bytes] = {}
        self.owner: psycopg.Connection[Any] | None = None
        self.reader: psycopg.Connection[Any] | None = None
        self.admin = self._await_server()
        self.admin.execute(_REVOKED, prepare=False)
        self.admin.execute(_HARMLESS, prepare=False)
        with self._connect("template1", "owner") as template:
            template.execute(_HARMLESS, prepare=False)  # every database is a copy of this one

    def _await_server(self) -> "psycopg.Connection[Any]":
        deadline_s = time.perf_counter() + _START_S
        while True:
            try:
                return self._connect("postgres", "owner")
            except psycopg.OperationalError:
                if time.perf_counter() > deadline_s:
                    raise
                time.sleep(0.02)

    def _connect(self, database: str, user: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=SOCKETS, dbname=database, user=user, autocommit=True, connect_timeout=10
        )

    def broken(self) -> bool:
        """Say whether this engine can serve no further request."""
        bad = pq.ConnStatus.BAD
        opened = (self.admin, self.owner, self.reader)
        return any(one is not None and one.pgconn.status == bad for one in opened)

    def version(self) -> str:
        """Return the server's version."""
        number = self.admin.info.server_version
        return f"PostgreSQL {number // 10000}.{number % 10000}"

    def create(self, ddl: str, fills: Any, memory_mib: int) -> None:
        """Replace the tables by these, filled from files, which the reader may select from.

        They stand in a new schema; the whole database is a new one after files, and after many schemas.
        """
        if self.filled or fills or not self.number or self.emptied >= _SCHEMAS or self.broken():
            self._renew()
        self.filled = bool(fills)
        self.emptied += 1
        self._exec(self.owner, f"{_OPENED};{ddl};{_GRANTED}")
        for fill in fills:
            self._fill(fill)
        self.planned = {}
        idle = pq.TransactionStatus.IDLE
        if self.reader is not None and self.reader.pgconn.transaction_status == idle:
            self._exec(self.reader, "DISCARD ALL")  # as if connected anew, in a tenth of the time
            return
        if self.reader is not None:
            self.reader.close()
        self.reader = self._connect(f"judged{self.number}", "reader")

    def _renew(self) -> None:
        """Replace the database by an empty one."""
        for connection in (self.reader, self.owner):
            if connection is not None:
                connection.close()
        self.reader, self.emptied = None, 0
        if self.number:
            self.admin.execute(f"DROP DATABASE judged{self.number} WITH (FORCE)")
        self.number += 1
        name = f"judged{self.number}"
        self.admin.execute(
            f"CREATE DATABASE {name} TEMPLATE template1 STRATEGY file_copy CONNECTION LIMIT 8"
        )
        self.admin.execute(
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO reader"
        )
        self.owner = self._connect(name, "owner")

    def _fill(self, fill: dict[str, Any]) -> None:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in fill["columns"])
        table, path = fill["table"].replace('"', '""'), fill["path"].replace("'", "''")
        texts = ", ".join('"' + name.replace('"', '""') + '"' for name in fill["texts"])
        kept = f", FORCE_NOT_NULL ({texts})" if texts else ""
        copy = f"COPY \"{table}\" ({names}) FROM '{path}' (FORMAT csv, HEADER{kept})"
        self._exec(self.owner, copy)

    def lock(self) -> None:
        """Do nothing more: privileges hold the reader."""

    def configure(self, settings: dict[str, str]) -> dict[str, str]:
        """Change trusted settings of the reader's session; return what they were."""
        assert self.reader is not None
        before = {}
        for name, value in settings.items():
            row = self.reader.execute(f"SHOW {name}").fetchone()
            before[name] = str(row[0]) if row else ""
            self._exec(self.reader, f"SET {name} = '{value}'")
        return before

    def load(self, script: str) -> None:
        """Run a trusted script in one round trip."""
        self._exec(self.owner, script)

    @staticmethod
    def _exec(connection: "psycopg.Connection[Any] | None", script: str) -> None:
        if connection is None:
            raise LookupError("no database is open")
        if not script.strip():
            return
        result = connection.pgconn.exec_(script.encode())
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            raise psycopg.DatabaseError(result.error_message.decode(errors="replace").strip())

    def again(self, statement: str, limit_s: float, most_rows: int) -> dict[str, Any]:
        """Run a statement as `run` does, and keep its plan for the next time in this database."""
        if self.reader is not None and statement not in self.planned:
            name = f"again{len(self.planned)}".encode()
            done = self.reader.pgconn.prepare(name, statement.encode())
            if done.status == pq.ExecStatus.COMMAND_OK:
                self.planned[statement] = name
        return self.run(statement, limit_s, most_rows, self.planned.get(statement, b""))

    def run(
        self, statement: str, limit_s: float, most_rows: int, plan: bytes = b""
    ) -> dict[str, Any]:
        """Run one statement as the reader; `most_rows` below 0 counts the rows and keeps none."""
        if self.reader is None:
            raise LookupError("no database is open")
        found: dict[str, Any] = {"count": 0, "ended": "ok", "error": ""}
        found |= {"columns": [], "types": [], "rows": []}
        began_s = time.perf_counter()
        wire = self.reader.pgconn
        try:
            if not _READING.match(statement):
                raise psycopg.ProgrammingError("only one SELECT statement is run")
            if plan:
                wire.send_query_prepared(plan, None)
            else:
                wire.send_query_params(statement.encode(), None)
            if pq.version() >= _CHUNKS_SINCE:
                wire.set_chunked_rows_mode(_CHUNK)
            else:
                wire.set_single_row_mode()
            _Fetch(wire, began_s + limit_s, most_rows, found).drain()
        except (psycopg.Error, UnicodeError) as error:
            found["ended"], found["error"] = "error", " ".join(str(error).split())[:400]
        if found["ended"] != "ok":
            found["rows"] = []
        found["wall_s"] = time.perf_counter() - began_s
        return found

    def explain(self, statement: str, analyze: bool, limit_s: float) -> dict[str, Any]:
        """Return the plan as parsed JSON; with `analyze` the statement runs, as the reader, under the limit."""
        kind = "ANALYZE, BUFFERS, VERBOSE, FORMAT JSON" if analyze else "VERBOSE, FORMAT JSON"
        found = self.run(f"EXPLAIN ({kind}) {statement}", limit_s, 1000)
        if found["ended"] != "ok":
            return {"error": found["error"] or found["ended"]}
        text = found["rows"][0][0]
        return {"plan": text if not isinstance(text, str) else json.loads(text), "error": ""}


class _Fetch:
    """Reads one statement's result some rows at a time; cancels once when it is late or too large, then drains."""

    def __init__(self, wire: Any, deadline_s: float, most_rows: int, found: dict[str, Any]) -> None:
        """Fill `found` from `wire`, on which a statement was sent."""
        self.wire, self.deadline_s, self.most_rows, self.found = wire, deadline_s, most_rows, found
        self.decoders: list[Any] = []
        self.cancelled = False

    def drain(self) -> None:
        """Read until nothing is left."""
        while True:
            self._wait()
            result = self.wire.get_result()
            if result is None:
                return
            if result.status in _ROWS:
                self._keep(result)
            elif self.found["ended"] == "ok":
                text = result.error_message.decode(errors="replace")
                self.found["ended"], self.found["error"] = "error", " ".join(text.split())[:400]
                if result.status == pq.ExecStatus.COMMAND_OK:
                    self.found["error"] = "only one SELECT statement is run"

    def _wait(self) -> None:
        while self.wire.is_busy():
            left_s = self.deadline_s - time.perf_counter()
            if left_s <= 0 and not self.cancelled:
                self._cancel("timeout")
            select.select([self.wire.socket], [], [], 5.0 if self.cancelled else max(left_s, 0.0))
            self.wire.consume_input()

    def _cancel(self, why: str) -> None:
        self.wire.get_cancel().cancel()
        self.found["ended"], self.cancelled = why, True

    def _keep(self, result: Any) -> None:
        if not self.decoders:
            self.decoders = self._describe(result)
        self.found["count"] += result.ntuples
        if self.most_rows < 0 or self.cancelled:
            return
        for row in range(result.ntuples):
            values = [result.get_value(row, column) for column in range(len(self.decoders))]
            self.found["rows"].append(
                [None if v is None else d(v) for v, d in zip(values, self.decoders, strict=True)]
            )
        if self.found["count"] > self.most_rows:
            self._cancel("rows")

    def _describe(self, result: Any) -> list[Any]:
        kinds = [result.ftype(column) for column in range(result.nfields)]
        self.found["columns"] = [(result.fname(c) or b"").decode() for c in range(result.nfields)]
        self.found["types"] = [_NAMES.get(kind, f"oid{kind}") for kind in kinds]
        return [_decoder(kind) for kind in kinds]


_READING = re.compile(
    r"(?:[\s(]|--[^\r\n]*|/\*.*?\*/|\*/)*(?:SELECT|WITH|VALUES|TABLE|EXPLAIN)\b", re.I | re.S
)
"""How a statement begins that can only read: others may change settings, which no privilege governs."""
_SCHEMAS = 500
"""Schemas that a database has had before it is replaced: their dropped files and catalogue rows add up."""
_OPENED = """RESET ALL; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO reader"""
_GRANTED = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"


def _decoder(kind: int) -> Any:
    if kind in _INTEGERS:
        return int
    if kind in _FLOATS:
        return float
    if kind == 1700:
        return lambda value: decimal.Decimal(value.decode())
    if kind == 16:
        return lambda value: value == b"t"
    if kind in _TEXTS or kind == 114:
        return lambda value: value.decode(errors="replace")
    return lambda value: _Told(value.decode(errors="replace"))


class _Told:
    """A value that is passed on as the server wrote it: dates, intervals, arrays."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
