"""Match two normal forms: the same tables in some pairing, and conditions that a solver finds equal tuple by tuple."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import z3
from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import SUB, Atom, Block, Optional, Sub, Sum
from proofsmith.domains.sql.proof.classes import Classes
from proofsmith.domains.sql.proof.frames import (
    AGG,
    Frame,
    Outside,
    argument_of,
    as_set,
    free,
    iff,
    subs_of,
)
from proofsmith.domains.sql.proof.groups import Groups
from proofsmith.domains.sql.schema import Schema, Table
from proofsmith.domains.sql.symbolic.relations import Scope
from proofsmith.domains.sql.symbolic.scalar import Scalars
from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Unsupported,
    Value,
    both,
    either,
    identical,
    no,
)
from proofsmith.domains.sql.testing.conditions import conditions_of

_LIMIT_MS = 1500
_MOST_PAIRINGS = 240


class Matcher:
    """Decides whether two normal forms return the same bag on every database; False means not proved."""

    def __init__(self, schema: Schema, subs: Mapping[str, Sub], texts: Mapping[str, int]) -> None:
        """Take tables, registered subqueries and the numbers of texts."""
        self._schema = schema
        self._subs = subs
        self._scalars = Scalars(Outside(schema.dialect, texts))
        self.numbers = itertools.count()

    def same(self, left: Sum, right: Sum, frame: Frame) -> bool:
        """Say whether two sums are the same bag, or set where both are one."""
        left, right = as_set(left), as_set(right)
        if left.distinct != right.distinct:
            return False
        mine = [block for block in left.blocks if not self.is_empty(block, frame)]
        theirs = [block for block in right.blocks if not self.is_empty(block, frame)]
        for block in list(mine):
            partner = next(
                (other for other in theirs if self.same_block(block, other, frame)), None
            )
            if partner is not None:
                mine.remove(block)
                theirs.remove(partner)
        if not mine and not theirs:
            return True
        if len(mine) == 1 and len(theirs) > 1:
            return self._split(mine[0], theirs, frame, disjoint=not left.distinct)
        if len(theirs) == 1 and len(mine) > 1:
            return self._split(theirs[0], mine, frame, disjoint=not left.distinct)
        return False

    def is_empty(self, block: Block, frame: Frame) -> bool:
        """Say whether a block's condition is never true."""
        if block.keys == []:
            return False
        try:
            inside = frame.child()
            for alias, atom in block.atoms.items():
                self._bind(inside, alias, alias, atom)
            self._bind_optional(inside, [(item, item) for item in block.optional])
            pure = [part for part in block.cond if not subs_of(part)]
            holds = both(*(self.holds(part, inside) for part in pure))
        except Unsupported:
            return False
        return self.follows(inside.known, no(holds))

    def rejects(self, block: Block, item: Optional) -> bool:
        """Say whether a block's condition is never true where a LEFT JOIN found no match."""
        inside = Frame()
        try:
            for alias, atom in block.atoms.items():
                self._bind(inside, alias, alias, atom)
            for other in block.optional:
                self._bind(inside, other.alias, other.alias, other.atom)
            row = inside.cells[item.alias]
            nulls = {name: replace(cell, null=True) for name, cell in row.items()}
            inside.cells[item.alias] = nulls
            pure = [part for part in block.cond if not subs_of(part)]
            holds = both(*(self.holds(part, inside) for part in pure))
        except Unsupported:
            return False
        return self.follows([], no(holds))

    def follows(self, known: Sequence[Bool], claim: Bool) -> bool:
        """Say whether the solver shows `claim` from what is known."""
        if claim is True:
            return True
        solver = z3.Solver()
        solver.set("timeout", _LIMIT_MS)
        for term in known:
            if term is not True:
                solver.add(term)
        solver.add(no(claim))
        return bool(solver.check() == z3.unsat)

    def same_block(self, left: Block, right: Block, frame: Frame) -> bool:
        """Say whether two blocks return the same bag."""
        if (left.keys is None) != (right.keys is None) or left.distinct != right.distinct:
            return False
        if left.keys is not None and right.keys is not None and bool(left.keys) != bool(right.keys):
            return False
        if len(left.outputs) != len(right.outputs):
            return False
        for inside, condition in self.same_rows(left, right, frame):
            try:
                if left.keys is not None:
                    if Groups(self, left, right, inside.child(), condition).same():
                        return True
                elif self.same_values(left.outputs, right.outputs, inside.child(), condition):
                    return True
            except Unsupported:
                continue
        return False

    def same_rows(self, left: Block, right: Block, frame: Frame) -> Iterator[tuple[Frame, Bool]]:
        """Yield every pairing of tables under which both blocks join and filter alike, with their condition."""
        for pairing in itertools.islice(self._pairings(left, right, frame), _MOST_PAIRINGS):
            inside = frame.child()
            try:
                for mine, theirs in pairing:
                    self._bind(inside, mine, theirs, left.atoms[mine])
                optional = self._optional_pairs(left, right)
                if optional is None or not self._same_joins(inside, optional):
                    continue
                condition = self._same_conditions(left.cond, right.cond, inside)
            except Unsupported:
                continue
            if condition is not None:
                yield inside, condition

    def _pairings(self, left: Block, right: Block, frame: Frame) -> Iterator[list[tuple[str, str]]]:
        if len(left.atoms) != len(right.atoms) or len(left.optional) != len(right.optional):
            return
        options = [
            [other for other, atom_ in right.atoms.items() if self._same_atom(atom, atom_)]
            for atom in left.atoms.values()
        ]
        for chosen in itertools.product(*options):
            if len(set(chosen)) == len(chosen):
                yield list(zip(left.atoms, chosen, strict=True))

    def _same_atom(self, left: Atom, right: Atom) -> bool:
        if isinstance(left, str) or isinstance(right, str):
            return left == right
        return self.same(left, right, Frame())

    def _optional_pairs(self, left: Block, right: Block) -> list[tuple[Optional, Optional]] | None:
        """Pair LEFT JOINs in their order, table by table."""
        pairs = []
        rest = list(right.optional)
        for item in left.optional:
            partner = next((o for o in rest if self._same_atom(item.atom, o.atom)), None)
            if partner is None:
                return None
            rest.remove(partner)
            pairs.append((item, partner))
        return pairs

    def _same_joins(self, inside: Frame, pairs: Sequence[tuple[Optional, Optional]]) -> bool:
        for item, partner in pairs:
            raw = inside.child()
            self._bind(raw, item.alias, partner.alias, item.atom)
            if any(subs_of(part) for part in (*item.on, *partner.on)):
                return False
            mine = both(*(self.holds(part, raw) for part in item.on))
            theirs = both(*(self.holds(part, raw) for part in partner.on))
            if not self.follows(raw.known, iff(mine, theirs)):
                return False
            self._bind_optional(inside, [(item, partner)])
        return True

    def _bind_optional(self, inside: Frame, pairs: Sequence[tuple[Optional, Optional]]) -> None:
        """Give the columns of LEFT JOINs: those of a matching row, or NULLs."""
        for item, partner in pairs:
            raw = inside.child()
            self._bind(raw, item.alias, partner.alias, item.atom)
            matched = z3.Bool(f"match!{next(self.numbers)}")
            holds = both(*(self.holds(part, raw) for part in item.on))
            inside.known = [*raw.known, either(no(matched), holds)]
            cells = {
                name: replace(cell, null=either(no(matched), cell.null))
                for name, cell in raw.cells[item.alias].items()
            }
            inside.cells[item.alias] = inside.cells[partner.alias] = cells

    def _bind(self, inside: Frame, mine: str, theirs: str, atom: Atom) -> None:
        """Put one tuple of a table into scope under the aliases of both sides."""
        if isinstance(atom, str):
            cells = self._tuple(self._schema.tables[atom])
            inside.known += self._row_facts(self._schema.tables[atom], cells)
        else:
            kinds = self._kinds(atom)
            stem = f"d{next(self.numbers)}"
            cells = {
                f"c{i}": free(f"{stem}!{i}", kind, True, rounded=kind == "decimal")
                for i, kind in enumerate(kinds)
            }
        inside.cells[mine] = inside.cells[theirs] = cells

    def _tuple(self, table: Table) -> dict[str, Value]:
        odd = next((column for column in table.columns if not column.compares_bytewise), None)
        if odd is not None:
            raise Unsupported(f"a column of type {odd.type}")
        stem = f"{table.name}!{next(self.numbers)}"
        return {c.name: free(f"{stem}!{c.name}", c.kind, c.nullable) for c in table.columns}

    def _row_facts(self, table: Table, cells: dict[str, Value]) -> list[Bool]:
        facts: list[Bool] = []
        for column in table.columns:
            number = cells[column.name].number
            if column.kind == "boolean":
                facts.append(z3.And(number >= 0, number <= 1))
            if column.kind == "text":
                facts.append(number >= 0)
        for tree in conditions_of(Schema({table.name: table}, self._schema.dialect)):
            try:
                facts.append(no(self._scalars.truth(tree, Scope({table.name: cells})).no))
            except Unsupported:
                continue
        return facts

    def _kinds(self, atom: Sum) -> list[str]:
        """Return the kinds of a derived table's columns."""
        block = atom.blocks[0]
        inside = Frame()
        for alias, inner in block.atoms.items():
            self._bind(inside, alias, alias, inner)
        self._bind_optional(inside, [(item, item) for item in block.optional])
        return [self._kind(output, inside) for output in block.outputs]

    def _kind(self, node: exp.Expr, inside: Frame) -> str:
        bound = inside.child()
        self.bind_subs([node], [node], bound, True)
        copy = node.copy()
        calls = list(copy.find_all(exp.AggFunc))
        bound.cells[AGG] = {}
        for place, call in enumerate(calls):
            bound.cells[AGG][str(place)] = self.aggregate_value(call, bound)
            standing = exp.column(str(place), table=AGG)
            if call is copy:
                copy = standing
            else:
                call.replace(standing)
        return self.value(copy, bound).kind

    def value(self, node: exp.Expr, inside: Frame) -> Value:
        """Return an expression's value over the tuples in scope."""
        lowered = {
            source: {name.lower(): cell for name, cell in row.items()}
            for source, row in inside.cells.items()
        }
        return self._scalars.value(node, Scope(lowered))

    def holds(self, node: exp.Expr, inside: Frame) -> Bool:
        """Return whether a condition is true over the tuples in scope."""
        lowered = {
            source: {name.lower(): cell for name, cell in row.items()}
            for source, row in inside.cells.items()
        }
        return self._scalars.truth(node, Scope(lowered)).yes

    def _same_conditions(
        self, left: Sequence[exp.Expr], right: Sequence[exp.Expr], inside: Frame
    ) -> Bool | None:
        """Return the common condition of both sides, None when they are not shown to be equal."""
        pure = [
            both(*(self.holds(part, inside) for part in side if not subs_of(part)))
            for side in (left, right)
        ]
        alike = self.follows(inside.known, iff(pure[0], pure[1]))
        self.bind_subs(left, right, inside, pure[0] if alike else True)
        mine = both(*(self.holds(part, inside) for part in left))
        theirs = both(*(self.holds(part, inside) for part in right))
        return mine if self.follows(inside.known, iff(mine, theirs)) else None

    def bind_subs(
        self, left: Sequence[exp.Expr], right: Sequence[exp.Expr], inside: Frame, given: Bool
    ) -> None:
        """Give a value to every subquery; those that are shown to be equal share one."""
        names = sorted({name for part in (*left, *right) for name in subs_of(part)})
        values = dict(inside.cells.get(SUB, {}))
        classes = Classes(self, inside, given)
        for name in names:
            if name not in values:
                values[name] = classes.value(self._subs[name])
        inside.cells[SUB] = values
        inside.known += classes.facts

    def aggregate_value(self, call: exp.Expr, inside: Frame) -> Value:
        """Return a free value for an aggregate over rows that are in scope."""
        stem = f"agg{next(self.numbers)}"
        if isinstance(call, exp.Count):
            return Value("integer", False, z3.Int(stem))
        if isinstance(call, exp.Avg):
            return free(stem, "decimal", True, rounded=True)
        if not isinstance(call, exp.Sum | exp.Max | exp.Min):
            raise Unsupported(call.key)
        value = self.value(argument_of(call), inside)
        if value.kind == "float" and isinstance(call, exp.Sum):
            raise Unsupported("sums of floating-point numbers")
        return free(stem, value.kind, True, rounded=value.rounded is not None)

    def same_aggregate(self, left: exp.Expr, right: exp.Expr, inside: Frame, given: Bool) -> bool:
        """Say whether two aggregates over the same rows are equal."""
        if type(left) is not type(right) or left.args.get("expressions"):
            return False
        extreme = isinstance(left, exp.Max | exp.Min)
        distinct = [isinstance(call.this, exp.Distinct) for call in (left, right)]
        if distinct[0] != distinct[1] and not extreme:
            return False
        known = [*inside.known, given]
        if isinstance(left, exp.Count) and not distinct[0]:
            return self.follows(
                known, iff(self._counted(left, inside), self._counted(right, inside))
            )
        mine, theirs = (self.value(argument_of(call), inside) for call in (left, right))
        return self.follows(known, identical(mine, theirs))

    def _counted(self, call: exp.Expr, inside: Frame) -> Bool:
        if isinstance(call.this, exp.Star):
            return True
        return no(self.value(call.this, inside).null)

    def same_values(
        self, left: Sequence[exp.Expr], right: Sequence[exp.Expr], inside: Frame, condition: Bool
    ) -> bool:
        """Say whether expressions are identical, pair by pair, where the condition holds."""
        self.bind_subs(left, right, inside, condition)
        known = [*inside.known, condition]
        return all(
            self.follows(known, identical(self.value(a, inside), self.value(b, inside)))
            for a, b in zip(left, right, strict=True)
        )

    def _split(self, one: Block, many: Sequence[Block], frame: Frame, *, disjoint: bool) -> bool:
        """Say whether blocks over the same tables add up to one: disjoint conditions, or a set of rows anyway."""
        if (
            not one.plain
            or one.optional
            or any(not b.plain or b.optional or b.atoms == {} for b in many)
        ):
            return False
        inside = frame.child()
        conditions = []
        for alias, atom in one.atoms.items():
            self._bind(inside, alias, alias, atom)
        for block in many:
            if sorted(map(str, block.atoms.values())) != sorted(map(str, one.atoms.values())):
                return False
            if len(set(map(str, one.atoms.values()))) != len(one.atoms):
                return False
            for alias, atom in block.atoms.items():
                mine = next(a for a, other in one.atoms.items() if other == atom)
                inside.cells[alias] = inside.cells[mine]
        parts = [*one.cond, *one.outputs, *(n for b in many for n in (*b.cond, *b.outputs))]
        self.bind_subs(parts, [], inside, True)
        for block in many:
            conditions.append(both(*(self.holds(part, inside) for part in block.cond)))
            if not self.same_values(one.outputs, block.outputs, inside.child(), conditions[-1]):
                return False
        pairs = itertools.combinations(conditions, 2)
        if disjoint and not all(self.follows(inside.known, no(both(a, b))) for a, b in pairs):
            return False
        whole = both(*(self.holds(part, inside) for part in one.cond))
        return self.follows(inside.known, iff(whole, either(*conditions)))
