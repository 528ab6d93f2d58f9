"""Rows that a benchmark measured so far, in a file of JSON lines: a run can be stopped and goes on when repeated."""

import json
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any


class Kept:
    """The rows of one file; without a file rows are only remembered."""

    def __init__(self, path: Path | None) -> None:
        """Read `path` when it exists."""
        self._path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def add(self, row: dict[str, Any]) -> None:
        """Append `row`, at once."""
        self.rows.append(row)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(row) + "\n")

    async def of(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `make` gives for `key`, or what it gave in an earlier run; it must be JSON."""
        known = next((r["value"] for r in self.rows if r.get("key") == key), None)
        if known is None:
            known = await make()
            self.add({"key": key, "value": known})
        return known


def accept(parser: ArgumentParser) -> None:
    """Add the option `--results FILE`."""
    parser.add_argument(
        "--results", type=Path, help="JSON lines of what is done already, read and extended"
    )
