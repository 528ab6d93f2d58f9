"""Render a Report: six lines, JSON, a web page, a patch, and how to replay it."""

import contextlib
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from proofsmith.agents.report.page import page
from proofsmith.agents.report.patch import patch
from proofsmith.agents.report.records import from_json, to_json
from proofsmith.agents.report.summary import evidence_line, evidence_lines, row, six_lines, title
from proofsmith.errors import StoreError
from proofsmith.tools.paths import jailed
from proofsmith.types import Report

__all__ = [
    "evidence_line",
    "evidence_lines",
    "load",
    "patch",
    "row",
    "six_lines",
    "to_json",
    "write",
]


def write(report: Report, folder: Path) -> None:
    """Write report.json, report.html, patch.diff and REPLAY.md into `folder`, each file whole or not at all.

    The folders `base`, `candidate` and `checks` beside them hold the original, the best version and what judges them
    (benches, references), for the replay commands.

    Raises:
        StoreError: a file cannot be written; those written before are whole.
    """
    texts = {
        **{f"base/{jailed(name)}": text for name, text in report.problem.files.items()},
        **{f"candidate/{jailed(name)}": text for name, text in _best_files(report).items()},
        **{f"checks/{jailed(name)}": text for name, text in report.problem.checks.items()},
        "patch.diff": patch(report),
        "REPLAY.md": replay_text(report),
        "report.html": page(report),
        "report.json": to_json(report),  # last: its presence says that the others are there
    }
    for name, text in texts.items():
        _replace(folder / name, text)


def _best_files(report: Report) -> Mapping[str, str]:
    """Return all files of the best version, unchanged ones included; none when there is no best version."""
    if report.best is None:
        return {}
    return {**report.problem.files, **report.best.candidate.files}


def load(folder: Path) -> Report:
    """Read the report of a run folder; raises StoreError when it is missing or was edited."""
    path = folder / "report.json"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        told = "the command that began it goes on where it stopped"
        raise StoreError(f"run {folder.name} is unfinished", hint=told) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}", hint="did the run finish?") from None
    return from_json(text, source=str(path))


def replay_text(report: Report) -> str:
    """Return REPLAY.md: the commands that earn every piece of evidence again."""
    lines = [
        f"# Replay of {title(report.problem)}",
        "",
        "All of it, with a verdict at the end:",
        "",
    ]
    lines += [f"    proofsmith runs replay {report.run_id}", ""]
    if report.best is not None:
        lines += ["Piece by piece, from this folder:", ""]
        for item in report.best.verdict.evidence:
            lines += [
                f"- {item.check} ({item.status}):",
                "",
                f"      {shlex.join(item.command)}",
                "",
            ]
    return "\n".join(lines)


def _replace(path: Path, text: str) -> None:
    """Write a file beside `path` and move it into place."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}",
            hint="free some space or use --runs-dir",
        ) from None
