"""Rows that hang together as chance seldom draws them: paths, which recursion and self-joins follow, and twins."""

import random
from collections.abc import Iterable, Mapping

from sqlglot import exp

from proofsmith.domains.sql.schema import Table
from proofsmith.domains.sql.testing.pools import Cell

_MOVED = 0.5
"""Twins that differ in one more column than in their keys."""
Step = tuple[str, str]
"""A column that repeats what the row before has in the other one."""


def linking(queries: Iterable[exp.Expr]) -> frozenset[str]:
    """Return the columns that equal another one somewhere, and those of CTEs that may come back to themselves."""
    parts: list[exp.Expr] = []
    for query in queries:
        for node in query.find_all(exp.EQ, exp.CTE):
            sides = node.this, node.args.get("expression")
            equal = all(isinstance(side, exp.Column) for side in sides)
            parts += [node] if equal or isinstance(node.this, exp.SetOperation) else []
    return frozenset(column.name.lower() for part in parts for column in part.find_all(exp.Column))


def steps_of(table: Table, names: frozenset[str]) -> list[Step]:
    """Return the steps between columns of one type; a row repeats no key, and refers only to what is there."""
    ends = [column for column in table.columns if column.name.lower() in names]
    starts = [column for column in ends if (column.name,) not in table.keys]
    pairs = [(a.name, b.name) for a in starts for b in ends if a is not b and a.type == b.type]
    return [(start, end) for start, end in pairs if _refers(table, start, end)]


def _refers(table: Table, start: str, end: str) -> bool:
    """Say whether what `end` holds exists wherever `start` refers to."""
    there = {(key.table, key.references) for key in table.foreign_keys if key.columns == (end,)}
    there.add((table.name, (end,)))
    keys = [key for key in table.foreign_keys if start in key.columns]
    return all((key.table, key.references) in there for key in keys)


def twin(
    table: Table, row: Mapping[str, Cell], drawn: Mapping[str, Cell], random_: random.Random
) -> dict[str, Cell]:
    """Return a row with one drawn cell in each key, best in one that refers to nothing, and perhaps one more."""
    referring = [{*key.columns} for key in table.foreign_keys]
    new = {*random_.sample([*row], not table.keys or random_.random() < _MOVED)}
    for key in table.keys:
        own = [name for name in key if not any(name in columns for columns in referring)]
        new.add(random_.choice(own or key))
    for columns in referring:
        new |= columns if columns & new else set()
    return {**row, **{name: drawn[name] for name in new}}
