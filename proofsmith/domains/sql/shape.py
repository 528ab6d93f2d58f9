"""Compare what two queries return apart from rows: number, names and types of their columns."""

from sqlglot import exp

from proofsmith.domains.sql.analysis import bare_null, has_star, output_names
from proofsmith.domains.sql.engines import Outcome
from proofsmith.domains.sql.schema import kind_of
from proofsmith.domains.sql.source import Source


def misshapen(
    source: Source,
    queries: tuple[exp.Query, exp.Query],
    ran: tuple[Outcome, Outcome],
    *,
    by_position: bool,
) -> str:
    """Return why the second query's columns are not those of the first, empty if they are.

    `by_position` lets names differ, and takes a NULL without a type for one of any type.
    """
    base, candidate = ran
    if len(base.columns) != len(candidate.columns):
        return f"it returns {len(candidate.columns)} columns, the original {len(base.columns)}"
    given = output_names(source.query)
    starred = has_star(source.query)
    pairs = () if by_position else zip(base.columns, candidate.columns, strict=True)
    for place, (mine, theirs) in enumerate(pairs):
        named = starred or (place < len(given) and given[place] is not None)
        if named and mine.lower() != theirs.lower():
            return f"column {place + 1} is called '{theirs}', in the original '{mine}'"
    for place, (one, other) in enumerate(zip(base.types, candidate.types, strict=True)):
        untyped = (bare_null(tree, source.schema, place, typed=by_position) for tree in queries)
        if not _same_class(one, other) and not any(untyped):
            return f"column {place + 1} has type {other}, in the original {one}"
    return ""


def _same_class(one: str, other: str) -> bool:
    """Say whether two types hold the same kind of value; whole and decimal numbers are one kind."""
    kinds = [{"decimal": "integer"}.get(kind_of(name), kind_of(name)) for name in (one, other)]
    return kinds[0] == kinds[1] or '"NULL"' in (one, other) or "" in (one, other)
