"""The syntactic gate: what a candidate may say at all, before any engine sees it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from sqlglot import exp

from proofsmith.domains.sql.dialect import folded
from proofsmith.domains.sql.parameters import names
from proofsmith.domains.sql.query import DEEPEST, Unreadable, parse_script, texts_of
from proofsmith.domains.sql.schema import Schema

_FORBIDDEN: Mapping[type[exp.Expr], str] = {
    exp.Command: "commands",
    exp.Pragma: "PRAGMA",
    exp.Set: "SET",
    exp.Hint: "optimizer hints",
    exp.TableSample: "TABLESAMPLE",
    exp.SessionParameter: "session variables",
    exp.Copy: "COPY",
    exp.Attach: "ATTACH",
    exp.Create: "CREATE",
    exp.Drop: "DROP",
    exp.Describe: "DESCRIBE",
    exp.Summarize: "SUMMARIZE",
    exp.HistoricalData: "past versions of a table",
}
_WIDTHS = ("format", "printf")
_ROW_IDENTITY = frozenset(
    ("rowid", "_rowid_", "oid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")
)
_MOMENTS = frozenset(("now", "today", "tomorrow", "yesterday", "epoch", "allballs"))
_MOMENT_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME", "DATETIME")
_SESSION = frozenset(("user", "current_role", "system_user"))
"""Reserved words of PostgreSQL that the parser takes for columns."""
_CLOCKS = frozenset(
    (("age", 1), *((name, 0) for name in ("date", "time", "datetime", "julianday", "unixepoch")))
)
"""Functions and the number of arguments with which they read the clock."""


class Refused(Exception):
    """The candidate says something that it may not; the message says what."""


@cache
def _functions() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the functions that are allowed, and of those whose value changes by itself."""
    text = resources.files("proofsmith.domains.sql").joinpath("functions.toml").read_text("utf-8")
    listed = tomllib.loads(text)
    return frozenset(listed["allowed"]["names"]), frozenset(listed["volatile"]["names"])


def admit(text: str, base: exp.Query, beside: tuple[exp.Expr, ...], schema: Schema) -> exp.Query:
    """Return the candidate's one query when the gate lets it pass.

    `beside` are definitions in the original's file, which a candidate may repeat but not change.

    Raises:
        Refused: it does not parse, is not one query, reads what it should not or calls what it may not.
    """
    try:
        script = parse_script(text, schema.dialect)
    except Unreadable as error:
        raise Refused(str(error)) from None
    if texts_of(script.definitions) - texts_of(beside):
        raise Refused("it defines tables or views; only SELECT is allowed")
    if len(script.queries) != 1:
        raise Refused(f"it holds {len(script.queries)} queries where one is expected")
    query = script.queries[0]
    for complaint in _complaints(query, base, schema):
        raise Refused(complaint)
    return query


def _complaints(query: exp.Query, base: exp.Query, schema: Schema) -> Iterator[str]:
    if "/*+" in query.sql():
        yield "it carries optimizer hints"
    for node in query.walk():
        for kind, what in _FORBIDDEN.items():
            if isinstance(node, kind):
                yield f"it uses {what}"
    if query.find(exp.ObjectIdentifier) and not base.find(exp.ObjectIdentifier):
        yield "it turns names of the catalogue into objects, and the original does not"
    if depth(query) > DEEPEST * 8:
        yield "it is nested too deeply"
    if _recurses(query, schema.dialect) and not _recurses(base, schema.dialect):
        yield "it recurses, and the original does not"
    for name in names(query):
        if name not in names(base):
            yield f"it reads the parameter or session variable '{name}', which the original does not"
    yield from _tables(query, base, schema)
    yield from _calls(query, base, schema)
    yield from _row_identities(query, schema)


def depth(query: exp.Expr) -> int:
    """Return the height of a syntax tree."""
    deepest, level = 0, [query]
    while level:
        deepest += 1
        level = [child for node in level for child in node.iter_expressions()]
    return deepest


def _recurses(query: exp.Expr, dialect: str) -> bool:
    """Say whether a query may recurse, for which SQLite needs no word: a name inside its own definition does it."""
    if dialect == "sqlite":
        for cte in query.find_all(exp.CTE):
            if any(
                table.name.lower() == cte.alias.lower() for table in cte.this.find_all(exp.Table)
            ):
                return True
    return any(node.args.get("recursive") for node in query.find_all(exp.With))


def _tables(query: exp.Query, base: exp.Query, schema: Schema) -> Iterator[str]:
    """Complain about tables that are neither the problem's nor the candidate's own."""
    calls = {name_of(node) for node in base.find_all(exp.Func)}
    for table in query.find_all(exp.Table):
        identifier = table.this
        if not isinstance(identifier, exp.Identifier):
            if not isinstance(identifier, exp.Func) or name_of(identifier) not in calls:
                yield f"it reads from {table.sql()[:80]}, which is no table of the problem"
            continue
        quoted = bool(identifier.args.get("quoted"))
        name = folded(identifier.name, quoted, schema.dialect)
        if table.args.get("catalog") or table.db.lower() not in ("", "public", "main"):
            yield f"it reads '{table.sql()[:80]}', which is no table of the problem"
        elif name in schema.tables or name in schema.views:
            continue
        elif table.db or name not in _in_scope(table, schema.dialect):
            yield f"it reads '{name}', which is no table of the problem"


