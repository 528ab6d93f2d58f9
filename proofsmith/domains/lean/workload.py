"""Take a folder of .lean files, or a set of statements as JSON lines, apart into files of one problem each.

Of published sets it knows the fields of miniF2F (`formal_statement`, `header`) and of FormalMATH (`autoformalization`).
Rows that import Mathlib become files like the others; without a project each is refused when it is read, by name.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from proofsmith.errors import UsageError
from proofsmith.types import JSON

MOST_PROBLEMS = 10_000
NAMES = ("name", "problem_id", "theorem_names", "id")
TEXTS = ("formal_statement", "autoformalization", "refined_statement", "lean4_code", "statement")
HEADERS = ("header", "lean4_header", "prelude")


def split(source: Path, options: Mapping[str, JSON], into: Path) -> list[Path]:
    """Return one file for each problem of `source`; those of a set are written to `into`.

    Raises:
        UsageError: there is no problem, too many, or a row that cannot be read.
    """
    found = _folder(source) if source.is_dir() else _rows(source, into)
    if not found or len(found) > MOST_PROBLEMS:
        raise UsageError(
            f"{source} holds {len(found) or 'no'} problems",
            hint=f"name a folder of .lean files or a .jsonl file with at most {MOST_PROBLEMS} rows",
        )
    return found


def _folder(source: Path) -> list[Path]:
    return sorted(p for p in source.glob("*.lean") if p.name != "lakefile.lean")


def _rows(source: Path, into: Path) -> list[Path]:
    into.mkdir(parents=True, exist_ok=True)
    found = []
    for number, line in enumerate(source.read_text("utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UsageError(f"{source}, line {number}: no JSON object", hint="one row a line")
        path = into / f"{_name(row, number)}.lean"
        path.write_text(_text(row, source, number), encoding="utf-8")
        found.append(path)
    return found


def _first(row: Mapping[str, JSON], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = row.get(key)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _name(row: Mapping[str, JSON], number: int) -> str:
    """Return a file name that is the row's own, without what a path could be made of."""
    key = "id" if isinstance(row.get("id"), str) else ""
    name = str(row[key]) if key else _first(row, NAMES)
    return f"{number:05d}_" + (re.sub(r"[^\w-]", "_", name)[:80] or "row")


def _text(row: Mapping[str, JSON], source: Path, number: int) -> str:
    """Return the row as a file that leaves its theorem open."""
    statement = _first(row, TEXTS).strip()
    if not statement:
        raise UsageError(
            f"{source}, line {number}: no statement", hint=f"fields: {', '.join(TEXTS)}"
        )
    if not re.search(r"^\s*(?:theorem|lemma)\b", statement, re.MULTILINE):
        statement = f"theorem {_first(row, ('name',)) or 'T'} {statement}"
    if "sorry" not in statement:
        statement = re.sub(r":=(?:\s*by)?\s*$", "", statement).rstrip() + " := sorry"
    header = _first(row, HEADERS).strip()
    return "\n\n".join(part for part in (header, statement) if part) + "\n"
