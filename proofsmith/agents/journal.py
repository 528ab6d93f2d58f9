"""Finished tool calls by content key, so that a resumed run repeats none of them."""

from typing import Protocol

from proofsmith.types import JSON


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
