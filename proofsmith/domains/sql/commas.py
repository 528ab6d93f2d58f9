"""Order the sources of FROM so that joins read from left to right mean what the engine makes of a comma among them.

In the standard a comma binds less than JOIN: in `a, b FULL JOIN c` the outer join sees b and c alone. SQLite reads from
left to right, and so do the parser's trees. The two differ where a RIGHT or FULL JOIN stands behind a comma.
"""

from sqlglot import exp

_OUTER = ("RIGHT", "FULL")


def settled(tree: exp.Expr, dialect: str) -> bool:
    """Put what holds a RIGHT or FULL JOIN before its comma, in place; False where that cannot be done.

    Stars must have been expanded: they would show the new order.
    """
    if dialect == "sqlite":
        return True
    return all(_settle(select) for select in tree.find_all(exp.Select))


def _settle(select: exp.Select) -> bool:
    joins: list[exp.Join] = select.args.get("joins") or []
    commas = [place for place, join in enumerate(joins) if _is_comma(join)]
    if not commas or not any(map(_is_outer, joins[commas[0] :])):
        return True
    groups = [joins[: commas[0]]] + [
        joins[start:end] for start, end in zip(commas, [*commas[1:], len(joins)], strict=True)
    ]
    outer = [place for place, group in enumerate(groups) if any(map(_is_outer, group))]
    if len(outer) > 1 or select.find(exp.Lateral, exp.Unnest) is not None:
        return False
    first, *others = groups.pop(outer[0])
    begun, clause = first.this, select.args["from_"]
    behind = [exp.Join(this=clause.this.copy()), *groups[0], *sum(groups[1:], [])]
    clause.set("this", begun.copy())
    select.set("joins", [join.copy() for join in (*others, *behind)])
    return True


def _is_comma(join: exp.Join) -> bool:
    return not any(join.args.get(part) for part in ("kind", "side", "method", "on", "using"))


def _is_outer(join: exp.Join) -> bool:
    return (join.side or "").upper() in _OUTER
