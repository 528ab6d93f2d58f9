"""The normal form: sums of blocks of inner-joined tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

SUB = "$sub"
"""Table name of the columns that stand for subqueries."""


@dataclass(slots=True)
class Sum:
    """Blocks under UNION ALL; `distinct` keeps each row once."""

    blocks: list["Block"]
    distinct: bool = False


Atom = str | Sum
"""A base table's name, or a derived table that could not be merged into its block."""


@dataclass(slots=True)
class Optional:
    """The right side of a LEFT JOIN."""

    alias: str
    atom: Atom
    on: list[exp.Expr]


@dataclass(slots=True)
class Block:
    """SELECT outputs FROM atoms LEFT JOIN optional WHERE cond, grouped or not."""

    atoms: dict[str, Atom] = field(default_factory=dict)
    optional: list[Optional] = field(default_factory=list)
    cond: list[exp.Expr] = field(default_factory=list)
    outputs: list[exp.Expr] = field(default_factory=list)
    keys: list[exp.Expr] | None = None
    """Group keys; None without grouping, empty for one group of all rows."""
    having: list[exp.Expr] = field(default_factory=list)
    distinct: bool = False

    @property
    def plain(self) -> bool:
        """Say whether the block only selects and joins."""
        return self.keys is None and not self.distinct

    def parts(self) -> Iterator[list[exp.Expr]]:
        """Yield every list of expressions of this block."""
        yield self.cond
        yield self.outputs
        yield self.having
        if self.keys is not None:
            yield self.keys
        for item in self.optional:
            yield item.on


@dataclass(slots=True)
class Sub:
    """A subquery inside an expression: does a row exist, or one aggregate over its rows."""

    block: Block
    """Without outputs it asks for existence; else its one output is an aggregate over all its rows."""

    @property
    def aggregate(self) -> exp.Expr | None:
        """Return the aggregate, None for existence."""
        return self.block.outputs[0] if self.block.outputs else None


Names = Mapping[str, Mapping[str, exp.Expr]]
"""Expression that each column of each source stands for."""


def substituted(node: exp.Expr, replace: Mapping[tuple[str, str], exp.Expr]) -> exp.Expr:
    """Return a copy of `node` with columns replaced."""

    def changed(item: exp.Expr) -> exp.Expr:
        if isinstance(item, exp.Column) and (item.table, item.name) in replace:
            return replace[item.table, item.name].copy()
        return item

    return node.copy().transform(changed, copy=False)


def columns_of(node: exp.Expr) -> set[tuple[str, str]]:
    """Return the columns that an expression names directly, subqueries' inner ones left out."""
    return {(column.table, column.name) for column in node.find_all(exp.Column)}


def titles_of(query: exp.Expr) -> list[str]:
    """Return the names of a query's output columns."""
    while not isinstance(query, exp.Select):
        query = query.this
    return [item.alias_or_name.lower() for item in query.expressions]


def folds(item: exp.Expr, query: exp.Select) -> bool:
    """Say whether an output folds the query's rows: an aggregate of its own that is no window's."""
    for call in item.find_all(exp.AggFunc):
        over = call.find_ancestor(exp.Window, exp.Select)
        if (
            not (isinstance(over, exp.Window) and over.this is call)
            and call.find_ancestor(exp.Select) is query
        ):
            return True
    return False


def without_distinct(part: Sum) -> Sum:
    """Return a part of a UNION, whose own DISTINCTs say nothing more."""
    for block in part.blocks:
        block.distinct = False
    return part


def single(found: Sum) -> Sum:
    """Move the DISTINCT of a sum of one block into the block."""
    if found.distinct and len(found.blocks) == 1:
        block = found.blocks[0]
        if block.keys is None:
            block.distinct = True
            return Sum([block])
    return found
