"""Rows that a benchmark measured so far, in a file of JSON lines: a run can be stopped and goes on when repeated."""

import json
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
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

    def mapped(
        self, pool: Executor, work: Callable[[Any], Any], jobs: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """Return `work` of every job in order, made in `pool` unless an earlier run did; values must be JSON."""
        keys = [f"{work.__name__} {' '.join(map(str, job))}" for job in jobs]
        known = {row["key"]: row["value"] for row in self.rows if "key" in row}
        left = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in known]
        made = pool.map(work, [job for _, job in left])
        for (key, _), value in zip(left, made, strict=True):
            self.add({"key": key, "value": value})
            known[key] = value
        return [known[key] for key in keys]


def accept(parser: ArgumentParser) -> None:
    """Add the option `--results FILE`."""
    parser.add_argument(
        "--results", type=Path, help="JSON lines of what is done already, read and extended"
    )
