"""Turn a user's query file and schema into a problem."""

from collections.abc import Mapping
from pathlib import Path

from proofsmith.domains.sql.dialect import ENGINES, sqlglot_name
from proofsmith.domains.sql.query import Unreadable, parse_script, require_tables, table_names
from proofsmith.domains.sql.schema import Schema, parse_schema
from proofsmith.errors import UsageError
from proofsmith.types import JSON, Goal, Problem, digest

SCHEMA = "schema.sql"
"""Name under which a problem holds the DDL of its tables."""

_LARGEST_SCHEMA_BYTES = 16 * 1024 * 1024
_LARGEST_QUERY_BYTES = 1024 * 1024


def read(source: Path, goal: Goal, options: Mapping[str, JSON]) -> Problem:
    """Return the problem that the query file and the options (schema, engine, param) describe.

    Raises:
        UsageError: no or several queries, something else than a query, an unknown table, no schema.
    """
    engine = engine_of(options)
    text = _text(source, _LARGEST_QUERY_BYTES)
    try:
        script = parse_script(text, engine)
    except Unreadable as error:
        raise UsageError(
            f"{source.name}: {error}", hint="give one SELECT, with WITH if you like"
        ) from None
    if len(script.queries) != 1:
        what = f"{len(script.queries)} queries" if script.queries else "no query"
        raise UsageError(f"{source.name} holds {what}", hint="give one SELECT in a file")
    given = options.get("schema")
    ddl = _text(Path(str(given)), _LARGEST_SCHEMA_BYTES) if given else ""
    name = sqlglot_name(engine)
    beside = [item.sql(dialect=name) for item in script.definitions]
    ddl = "\n".join([ddl, *(f"{item};" for item in beside)]).strip()
    query = script.queries[0]
    body = query.sql(dialect=name, comments=False) if beside else text
    schema = parse_schema(ddl, engine) if ddl else Schema({}, engine)
    if not ddl and table_names(query, engine):
        raise UsageError(
            "the query reads tables whose schema is not known", hint="give --schema or --db"
        )
    require_tables(query, schema)
    return problem(source.name, body, ddl, engine, goal, options)


def problem(
    name: str, text: str, ddl: str, engine: str, goal: Goal, options: Mapping[str, JSON]
) -> Problem:
    """Return the problem of one query text over the tables that `ddl` declares."""
    params = options.get("param")
    listed = [str(item) for item in params] if isinstance(params, list) else []
    return Problem(
        id=digest(text, ddl, engine, *listed)[:16],
        domain="sql",
        goal=goal,
        text=text,
        files={name: text, SCHEMA: ddl},
        editable=(name,),
        options={"engine": engine, "param": [*listed]},
    )


def engine_of(options: Mapping[str, JSON]) -> str:
    """Return the engine that the options ask for; raises UsageError for an unknown one."""
    engine = str(options.get("engine") or "duckdb")
    engine = {"postgres": "postgresql", "pg": "postgresql", "sqlite3": "sqlite"}.get(engine, engine)
    if engine not in ENGINES:
        raise UsageError(f"unknown engine '{engine}'", hint=f"known engines: {', '.join(ENGINES)}")
    return engine


def schema_of(problem: Problem) -> Schema:
    """Return the tables of a problem that `read` made."""
    ddl = problem.files.get(SCHEMA, "")
    engine = engine_of(problem.options)
    return parse_schema(ddl, engine) if ddl else Schema({}, engine)


def _text(path: Path, largest_bytes: int) -> str:
    try:
        if path.stat().st_size > largest_bytes:
            raise UsageError(
                f"{path.name} is larger than {largest_bytes // 1024} KiB",
                hint="give a smaller file",
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8 text", hint="convert it first") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check its name") from None
