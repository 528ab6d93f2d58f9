"""Finished tool calls by content key, so that a resumed run repeats none of them."""

import json
from pathlib import Path
from typing import Protocol

from proofsmith.errors import StoreError
from proofsmith.types import JSON, canonical


class Journal(Protocol):
    """Finished calls by a key that only depends on the tool and its arguments."""

    def get(self, key: str) -> tuple[JSON] | None:
        """Return the recorded value in a 1-tuple, None when there is none."""

    def put(self, key: str, value: JSON) -> None:
        """Record a value durably before it is published."""


class MemoryJournal:
    """A journal that lives as long as its object."""

    def __init__(self) -> None:
        """Start empty."""
        self._values: dict[str, JSON] = {}

    def get(self, key: str) -> tuple[JSON] | None:
        """Return the recorded value in a 1-tuple, None when there is none."""
        return (self._values[key],) if key in self._values else None

    def put(self, key: str, value: JSON) -> None:
        """Keep the value."""
        self._values[key] = value


class FileJournal(MemoryJournal):
    """A journal in an append-only file of JSON lines; a torn last line is ignored."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left at `path`; raises StoreError when it is unreadable."""
        super().__init__()
        self._path = path
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"cannot read {path}: {error}") from error
        for line in text.splitlines():
            try:
                row = json.loads(line)
                super().put(row["key"], row["value"])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue

    def put(self, key: str, value: JSON) -> None:
        """Append and flush one line, then keep the value; raises StoreError when the disk refuses."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" * self._torn() + canonical({"key": key, "value": value}) + "\n")
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error}") from error
        super().put(key, value)

    def _torn(self) -> bool:
        size = self._path.stat().st_size
        if not size:
            return False
        with self._path.open("rb") as file:
            file.seek(size - 1)
            return file.read(1) != b"\n"
