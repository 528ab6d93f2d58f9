"""Take a folder or a server's log apart into files of one query each, most time first."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.parameters import taken
from proofsmith.domains.sql.query import Unreadable, parse_script
from proofsmith.domains.sql.source import SCHEMA, engine_of, listed
from proofsmith.errors import UsageError
from proofsmith.types import JSON

MOST_QUERIES = 200
LARGEST_LOG_BYTES = 256 * 1024 * 1024
_ENTRY = re.compile(r"\b(LOG|ERROR|DETAIL|HINT|STATEMENT|FATAL|WARNING|NOTICE|CONTEXT):  ?(.*)")
_STATEMENT = re.compile(
    r"(?:duration: (?P<ms>[\d.]+) ms\s+)?(?:statement|execute [^:]*): (?P<sql>.*)", re.DOTALL
)
_VALUE = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")
_HOLE = re.compile(r"'(?:[^']|'')*'|\$(\d+)\b")
"""A text, in which nothing is a parameter, or a parameter."""


@dataclass(slots=True)
class _Seen:
    """Queries of one shape: the text of the slowest, how many there were, and their milliseconds together."""

    text: str
    slowest_ms: float = 0.0
    count: int = 0
    total_ms: float = 0.0


def split(source: Path, options: Mapping[str, JSON], into: Path) -> list[Path]:
    """Return one file for each query of a folder of .sql files or of a log; those of a log are written to `into`.

    Of queries in a log that differ in constants alone the slowest stands for all; the first files took the most time.

    Raises:
        UsageError: there is no query, or more than MOST_QUERIES.
    """
    found = _folder(source, options) if source.is_dir() else _log(source, options, into)
    if not found:
        raise UsageError(f"{source} holds no query", hint="name a folder of .sql files or a log")
    if len(found) > MOST_QUERIES:
        raise UsageError(
            f"{source} holds {len(found)} different queries; the limit is {MOST_QUERIES}",
            hint="name a folder with those that matter",
        )
    _require_used(found, options)
    return found


def _require_used(files: list[Path], options: Mapping[str, JSON]) -> None:
    """Refuse a value of a parameter that none of the queries has; a file that cannot be read may have any."""
    left = listed(options)
    for path in files if left else []:
        try:
            queries = parse_script(path.read_text(encoding="utf-8-sig"), engine_of(options)).queries
        except (Unreadable, UnicodeDecodeError, OSError):
            return
        for query in queries:
            used = taken(query, left)
            left = [item for item in left if item not in used]
    if left:
        raise UsageError(
            f"no query has the parameter of --param {left[0]}", hint="correct its name"
        )


def _folder(source: Path, options: Mapping[str, JSON]) -> list[Path]:
    schema = Path(str(options["schema"])).resolve() if options.get("schema") else None
    return [
        path
        for path in sorted(source.glob("*.sql"))
        if path.name != SCHEMA and path.resolve() != schema
    ]


def _log(source: Path, options: Mapping[str, JSON], into: Path) -> list[Path]:
    if source.stat().st_size > LARGEST_LOG_BYTES:
        raise UsageError(
            f"{source} is larger than {LARGEST_LOG_BYTES >> 20} MiB", hint="cut the log first"
        )
    engine, seen = engine_of(options), dict[str, _Seen]()
    for text, took_ms in statements(source.read_text(encoding="utf-8", errors="replace")):
        shape = _shape(text, engine)
        if shape:
            known = seen.setdefault(shape, _Seen(text))
            known.count, known.total_ms = known.count + 1, known.total_ms + took_ms
            if took_ms > known.slowest_ms:
                known.text, known.slowest_ms = text, took_ms
    ranked = sorted(seen.values(), key=lambda item: (-item.total_ms, -item.count))
    into.mkdir(parents=True, exist_ok=True)
    files = []
    for number, item in enumerate(ranked, 1):
        path = into / f"query-{number:03}.sql"
        path.write_text(item.text.rstrip().rstrip(";") + ";\n", encoding="utf-8")
        files.append(path)
    return files


def statements(log: str) -> Iterator[tuple[str, float]]:
    r"""Yield each logged statement with its milliseconds, 0 where they are not logged.

    Understood are PostgreSQL's messages (`statement:`, `execute name:`, with `duration:` or without, indented lines
    belonging to the one before, `DETAIL:  parameters:` with the values of a prepared one) and, where there is none of
    them, statements that end with a semicolon.

    >>> list(statements("10:01 LOG:  duration: 2.5 ms  statement: SELECT 1\n\tFROM t\n10:02 LOG:  done"))
    [('SELECT 1\nFROM t', 2.5)]
    """
    entries: list[str] = []
    for line in log.splitlines():
        start = _ENTRY.search(line)
        if start is not None and start[1] == "DETAIL" and entries:
            entries[-1] = _bound(entries[-1], start[2])
        elif start is not None and not line[:1].isspace():
            entries.append(start[2] if start[1] == "LOG" else "")
        elif entries and line[:1].isspace():
            entries[-1] += "\n" + line.strip()
    told = [match for entry in entries if (match := _STATEMENT.match(entry))]
    for match in told:
        yield match["sql"], float(match["ms"] or 0)
    if not entries:
        yield from ((part.strip(), 0.0) for part in log.split(";") if part.strip())


def _bound(statement: str, detail: str) -> str:
    """Put logged values in the place of parameters; they are texts that take the type of what stands beside them."""
    values = dict(_VALUE.findall(detail)) if detail.startswith("parameters:") else {}
    return _HOLE.sub(lambda hole: values.get(hole[1], hole[0]), statement)


def _shape(text: str, engine: str) -> str:
    """Return the query with its constants blotted out; empty for what is no single query over a table."""
    try:
        script = parse_script(text, engine)
    except Unreadable:
        return ""
    if len(script.queries) != 1 or script.definitions or not script.queries[0].find(exp.Table):
        return ""
    copy = script.queries[0].copy()
    for literal in list(copy.find_all(exp.Literal)):
        literal.replace(exp.Placeholder())
    return copy.sql(dialect=sqlglot_name(engine), comments=False)
