"""Read an engine's plan into one tree of operators with estimates, and with rows and times where it was executed."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from proofsmith.types import JSON, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of a plan; rows and seconds are totals over all loops, None where they were not measured."""

    name: str
    detail: str = ""
    estimated_rows: float | None = None
    rows: float | None = None
    loops: int = 1
    total_s: float | None = None
    """Seconds of the operator with all below it."""
    own_s: float | None = None
    """Seconds of the operator itself."""
    removed_rows: float = 0.0
    spilled_blocks: int = 0
    children: tuple["Operator", ...] = ()

    def walk(self) -> Iterator["Operator"]:
        """Yield this operator and all below it, outermost first."""
        yield self
        for child in self.children:
            yield from child.walk()


def read_plan(plan: JSON) -> Operator | None:
    """Return the tree of a plan as `Database.explain` gives it, None when it is not understood."""
    if isinstance(plan, str):
        plan = json.loads(plan) if plan.lstrip().startswith(("{", "[")) else None
    if isinstance(plan, list) and plan and isinstance(plan[0], dict):
        first = plan[0]
        root = first.get("Plan")
        return _postgresql(root) if isinstance(root, dict) else _duckdb(first)
    if isinstance(plan, list) and plan and isinstance(plan[0], list):
        return _sqlite(plan)
    return _duckdb(plan) if isinstance(plan, dict) else None


def _postgresql(node: Mapping[str, JSON]) -> Operator:
    listed = node.get("Plans")
    children = (
        tuple(_postgresql(c) for c in listed if isinstance(c, dict))
        if isinstance(listed, list)
        else ()
    )
    loops = int(_number(node.get("Actual Loops")) or 1)
    per_loop_ms = _number(node.get("Actual Total Time"))
    total_s = None if per_loop_ms is None else per_loop_ms * loops / 1e3
    own_s = None if total_s is None else max(0.0, total_s - sum(c.total_s or 0.0 for c in children))
    rows = _number(node.get("Actual Rows"))
    removed = _number(node.get("Rows Removed by Filter")) or 0.0
    relation = node.get("Relation Name") or node.get("CTE Name") or node.get("Subplan Name") or ""
    conditions = [
        str(node[key])
        for key in ("Hash Cond", "Merge Cond", "Join Filter", "Index Cond", "Filter")
        if node.get(key)
    ]
    return Operator(
        name=str(node.get("Node Type", "?")),
        detail=" ".join([str(relation), *conditions]).strip(),
        estimated_rows=_number(node.get("Plan Rows")),
        rows=None if rows is None else rows * loops,
        loops=loops,
        total_s=total_s,
        own_s=own_s,
        removed_rows=removed * loops,
        spilled_blocks=int(_number(node.get("Temp Written Blocks")) or 0),
        children=children,
    )


def _duckdb(node: Mapping[str, JSON]) -> Operator | None:
    listed = node.get("children")
    children = tuple(
        child
        for c in (listed if isinstance(listed, list) else [])
        if isinstance(c, dict)
        for child in [_duckdb(c)]
        if child is not None
    )
    name = node.get("operator_name") or node.get("name") or node.get("operator_type")
    if name is None:
        return children[0] if len(children) == 1 else None
    extra = node.get("extra_info")
    info = extra if isinstance(extra, dict) else {}
    own_s = _number(node.get("operator_timing"))
    estimated = _number(info.get("Estimated Cardinality"))
    told = [
        str(v)
        for k, v in info.items()
        if k in ("Table", "Conditions", "Filters", "Text", "CTE Name")
    ]
    return Operator(
        name=str(name).strip(),
        detail=re.sub(r"\s+", " ", " ".join(told)),
        estimated_rows=estimated,
        rows=_number(node.get("operator_cardinality")),
        own_s=own_s,
        total_s=None if own_s is None else own_s + sum(c.total_s or 0.0 for c in children),
        children=children,
    )


def _sqlite(rows: list[JSON]) -> Operator:
    """Rows of EXPLAIN QUERY PLAN are (id, parent, unused, text)."""
    below: dict[int, list[tuple[int, str]]] = {}
    for row in rows:
        if isinstance(row, list) and len(row) == 4:
            below.setdefault(int(str(row[1])), []).append((int(str(row[0])), str(row[3])))

    def built(number: int, text: str) -> Operator:
        children = tuple(built(n, t) for n, t in below.get(number, []) if n != number)
        name, _, detail = text.partition(" ")
        return Operator(name=name, detail=detail, children=children)

    return built(0, "QUERY")


def _number(value: JSON) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(str(value))
    except ValueError:
        return None


def shape_of(plan: JSON) -> str:
    """Return a digest of a plan's operators and conditions, without costs, rows and times; empty for none."""
    tree = read_plan(plan)
    if tree is None:
        return ""
    return digest(*(f"{len(o.children)} {o.name} {o.detail}" for o in tree.walk()))[:16]


MOST_OPERATORS = 120
"""Operators of a plan that a report keeps."""


def as_json(tree: Operator) -> JSON:
    """Return a plan for a report: name, detail, rows, estimate, own milliseconds, children; long ones are cut."""
    left = [MOST_OPERATORS]

    def told(o: Operator) -> JSON:
        left[0] -= 1
        children: list[JSON] = [told(child) for child in o.children if left[0] > 0]
        return {
            "name": o.name,
            "detail": o.detail[:120],
            "rows": o.rows,
            "estimate": o.estimated_rows,
            "own_ms": None if o.own_s is None else round(1e3 * o.own_s, 3),
            "children": children,
        }

    return told(tree)
