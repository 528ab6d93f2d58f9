"""What happened in a run, one JSON line per event with its time: for people and tools that look on from outside."""

import json
from datetime import UTC, datetime
from pathlib import Path

from proofsmith.errors import StoreError
from proofsmith.protocols import Progress


class EventLog:
    """Append every phase and every note of a run to a file; the ledger, not this file, is what resuming relies on."""

    def __init__(self, path: Path) -> None:
        """Append to `path`, which need not exist."""
        self._path = path
        self._phase = ""

    def __call__(self, progress: Progress) -> None:
        """Write one line for a new phase or a note; raises StoreError when that is impossible."""
        if progress.phase == self._phase and not progress.note:
            return
        self._phase = progress.phase
        event = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "wall_s": round(progress.spend.wall_s, 3),
            "phase": progress.phase,
            "attempts": progress.spend.attempts,
            "tokens": progress.spend.tokens,
            "note": progress.note,
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StoreError(
                f"cannot write {self._path}: {error.strerror or error}", hint="check free space"
            ) from error
