"""Encode a qualified query as a bag of conditional rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from proofsmith.domains.sql.symbolic.aggregates import aggregate, window
from proofsmith.domains.sql.symbolic.grouping import folds_all, grouping_sets, literal_number
from proofsmith.domains.sql.symbolic.relations import Key, Relation, Row, Scope, Side, limited
from proofsmith.domains.sql.symbolic.scalar import Scalars
from proofsmith.domains.sql.symbolic.terms import (
    NULL,
    Bool,
    Unsupported,
    Value,
    both,
    count,
    either,
    no,
    rows_identical,
)

_KNOWN_ARGS = frozenset(
    (
        *(
            "expressions",
            "from_",
            "joins",
            "where",
            "group",
            "having",
            "distinct",
            "order",
            "limit",
        ),
        *("offset", "with_", "kind", "hint", "qualify"),
    )
)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A query's rows with the sort keys of each; no keys where the query has no ORDER BY."""

    relation: Relation
    keys: tuple[tuple[Key, ...], ...]


class Encoder:
    """Encodes one of the two queries over given base tables."""

    exact = True
    """Refuse what numbers without an end cannot say; otherwise come near it, where an engine has the last word."""

    def __init__(
        self,
        tables: Mapping[str, Relation],
        texts: Mapping[str, int],
        side: Side,
        engine: str,
        zoned: bool = False,
    ) -> None:
        """Take the tables, the numbers that stand for texts and what to note about this query."""
        self._tables = tables
        self.texts = texts
        self._side = side
        self.engine = engine
        self.zoned = zoned
        self._scalars = Scalars(self)
        self._ctes: list[dict[str, Callable[[], Relation]]] = [{}]
        self._shown: dict[int, tuple[object, list[list[Value]]]] = {}

    def text(self, literal: str) -> int:
        """Return the number that stands for a text."""
        return self.texts[literal]

    def fails(self, condition: Bool) -> None:
        """Note where the query ends in an error."""
        self._side.fails(condition)

    def aggregate(self, node: exp.Expr, scope: Scope) -> Value:
        """Return an aggregate over the group of the scope."""
        if scope.group is None:
            raise Unsupported("an aggregate without a group")
        return aggregate(node, [(row.present, row) for row in scope.group], self._scalars)

    def window(self, node: exp.Window, scope: Scope) -> Value:
        """Return a window function's value."""
        if not scope.rows:
            raise Unsupported("a window function outside of a select list")
        shown = self._shown[id(scope.rows)][1]
        return window(node, scope, self._scalars, self._side, self._sort_keys, shown)

    def relation(self, query: exp.Expr, scope: Scope) -> Relation:
        """Return a subquery's rows in the environment of an outer row."""
        return self.ordered(query, scope).relation

    def ordered(self, query: exp.Expr, outer: Scope | None) -> Ordered:
        """Return a query's rows after its LIMIT, with the sort keys of those before it when there is none."""
        while isinstance(query, exp.Subquery | exp.Paren) and not query.args.get("joins"):
            if isinstance(query, exp.Subquery) and any(
                query.args.get(k) for k in ("order", "limit", "pivots")
            ):
                raise Unsupported("clauses around a subquery")
            query = query.this
        own = self._with(query, outer)
        try:
            if isinstance(query, exp.SetOperation):
                return self._set_operation(query, outer)
            if isinstance(query, exp.Select):
                return self._select(query, outer)
            if isinstance(query, exp.Values):
                return Ordered(self._values(query, outer), ())
            raise Unsupported(query.key)
        finally:
            if own:
                self._ctes.pop()

    def _with(self, query: exp.Expr, outer: Scope | None) -> bool:
        with_ = query.args.get("with_")
        if with_ is None:
            return False
        if with_.args.get("recursive"):
            raise Unsupported("recursion")
        self._ctes.append(dict(self._ctes[-1]))
        for cte in with_.expressions:
            self._ctes[-1][cte.alias.lower()] = self.named(cte, outer)
        return True

    def named(self, cte: exp.CTE, outer: Scope | None) -> Callable[[], Relation]:
        """Return what each mention of a common table expression reads: the same rows, here."""
        found = self.ordered(cte.this, outer).relation
        named = cte.args["alias"].columns
        columns = tuple(c.name.lower() for c in named) if named else found.columns
        relation = Relation(columns, found.rows)
        return lambda: relation

    def _set_operation(self, query: exp.SetOperation, outer: Scope | None) -> Ordered:
        left = self.relation(query.this, outer or Scope({}))
        right = self.relation(query.expression, outer or Scope({}))
        if query.args.get("by_name") or len(left.columns) != len(right.columns):
            raise Unsupported("a set operation by name")
        distinct = bool(query.args.get("distinct"))
        if isinstance(query, exp.Union):
            found = Relation(left.columns, left.rows + right.rows)
            found = found.distinct() if distinct else found
        else:
            found = self._kept(
                left, right, distinct=distinct, common=isinstance(query, exp.Intersect)
            )
        scopes = [
            Scope({"": dict(zip(found.columns, r.cells, strict=True))}, outer) for r in found.rows
        ]
        return self._finished(query, found, scopes)

    @staticmethod
    def _kept(left: Relation, right: Relation, *, distinct: bool, common: bool) -> Relation:
        """Return INTERSECT or EXCEPT, of sets or of bags."""
        rows = []
        source = left.distinct() if distinct else left
        for place, row in enumerate(source.rows):
            copies = right.copies(row.cells)
            earlier = count(
                both(o.present, rows_identical(o.cells, row.cells)) for o in source.rows[:place]
            )
            matched = copies > earlier if not distinct else copies > 0
            rows.append(Row(both(row.present, matched if common else no(matched)), row.cells))
        return Relation(left.columns, tuple(rows))

    def _values(self, query: exp.Values, outer: Scope | None) -> Relation:
        rows = []
        for item in query.expressions:
            cells = item.expressions if isinstance(item, exp.Tuple) else [item]
            rows.append(Row(True, tuple(self._scalars.value(c, outer or Scope({})) for c in cells)))
        alias = query.args.get("alias")
        named = [c.name.lower() for c in alias.columns] if alias is not None else []
        width = len(rows[0].cells) if rows else 0
        columns = named or [f"column{place + 1}" for place in range(width)]
        return Relation(tuple(columns), tuple(rows))

    def _select(self, query: exp.Select, outer: Scope | None) -> Ordered:
        odd = [key for key, item in query.args.items() if item and key not in _KNOWN_ARGS]
        if odd or query.args.get("kind"):
            raise Unsupported(", ".join(odd) or "SELECT AS")
        scopes = self._filtered(self._sources(query, outer), query.args.get("where"))
        scopes = self._grouped(query, scopes, outer)
        scopes = self._filtered(scopes, query.args.get("having"))
        scopes = self._beside(query, scopes)
        scopes = self._filtered(scopes, query.args.get("qualify"))
        names = [item.alias_or_name.lower() for item in query.expressions]
        rows = [
            Row(
                scope.present, tuple(self._scalars.value(item, scope) for item in query.expressions)
            )
            for scope in scopes
        ]
        relation = Relation(tuple(names), tuple(rows))
        distinct = query.args.get("distinct")
        if distinct is not None:
            if distinct.args.get("on"):
                raise Unsupported("DISTINCT ON")
            relation = relation.distinct()
        named = [
            replace(
                scope, outer=replace(scope, cells={"": dict(zip(names, row.cells, strict=True))})
            )
            for scope, row in zip(scopes, relation.rows, strict=True)
        ]
        return self._finished(query, relation, named)

    def _beside(self, query: exp.Select, scopes: Sequence[Scope]) -> list[Scope]:
        """Give every row all rows beside it, for window functions, and what can be seen of them."""
        parts = [*query.expressions, query.args.get("qualify"), query.args.get("order")]
        if not any(part is not None and part.find(exp.Window) is not None for part in parts):
            return list(scopes)
        rows = tuple(scopes)
        plain = [item for item in query.expressions if item.find(exp.Window) is None]
        shown = [[self._scalars.value(item, scope) for item in plain] for scope in scopes]
        found = tuple(replace(scope, rows=rows, place=place) for place, scope in enumerate(scopes))
        self._shown[id(rows)] = (rows, shown)
        return list(found)

    def _finished(self, query: exp.Query, relation: Relation, scopes: Sequence[Scope]) -> Ordered:
        """Apply ORDER BY, OFFSET and LIMIT."""
        order = query.args.get("order")
        keys = [self._sort_keys(order, scope) if order is not None else [] for scope in scopes]
        low, high = (
            literal_number(query.args.get("offset")),
            literal_number(query.args.get("limit")),
        )
        if low is None and high is None:
            return Ordered(relation, tuple(tuple(key) for key in keys) if order is not None else ())
        start = low or 0
        end = None if high is None else start + high
        return Ordered(limited(self._side, relation, keys, start, end), ())

    def _sort_keys(self, order: exp.Order, scope: Scope) -> list[Key]:
        found = []
        for item in order.expressions:
            node = item.this
            if isinstance(node, exp.Literal) and not node.is_string:
                raise Unsupported("ORDER BY position")
            if item.args.get("with_fill"):
                raise Unsupported("WITH FILL")
            value = self._scalars.value(node, scope)
            nulls_first = bool(item.args.get("nulls_first"))
            found.append(Key(value, bool(item.args.get("desc")), nulls_first))
        return found

    def _filtered(self, scopes: Sequence[Scope], clause: exp.Expr | None) -> list[Scope]:
        if clause is None:
            return list(scopes)
        found = []
        for scope in scopes:
            present = both(scope.present, self._scalars.truth(clause.this, scope).yes)
            if present is not False:
                found.append(scope.at(present))
        return found or [scope.at(False) for scope in scopes[:1]]

    def _grouped(self, query: exp.Select, scopes: list[Scope], outer: Scope | None) -> list[Scope]:
        group = query.args.get("group")
        if group is None:
            if not folds_all(query):
                return scopes
            return [Scope(self._any_row(scopes), outer, True, tuple(scopes))]
        sets = grouping_sets(group)
        every = tuple(dict.fromkeys(key for keys in sets for key in keys))
        found: list[Scope] = []
        for keys in sets:
            nulled = tuple(key for key in every if key not in keys)
            found += self._groups(scopes, keys, nulled, outer)
        return found

    @staticmethod
    def _any_row(scopes: Sequence[Scope]) -> Mapping[str, Mapping[str, Value]]:
        return scopes[0].cells if scopes else {}

    def _groups(
        self,
        scopes: Sequence[Scope],
        keys: tuple[exp.Expr, ...],
        nulled: tuple[exp.Expr, ...],
        outer: Scope | None,
    ) -> list[Scope]:
        """Return one row a group: its first row stands for it."""
        if not keys:
            return [Scope(self._any_row(scopes), outer, True, tuple(scopes), nulled)]
        values = [[self._scalars.value(key, scope) for key in keys] for scope in scopes]
        found = []
        for i, scope in enumerate(scopes):
            alike = [rows_identical(values[i], values[j]) for j in range(len(scopes))]
            earlier = either(*(both(scopes[j].present, alike[j]) for j in range(i)))
            members = tuple(
                scopes[j].at(both(scopes[j].present, alike[j])) for j in range(i, len(scopes))
            )
            present = both(scope.present, no(earlier))
            found.append(Scope(scope.cells, outer, present, members, nulled, keys))
        return found

    def _sources(self, query: exp.Select, outer: Scope | None) -> list[Scope]:
        from_ = query.args.get("from_")
        if from_ is None:
            return [Scope({}, outer)]
        scopes = self.possible(self._source(from_.this, outer), query)
        for join in query.args.get("joins") or ():
            scopes = self.possible(self._joined(scopes, join, outer), query)
            if len(scopes) > 300:
                raise Unsupported(f"a join of {len(scopes)} rows at this bound")
        return scopes

    def possible(self, scopes: list[Scope], query: exp.Select) -> list[Scope]:
        """Return the rows of some sources that WHERE may let pass: all, here, since a dropped row could fail."""
        return scopes

    def _source(self, node: exp.Expr, outer: Scope | None) -> list[Scope]:
        joins = node.args.get("joins")
        relation = self._read(node, outer)
        alias = node.alias_or_name.lower()
        table_alias = node.args.get("alias")
        renamed = table_alias.columns if isinstance(table_alias, exp.TableAlias) else []
        columns = [c.name.lower() for c in renamed] if renamed else list(relation.columns)
        if len(columns) != len(relation.columns):
            raise Unsupported("a table alias that names some columns")
        scopes = [
            Scope({alias: dict(zip(columns, row.cells, strict=True))}, outer, row.present)
            for row in relation.rows
        ]
        for join in joins or ():
            scopes = self._joined(scopes, join, outer)
        return scopes

    def _read(self, node: exp.Expr, outer: Scope | None) -> Relation:
        if isinstance(node, exp.Table):
            if not isinstance(node.this, exp.Identifier) or node.args.get("sample"):
                raise Unsupported("a table function")
            name = node.name.lower()
            cte = self._ctes[-1].get(name) if not node.db else None
            found = cte() if cte else self._tables.get(name) or self._tables.get(node.name)
            if found is None:
                raise Unsupported(f"the table {name}")
            return found
        if isinstance(node, exp.Subquery | exp.Values):
            return self.ordered(node, outer).relation
        raise Unsupported(node.key)

    def _joined(self, left: list[Scope], join: exp.Join, outer: Scope | None) -> list[Scope]:
        side, kind = join.side.upper(), join.kind.upper()
        if join.args.get("using") or join.method or kind not in ("", "INNER", "CROSS", "OUTER"):
            raise Unsupported(f"a join {join.method} {kind}")
        right = self._source(join.this, outer)
        pairs = self._pairs(left, right, join.args.get("on"), outer)
        found = [scope for row in pairs for scope in row if scope.present is not False]
        if side in ("LEFT", "FULL"):
            empty = _nulls(right)
            for a, row in zip(left, pairs, strict=True):
                alone = no(either(*(scope.present for scope in row)))
                found.append(Scope({**a.cells, **empty}, outer, both(a.present, alone)))
        if side in ("RIGHT", "FULL"):
            empty = _nulls(left)
            for j, b in enumerate(right):
                alone = no(either(*(row[j].present for row in pairs)))
                found.append(Scope({**empty, **b.cells}, outer, both(b.present, alone)))
        return found or pairs[0][:1]

    def _pairs(
        self,
        left: Sequence[Scope],
        right: Sequence[Scope],
        condition: exp.Expr | None,
        outer: Scope | None,
    ) -> list[list[Scope]]:
        """Return all pairs of rows, each present where both are and the condition holds."""
        found = []
        for a in left:
            row = []
            for b in right:
                here = both(a.present, b.present)
                scope = Scope({**a.cells, **b.cells}, outer, here)
                if condition is not None and here is not False:
                    here = both(here, self._scalars.truth(condition, scope).yes)
                row.append(scope.at(here))
            found.append(row)
        return found


def _nulls(rows: Sequence[Scope]) -> dict[str, dict[str, Value]]:
    return {name: dict.fromkeys(row, NULL) for name, row in rows[0].cells.items()}
