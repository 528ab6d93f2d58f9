"""Read SQL text into a syntax tree: one query, the tables it names and the definitions beside it."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.tokenizer_core import Token, TokenType

from proofsmith.domains.sql.dialect import folded, sqlglot_name
from proofsmith.domains.sql.schema import Schema
from proofsmith.errors import UsageError

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # refusals are reported here, in one line

LARGEST_BYTES = 64 * 1024
DEEPEST = 64
MOST_DIGITS = 1000
"""Digits of one number, its exponent counted: 1e999, a common way to write infinity, has as many."""
MOST_TABLES = 1000

_DEFINITIONS = (exp.Create, exp.Alter, exp.Comment)
_DEFINING = (TokenType.CREATE, TokenType.ALTER, TokenType.COMMENT)
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END)


class Unreadable(Exception):
    """The text is no single query of the dialect; the message says where and why, in one line."""


@dataclass(frozen=True, slots=True)
class Script:
    """A file: its queries, and the statements that define tables or views beside them."""

    queries: tuple[exp.Query, ...]
    definitions: tuple[exp.Expr, ...]


_CHANGING: Mapping[type[exp.Expr], str] = {
    exp.Into: "SELECT INTO, which writes",
    exp.Lock: "row locks",
    exp.DML: "data-modifying statements",
}


def parse_query(text: str, engine: str) -> exp.Query:
    """Return the one query that `text` holds, in the dialect of `engine`.

    Raises:
        Unreadable: it does not parse, holds something else than one query, or exceeds 64 KiB or 64 levels.
    """
    script = parse_script(text, engine)
    if script.definitions:
        kind = script.definitions[0].key.upper()
        raise Unreadable(f"{kind} is not a query; only SELECT is allowed")
    return _only(script)


def query_of(text: str, engine: str) -> exp.Query:
    """Return the one query of a file, which may define tables and views beside it; raises Unreadable."""
    return _only(parse_script(text, engine))


def _only(script: Script) -> exp.Query:
    if len(script.queries) != 1:
        raise Unreadable(f"{len(script.queries)} queries where one is expected")
    return script.queries[0]


def parse_script(text: str, engine: str) -> Script:
    """Return the queries and definitions of `text`; raises Unreadable for anything else in it."""
    queries: list[exp.Query] = []
    definitions: list[exp.Expr] = []
    for statement in _statements(text, engine):
        if isinstance(statement, exp.Subquery) and statement.is_wrapper:
            statement = statement.unnest()
        if isinstance(statement, exp.Query) and not isinstance(statement, exp.Table):
            for kind, what in _CHANGING.items():
                if statement.find(kind) is not None:
                    raise Unreadable(f"it uses {what}; only SELECT that reads is allowed")
            _require_scopes(statement)
            _require_parentheses(statement, engine)
            queries.append(statement)
        elif isinstance(statement, _DEFINITIONS) and _defines(statement):
            definitions.append(statement)
        else:
            raise Unreadable(f"{_verb(statement)} is not a query; only SELECT is allowed")
    return Script(tuple(queries), tuple(definitions))


def _require_scopes(query: exp.Query) -> None:
    """Refuse what names cannot be resolved in, or in no time: that grows with the square of a table's mentions."""
    for node in query.find_all(exp.SetOperation):
        for side in (node.this, node.expression):
            if not isinstance(side.unnest(), exp.Query | exp.UDTF):
                raise Unreadable(f"{node.key.upper()} of what is no query")
    tables = sum(1 for _ in query.find_all(exp.Table))
    if tables > MOST_TABLES:
        raise Unreadable(f"it reads {tables} tables; the limit is {MOST_TABLES}")


def _require_parentheses(query: exp.Query, engine: str) -> None:
    """Refuse operators side by side that the engine and the parser group in different ways."""
    tests = (exp.In, exp.Between, exp.Like, exp.Glob)
    for node in query.find_all(*(tests if engine == "sqlite" else (exp.BitwiseNot,))):
        above = node.parent
        while isinstance(above, exp.Not):
            above = above.parent
        if isinstance(above, exp.Binary) and not isinstance(above, (exp.Connector, exp.Dot)):
            raise Unreadable(f"put parentheses around '{node.sql(sqlglot_name(engine))[:60]}'")


def _defines(statement: exp.Expr) -> bool:
    if isinstance(statement, exp.Create):
        return statement.kind in ("TABLE", "VIEW", "INDEX") and not (
            statement.kind == "TABLE" and statement.expression is not None
        )
    return True


def _verb(statement: exp.Expr) -> str:
    if isinstance(statement, exp.Command):
        return str(statement.this).upper()
    if isinstance(
        statement, exp.Alias | exp.Column
    ):  # INSTALL x: words that the parser does not know
        return statement.sql().partition(" ")[0].upper()
    return statement.key.upper()


def _statements(text: str, engine: str) -> Sequence[exp.Expr]:
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST_BYTES:
        raise Unreadable(f"{size} bytes of SQL; the limit is {LARGEST_BYTES}")
    if "\0" in text:
        raise Unreadable("the text holds a NUL character")
    if engine == "sqlite" and re.search(r"--[^\n]*\r(?!\n)", text):
        raise Unreadable("a comment holds a carriage return, which ends it for the parser alone")
    name = sqlglot_name(engine)
    try:
        tokens = sqlglot.tokenize(text, read=name)
        _require_shallow([token.token_type for token in tokens])
        _require_short([token.text for token in tokens if token.token_type is TokenType.NUMBER])
        found = sqlglot.parse(text, dialect=name)
    except ParseError as error:
        raise Unreadable(_located(error)) from None
    except TokenError as error:
        raise Unreadable(" ".join(str(error).split())[:200]) from None
    except RecursionError:
        raise Unreadable("the statement is nested too deeply") from None
    except SqlglotError as error:
        raise Unreadable(str(error).splitlines()[0][:200]) from None
    return [
        _with_parameters(item, engine)
        for item in found
        if item is not None and not isinstance(item, exp.Semicolon)
    ]


