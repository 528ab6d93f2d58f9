"""Steps to the normal form that concern groups, DISTINCT and aggregates."""

from collections.abc import Callable, Iterator

from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import Block, Optional, Sub, Sum, columns_of, substituted
from proofsmith.domains.sql.proof.building import Builder
from proofsmith.domains.sql.proof.frames import subs_of
from proofsmith.domains.sql.schema import Schema, Table

Column = tuple[str, str]


class Regrouping:
    """The steps, each of which says whether it changed the block."""

    def __init__(
        self, builder: Builder, schema: Schema, rejects: Callable[[Block, Optional], bool]
    ) -> None:
        """Ask `rejects` whether a block's condition is never true where a LEFT JOIN found no match."""
        self._builder = builder
        self._schema = schema
        self._rejects = rejects
        self.trail: list[str] = []

    def _did(self, step: str) -> bool:
        self.trail.append(step)
        return True

    def _equalities(self, parts: list[exp.Expr]) -> Iterator[tuple[exp.Expr, exp.Expr]]:
        """Yield both sides of each conjunct `x = y`, in both directions."""
        for part in parts:
            node = part.unnest() if isinstance(part, exp.Paren) else part
            if type(node) is exp.EQ:
                yield node.this, node.expression
                yield node.expression, node.this

    def _table(self, block: Block, alias: str) -> Table | None:
        atom = block.atoms.get(alias)
        return self._schema.tables.get(atom) if isinstance(atom, str) else None

    def _grouped_atom(self, block: Block) -> bool:
        """Merge a filter above one grouped table into it."""
        if not block.plain or block.optional or len(block.atoms) != 1:
            return False
        ((alias, atom),) = block.atoms.items()
        if not isinstance(atom, Sum) or atom.distinct or len(atom.blocks) != 1:
            return False
        inner = atom.blocks[0]
        if (
            inner.keys is None
            or inner.distinct
            or any(subs_of(n) for p in block.parts() for n in p)
        ):
            return False
        columns = {(alias, f"c{i}"): output for i, output in enumerate(inner.outputs)}
        block.having = [*inner.having, *(substituted(part, columns) for part in block.cond)]
        block.outputs = [substituted(part, columns) for part in block.outputs]
        block.atoms, block.optional = inner.atoms, inner.optional
        block.cond, block.keys = [*inner.cond], inner.keys
        return self._did("filter above groups into HAVING")

    def _dissolved(self, block: Block) -> bool:
        """Replace a grouped table that is joined on all its keys by existence and aggregates over its rows."""
        for alias, atom in list(block.atoms.items()):
            found = self._by_key(atom, alias, block.cond)
            if found is not None and len(block.atoms) > 1:
                rows, columns, _ = found
                del block.atoms[alias]
                kept = [part for part in block.cond if not self._is_key_test(part, alias, columns)]
                block.cond = [*kept, self._builder.sub(Sub(self._builder.renamed(rows)[0]))]
                self._builder.replace(columns, block)
                return self._did("grouped table joined on its keys to aggregates")
        for item in block.optional:
            found = self._by_key(item.atom, item.alias, item.on)
            if found is None or not found[2]:
                continue
            rows, columns, _ = found
            there = self._builder.sub(Sub(self._builder.renamed(rows)[0]))
            block.optional.remove(item)
            guarded: dict[Column, exp.Expr] = {
                column: exp.paren(exp.Case(ifs=[exp.If(this=there.copy(), true=value)]))
                for column, value in columns.items()
            }
            self._builder.replace(guarded, block)
            return self._did("grouped table left-joined on its keys to aggregates")
        return False

    def _by_key(
        self, atom: object, alias: str, parts: list[exp.Expr]
    ) -> tuple[Block, dict[Column, exp.Expr], bool] | None:
        """Return the rows of the one group that `parts` choose, its columns, and whether they say no more."""
        if not isinstance(atom, Sum) or atom.distinct or len(atom.blocks) != 1:
            return None
        inner = atom.blocks[0]
        if not inner.keys or inner.having or inner.distinct or inner.optional:
            return None
        places = {f"c{i}": output for i, output in enumerate(inner.outputs) if output in inner.keys}
        fixed: dict[str, exp.Expr] = {}
        for one, other in self._equalities(parts):
            named = isinstance(one, exp.Column) and one.table == alias and one.name in places
            if (
                named
                and alias not in {name for name, _ in columns_of(other)}
                and not subs_of(other)
            ):
                fixed.setdefault(one.name, other)
        if {places[name] for name in fixed} != set(inner.keys):
            return None
        rows = Block(inner.atoms, [], [*inner.cond])
        for name, value in fixed.items():
            rows.cond.append(exp.EQ(this=places[name].copy(), expression=value.copy()))
        columns = self._group_columns(inner, alias, rows, places, fixed)
        return None if columns is None else (rows, columns, len(parts) == len(fixed))

    def _group_columns(
        self,
        inner: Block,
        alias: str,
        rows: Block,
        places: dict[str, exp.Expr],
        fixed: dict[str, exp.Expr],
    ) -> dict[Column, exp.Expr] | None:
        """Return what each column of the one group is, None when some column is neither key nor aggregate."""
        columns: dict[Column, exp.Expr] = {}
        for place, output in enumerate(inner.outputs):
            name = f"c{place}"
            if name in places:
                columns[alias, name] = next(v for n, v in fixed.items() if places[n] == output)
            elif all(column.find_ancestor(exp.AggFunc) for column in output.find_all(exp.Column)):
                columns[alias, name] = exp.paren(self._aggregated(output, rows))
            else:
                return None
        return columns

    def _aggregated(self, output: exp.Expr, rows: Block) -> exp.Expr:
        def changed(item: exp.Expr) -> exp.Expr:
            return self._builder.folded(rows, item) if isinstance(item, exp.AggFunc) else item

        return output.copy().transform(changed, copy=False)

    @staticmethod
    def _is_key_test(part: exp.Expr, alias: str, columns: dict[Column, exp.Expr]) -> bool:
        """Say whether a conjunct is one of the equalities that now stand inside the subquery."""
        if type(part) is not exp.EQ:
            return False
        for one, other in ((part.this, part.expression), (part.expression, part.this)):
            if isinstance(one, exp.Column) and one.table == alias:
                return bool(columns.get((alias, one.name)) == other)
        return False

    def _idle_distinct(self, block: Block) -> bool:
        """Drop DISTINCT where the output holds a key of every table."""
        if not block.distinct or block.keys is not None or block.optional or not block.atoms:
            return False
        for alias in block.atoms:
            table = self._table(block, alias)
            shown = {
                o.name for o in block.outputs if isinstance(o, exp.Column) and o.table == alias
            }
            if table is None or not table.is_key(shown):
                return False
        block.distinct = False
        return self._did("DISTINCT over keys")

    def _distinct_groups(self, block: Block) -> bool:
        """Write groups without aggregates as DISTINCT."""
        if not block.keys or block.having or block.distinct:
            return False
        if any(part.find(exp.AggFunc) for part in block.outputs):
            return False
        if {o.sql() for o in block.outputs} != {key.sql() for key in block.keys}:
            return False
        block.keys, block.distinct = None, True
        return self._did("GROUP BY without aggregates to DISTINCT")

    def _single_rows(self, block: Block) -> bool:
        """Use keys among the group keys: rows of their tables are fixed in a group, or each group is one row."""
        if not block.keys or block.optional:
            return False
        fixed = set()
        for alias in block.atoms:
            table = self._table(block, alias)
            shown = {k.name for k in block.keys if isinstance(k, exp.Column) and k.table == alias}
            if table is not None and table.is_key(shown):
                fixed.add(alias)
        if fixed == set(block.atoms):
            return self._ungrouped(block)
        changed = False
        for part in (block.outputs, block.having):
            for place, node in enumerate(part):
                plainer = _fixed_extremes(node, fixed)
                changed = changed or plainer != node
                part[place] = plainer
        for alias in sorted(fixed):
            table = self._table(block, alias)
            for name in sorted(c.name for c in table.columns) if table is not None else ():
                column = exp.column(name, table=alias)
                if column not in block.keys:
                    block.keys.append(column)
                    changed = True
        return self._did("columns that a group key fixes") if changed else False

    def _ungrouped(self, block: Block) -> bool:
        if not all(_is_single_row_form(node) for p in (block.outputs, block.having) for node in p):
            return False
        block.outputs = [_of_one_row(node) for node in block.outputs]
        block.cond += [_of_one_row(node) for node in block.having]
        block.keys, block.having = None, []
        return self._did("groups of one row")

    def _filtered_keys(self, block: Block) -> bool:
        """Move conditions on group keys from HAVING to WHERE."""
        if not block.keys:
            return False
        fixed = {(key.table, key.name) for key in block.keys if isinstance(key, exp.Column)}
        movable = [
            part
            for part in block.having
            if not part.find(exp.AggFunc) and columns_of(part) and columns_of(part) <= fixed
        ]
        if not movable:
            return False
        block.having = [part for part in block.having if part not in movable]
        block.cond += movable
        return self._did("HAVING on keys to WHERE")

    def _distinct_count(self, block: Block) -> bool:
        """Write COUNT over a table of distinct values as COUNT DISTINCT, and COUNT DISTINCT of a key as COUNT."""
        if block.keys != [] or block.optional or len(block.atoms) != 1 or len(block.outputs) != 1:
            return False
        ((alias, atom),) = block.atoms.items()
        call = block.outputs[0]
        if type(call) is not exp.Count or block.having:
            return False
        if isinstance(call.this, exp.Distinct) and len(call.this.expressions) == 1:
            column = call.this.expressions[0]
            table = self._table(block, alias)
            if table is not None and isinstance(column, exp.Column) and table.is_key([column.name]):
                block.outputs = [exp.Count(this=exp.Star(), big_int=True)]
                return self._did(f"COUNT DISTINCT of a key of {table.name}")
            return False
        if not isinstance(atom, Sum) or block.cond or len(atom.blocks) != 1 or atom.distinct:
            return False
        inner = atom.blocks[0]
        named = isinstance(call.this, exp.Column) and call.this.table == alias
        if not named or not inner.distinct or inner.keys is not None or len(inner.outputs) != 1:
            return False
        block.atoms, block.optional, block.cond = inner.atoms, inner.optional, [*inner.cond]
        block.outputs = [exp.Count(this=exp.Distinct(expressions=inner.outputs), big_int=True)]
        return self._did("COUNT over DISTINCT to COUNT DISTINCT")


