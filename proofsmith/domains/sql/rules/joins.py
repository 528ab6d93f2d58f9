"""Make outer joins inner, and take joins away that neither filter nor multiply nor deliver anything."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema, Table

_REJECTING = (*facts.COMPARISONS, exp.Like, exp.Between)


def rejects_null(part: exp.Expr, alias: str) -> bool:
    """Say whether the conjunct is not true whenever every column of `alias` is NULL.

    It is a comparison, LIKE, BETWEEN, IN or IS NOT NULL whose operand is such a column under strict arithmetic.
    """
    if isinstance(part, exp.Not):
        inner = part.this.unnest()
        return facts.is_null_test(inner) and _strict_in(inner.this, alias)
    if isinstance(part, exp.Is):
        given = bool(part.args.get("negate")) and isinstance(part.expression, exp.Null)
        return given and _strict_in(part.this, alias)
    if isinstance(part, exp.In):
        return not part.args.get("unnest") and _strict_in(part.this, alias)
    if isinstance(part, exp.Between):
        return any(_strict_in(side, alias) for side in (part.this,))
    if part.find(exp.All, exp.Any) is not None:
        return False  # NULL = ALL (no rows) is true
    if isinstance(part, _REJECTING):
        return any(_strict_in(side, alias) for side in (part.this, part.expression))
    return False


def _strict_in(operand: exp.Expr, alias: str) -> bool:
    node = operand.unnest()
    if isinstance(node, exp.Column):
        return node.table == alias
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Neg):
        return any(_strict_in(side, alias) for side in node.iter_expressions())
    return False


def outer_to_inner(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one LEFT JOIN made inner."""
    for copy, join in scopes.sites(tree, exp.Join, wanted=lambda j: j.args.get("side")):
        select = join.parent
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if not isinstance(join, exp.Join) or (join.side or "").upper() != "LEFT":
            continue
        alias = join.this.alias_or_name
        demanded = [*scopes.where(select), *_later(select, join)]
        if any(rejects_null(p, alias) for p in demanded) or _always_matches(select, join, schema):
            join.set("side", None)
            join.set("kind", None)
            yield copy


def _later(select: exp.Select, join: exp.Join) -> list[exp.Expr]:
    """Return the ON conditions of inner joins written after `join`, unless a RIGHT or FULL join is among them."""
    following = scopes.joins(select)[scopes.joins(select).index(join) + 1 :]
    if any((later.side or "").upper() in ("RIGHT", "FULL") for later in following):
        return []
    return [
        p for later in following if not later.side for p in scopes.conjuncts(later.args.get("on"))
    ]


def _always_matches(select: exp.Select, join: exp.Join, schema: Schema) -> bool:
    """Say whether ON is exactly a declared foreign key whose columns cannot be NULL."""
    parent = scopes.declared(join.this, schema)
    parts = scopes.conjuncts(join.args.get("on"))
    return parent is not None and _foreign_key(select, parts, join.this, parent, schema) is not None


def _foreign_key(
    select: exp.Select, parts: Sequence[exp.Expr], node: exp.Expr, parent: Table, schema: Schema
) -> dict[str, exp.Column] | None:
    """Return the child's column for each referenced one when `parts` are exactly a NOT NULL foreign key to `node`."""
    found = _key_equalities(select, parts, node.alias_or_name, schema)
    if found is None or any(facts.nullable(column, schema) for column in found.values()):
        return None
    return found if _declared_key(select, found, parent, schema) else None


def _key_equalities(
    select: exp.Select, parts: Sequence[exp.Expr], alias: str, schema: Schema
) -> dict[str, exp.Column] | None:
    """Return the other side of each `alias.column = other.column`; None when a part is anything else."""
    found: dict[str, exp.Column] = {}
    for part in parts:
        sides = [part.this.unnest(), part.expression.unnest()] if isinstance(part, exp.EQ) else []
        mine = [s for s in sides if isinstance(s, exp.Column) and s.table == alias]
        others = [s for s in sides if isinstance(s, exp.Column) and s.table != alias]
        if len(mine) != 1 or len(others) != 1 or mine[0].name in found:
            return None
        if not facts.comparable(mine[0], others[0], schema):
            return None
        found[mine[0].name] = others[0]
    entries = {column.table for column in found.values()}
    if len(entries) != 1 or not entries <= set(scopes.sources(select)):
        return None
    return found


def _declared_key(
    select: exp.Select, found: dict[str, exp.Column], parent: Table, schema: Schema
) -> bool:
    child = next(iter(found.values())).table
    source = scopes.sources(select)[child]
    table = scopes.declared(source.node, schema)
    if table is None:
        return False
    pairs = {(column.name, name) for name, column in found.items()}
    return any(
        key.table == parent.name and set(zip(key.columns, key.references, strict=True)) == pairs
        for key in table.foreign_keys
    )


