"""DuckDB inside the sandbox: locked configuration, a deadline by interrupt, rows in batches."""

import math
import re
import threading
import time
from typing import Any

import duckdb

Refused = duckdb.Error

_CONFIGURATION = {
    "threads": "1",
    "max_temp_directory_size": "0B",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_CONFINE = "SET enable_external_access=false"
_LOCK = "SET lock_configuration=true"
_CHANGING = re.compile(
    r"\b((?:en|dis)able_\w+|truncate_duckdb_logs|write_log|sleep_ms|(?:force_)?checkpoint|query(?:_table)?"
    r'|json_execute_serialized_sql|arrow_scan\w*|pandas_scan|python_map_function)"?(?:\s|--[^\n]*|/\*.*?\*/)*\(',
    re.I | re.S,
)
"""Functions in a SELECT that change what no locked setting holds, call others by text, or follow pointers."""
_BATCH = 2048


class Engine:
    """One in-memory database at a time."""

    refills = 20
    """Fillings before a new database is made: has been seen to answer wrongly in a database that was refilled often."""

    def __init__(self) -> None:
        """Start without a database."""
        self.connection: Any = None
        self.watch = _Watch()

    def broken(self) -> bool:
        """Say whether this engine can serve no further request."""
        return False

    def version(self) -> str:
        """Return the library's version."""
        return f"DuckDB {duckdb.__version__}"

    def create(self, ddl: str, fills: Any, memory_mib: int) -> None:
        """Replace the database by one with these tables, fill it from files, and lock it."""
        if self.connection is not None:
            self.connection.close()
        self.connection = duckdb.connect(":memory:")
        for name, value in _CONFIGURATION.items():
            self.connection.execute(f"SET {name}='{value}'")
        self.connection.execute(f"SET memory_limit='{memory_mib}MiB'")
        if ddl.strip():
            self.connection.execute(ddl)
        for fill in fills:
            self._fill(fill)
        self.connection.execute(_CONFINE)

    def lock(self) -> None:
        """Let no statement change a setting from now on."""
        self.connection.execute(_LOCK)

    def configure(self, settings: dict[str, str]) -> dict[str, str]:
        """Change trusted settings; return what they were."""
        before = {}
        for name, value in settings.items():
            row = self.connection.execute(f"SELECT current_setting('{name}')").fetchone()
            before[name] = str(row[0])
            self.connection.execute(f"SET {name}='{value}'")
        return before

    def _fill(self, fill: dict[str, Any]) -> None:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in fill["columns"])
        table, path = fill["table"].replace('"', '""'), fill["path"].replace("'", "''")
        texts = ", ".join('"' + name.replace('"', '""') + '"' for name in fill["texts"])
        kind = "PARQUET" if path.endswith(".parquet") else "CSV, HEADER"
        kind += f", FORCE_NOT_NULL ({texts})" if texts else ""
        self.connection.execute(f"COPY \"{table}\" ({names}) FROM '{path}' (FORMAT {kind})")

    def load(self, script: str) -> None:
        """Run a trusted script."""
        if script.strip():
            self.connection.execute(script)

    def run(self, statement: str, limit_s: float, most_rows: int) -> dict[str, Any]:
        """Run one statement; `most_rows` below 0 counts the rows and keeps none."""
        found: dict[str, Any] = {"count": 0, "ended": "ok", "error": ""}
        found |= {"columns": [], "types": [], "rows": []}
        began_s = time.perf_counter()
        self.watch.begin(self.connection, limit_s)
        try:
            self._fetch(statement, most_rows, found)
        except duckdb.Error as error:
            found["ended"] = "timeout" if self.watch.late else "error"
            found["error"] = " ".join(str(error).split())[:400]
            found["rows"] = []
        finally:
            self.watch.end()
        found["wall_s"] = time.perf_counter() - began_s
        return found

    def _fetch(self, statement: str, most_rows: int, found: dict[str, Any]) -> None:
        statements = self.connection.extract_statements(statement)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise duckdb.InvalidInputException("only one SELECT statement is run")
        if called := _CHANGING.search(statement):
            raise duckdb.PermissionException(f"{called[1]} is not run")
        cursor = self.connection.execute(statements[0])
        found["columns"] = [item[0] for item in cursor.description]
        found["types"] = [str(item[1]) for item in cursor.description]
        while batch := cursor.fetchmany(_BATCH):
            found["count"] += len(batch)
            if most_rows >= 0:
                found["rows"] += batch
                if found["count"] > most_rows:
                    found["ended"], found["rows"] = "rows", []
                    return

    def explain(self, statement: str, analyze: bool, limit_s: float) -> dict[str, Any]:
        """Return the plan as text of JSON."""
        kind = "EXPLAIN (ANALYZE, FORMAT JSON)" if analyze else "EXPLAIN (FORMAT JSON)"
        self.watch.begin(self.connection, limit_s)
        try:
            statements = self.connection.extract_statements(f"{kind} {statement}")
            if len(statements) != 1:
                return {"error": "only one SELECT statement is explained"}
            rows = self.connection.execute(statements[0]).fetchall()
        except duckdb.Error as error:
            return {"error": " ".join(str(error).split())[:400]}
        finally:
            self.watch.end()
        return {"plan": rows[-1][1], "error": ""}


class _Watch:
    """Interrupts statements at their deadline from one thread, which sleeps through those that end in time.

    A thread for each statement costs more than most statements where the machine is busy.
    """

    def __init__(self) -> None:
        self.late = False
        self._connection: Any = None
        self._deadline_s = self._wakes_s = math.inf
        self._changed = threading.Condition()
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, connection: Any, limit_s: float) -> None:
        """Interrupt `connection` after `limit_s` unless `end` comes first."""
        with self._changed:
            self.late, self._connection = False, connection
            self._deadline_s = time.monotonic() + limit_s
            if self._deadline_s < self._wakes_s:
                self._changed.notify()

    def end(self) -> None:
        """Interrupt nothing any more."""
        with self._changed:
            self._deadline_s = math.inf

    def _watch(self) -> None:
        with self._changed:
            while True:
                now_s = time.monotonic()
                if self._deadline_s <= now_s:
                    self.late, self._deadline_s = True, math.inf
                    self._connection.interrupt()
                self._wakes_s = self._deadline_s
                left_s = self._deadline_s - now_s
                self._changed.wait(left_s if math.isfinite(left_s) else None)