def _with_parameters(statement: exp.Expr, engine: str) -> exp.Expr:
    """Take `$x` of SQLite, which the parser reads as a column, for the parameter that it is."""
    for node in statement.find_all(exp.Column) if engine == "sqlite" else ():
        name = node.this
        if isinstance(name, exp.Identifier) and not name.quoted and name.name.startswith("$"):
            node.replace(exp.Placeholder(this=name.name[1:]))
    return statement


def _require_shallow(kinds: Sequence[TokenType]) -> None:
    depth = 0
    for kind in kinds:
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth > DEEPEST:
            raise Unreadable(f"nested deeper than {DEEPEST} levels")


def _require_short(numbers: Sequence[str]) -> None:
    for number in numbers:
        exponent = re.search(r"(?i)e[+-]?0*(\d*)$", number)
        if len(number) > MOST_DIGITS or (exponent and int(exponent[1][:9] or 0) >= MOST_DIGITS):
            raise Unreadable(f"the number {number[:20]} has more than {MOST_DIGITS} digits")


def _located(error: ParseError) -> str:
    """Return `line 3, column 14: ...` from the parser's own account."""
    first = error.errors[0] if error.errors else {}
    reason = str(first.get("description") or str(error).splitlines()[0]).rstrip(".")
    missing = re.match(r"Required keyword: '\w+' missing for <class '[\w.]*\.(\w+)'>", reason)
    reason = f"{missing[1]} lacks an operand" if missing else re.sub(r"\s+", " ", reason)
    if first.get("line"):
        return f"line {first['line']}, column {first['col']}: {reason}"
    return reason


def table_names(query: exp.Expr, engine: str) -> frozenset[str]:
    """Return the folded names of all tables that `query` reads, without its own CTEs."""
    names = set()
    for scope in traverse_scope(query.copy()):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                identifier = source.this
                quoted = isinstance(identifier, exp.Identifier) and bool(
                    identifier.args.get("quoted")
                )
                names.add(folded(source.name, quoted, engine))
    return frozenset(names)


def require_tables(query: exp.Expr, schema: Schema) -> frozenset[str]:
    """Return the tables and views that `query` reads.

    Raises:
        UsageError: one of them is not in the schema.
    """
    names = table_names(query, schema.dialect)
    for name in sorted(names):
        if name not in schema.tables and name not in schema.views:
            known = ", ".join(sorted(schema.tables)[:8])
            raise UsageError(
                f"the query reads '{name}', which the schema does not have", hint=f"known: {known}"
            )
    return names


def tables_read(query: exp.Query, schema: Schema) -> frozenset[str]:
    """Return the tables of the schema that `query` reads, through views too."""
    names = set(table_names(query, schema.dialect))
    for _ in range(len(schema.views)):
        for name in sorted(names & set(schema.views)):
            view = parse_query(schema.views[name], schema.dialect)
            names |= table_names(view, schema.dialect)
    return frozenset(names & set(schema.tables))


def statement_text(text: str, engine: str) -> str:
    """Return the one query of a file alone, as the author wrote it."""
    first, last = _place(text, engine)
    return text[first:last].strip().rstrip(";").rstrip()


def with_query(text: str, query: str, engine: str) -> str:
    """Return a file with another query in the place of its own; the definitions beside it stay as they are written.

    >>> with_query("CREATE VIEW v AS SELECT 1 AS a; SELECT a FROM v;", "SELECT 2", "duckdb")
    'CREATE VIEW v AS SELECT 1 AS a; SELECT 2;'
    """
    if not parse_script(text, engine).definitions:
        return query
    (first, last), (start, end) = _span(text, engine), _span(query, engine)
    return text[:first] + query[start:end] + text[last:]


def with_definitions(text: str, original: str, engine: str) -> str:
    """Return a file that lacks definitions of the original as that with this one's query, any other file as it is."""
    try:
        script, wanted = parse_script(text, engine), parse_script(original, engine).definitions
    except Unreadable:
        return text
    held, known = texts_of(script.definitions), texts_of(wanted)
    if held >= known or held - known or len(script.queries) != 1:
        return text
    return with_query(original, text, engine)


def texts_of(definitions: Iterable[exp.Expr]) -> set[str]:
    """Return what definitions say, comments left out."""
    return {item.sql(comments=False) for item in definitions}


def _place(text: str, engine: str) -> tuple[int, int]:
    """Return where the one query of a file begins and ends: the whole text when there is nothing beside it."""
    return _span(text, engine) if parse_script(text, engine).definitions else (0, len(text))


def _span(text: str, engine: str) -> tuple[int, int]:
    """Return where the words of the one query of a file begin and end, without comments around them."""
    tokens = sqlglot.tokenize(text, read=sqlglot_name(engine))
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            parts.append([])
        else:
            parts[-1].append(token)
    query = next(part for part in parts if part and part[0].token_type not in _DEFINING)
    return query[0].start, query[-1].end + 1