def _in_scope(table: exp.Table, dialect: str) -> Iterator[str]:
    """Yield the names of the common table expressions that a table's name may mean where it stands."""
    within: exp.Expr = table
    while (above := within.parent) is not None:
        clause = above if isinstance(above, exp.With) else above.args.get("with_")
        named = clause.expressions if clause is not None and clause is not within else []
        if isinstance(above, exp.With) and dialect != "sqlite":  # a definition sees those before it
            recurs = bool(above.args.get("recursive"))
            place = next(place for place, cte in enumerate(named) if cte is within) + recurs
            named = named if recurs and dialect == "postgresql" else named[:place]
        for cte in named:
            alias = cte.args["alias"].this
            yield folded(alias.name, bool(alias.args.get("quoted")), dialect)
        within = above


def _calls(query: exp.Query, base: exp.Query, schema: Schema) -> Iterator[str]:
    allowed, _ = _functions()
    known = {name_of(node) for node in base.find_all(exp.Func)}
    for call in query.find_all(exp.Func):
        name = name_of(call)
        if name not in allowed and name not in known:
            yield f"it calls {name}, which is not on the list of allowed functions"
        if name in _WIDTHS and not _narrow(call) and call not in base.find_all(type(call)):
            yield f"it calls {name} with a width that is not a small constant"
    for dot in query.find_all(exp.Dot):
        if isinstance(dot.expression, exp.Func) and dot not in base.find_all(exp.Dot):
            yield f"it calls {dot.sql()[:80]} by a qualified name"
    own = set(volatile(base, schema))
    for name in volatile(query, schema):
        if name not in own:
            yield f"it calls {name}, whose value changes by itself"


def _narrow(call: exp.Expr) -> bool:
    """Say whether a call's format is written out and asks for short results: no engine stops while it pads."""
    pattern = call.this if isinstance(call, exp.Format) else next(iter(call.expressions), None)
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        return False
    return re.search(r"\*|\d{4}", pattern.name) is None


def name_of(call: exp.Expr) -> str:
    """Return a function's name in lower case.

    >>> import sqlglot
    >>> name_of(sqlglot.parse_one("COUNT(*)")), name_of(sqlglot.parse_one("my_fn(1)"))
    ('count', 'my_fn')
    """
    if isinstance(call, exp.Rand):
        return "random"
    if isinstance(call, exp.Anonymous | exp.AnonymousAggFunc):
        return str(call.name).lower()
    if isinstance(call, exp.Func):
        return str(call.sql_name()).lower().replace("j_s_o_n", "json")
    return call.key


def volatile(query: exp.Expr, schema: Schema) -> Iterator[str]:
    """Yield what makes a query's result change by itself: random numbers, clocks, sequences."""
    _, changing = _functions()
    for call in query.find_all(exp.Func):
        name = name_of(call)
        if name in changing or (name, len(list(call.iter_expressions()))) in _CLOCKS:
            yield name
    if schema.dialect == "postgresql":
        for column in query.find_all(exp.Column):
            if not (column.table or column.this.quoted) and column.name.lower() in _SESSION:
                yield column.name.lower()
    dated = _dated(schema) if schema.dialect == "postgresql" else frozenset()
    for literal in query.find_all(exp.Literal):
        if literal.is_string and str(literal.this).lower().strip() in _MOMENTS:
            parent = literal.parent
            typed = isinstance(parent, exp.Cast) and parent.to.sql().upper().startswith(
                _MOMENT_TYPES
            )
            called = name_of(parent) + parent.key if isinstance(parent, exp.Func) else ""
            compared = isinstance(parent, exp.Predicate) and any(
                column.name.lower() in dated for column in parent.find_all(exp.Column)
            )
            if typed or compared or "date" in called or "time" in called:
                yield f"'{literal.this}'"


def _dated(schema: Schema) -> frozenset[str]:
    """Return the columns that hold dates or times, for which PostgreSQL reads the texts beside them."""
    columns = [column for table in schema.tables.values() for column in table.columns]
    return frozenset(c.name for c in columns if c.type.upper().startswith(_MOMENT_TYPES))


def _row_identities(query: exp.Query, schema: Schema) -> Iterator[str]:
    columns = {column.name for table in schema.tables.values() for column in table.columns}
    for column in query.find_all(exp.Column):
        name = column.name.lower()
        if name in _ROW_IDENTITY and name not in columns and _is_stored(column):
            yield f"it reads {name}, which tells how rows are stored"


def _is_stored(column: exp.Column) -> bool:
    """Say whether a name may be a stored table's own where it stands, and no alias of a part of the query."""
    select, name = column.parent_select, column.name.lower()
    if select is None or column.find_ancestor(exp.Order) and name in select.named_selects:
        return select is None
    own = {cte.alias.lower(): cte for cte in select.root().find_all(exp.CTE)}
    while select is not None:
        parts = [select.args.get("from_"), *(select.args.get("joins") or ())]
        sources = [part.this for part in parts if part is not None]
        if column.table:
            sources = [s for s in sources if s.alias_or_name.lower() == column.table.lower()]
        made = [own.get(s.name.lower()) if isinstance(s, exp.Table) else s for s in sources]
        if None in made:
            return True
        names = {n.name.lower() for s in made if s for n in s.find_all(exp.Identifier, exp.Star)}
        if names & {name, "*"}:
            return False
        select = select.parent_select
    return True
