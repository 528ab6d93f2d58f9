"""Write a run's best version over the user's files, unless they changed since the run read them."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from proofsmith.errors import StoreError, UsageError
from proofsmith.types import Conclusion, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file to write: `before` is what must be there now, None for a file that must not exist."""

    path: Path
    before: str | None
    after: str


def changes(report: Report, source: Path) -> list[Change]:
    """Return the files below the folder of `source` that the best version changes.

    Raises:
        UsageError: there is no best version, or a file name leaves the folder.
    """
    if report.best is None:
        raise UsageError("this run found nothing to apply", hint="proofsmith runs list")
    if report.conclusion is Conclusion.DISPROVED:
        raise UsageError(
            "this run disproved the statement; there is nothing to apply",
            hint=f"proofsmith runs show {report.run_id}",
        )
    found = []
    for name, after in sorted(report.best.candidate.files.items()):
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise UsageError(
                f"'{name}' lies outside the folder of {source}", hint="apply it by hand"
            )
        before = report.problem.files.get(name)
        if before != after:
            path = source if name == source.name else source.parent / pure
            found.append(Change(path=path, before=before, after=after))
    return found


def require_unchanged(planned: Sequence[Change]) -> None:
    """Raise UsageError when a file is no longer what the run had read."""
    for change in planned:
        now = _text(change.path)
        if now != change.before:
            what = "is gone" if now is None else "appeared" if change.before is None else "changed"
            raise UsageError(
                f"{change.path} {what} since the run; nothing was written",
                hint="run again on the new text, or merge patch.diff of the run by hand",
            )


def carry_out(planned: Sequence[Change]) -> None:
    """Write all changes, each file whole or not at all, keeping its permissions.

    Raises:
        UsageError: a file changed since the run; nothing is written then.
        StoreError: a file cannot be written.
    """
    require_unchanged(planned)
    for change in planned:
        _write(change.path.resolve(), change.after)  # a link stays a link; its target is written


def _write(path: Path, text: str) -> None:
    """Write beside `path`, keep its permissions, move into place."""
    fresh = path.with_name(f".{path.name}.proofsmith")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, fresh)
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write {path}: {reason}", hint="check its permissions") from None


def _text(path: Path) -> str | None:
    """Return what a file holds byte for byte as text; None when there is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", hint="check its permissions") from None
