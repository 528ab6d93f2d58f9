"""Answer requests about one engine, one JSON line each; runs inside the sandbox with an engine module beside it."""

import datetime
import decimal
import importlib
import json
import math
import sys
import time
from typing import Any


def encoded(value: Any) -> Any:
    """Return a cell as JSON: numbers, strings, booleans and null as they are, the rest as one-key objects."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime.datetime):
        return {"time": value.isoformat(" ")}
    if isinstance(value, datetime.date | datetime.time):
        return {"time": value.isoformat()}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": bytes(value).hex()}
    return {"other": repr(value)}


class Desk:
    """Keeps one database open and does what requests ask."""

    def __init__(self, engine: Any) -> None:
        """Start without a database."""
        self.engine = engine
        self.filled = 0
        self.session = ""

    def version(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the engine's version."""
        return {"version": self.engine.version()}

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a database with the given tables, fill it from files, and name it."""
        self.engine.create(request["ddl"], request.get("fills", ()), request.get("memory_mib", 512))
        if not request.get("tunable"):
            self.engine.lock()
        self.session = request["session"]
        self.filled = 0
        return {}

    def ready(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have the given tables, empty, in the database that `trials` would use."""
        if self.session != request["session"]:
            self.open(request)
        elif self.filled:
            self.engine.load(request["clear"])
        return {}

    def execute(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a trusted script as the owner of the database: rows, indexes, statistics, settings."""
        self._require(request)
        began_s = time.perf_counter()
        self.engine.load(request["script"])
        return {"wall_s": time.perf_counter() - began_s}

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one statement as the restricted user."""
        self._require(request)
        return self._outcome(request["statement"], request, self.engine.run)

    def clock(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run statements in the given order, fetch all rows, keep none; return seconds and row counts."""
        self._require(request)
        found = []
        settings = request.get("settings") or [{}] * len(request["statements"])
        for statement, chosen in zip(request["statements"], settings, strict=True):
            before = self.engine.configure(chosen) if chosen else {}
            outcome = self.engine.run(statement, request["limit_s"], -1)
            if before:
                self.engine.configure(before)
            found.append({key: outcome[key] for key in ("wall_s", "count", "ended", "error")})
        return {"runs": found}

    def explain(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the plan of one statement; with `analyze` it is executed."""
        self._require(request)
        found: dict[str, Any] = self.engine.explain(
            request["statement"], request["analyze"], request["limit_s"]
        )
        return found

    def trials(self, request: dict[str, Any]) -> dict[str, Any]:
        """Fill the tables anew for every database and run all statements on each; needs no earlier request.

        With `fresh` the first database's tables are new ones, and nothing follows a statement that was late.
        """
        results: list[list[dict[str, Any]]] = []
        fresh = request["fresh"]
        run = self.engine.run if fresh else getattr(self.engine, "again", self.engine.run)
        for script in request["databases"]:
            used = self.filled >= self.engine.refills or fresh and not results
            if used or self.session != request["session"]:
                self.open(request)
            self.filled += 1  # also where the script is refused: its first rows may stay
            self.engine.load(f"{request['clear']}\n{script}" if self.filled > 1 else script)
            results.append([self._outcome(text, request, run) for text in request["statements"]])
            if fresh and any(outcome["ended"] == "timeout" for outcome in results[-1]):
                break
        return {"results": results}

    def _outcome(self, statement: str, request: dict[str, Any], run: Any) -> dict[str, Any]:
        outcome: dict[str, Any] = run(statement, request["limit_s"], request["most_rows"])
        outcome["rows"] = [[encoded(value) for value in row] for row in outcome["rows"]]
        return outcome

    def _require(self, request: dict[str, Any]) -> None:
        if self.session != request["session"]:
            raise LookupError("the database of this session is gone")


def main() -> None:
    """Serve until standard input ends."""
    module = importlib.import_module(sys.argv[1])
    desk = Desk(module.Engine())
    replies = sys.stdout
    sys.stdout = sys.stderr  # an engine that prints must not be taken for a reply
    for line in sys.stdin:
        nonce, _, payload = line.rstrip("\n").partition(" ")
        reply: dict[str, Any] = {}
        if payload:
            request = json.loads(payload)
            try:
                reply = getattr(desk, request["op"])(request)
            except LookupError as error:
                reply = {"lost": str(error)}
            except module.Refused as error:
                reply = {"refused": str(error)}
        replies.write(f"{nonce} {json.dumps(reply)}\n")
        replies.flush()
        if desk.engine.broken():
            sys.exit(1)  # the next request gets a new server


if __name__ == "__main__":
    main()
