"""Rows that may or may not be there, the environment they give to expressions, and how they are ordered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import z3
from sqlglot import exp

from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Number,
    Truth,
    Unsupported,
    Value,
    both,
    choice,
    count,
    either,
    equal,
    less,
    no,
    rows_identical,
)

MOST_ROWS = 300


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a relation, in it where `present` holds."""

    present: Bool
    cells: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A bag of rows under column names."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        """Refuse what would take too long to compare."""
        if len(self.rows) > MOST_ROWS:
            raise Unsupported(f"a relation of {len(self.rows)} rows at this bound")

    def distinct(self) -> "Relation":
        """Return each row once: the first of its equals."""
        rows = []
        for place, row in enumerate(self.rows):
            earlier = either(
                *(both(o.present, rows_identical(o.cells, row.cells)) for o in self.rows[:place])
            )
            rows.append(Row(both(row.present, no(earlier)), row.cells))
        return Relation(self.columns, tuple(rows))

    def copies(self, cells: Sequence[Value]) -> Number:
        """Return how often a row occurs."""
        return count(both(row.present, rows_identical(row.cells, cells)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression sees: the cells of its row by source and column, then those of the outer rows."""

    cells: Mapping[str, Mapping[str, Value]]
    outer: "Scope | None" = None
    present: Bool = True
    """Where the expression is evaluated at all."""
    group: tuple["Scope", ...] | None = None
    """Rows of the group that an aggregate folds over, each with its own `present`."""
    nulled: tuple[exp.Expr, ...] = ()
    """Group keys that this grouping set leaves out."""
    keys: tuple[exp.Expr, ...] = ()
    rows: tuple["Scope", ...] = ()
    """All rows beside this one, for window functions."""
    place: int = 0

    def find(self, source: str, column: str) -> Value | None:
        """Return a cell, from the innermost row that has it."""
        scope: Scope | None = self
        while scope is not None:
            if source in scope.cells and column in scope.cells[source]:
                return scope.cells[source][column]
            if not source:
                hits = [cells[column] for cells in scope.cells.values() if column in cells]
                if len(hits) == 1:
                    return hits[0]
            scope = scope.outer
        return None

    def at(self, present: Bool) -> "Scope":
        """Return the scope with another presence."""
        return replace(self, present=present)


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key's value in a row."""

    value: Value
    descending: bool
    nulls_first: bool

    def before(self, other: "Key") -> Bool:
        """Say whether this key sorts strictly before the other."""
        mine, theirs = self.value, other.value
        smaller = less(theirs, mine).yes if self.descending else less(mine, theirs).yes
        by_null = (
            both(mine.null, no(theirs.null))
            if self.nulls_first
            else both(no(mine.null), theirs.null)
        )
        return either(smaller, by_null)


def keys_equal(left: Sequence[Key], right: Sequence[Key]) -> Bool:
    """Say whether two rows tie."""
    return rows_identical([key.value for key in left], [key.value for key in right])


def keys_before(left: Sequence[Key], right: Sequence[Key]) -> Bool:
    """Say whether a row sorts strictly before another, key by key."""
    found: Bool = False
    for mine, theirs in reversed(list(zip(left, right, strict=True))):
        tie = rows_identical([mine.value], [theirs.value])
        found = either(mine.before(theirs), both(tie, found))
    return found


@dataclass(slots=True)
class Side:
    """What belongs to one of the two queries: its assumptions, its failures, how it breaks ties."""

    name: str
    adversarial: bool
    """Break ties as badly as possible (the candidate); otherwise assume that ties do not matter (the original)."""
    assumptions: list[Bool] = field(default_factory=list)
    errors: list[Bool] = field(default_factory=list)
    ties: int = 0
    orders: dict[tuple[int, int], tuple[object, list[list[Bool]]]] = field(default_factory=dict)
    """Orders of rows by window and rows, with what keeps the latter alive."""

    def fails(self, condition: Bool) -> None:
        """Note where the query ends in an error: never, for the original; a difference, for the candidate."""
        if condition is not False:
            (self.errors if self.adversarial else self.assumptions).append(
                condition if self.adversarial else no(condition)
            )

    def order(
        self,
        present: Sequence[Bool],
        keys: Sequence[Sequence[Key]],
        shown: Sequence[Sequence[Value]] | None,
    ) -> list[list[Bool]]:
        """Return for all pairs of rows whether the first stands before the second in one order by `keys`.

        The candidate's ties are broken in any way, the original's by position; `shown` is what can be seen of each
        row, and the original is assumed to have ties only between rows that look the same. None assumes nothing.
        """
        size = len(present)
        self.ties += 1
        ranks = [z3.Int(f"rank!{self.name}!{self.ties}!{place}") for place in range(size)]
        found: list[list[Bool]] = [[False] * size for _ in range(size)]
        for i in range(size):
            for j in range(i + 1, size):
                tie = keys_equal(keys[i], keys[j])
                first: Bool = ranks[i] <= ranks[j] if self.adversarial else True
                if shown is not None and not self.adversarial:
                    alike = rows_identical(shown[i], shown[j])
                    self.assumptions.append(no(both(present[i], present[j], tie, no(alike))))
                found[i][j] = either(keys_before(keys[i], keys[j]), both(tie, first))
                found[j][i] = no(found[i][j])
        return found


def limited(
    side: Side, relation: Relation, keys: Sequence[Sequence[Key]], low: int, high: int | None
) -> Relation:
    """Keep the rows from position `low` up to, not including, `high` of an order; None keeps all further ones."""
    rows = relation.rows
    before = side.order([row.present for row in rows], keys, None)
    inside = []
    for i, row in enumerate(rows):
        place = count(both(other.present, before[j][i]) for j, other in enumerate(rows) if j != i)
        upper = True if high is None else place < high
        inside.append(both(row.present, place >= low if low else True, upper))
    if not side.adversarial:
        for i, row in enumerate(rows):
            for j, other in enumerate(rows):
                if i != j:
                    tie = keys_equal(keys[i], keys[j])
                    alike = rows_identical(row.cells, other.cells)
                    side.assumptions.append(
                        no(both(inside[i], other.present, no(inside[j]), tie, no(alike)))
                    )
    kept = tuple(Row(here, row.cells) for here, row in zip(inside, rows, strict=True))
    return Relation(relation.columns, kept)


def in_list(value: Value, members: Sequence[tuple[Bool, Value]]) -> Truth:
    """Return SQL's IN: true when some member is equal, false when none is and no NULL was met."""
    hits = [(present, equal(value, member), member) for present, member in members]
    yes = either(*(both(present, truth.yes) for present, truth, _ in hits))
    unknown = either(
        *(both(present, either(value.null, member.null)) for present, _, member in hits)
    )
    return Truth(yes, both(no(yes), no(unknown)))


def folded(values: Sequence[tuple[Bool, Value]], kind: str) -> Value:
    """Return the one value among `values` whose condition holds, NULL when none does."""
    null: Bool = True
    number: Number = 0
    seen: Number = 0
    for condition, value in values:
        seen = choice(condition, value.seen, seen)
        null = either(both(condition, value.null), both(no(condition), null))
        number = choice(condition, value.number, number)
    plain = all(value.rounded is None for _, value in values)
    return Value(kind, null, number, rounded=None if plain else seen)
