"""Turn a user's query file and schema into a problem."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from proofsmith.domains.sql.broker import Address, address_of, ddl_of
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.dialect import ENGINES, sqlglot_name
from proofsmith.domains.sql.parameters import Binding, bindings, bound_text, taken
from proofsmith.domains.sql.query import (
    Unreadable,
    parse_script,
    require_tables,
    statement_text,
    table_names,
    tables_read,
)
from proofsmith.domains.sql.schema import Schema, mentioned
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
    address = own_database(options)
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
    if address is not None and not options.get("schema"):
        beside = (item.sql(dialect=sqlglot_name(engine)) for item in script.definitions)
        names = table_names(script.queries[0], engine)
        ddl = ddl_of(address, names.union(*(mentioned(text, engine) for text in beside)))
    else:
        ddl = _ddl(source, options)
    if options.get("workload"):  # a value is for those of the queries that have its parameter
        options = {**options, "param": [*taken(script.queries[0], listed(options))]}
    made = problem(source.name, text, ddl, engine, goal, options)
    found = source_of(made)
    if not found.schema.tables and table_names(found.query, engine):
        raise UsageError(
            "the query reads tables whose schema is not known", hint="give --schema or --db"
        )
    require_tables(found.query, found.schema)
    return made


def own_database(options: Mapping[str, JSON]) -> Address | None:
    """Return the database that --db names; raises UsageError for one of another engine than --engine."""
    given = options.get("db")
    if not given:
        return None
    address = address_of(str(given))
    if options.get("engine") and engine_of(options) != address.engine:
        raise UsageError(
            f"--engine {options['engine']} does not read {address.shown}",
            hint=f"it is a database of {address.engine}",
        )
    return address


def _ddl(source: Path, options: Mapping[str, JSON]) -> str:
    """Return the DDL of --schema, else of the file schema.sql beside the query, else nothing."""
    given = options.get("schema")
    beside = source.parent / SCHEMA
    if given:
        return _text(Path(str(given)), _LARGEST_SCHEMA_BYTES)
    if beside.is_file() and beside.resolve() != source.resolve():
        return _text(beside, _LARGEST_SCHEMA_BYTES)
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A problem's query with the tables around it."""

    query: exp.Query
    text: str
    """What the engine is given."""
    schema: Schema
    beside: tuple[exp.Expr, ...]
    """Definitions of tables and views in the query's own file."""
    bindings: tuple[Binding, ...] = ({},)
    """Values of its parameters, in the order in which they are tried; one empty binding without parameters."""

    def bound(self, text: str) -> str:
        """Return a statement under the first binding; its own text when there are no parameters."""
        return bound_text(text, self.schema.dialect, self.bindings[0])

    @property
    def tables(self) -> frozenset[str]:
        """Return the names of the tables that the query reads."""
        return tables_read(self.query, self.schema)


def source_of(problem: Problem) -> Source:
    """Return the query and schema of a problem that `read` made; raises UsageError when they do not parse."""
    engine = engine_of(problem.options)
    try:
        script = parse_script(problem.text, engine)
    except Unreadable as error:
        raise UsageError(str(error), hint="give one SELECT, with WITH if you like") from None
    name = sqlglot_name(engine)
    beside = "\n".join(f"{item.sql(dialect=name)};" for item in script.definitions)
    ddl = "\n".join(part for part in (problem.files.get(SCHEMA, ""), beside) if part)
    return Source(
        query=script.queries[0],
        text=statement_text(problem.text, engine),
        schema=parse_schema(ddl, engine) if ddl.strip() else Schema({}, engine),
        beside=script.definitions,
        bindings=bindings(script.queries[0], listed(problem.options)),
    )


def problem(
    name: str, text: str, ddl: str, engine: str, goal: Goal, options: Mapping[str, JSON]
) -> Problem:
    """Return the problem of one query text over the tables that `ddl` declares."""
    values = listed(options)
    data = options.get("data")
    folder = Path(str(data)).resolve() if data else None
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{data} is not a folder", hint="--data holds one CSV file a table")
    return Problem(
        id=digest(text, ddl, engine, *values, str(folder or ""))[:16],
        domain="sql",
        goal=goal,
        text=text,
        files={name: text, **({SCHEMA: ddl} if ddl else {})},
        inputs={"data": folder} if folder is not None else {},
        editable=(name,),
        options={
            "path": name,
            "engine": engine,
            "param": [*values],
            "by-position": options.get("by-position") is True,
            "knobs": options.get("knobs") is True,
        },
    )


def listed(options: Mapping[str, JSON]) -> list[str]:
    """Return the `NAME=VALUE` texts of --param."""
    given = options.get("param")
    return [str(item) for item in given] if isinstance(given, list) else []


def engine_of(options: Mapping[str, JSON]) -> str:
    """Return the engine that the options ask for; raises UsageError for an unknown one."""
    engine = str(options.get("engine") or "")
    if not engine:
        engine = address_of(str(options["db"])).engine if options.get("db") else "duckdb"
    engine = {"postgres": "postgresql", "pg": "postgresql", "sqlite3": "sqlite"}.get(engine, engine)
    if engine not in ENGINES:
        raise UsageError(f"unknown engine '{engine}'", hint=f"known engines: {', '.join(ENGINES)}")
    return engine


def schema_of(problem: Problem) -> Schema:
    """Return the tables of a problem that `read` made."""
    return source_of(problem).schema


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
