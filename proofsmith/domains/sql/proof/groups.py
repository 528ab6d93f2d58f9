"""Compare two grouped blocks over the same rows: keys, aggregates, HAVING, outputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import Block
from proofsmith.domains.sql.proof.frames import AGG, KEY, Frame, free, iff, subs_of
from proofsmith.domains.sql.symbolic.terms import Bool, Unsupported, Value, both, identical, no

if TYPE_CHECKING:
    from proofsmith.domains.sql.proof.matching import Matcher


class Groups:
    """Two grouped blocks whose rows were found to be the same."""

    def __init__(
        self, matcher: "Matcher", left: Block, right: Block, inside: Frame, condition: Bool
    ) -> None:
        """Compare rows in the frame `inside` where `condition` holds."""
        self._matcher = matcher
        self._blocks = left, right
        self._inside, self._condition = inside, condition
        self._known = [*inside.known, condition]
        self._group = Frame()
        self._calls: list[tuple[exp.Expr, str]] = []

    def same(self) -> bool:
        """Say whether both return the same rows."""
        keys = [
            [self._matcher.value(key, self._inside) for key in b.keys or ()] for b in self._blocks
        ]
        partner = self._partners(keys[0], keys[1])
        if partner is None or self._partners(keys[1], keys[0]) is None:
            return False
        self._group.cells[KEY] = {str(i): self._key(value) for i, value in enumerate(keys[0])}
        sides = []
        for block, places in zip(self._blocks, (list(range(len(keys[0]))), partner), strict=True):
            parts = (block.outputs, block.having)
            sides.append([[self._folded(node, block, places) for node in part] for part in parts])
        (outputs, having), (outputs_, having_) = sides
        mine = both(*(self._matcher.holds(part, self._group) for part in having))
        theirs = both(*(self._matcher.holds(part, self._group) for part in having_))
        if not self._matcher.follows(self._group.known, iff(mine, theirs)):
            return False
        return self._matcher.same_values(outputs, outputs_, self._group, mine)

    def _partners(self, mine: Sequence[Value], theirs: Sequence[Value]) -> list[int] | None:
        """Return for each of `theirs` the place of an identical one of `mine`, None when one has none."""
        found = []
        for value in theirs:
            hits = (
                place
                for place, own in enumerate(mine)
                if self._matcher.follows(self._known, identical(own, value))
            )
            place = next(hits, None)
            if place is None:
                return None
            found.append(place)
        return found

    def _key(self, value: Value) -> Value:
        nullable = not self._matcher.follows(self._known, no(value.null))
        found = free(
            f"key{next(self._matcher.numbers)}",
            value.kind,
            nullable,
            rounded=value.rounded is not None,
        )
        if value.kind == "text":
            self._group.known.append(found.number >= 0)
        return found

    def _folded(self, node: exp.Expr, block: Block, places: Sequence[int]) -> exp.Expr:
        """Return an expression over group keys and aggregates alone."""
        if subs_of(node):
            raise Unsupported("a subquery beside groups")
        keys = list(block.keys or ())

        def changed(item: exp.Expr) -> exp.Expr:
            if item in keys:
                return exp.column(str(places[keys.index(item)]), table=KEY)
            if isinstance(item, exp.AggFunc):
                return exp.column(self._named(item.copy()), table=AGG)
            return item

        found: exp.Expr = node.copy().transform(changed, copy=False)
        if any(column.table not in (KEY, AGG) for column in found.find_all(exp.Column)):
            raise Unsupported("a column that is no group key")
        return found

    def _named(self, call: exp.Expr) -> str:
        """Return the name of an aggregate, the same for equal ones."""
        for known, name in self._calls:
            if self._matcher.same_aggregate(known, call, self._inside, self._condition):
                return name
        name = str(len(self._calls))
        self._calls.append((call, name))
        value = self._matcher.aggregate_value(call, self._inside)
        self._group.cells.setdefault(AGG, {})[name] = value
        if isinstance(call, exp.Count):
            self._group.known.append(value.number >= 0)
        return name
