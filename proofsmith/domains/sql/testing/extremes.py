"""Databases with numbers at the ends of their types: arithmetic that one query alone does may overflow there."""

from collections.abc import Iterator
from decimal import Decimal

from sqlglot import exp

from proofsmith.domains.sql.schema import Column, Schema
from proofsmith.domains.sql.testing.databases import Database, Generator, Shape
from proofsmith.domains.sql.testing.pools import Cell, Pools, bits_of

_COMPUTING = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs, exp.Cast, exp.Pow)
_SIZES = (1, 1, 2, 2, 2, 3, 3, 4, 6, 6, 6, 6)


def compute_alike(one: exp.Query, other: exp.Query) -> bool:
    """Say whether two queries compute the same from columns, so that both fail or neither does."""
    sums = [
        {node.sql() for node in query.find_all(*_COMPUTING) if node.find(exp.Column)}
        for query in (one, other)
    ]
    return sums[0] == sums[1]


def extremes(schema: Schema, pools: Pools, seed: int) -> Iterator[Database]:
    """Yield databases whose numbers are mostly the first and last of their types."""
    generator = Generator(schema, _Ends(texts=pools.texts, dates=pools.dates), seed)
    for rows in _SIZES:
        yield generator.draw(Shape(most_rows=rows, domain=None, null_share=0.0))


class _Ends(Pools):
    """The first and last values of numeric types, and one between."""

    def of(self, column: Column) -> list[Cell]:
        """Return the ends of a numeric type, of another what its pool holds."""
        match column.kind:
            case "integer":
                most = 1 << bits_of(column)
                return [most - 1, most - 2, 1, -most]
            case "float":
                return ["Infinity", "-Infinity", 1.5]
            case "decimal" if len(column.arguments) == 2:
                precision, scale = column.arguments
                largest = Decimal(10**precision - 1).scaleb(-scale)
                return [largest, -largest, Decimal(1).scaleb(-scale)]
        return super().of(column)
