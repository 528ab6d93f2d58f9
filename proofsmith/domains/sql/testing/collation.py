"""Ask whether a verdict about texts hangs on how PostgreSQL sorts them: by their bytes, or as a language does."""

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from proofsmith.domains.sql.engines import Engine
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.testing.databases import Database
from proofsmith.domains.sql.testing.differential import Pair, examine

LANGUAGE = "en-US"
_ORDER = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def hangs_on_order(query: exp.Query, schema: Schema) -> bool:
    """Say whether a query asks PostgreSQL which of a text and a constant comes first.

    Elsewhere texts are sorted by their bytes unless a column says otherwise.
    """
    if schema.dialect != "postgresql":
        return False
    return any(
        literal.is_string and not _DATE.match(str(literal.this))
        for node in query.find_all(*_ORDER)
        for literal in node.iter_expressions()
        if isinstance(literal, exp.Literal)
    )


def sorted_as_language(schema: Schema) -> Schema:
    """Return the schema with text columns sorted as in English where they say nothing of their own."""
    tables = {
        name: replace(
            table,
            columns=tuple(
                replace(c, type=f'{c.type} COLLATE "{LANGUAGE}-x-icu"')
                if c.kind == "text" and "COLLATE" not in c.type.upper()
                else c
                for c in table.columns
            ),
        )
        for name, table in schema.tables.items()
    }
    return replace(schema, tables=tables)


async def differs_elsewhere(
    engine: Engine, pair: Pair, databases: Iterator[Database], seed: int
) -> str:
    """Return why equality under the collation C is not equality under every other, empty when nothing shows it."""
    other = replace(pair, schema=sorted_as_language(pair.schema))
    tally = await examine(engine, other, databases, seed)
    if tally.found is None and tally.databases:
        return ""
    seen = "they differ" if tally.found is not None else "they could not be compared"
    return (
        f"no difference where texts are sorted by their bytes, but {seen} under the collation {LANGUAGE}; "
        'if the columns have it, declare COLLATE "C" for them'
    )
