"""Read a table once where a subquery aggregates the same table by the same columns: a window over its partitions.

Source: Zuzarte and others, *WinMagic* (SIGMOD 2003).
"""

from collections.abc import Iterator

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.decorrelation import Block, read_block, rejecting_conjunct
from proofsmith.domains.sql.rules.merging import under
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema, Table


def to_window(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one correlated aggregate over the outer query's own table as a window of that table."""
    for copy, node in scopes.sites(tree, exp.Subquery, wanted=lambda s: s.find(exp.AggFunc)):
        block = read_block(node, schema)
        if block is not None and not block.counts and rejecting_conjunct(block):
            target = _shared(block, schema)
            if target is not None:
                _widen(block, *target)
                yield copy


def _shared(block: Block, schema: Schema) -> tuple[scopes.Source, Table] | None:
    """Return the outer source that reads the inner query's only table, correlated column by equal column."""
    inside = list(scopes.sources(block.inner).values())
    table = scopes.declared(inside[0].node, schema) if len(inside) == 1 else None
    aliases = {theirs.table for _, theirs in block.pairs if isinstance(theirs, exp.Column)}
    if table is None or len(aliases) != 1:
        return None
    source = scopes.sources(block.outer).get(aliases.pop())
    same = all(mine.name == theirs.name for mine, theirs in block.pairs)
    if source is None or source.null_extended or not same:
        return None
    return (source, table) if _fits(block, source, table, schema) else None


def _fits(block: Block, source: scopes.Source, table: Table, schema: Schema) -> bool:
    """Say whether the outer source is the same table and the inner filters can be a CASE."""
    plain = all(facts.calm(part) for part in block.rest)
    distinct = block.fold.find(exp.Distinct) is not None
    declared = scopes.declared(source.node, schema)
    return declared is not None and declared.name == table.name and plain and not distinct


def _widen(block: Block, source: scopes.Source, table: Table) -> None:
    """Put the table with the windowed value in place of the outer source, and the value in place of the subquery."""
    value = scopes.unused_alias(block.subquery.root(), "windowed")
    keys = [mine.copy() for mine, _ in block.pairs]
    fold = under(block.fold, scopes.conjoin(block.rest))
    window = exp.Window(this=fold, partition_by=list(dict.fromkeys(keys)))
    output = block.inner.expressions[0].unalias()
    block.fold.replace(window)
    known = [scopes.known(theirs) for _, theirs in block.pairs]
    outer = block.outer
    block.subquery.replace(scopes.column(source.alias, value))
    widened = window if output is block.fold else output
    widen(source, table, block.inner, widened, value)
    scopes.set_where(outer, [*scopes.where(outer), *known])


def widen(
    source: scopes.Source, table: Table, inner: exp.Select, value: exp.Expr, name: str
) -> None:
    """Let `source` read the only table of `inner` with `value`, over that table's rows, as one more column `name`."""
    (entry,) = scopes.sources(inner).values()
    listed = [
        exp.alias_(scopes.column(entry.alias, column.name), column.name, quoted=True)
        for column in table.columns
    ]
    query = exp.Select(
        expressions=[*listed, exp.alias_(value.copy(), name, quoted=True)],
        from_=exp.From(this=entry.node.copy()),
    )
    source.node.replace(scopes.derived(query, source.alias))


RULES = (
    Rule(
        name="aggregate-to-window",
        precondition="the subquery aggregates the outer query's own table, correlated by equal columns alone; its NULL "
        "rejects the row; the partition's columns must not be NULL",
        apply=to_window,
        prior=4.0,
    ),
)
