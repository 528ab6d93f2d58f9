"""Bring a block nearer to its normal form by keys, foreign keys and NOT NULL; each step keeps the bag of rows."""

from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import SUB, Block, Optional, Sum, columns_of, substituted
from proofsmith.domains.sql.proof.frames import subs_of
from proofsmith.domains.sql.proof.regroup import Column, Regrouping
from proofsmith.domains.sql.schema import Table

_MOST_STEPS = 60


class Simplifier(Regrouping):
    """Applies the steps until none changes anything; `trail` names those that did, with the constraint used."""

    def sum(self, found: Sum) -> Sum:
        """Simplify every block of a sum, and the subqueries in them."""
        for block in found.blocks:
            self.block(block)
        merged = [piece for block in found.blocks for piece in self._pieces(block)]
        found.blocks = merged
        return found

    def block(self, block: Block) -> None:
        """Simplify one block in place."""
        for atom in block.atoms.values():
            if isinstance(atom, Sum):
                self.sum(atom)
        for item in block.optional:
            if isinstance(item.atom, Sum):
                self.sum(item.atom)
        steps = (
            self._grouped_atom,
            self._dissolved,
            self._joined_existence,
            self._inner,
            self._unused_optional,
            self._same_row,
            self._without_parent,
            self._idle_distinct,
            self._distinct_groups,
            self._single_rows,
            self._filtered_keys,
            self._distinct_count,
        )
        for _ in range(_MOST_STEPS):
            if not any(step(block) for step in steps):
                break
        for name in sorted(
            {column for part in block.parts() for node in part for column in subs_of(node)}
        ):
            self.block(self._builder.subs[name].block)

    def _pieces(self, block: Block) -> list[Block]:
        """Distribute a filter over the UNION ALL that it reads."""
        if not block.plain or block.optional or len(block.atoms) != 1:
            return [block]
        ((alias, atom),) = block.atoms.items()
        if not isinstance(atom, Sum) or atom.distinct or any(not b.plain for b in atom.blocks):
            return [block]
        pieces = []
        for inner in atom.blocks:
            columns = {(alias, f"c{i}"): output for i, output in enumerate(inner.outputs)}
            if any(
                c.table == SUB
                for part in block.parts()
                for n in part
                for c in n.find_all(exp.Column)
            ):
                return [block]
            piece = Block(inner.atoms, inner.optional, [*inner.cond], [])
            piece.cond += [substituted(part, columns) for part in block.cond]
            piece.outputs = [substituted(part, columns) for part in block.outputs]
            pieces.append(piece)
        self._did("filter into UNION ALL")
        return pieces

    def _fixed_key(self, parts: list[exp.Expr], alias: str, table: Table, inner: set[str]) -> bool:
        """Say whether some key of `alias` is equated with expressions over none of the aliases in `inner`."""
        fixed = {
            one.name
            for one, other in self._equalities(parts)
            if isinstance(one, exp.Column)
            and one.table == alias
            and not {table_ for table_, _ in columns_of(other)} & inner
            and not subs_of(other)
        }
        return any(set(key) <= fixed for key in table.keys)

    def _joined_existence(self, block: Block) -> bool:
        """Join the tables of an EXISTS that can find one row at most."""
        for place, part in enumerate(block.cond):
            if not isinstance(part, exp.Column) or part.table != SUB:
                continue
            sub = self._builder.subs[part.name]
            if sub.aggregate is not None or not self._at_most_one(sub.block):
                continue
            used = sum(part.name in subs_of(n) for p in block.parts() for n in p)
            if used != 1 or set(sub.block.atoms) & set(block.atoms):
                continue
            del block.cond[place]
            block.atoms |= sub.block.atoms
            block.cond += sub.block.cond
            return self._did("EXISTS of at most one row to a join")
        return False

    def _at_most_one(self, block: Block) -> bool:
        if block.optional or not block.plain:
            return False
        open_ = set(block.atoms)
        while open_:
            for alias in sorted(open_):
                table = self._table(block, alias)
                if table is not None and self._fixed_key(block.cond, alias, table, open_):
                    open_.discard(alias)
                    break
            else:
                return False
        return True

    def _inner(self, block: Block) -> bool:
        """Turn a LEFT JOIN into an inner one: its empty rows are filtered out, or a foreign key leaves none."""
        for item in block.optional:
            if self._always_matches(block, item) or self._rejects(block, item):
                block.optional.remove(item)
                block.atoms[item.alias] = item.atom
                block.cond += item.on
                return self._did("LEFT JOIN to JOIN")
        return False

    def _always_matches(self, block: Block, item: Optional) -> bool:
        parent = self._schema.tables.get(item.atom) if isinstance(item.atom, str) else None
        if parent is None:
            return False
        pairs = {
            (other.table, other.name): one.name
            for one, other in self._equalities(item.on)
            if isinstance(one, exp.Column)
            and one.table == item.alias
            and isinstance(other, exp.Column)
        }
        if 2 * len(item.on) != sum(1 for _ in self._equalities(item.on)) or len(pairs) != len(
            item.on
        ):
            return False
        for alias in block.atoms:
            table = self._table(block, alias)
            for key in table.foreign_keys if table is not None else ():
                wanted = {
                    (alias, mine): its
                    for mine, its in zip(key.columns, key.references, strict=True)
                }
                nullable = any(_nullable(table, name) for name in key.columns)
                if key.table == parent.name and pairs == wanted and not nullable:
                    return True
        return False

    def _unused_optional(self, block: Block) -> bool:
        """Drop a LEFT JOIN by a key whose columns nobody reads."""
        for item in block.optional:
            table = self._schema.tables.get(item.atom) if isinstance(item.atom, str) else None
            if table is None or not self._fixed_key(item.on, item.alias, table, {item.alias}):
                continue
            others = [part for other in block.optional if other is not item for part in other.on]
            read = [*block.cond, *block.outputs, *block.having, *(block.keys or ()), *others]
            if not self._reads(read, item.alias):
                block.optional.remove(item)
                return self._did(f"unused LEFT JOIN on a key of {table.name}")
        return False

    def _reads(self, parts: list[exp.Expr], alias: str) -> bool:
        """Say whether an expression or a subquery in it names a column of `alias`."""
        for part in parts:
            if any(name == alias for name, _ in columns_of(part)):
                return True
            for sub_name in subs_of(part):
                sub = self._builder.subs[sub_name]
                if self._reads([node for p in sub.block.parts() for node in p], alias):
                    return True
        return False

    def _same_row(self, block: Block) -> bool:
        """Merge two uses of one table that a key makes the same row."""
        names = sorted(block.atoms, key=lambda alias: int(alias[1:]))
        for position, one in enumerate(names):
            table = self._table(block, one)
            for other in names[position + 1 :] if table is not None else ():
                if block.atoms[other] != block.atoms[one] or table is None:
                    continue
                equal = {
                    a.name
                    for a, b in self._equalities(block.cond)
                    if isinstance(a, exp.Column) and isinstance(b, exp.Column)
                    if (a.table, b.table) == (one, other) and a.name == b.name
                }
                key = next((key for key in table.keys if set(key) <= equal), None)
                if key is None:
                    continue
                del block.atoms[other]
                columns: dict[Column, exp.Expr] = {
                    (other, c.name): exp.column(c.name, table=one) for c in table.columns
                }
                self._builder.replace(columns, block)
                return self._did(f"one row of {table.name} by its key ({', '.join(key)})")
        return False

    def _without_parent(self, block: Block) -> bool:
        """Drop a table that a foreign key finds exactly once and of which only the key is read."""
        for alias in list(block.atoms):
            parent = self._table(block, alias)
            for child in block.atoms if parent is not None else ():
                table = self._table(block, child)
                for key in table.foreign_keys if table is not None and child != alias else ():
                    if parent is None or table is None or key.table != parent.name:
                        continue
                    if tuple(sorted(key.references)) not in {tuple(sorted(k)) for k in parent.keys}:
                        continue
                    pairs = dict(zip(key.references, key.columns, strict=True))
                    if self._only_key(block, alias, child, pairs):
                        return self._drop_parent(block, alias, child, pairs, parent.name)
        return False

    def _only_key(self, block: Block, alias: str, child: str, pairs: dict[str, str]) -> bool:
        equal = {
            (a.name, b.name)
            for a, b in self._equalities(block.cond)
            if isinstance(a, exp.Column) and isinstance(b, exp.Column)
            if a.table == alias and b.table == child
        }
        if not set(pairs.items()) <= equal:
            return False
        everything = [node for part in block.parts() for node in part]
        everything += [
            node for sub in self._builder.subs.values() for p in sub.block.parts() for node in p
        ]
        read = {name for node in everything for table, name in columns_of(node) if table == alias}
        return read <= set(pairs)

    def _drop_parent(
        self, block: Block, alias: str, child: str, pairs: dict[str, str], name: str
    ) -> bool:
        del block.atoms[alias]
        columns: dict[Column, exp.Expr] = {
            (alias, its): exp.column(mine, table=child) for its, mine in pairs.items()
        }
        self._builder.replace(columns, block)
        return self._did(f"join with {name} along a foreign key")


def _nullable(table: Table | None, name: str) -> bool:
    column = table.column(name) if table is not None else None
    return column is None or column.nullable
