"""Take a folder of .lean files, or a set of statements as JSON lines, apart into files of one problem each.

Of published sets it knows the fields of miniF2F (`formal_statement`, `header`) and of FormalMATH (`theorem_names`,
`autoformalization`), and the Lake project of miniF2F: `MiniF2F/Valid.lean` and `MiniF2F/Test.lean`, or folders of that
name with a theorem a file. What imports Mathlib becomes a file like the others; without a project each is refused when
it is read, by name.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from proofsmith.domains.lean import source as lean_source
from proofsmith.errors import UsageError
from proofsmith.types import JSON

MOST_PROBLEMS = 10_000
SUITE = "MiniF2F"
HALVES = ("Valid", "Test")
NAMES = ("name", "problem_id", "theorem_names", "id")
TEXTS = ("formal_statement", "autoformalization", "refined_statement", "lean4_code", "statement")
HEADERS = ("header", "lean4_header", "prelude")


def split(source: Path, options: Mapping[str, JSON], into: Path) -> list[Path]:
    """Return one file for each problem of `source`; those of a set are written to `into`.

    Raises:
        UsageError: there is no problem, too many, or a row that cannot be read.
    """
    found = _folder(source, into) if source.is_dir() else _rows(source, into)
    if not found or len(found) > MOST_PROBLEMS:
        raise UsageError(
            f"{source} holds {len(found) or 'no'} problems",
            hint=f"name a folder of .lean files or a .jsonl file with at most {MOST_PROBLEMS} rows",
        )
    return found


def _folder(source: Path, into: Path) -> list[Path]:
    suite = source if source.name == SUITE else source / SUITE
    if any((suite / part).exists() for half in HALVES for part in (half, f"{half}.lean")):
        return _suite(suite, into)
    return sorted(p for p in source.glob("*.lean") if p.name != "lakefile.lean")


def _suite(suite: Path, into: Path) -> list[Path]:
    """Return one file a theorem of miniF2F's project, whichever way a half of it is kept."""
    into.mkdir(parents=True, exist_ok=True)
    found = []
    for half in HALVES:
        whole = suite / f"{half}.lean"
        if not (suite / half).is_dir() and whole.is_file():
            found += _theorems(whole, half, into)
        found += sorted((suite / half).glob("*.lean"))
    return found


def _theorems(path: Path, half: str, into: Path) -> list[Path]:
    """Write each open theorem of a file to one of its own, with all that is no theorem before it."""
    text = lean_source.text_of(path)
    targets = lean_source.take_apart(text).targets
    header = text[: targets[0].start].strip() if targets else ""
    found = []
    for target in targets:
        place = into / f"{half}_{_plain(target.statement.name)}.lean"
        whole = text[target.start : target.end].strip()
        place.write_text(f"{header}\n\n{whole}\n" if header else f"{whole}\n", "utf-8")
        found.append(place)
    return found


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
    return f"{number:05d}_" + (_plain(name) or "row")


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name)[:80]


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
