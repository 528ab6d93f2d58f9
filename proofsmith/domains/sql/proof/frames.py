"""Tuples in scope while two blocks are compared, and small terms over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import z3
from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import SUB, Block, Sum
from proofsmith.domains.sql.symbolic.relations import Relation, Scope
from proofsmith.domains.sql.symbolic.terms import Bool, Unsupported, Value, both, either, no

AGG, KEY = "$agg", "$key"
"""Table names of the columns that stand for aggregates and for group keys."""

Cells = dict[str, dict[str, Value]]


@dataclass(slots=True)
class Frame:
    """Tuples in scope, and what is known of them."""

    cells: Cells = field(default_factory=dict)
    known: list[Bool] = field(default_factory=list)

    def child(self) -> "Frame":
        """Return a frame that can be extended without changing this one."""
        return Frame(dict(self.cells), list(self.known))


class Outside:
    """`Subqueries` for expressions in which none is left; whatever else would be asked is refused."""

    exact = True
    zoned = True
    """What depends on a time zone, or could, is not taken apart."""

    def __init__(self, engine: str, texts: Mapping[str, int]) -> None:
        """Know the engine and the numbers of texts."""
        self.engine = engine
        self.texts = texts

    def relation(self, query: exp.Expr, scope: Scope) -> Relation:
        """Refuse."""
        raise Unsupported("a subquery")

    def fails(self, condition: Bool) -> None:
        """Refuse expressions that can end in an error."""
        raise Unsupported("an expression that can fail")

    def aggregate(self, node: exp.Expr, scope: Scope) -> Value:
        """Refuse."""
        raise Unsupported("an aggregate")

    def window(self, node: exp.Window, scope: Scope) -> Value:
        """Refuse."""
        raise Unsupported("a window function")

    def text(self, literal: str) -> int:
        """Return the number that stands for a text."""
        return self.texts[literal]


def renamed(call: exp.Expr, rows: Block, inside: Frame) -> exp.Expr:
    """Return an aggregate under the aliases of `rows`, whose tuples stand in the frame under both sides' aliases."""
    own = [*rows.atoms, *(item.alias for item in rows.optional)]

    def changed(item: exp.Expr) -> exp.Expr:
        if isinstance(item, exp.Column) and item.table not in own:
            cells = inside.cells.get(item.table)
            alias = next((a for a in own if inside.cells[a] is cells), item.table)
            return exp.column(item.name, table=alias)
        return item

    found: exp.Expr = call.copy().transform(changed, copy=False)
    return found


def argument_of(call: exp.Expr) -> exp.Expr:
    """Return what an aggregate folds."""
    argument = call.this
    if isinstance(argument, exp.Distinct):
        if len(argument.expressions) != 1:
            raise Unsupported("an aggregate over several columns")
        first: exp.Expr = argument.expressions[0]
        return first
    if not isinstance(argument, exp.Expr) or isinstance(argument, exp.Star | exp.Order):
        raise Unsupported(call.key)
    return argument


def as_set(found: Sum) -> Sum:
    """Return a DISTINCT over nothing but a UNION ALL as a sum of its branches that is a set."""
    if found.distinct or len(found.blocks) != 1:
        return found
    block = found.blocks[0]
    if (
        not block.distinct
        or block.keys is not None
        or block.cond
        or block.optional
        or len(block.atoms) != 1
    ):
        return found
    ((alias, atom),) = block.atoms.items()
    if isinstance(atom, str) or any(not inner.plain for inner in atom.blocks):
        return found
    if block.outputs != [
        exp.column(f"c{i}", table=alias) for i in range(len(atom.blocks[0].outputs))
    ]:
        return found
    return Sum(atom.blocks, distinct=True)


def subs_of(node: exp.Expr) -> set[str]:
    """Return the names of the subqueries in an expression."""
    return {column.name for column in node.find_all(exp.Column) if column.table == SUB}


def iff(left: Bool, right: Bool) -> Bool:
    """Return whether both or neither hold."""
    return either(both(left, right), both(no(left), no(right)))


def free(name: str, kind: str, nullable: bool, *, rounded: bool = False) -> Value:
    """Return an arbitrary value of a kind, of a number perhaps one that came of a division."""
    null: Bool = z3.Bool(f"{name}?") if nullable else False
    real = kind in ("decimal", "float")
    number = z3.Real(name) if real else z3.Int(name)
    return Value(kind, null, number, rounded=number if rounded else None)
