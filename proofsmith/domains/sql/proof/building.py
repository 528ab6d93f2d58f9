"""Build the normal form of a qualified query."""

import itertools
from collections.abc import Mapping

from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import (
    SUB,
    Block,
    Names,
    Optional,
    Sub,
    Sum,
    folds,
    single,
    substituted,
    titles_of,
    without_distinct,
)
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.symbolic.terms import Unsupported

_CLAUSES = {"expressions", "from_", "joins", "where", "group", "having", "distinct", "with_"}


class Builder:
    """Builds normal forms; one for both queries, so that no alias is used twice."""

    def __init__(self, schema: Schema) -> None:
        """Take the tables."""
        self._schema = schema
        self._numbers = itertools.count()
        self._ctes: list[dict[str, exp.Expr]] = [{}]
        self.subs: dict[str, Sub] = {}

    def query(self, query: exp.Expr, outer: Names) -> Sum:
        """Return the normal form of a query; raises Unsupported."""
        while isinstance(query, exp.Subquery | exp.Paren):
            if any(query.args.get(key) for key in ("order", "limit", "joins", "pivots")):
                raise Unsupported("clauses around a subquery")
            query = query.this
        scope = dict(self._ctes[-1])
        with_ = query.args.get("with_")
        if with_ is not None:
            if with_.args.get("recursive"):
                raise Unsupported("recursion")
            for cte in with_.expressions:
                if cte.args["alias"].columns:
                    raise Unsupported("a column list")
                if cte.alias.lower() in scope or cte.alias.lower() in self._schema.tables:
                    raise Unsupported("a name that is defined twice")
                scope[cte.alias.lower()] = cte.this
        self._ctes.append(scope)
        try:
            if isinstance(query, exp.SetOperation):
                return self._set_operation(query, outer)
            if isinstance(query, exp.Select):
                return self._select(query, outer)
            raise Unsupported(query.key)
        finally:
            self._ctes.pop()

    def _set_operation(self, query: exp.SetOperation, outer: Names) -> Sum:
        if any(query.args.get(key) for key in ("limit", "offset", "by_name", "order")):
            raise Unsupported("clauses around a set operation")
        left, right = self.query(query.this, outer), self.query(query.expression, outer)
        distinct = bool(query.args.get("distinct"))
        if isinstance(query, exp.Union):
            parts = [self._nested(left), self._nested(right)]
            if not distinct:
                return Sum([block for part in parts for block in part.blocks])
            blocks = [block for part in (left, right) for block in without_distinct(part).blocks]
            return Sum(blocks, distinct=True)
        if not distinct or any(not b.plain and b.keys is not None for b in left.blocks):
            raise Unsupported("a set operation of bags")
        return self._matched(left, right, isinstance(query, exp.Intersect))

    def _nested(self, part: Sum) -> Sum:
        """Return a part of UNION ALL: one that is a set becomes an atom of its own."""
        return Sum([self._over(part)]) if part.distinct else part

    def _over(self, atom: Sum) -> Block:
        alias = self._alias()
        width = range(len(atom.blocks[0].outputs))
        return Block({alias: atom}, outputs=[exp.column(f"c{i}", table=alias) for i in width])

    def _matched(self, left: Sum, right: Sum, common: bool) -> Sum:
        """Return INTERSECT or EXCEPT as a set of rows with or without an equal one on the right."""
        for block in left.blocks:
            tests: list[exp.Expr] = []
            for other in right.blocks:
                same = [
                    exp.NullSafeEQ(this=a.copy(), expression=b.copy())
                    for a, b in zip(block.outputs, other.outputs, strict=True)
                ]
                if other.keys is not None:
                    raise Unsupported("a set operation with groups")
                inner = Block(other.atoms, other.optional, [*other.cond, *same])
                tests.append(self.sub(Sub(inner)))
            test: exp.Expr = exp.or_(*tests, copy=False) if len(tests) > 1 else tests[0]
            block.cond.append(test if common else exp.Not(this=test))
            block.distinct = True
        return single(Sum(left.blocks, distinct=len(left.blocks) > 1))

    def sub(self, sub: Sub) -> exp.Expr:
        """Register a subquery and return the column that stands for it."""
        name = f"s{next(self._numbers)}"
        self.subs[name] = sub
        return exp.column(name, table=SUB)

    def replace(self, columns: Mapping[tuple[str, str], exp.Expr], block: Block) -> None:
        """Replace columns in a block and in every subquery; aliases are unique, so that nothing else is touched."""
        for owner in (block, *(sub.block for sub in self.subs.values())):
            for part in owner.parts():
                part[:] = [substituted(item, columns) for item in part]

    def folded(self, rows: Block, aggregate: exp.Expr) -> exp.Expr:
        """Return a column that stands for an aggregate over a copy of `rows`."""
        copy, columns = self.renamed(rows)
        copy.outputs, copy.keys = [substituted(aggregate, columns)], []
        return self.sub(Sub(copy))

    def renamed(self, block: Block) -> tuple[Block, dict[tuple[str, str], exp.Expr]]:
        """Return a copy of a plain block under fresh aliases, and the columns by the old ones."""
        if any(
            c.table == SUB
            for part in block.parts()
            for node in part
            for c in node.find_all(exp.Column)
        ):
            raise Unsupported("a copy of a block with subqueries")
        columns: dict[tuple[str, str], exp.Expr] = {}
        fresh: dict[str, str] = {}
        for alias, atom in [*block.atoms.items(), *((o.alias, o.atom) for o in block.optional)]:
            fresh[alias] = self._alias()
            if not isinstance(atom, str):
                raise Unsupported("a copy of a derived table")
            for column in self._schema.tables[atom].columns:
                columns[alias, column.name] = exp.column(column.name, table=fresh[alias])
        copy = Block(
            atoms={fresh[alias]: atom for alias, atom in block.atoms.items()},
            optional=[
                Optional(fresh[o.alias], o.atom, [substituted(part, columns) for part in o.on])
                for o in block.optional
            ],
            cond=[substituted(part, columns) for part in block.cond],
        )
        return copy, columns

    def _alias(self) -> str:
        return f"a{next(self._numbers)}"

    def _select(self, query: exp.Select, outer: Names) -> Sum:
        odd = [key for key, item in query.args.items() if item and key not in _CLAUSES | {"order"}]
        if odd or (query.args.get("distinct") and query.args["distinct"].args.get("on")):
            raise Unsupported(", ".join(odd) or "DISTINCT ON")
        block, names = Block(), dict(outer)
        from_ = query.args.get("from_")
        if from_ is not None:
            self._source(block, names, from_.this, outer)
        for join in query.args.get("joins") or ():
            self._join(block, names, join, outer)
        if query.args.get("where") is not None:
            block.cond += self._conjuncts(query.args["where"].this, names)
        self._fold(block, names, query)
        block.outputs = [self._selected(item.unalias(), names, block) for item in query.expressions]
        block.distinct = query.args.get("distinct") is not None
        return Sum([block])

    def _fold(self, block: Block, names: Names, query: exp.Select) -> None:
        group = query.args.get("group")
        if group is not None:
            plain = all(key in ("expressions",) for key, item in group.args.items() if item)
            odd = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Literal)
            if not plain or any(isinstance(key, odd) for key in group.expressions):
                raise Unsupported("grouping sets")
            block.keys = [self._expression(key, names) for key in group.expressions]
        elif query.args.get("having") is not None or any(
            folds(item, query) for item in query.expressions
        ):
            block.keys = []
        if query.args.get("having") is not None:
            block.having = self._conjuncts(query.args["having"].this, names)

    def _selected(self, item: exp.Expr, names: Names, block: Block) -> exp.Expr:
        windows = list(item.find_all(exp.Window))
        if not windows:
            return self._expression(item, names)
        if block.keys is not None or block.optional:
            raise Unsupported("a window over groups")
        copy = item.copy()
        for window in copy.find_all(exp.Window):
            if any(window.args.get(key) for key in ("order", "spec", "over_alias", "first")):
                raise Unsupported("a window with an order")
            standing = self._windowed(window, names, block)
            if window is copy:
                return standing
            window.replace(standing)
        return self._expression(copy, names)

    def _windowed(self, window: exp.Window, names: Names, block: Block) -> exp.Expr:
        """Return an aggregate over a partition as one over a copy of the block's rows with equal keys."""
        if not isinstance(window.this, exp.AggFunc):
            raise Unsupported("a window function")
        inner, replace = self.renamed(Block(block.atoms, [], block.cond))
        for key in window.args.get("partition_by") or ():
            mine = self._expression(key, names)
            inner.cond.append(exp.NullSafeEQ(this=substituted(mine, replace), expression=mine))
        inner.outputs = [substituted(self._expression(window.this, names), replace)]
        inner.keys = []
        return self.sub(Sub(inner))

    def _source(
        self, block: Block, names: dict[str, Mapping[str, exp.Expr]], node: exp.Expr, outer: Names
    ) -> None:
        """Add a table or derived table to a block and its columns to the names."""
        if node.args.get("joins"):
            raise Unsupported("joins in parentheses")
        name = node.alias_or_name.lower()
        names[name] = self._added(block, node, outer)

    def _added(self, block: Block, node: exp.Expr, outer: Names) -> Mapping[str, exp.Expr]:
        derived = self._derived(node)
        if derived is None:
            return self._table(block, node)
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias) and alias.columns:
            raise Unsupported("a column list")
        titles = titles_of(derived)
        found = single(self.query(derived, outer))
        if not found.distinct and len(found.blocks) == 1:
            inner = found.blocks[0]
            if inner.plain:
                block.atoms |= inner.atoms
                block.optional += inner.optional
                block.cond += inner.cond
                return dict(zip(titles, inner.outputs, strict=True))
            if inner.keys == [] and not inner.having and not inner.distinct:
                return dict(zip(titles, self._folded(inner), strict=True))
        name = self._alias()
        block.atoms[name] = found
        return {title: exp.column(f"c{place}", table=name) for place, title in enumerate(titles)}

    def _derived(self, node: exp.Expr) -> exp.Expr | None:
        if isinstance(node, exp.Subquery):
            inner: exp.Expr = node.this
            return inner
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if not node.db and node.name.lower() in self._ctes[-1]:
                found: exp.Expr = self._ctes[-1][node.name.lower()]
                return found
            return None
        raise Unsupported(node.key)

    def _table(self, block: Block, node: exp.Expr) -> Mapping[str, exp.Expr]:
        table = self._schema.tables.get(node.name) or self._schema.tables.get(node.name.lower())
        if table is None or node.args.get("sample"):
            raise Unsupported(f"the table {node.name}")
        alias = self._alias()
        block.atoms[alias] = table.name
        return {
            column.name.lower(): exp.column(column.name, table=alias) for column in table.columns
        }

    def _join(
        self, block: Block, names: dict[str, Mapping[str, exp.Expr]], join: exp.Join, outer: Names
    ) -> None:
        side, kind = join.side.upper(), join.kind.upper()
        if join.args.get("using") or join.method or kind not in ("", "INNER", "CROSS", "OUTER"):
            raise Unsupported("a kind of join")
        on = join.args.get("on")
        if side == "RIGHT" and len(block.atoms) == 1 and not block.optional and not block.cond:
            self._right(block, names, join, outer)
            return
        if side not in ("", "LEFT"):
            raise Unsupported(f"{side} JOIN")
        if not side:
            self._source(block, names, join.this, outer)
            if on is not None:
                block.cond += self._conjuncts(on, names)
            return
        right = Block()
        self._source(right, names, join.this, outer)
        if len(right.atoms) != 1 or right.optional:
            raise Unsupported("LEFT JOIN with a join")
        ((alias, atom),) = right.atoms.items()
        plain = names[join.this.alias_or_name.lower()]
        if any(not isinstance(item, exp.Column) or item.table != alias for item in plain.values()):
            raise Unsupported("LEFT JOIN with computed columns")
        conditions = [*right.cond, *(self._conjuncts(on, names) if on is not None else [])]
        block.optional.append(Optional(alias, atom, conditions))

    def _right(
        self, block: Block, names: dict[str, Mapping[str, exp.Expr]], join: exp.Join, outer: Names
    ) -> None:
        """Turn a RIGHT JOIN that stands first into a LEFT JOIN."""
        ((alias, atom),) = block.atoms.items()
        del block.atoms[alias]
        self._source(block, names, join.this, outer)
        on = join.args.get("on")
        conditions = self._conjuncts(on, names) if on is not None else []
        block.optional.append(Optional(alias, atom, conditions))

    def _conjuncts(self, node: exp.Expr, names: Names) -> list[exp.Expr]:
        """Return a condition as conjuncts of which only it matters whether they are true."""
        node = node.unnest() if isinstance(node, exp.Paren) else node
        if isinstance(node, exp.And):
            return self._conjuncts(node.this, names) + self._conjuncts(node.expression, names)
        if isinstance(node, exp.In) and node.args.get("query") is not None:
            return [self._member(node, names, possible=False)]
        inner = node.this.unnest() if isinstance(node, exp.Not) else None
        if isinstance(inner, exp.In) and inner.args.get("query") is not None:
            return [exp.Not(this=self._member(inner, names, possible=True))]
        return [self._expression(node, names)]

    def _member(self, node: exp.In, names: Names, *, possible: bool) -> exp.Expr:
        """Return whether some member is equal, or for `possible` is not known to be unequal."""
        found = self.query(node.args["query"], names)
        mine = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
        if possible and len(mine) > 1:
            raise Unsupported("NOT IN over rows")
        left = [self._expression(item, names) for item in mine]
        tests: list[exp.Expr] = []
        for block in found.blocks:
            inner = self._rows_of(block)
            for one, other in zip(left, inner.outputs, strict=True):
                same: exp.Expr = exp.EQ(this=one.copy(), expression=other.copy())
                inner.cond.append(
                    exp.Not(this=exp.Is(this=exp.Paren(this=same), expression=exp.false()))
                    if possible
                    else same
                )
            inner.outputs = []
            tests.append(self.sub(Sub(inner)))
        return exp.or_(*tests, copy=False) if len(tests) > 1 else tests[0]

    @staticmethod
    def _rows_of(block: Block) -> Block:
        """Return a block for which only its set of rows matters, without grouping where that is possible."""
        if block.keys is None:
            return Block(block.atoms, block.optional, [*block.cond], block.outputs)
        folds = any(part.find(exp.AggFunc) for part in (*block.outputs, *block.having))
        if folds or not block.keys:
            raise Unsupported("a subquery with groups")
        return Block(block.atoms, block.optional, [*block.cond, *block.having], block.outputs)

    def _expression(self, node: exp.Expr, names: Names) -> exp.Expr:
        """Return an expression over the block's atoms, with columns in place of subqueries."""
        if isinstance(node, exp.Column):
            source = names.get(node.table.lower(), {})
            if node.name.lower() not in source:
                raise Unsupported(f"column {node.sql()}")
            return source[node.name.lower()].copy()
        if isinstance(node, exp.Exists):
            blocks = self.query(node.this, names).blocks
            tests = [self._existing(block) for block in blocks]
            return exp.paren(exp.or_(*tests, copy=False)) if len(tests) > 1 else tests[0]
        if isinstance(node, exp.Subquery | exp.Select):
            return self._scalar(node, names)
        listed = isinstance(node, exp.In) and node.args.get("query") is None
        if isinstance(node, exp.Window | exp.Any | exp.All | exp.SetOperation) or (
            isinstance(node, exp.In) and not listed
        ):
            raise Unsupported(f"{node.key} inside an expression")
        return self._rebuilt(node, names)

    def _rebuilt(self, node: exp.Expr, names: Names) -> exp.Expr:
        copy = node.copy()
        for key, item in list(copy.args.items()):
            if isinstance(item, exp.Expr):
                copy.set(key, self._expression(item, names))
            elif isinstance(item, list):
                parts = [self._expression(x, names) if isinstance(x, exp.Expr) else x for x in item]
                copy.set(key, parts)
        return copy

    def _existing(self, block: Block) -> exp.Expr:
        if block.keys == [] and not block.having:
            return exp.true()
        rows = self._rows_of(block)
        rows.outputs = []
        return self.sub(Sub(rows))

    def _scalar(self, node: exp.Expr, names: Names) -> exp.Expr:
        found = self.query(node, names)
        if found.distinct or len(found.blocks) != 1 or len(found.blocks[0].outputs) != 1:
            raise Unsupported("a scalar subquery")
        block = found.blocks[0]
        if block.keys != [] or block.having or block.distinct:
            raise Unsupported("a scalar subquery of rows")
        return exp.paren(self._folded(block)[0])

    def _folded(self, block: Block) -> list[exp.Expr]:
        """Return the outputs of a block of one group with a column in place of each aggregate."""

        def changed(item: exp.Expr) -> exp.Expr:
            return self.folded(block, item) if isinstance(item, exp.AggFunc) else item

        return [output.copy().transform(changed, copy=False) for output in block.outputs]
