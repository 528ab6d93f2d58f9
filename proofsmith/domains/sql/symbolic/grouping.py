"""What a SELECT groups by, and how many rows it keeps."""

from sqlglot import exp

from proofsmith.domains.sql.symbolic.terms import Unsupported


def folds_all(query: exp.Select) -> bool:
    """Say whether a select without GROUP BY folds all its rows into one."""
    parts = [*query.expressions, query.args.get("having"), query.args.get("order")]
    if query.args.get("having") is not None:
        return True
    for part in parts:
        for call in part.find_all(exp.AggFunc) if part is not None else ():
            if isinstance(call, exp.Max | exp.Min) and call.expressions:
                continue
            window_ = call.find_ancestor(exp.Window, exp.Select)
            over = isinstance(window_, exp.Window) and window_.this in (call, call.parent)
            if not over and call.find_ancestor(exp.Select) is query:
                return True
    return False


def grouping_sets(group: exp.Group) -> list[tuple[exp.Expr, ...]]:
    """Return the sets of keys that a GROUP BY groups by."""
    structured = (exp.Rollup, exp.Cube, exp.GroupingSets)
    plain = tuple(key for key in group.expressions if not isinstance(key, structured))
    if any(isinstance(key, exp.Literal) for key in plain) or any(
        group.args.get(k) for k in ("all", "totals")
    ):
        raise Unsupported("GROUP BY position")
    factors: list[list[tuple[exp.Expr, ...]]] = [[plain]]
    further = [*group.expressions]
    for name in ("rollup", "cube", "grouping_sets"):
        further += group.args.get(name) or ()
    for item in further:
        if isinstance(item, structured):
            factors.append(_sets(item))
    found: list[tuple[exp.Expr, ...]] = [()]
    for factor in factors:
        found = [chosen + keys for chosen in found for keys in factor]
    return found


def _sets(item: exp.Expr) -> list[tuple[exp.Expr, ...]]:
    keys = [_set_of(key) for key in item.expressions]
    if isinstance(item, exp.Rollup):
        return [sum(keys[:size], ()) for size in range(len(keys), -1, -1)]
    if isinstance(item, exp.GroupingSets):
        return keys
    sets: list[tuple[exp.Expr, ...]] = [()]
    for key in keys:
        sets = [*(chosen + key for chosen in sets), *sets]
    return sets


def _set_of(key: exp.Expr) -> tuple[exp.Expr, ...]:
    if isinstance(key, exp.Tuple):
        return tuple(key.expressions)
    if isinstance(key, exp.Rollup | exp.Cube | exp.GroupingSets):
        raise Unsupported("nested grouping sets")
    return (key.this,) if isinstance(key, exp.Paren) else (key,)


def literal_number(clause: exp.Expr | None) -> int | None:
    """Return the number of a LIMIT, OFFSET or FETCH, None without one."""
    if clause is None:
        return None
    if isinstance(clause, exp.Fetch):
        if clause.args.get("limit_options") is not None and "TIES" in clause.sql().upper():
            raise Unsupported("WITH TIES")
        if "PERCENT" in clause.sql().upper():
            raise Unsupported("FETCH PERCENT")
        expression = clause.args.get("count")
    elif isinstance(clause, exp.Limit | exp.Offset):
        expression = clause.expression
    else:
        raise Unsupported(clause.key)
    if not isinstance(expression, exp.Literal) or not str(expression.this).isdigit():
        raise Unsupported("a limit by an expression")
    return int(str(expression.this))