def drop_inner_join(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree without one inner-joined parent of which only the referenced key is used."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=scopes.joins):
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if not scopes.inner_only(select):
            continue
        for alias in list(scopes.sources(select)):
            if _without_parent(select, alias, schema):
                yield copy
                break


def _without_parent(select: exp.Select, alias: str, schema: Schema) -> bool:
    """Take the parent `alias` out of the SELECT in place; False, with nothing changed, when that is not exact."""
    source = scopes.sources(select)[alias]
    parent = scopes.declared(source.node, schema)
    parts = [p for p in scopes.conditions(select) if alias in scopes.aliases_of(p)]
    if parent is None or not parts or len(scopes.sources(select)) < 2:
        return False
    found = _key_equalities(select, parts, alias, schema)
    if found is None or not _declared_key(select, found, parent, schema):
        return False
    if not parent.is_key(found) or not _replaceable(select, alias, found, parent, schema):
        return False
    uses = [
        c for c in select.find_all(exp.Column) if c.table == alias and scopes.owner(c) is select
    ]
    links = set(map(id, parts))
    known = [scopes.known(c) for c in found.values() if facts.nullable(c, schema)]
    kept = [part for part in scopes.conditions(select) if id(part) not in links]
    remove(select, source, [*kept, *known])
    for column in uses:
        if column.parent is not None:
            column.replace(found[column.name].copy())
    return True


def _replaceable(
    select: exp.Select, alias: str, found: dict[str, exp.Column], parent: Table, schema: Schema
) -> bool:
    """Say whether every use of `alias` is a key column whose child column has the very same type."""
    child = scopes.declared(scopes.sources(select)[next(iter(found.values())).table].node, schema)
    for column in select.find_all(exp.Column):
        if column.table != alias or scopes.owner(column) is not select:
            continue
        mine, theirs = parent.column(column.name), found.get(column.name)
        other = child.column(theirs.name) if child and theirs is not None else None
        if mine is None or other is None or mine.type.upper() != other.type.upper():
            return False
    return True


def remove(select: exp.Select, source: scopes.Source, kept: Sequence[exp.Expr]) -> None:
    """Take an inner source out and put every remaining condition into WHERE."""
    entries = [s.node for s in scopes.sources(select).values() if s.node is not source.node]
    select.set("from_", exp.From(this=entries[0]))
    select.set("joins", [exp.Join(this=entry) for entry in entries[1:]])
    scopes.set_where(select, kept)


def drop_left_join(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree without one LEFT JOIN whose right side delivers nothing and matches at most once."""
    for copy, join in scopes.sites(tree, exp.Join, wanted=lambda j: j.args.get("side")):
        select = join.parent
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if not isinstance(join, exp.Join) or (join.side or "").upper() != "LEFT":
            continue
        alias = join.this.alias_or_name
        inside = {id(column) for column in join.find_all(exp.Column)}
        used = any(
            c.table == alias and id(c) not in inside and scopes.owner(c) is select
            for c in select.find_all(exp.Column)
        )
        if not used and (_at_most_once(join, alias, schema) or duplicates_vanish(select)):
            join.pop()
            yield copy


def _at_most_once(join: exp.Join, alias: str, schema: Schema) -> bool:
    """Say whether ON fixes a key of the right side by values of the left one."""
    fixed = set()
    for part in scopes.conjuncts(join.args.get("on")):
        if not isinstance(part, exp.EQ):
            continue
        for mine, other in ((part.this, part.expression), (part.expression, part.this)):
            node = mine.unnest()
            own = isinstance(node, exp.Column) and node.table == alias
            if own and alias not in scopes.aliases_of(other) and _one_value(node, other, schema):
                fixed.add(node.name)
    table = scopes.declared(join.this, schema)
    known = [frozenset(key) for key in table.keys] if table else facts.keys(join.this, schema)
    return any(key <= fixed for key in known)


def _one_value(column: exp.Expr, other: exp.Expr, schema: Schema) -> bool:
    """Say whether at most one value of `column` equals `other`."""
    value = other.unnest()
    if isinstance(value, exp.Literal):
        kind = facts.kind(column, schema)
        numeric = kind in ("integer", "decimal")
        return numeric if value.is_number else kind == "text" and schema.dialect != "sqlite"
    return facts.comparable(column, value, schema)


def duplicates_vanish(select: exp.Select) -> bool:
    """Say whether repeated rows change nothing: DISTINCT follows, or aggregates that see each value once."""
    if not facts.aggregates(select):
        shown = facts.limited(select) or facts.windows(select)
        return bool(select.args.get("distinct") and not shown)
    order, having = (select.args.get(name) for name in ("order", "having"))
    parts = [*select.expressions, *(key.this for key in (order.expressions if order else ()))]
    return all(map(facts.idempotent, [*parts, having.this] if having else parts))


RULES = (
    Rule(
        name="outer-to-inner",
        precondition="a conjunct of WHERE or of a later inner ON is not true when the right side is NULL; or ON is "
        "exactly a foreign key whose columns are NOT NULL",
        apply=outer_to_inner,
        prior=2.5,
    ),
    Rule(
        name="drop-inner-join",
        precondition="only the parent's key is used, and it equals a declared foreign key in one inner equality; a "
        "nullable foreign key stays tested by IS NOT NULL",
        apply=drop_inner_join,
        prior=2.5,
    ),
    Rule(
        name="drop-left-join",
        precondition="the right side is used in its ON alone, which fixes one of its keys; or DISTINCT follows, "
        "or aggregates of distinct values, MIN and MAX",
        apply=drop_left_join,
        prior=2.5,
    ),
)