def _fixed_extremes(node: exp.Expr, fixed: set[str]) -> exp.Expr:
    """Replace MIN and MAX of what is fixed in a group by itself."""

    def changed(item: exp.Expr) -> exp.Expr:
        plain = isinstance(item, exp.Max | exp.Min) and not item.expressions
        if plain and not isinstance(item.this, exp.Distinct):
            names = {name for name, _ in columns_of(item.this)}
            if names and names <= fixed:
                inner: exp.Expr = item.this
                return inner.copy()
        return item

    return node.copy().transform(changed, copy=False)


def _is_single_row_form(node: exp.Expr) -> bool:
    kinds = (exp.Sum, exp.Max, exp.Min, exp.Count)
    return all(
        type(call) in kinds and not call.expressions and not isinstance(call.this, exp.Distinct)
        for call in node.find_all(exp.AggFunc)
    )


def _of_one_row(node: exp.Expr) -> exp.Expr:
    """Return an expression over a group of one row without its aggregates."""

    def changed(item: exp.Expr) -> exp.Expr:
        if isinstance(item, exp.Count):
            if isinstance(item.this, exp.Star):
                return exp.Literal.number(1)
            there = exp.Is(this=item.this.copy(), expression=exp.Null(), negate=True)
            one, none = exp.Literal.number(1), exp.Literal.number(0)
            return exp.paren(exp.Case(ifs=[exp.If(this=there, true=one)], default=none))
        inner: exp.Expr = item.this if isinstance(item, exp.Sum | exp.Max | exp.Min) else item
        return item if inner is item else inner.copy()

    return node.copy().transform(changed, copy=False)
