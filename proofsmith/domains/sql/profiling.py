"""Say where a query's time goes and why: hot operators, misestimates, repeated subplans, spills, wasted scans."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from proofsmith.domains.sql.advice import Advice
from proofsmith.domains.sql.bench import Bench
from proofsmith.domains.sql.plans import Operator, read_plan
from proofsmith.types import JSON, HotSpot, Profile

LIMIT_S = 60.0
_SHOWN = 5
_MISESTIMATE = 10.0
_WASTED_SHARE = 0.9
_WORTH_ROWS = 100.0
_SUMMARY_BYTES = 2000


async def profile_query(bench: Bench, statement: str, path: str) -> Profile | None:
    """Execute the statement under EXPLAIN ANALYZE and read its plan; None when it gives none in time.

    SQLite measures nothing: its operators come without times.
    """
    measured = bench.engine.name != "sqlite"
    plan, error = await bench.plan(statement, analyze=measured, limit_s=LIMIT_S)
    executed = measured and not error
    if error:
        plan, error = await bench.plan(statement)
    tree = read_plan(plan)
    if tree is None:
        return None
    operators = list(tree.walk())
    total_s = sum(o.own_s or 0.0 for o in operators)
    hot = sorted(operators, key=lambda o: -(o.own_s or 0.0))[:_SHOWN]
    spots = tuple(
        HotSpot(
            path=path,
            line=1,
            share=(o.own_s or 0.0) / total_s if total_s else 0.0,
            cause=f"{o.name} {o.detail}".strip()[:200],
        )
        for o in hot
        if executed
    )
    causes = list(dict.fromkeys(_causes(tree)))
    facts: dict[str, JSON] = {
        "engine": bench.engine.version,
        "data": bench.data,
        "executed": executed,
        "total_s": total_s if executed else None,
        "causes": [*causes],
        "symptoms": [*symptoms(tree)],
        "join_order": [*_join_order(tree)],
    }
    return Profile(summary=_summary(hot, causes, total_s, executed), hot=spots, facts=facts)


def _summary(hot: list[Operator], causes: list[str], total_s: float, executed: bool) -> str:
    lines = [f"{1e3 * total_s:.1f} ms in operators" if executed else "not executed: plan alone"]
    lines += [_line(o, total_s) for o in hot]
    lines += [f"cause: {cause}" for cause in causes]
    text = "\n".join(lines)
    return text.encode()[:_SUMMARY_BYTES].decode(errors="ignore")


def _line(o: Operator, total_s: float) -> str:
    told = f"{o.name} {o.detail}"[:160]
    if o.own_s is None:
        return told
    rows = f"{o.rows or 0:.0f} rows, {o.estimated_rows or 0:.0f} estimated, {o.loops} loop(s)"
    return (
        f"{100 * o.own_s / total_s if total_s else 0:.0f} % {1e3 * o.own_s:.2f} ms {told} ({rows})"
    )


def _causes(tree: Operator) -> Iterator[str]:
    """Yield the causes that the plan shows, each in one line."""
    scans = Counter(o.detail.split(" ")[0] for o in tree.walk() if "scan" in o.name.lower())
    for o in tree.walk():
        yield from _cause(o)
    for relation, count in scans.items():
        if count > 1 and relation:
            yield f"{relation} is scanned {count} times"


def _cause(o: Operator) -> Iterator[str]:
    name = o.name.lower()
    if "subplan" in o.detail.lower() and o.loops > 1:
        yield f"correlated subplan runs {o.loops} times ({o.name})"
    if o.name == "CORRELATED":
        yield f"correlated subquery runs once a row ({o.name} {o.detail})"
    if o.rows is not None and o.estimated_rows is not None:
        actual, estimated = o.rows / max(o.loops, 1), o.estimated_rows
        ratio = (actual + 1) / (estimated + 1)
        if not 1 / _MISESTIMATE <= ratio <= _MISESTIMATE:
            yield f"{o.name} {o.detail[:60]}: {actual:.0f} rows where {estimated:.0f} were estimated"
    if o.spilled_blocks:
        yield f"{o.name} spills {o.spilled_blocks} blocks to disk"
    read = (o.rows or 0.0) + o.removed_rows
    if "scan" in name and read > _WORTH_ROWS and o.removed_rows > _WASTED_SHARE * read:
        yield f"{o.name} {o.detail[:80]} reads {read:.0f} rows and drops {o.removed_rows:.0f}"


def _join_order(tree: Operator) -> list[str]:
    """Return the scanned relations from the innermost left input outwards."""
    if not tree.children:
        return [tree.detail.split(" ")[0]] if tree.detail else []
    return [name for child in tree.children for name in _join_order(child)]


def with_counts(profile: Profile, lines: Sequence[str]) -> Profile:
    """Return the profile with what was counted of tables and columns, before what its operators took."""
    told = "\n".join([*lines, profile.summary]).encode()[:_SUMMARY_BYTES].decode(errors="ignore")
    return replace(profile, summary=told, facts={**profile.facts, "statistics": [*lines]})


def with_advice(profile: Profile, found: Sequence[Advice]) -> Profile:
    """Return the profile with advice on the database below it: labelled, since it is no version of the query."""
    lines = [item.line for item in found]
    if not lines:
        return profile
    advised: list[JSON] = [
        {"kind": item.kind, "statement": item.statement, "ratio": item.ratio}
        for item in found
        if item.measured
    ]
    told = "\n".join([profile.summary, *(f"advice, not a rewrite: {line}" for line in lines)])
    summary = told.encode()[: _SUMMARY_BYTES + 600].decode(errors="ignore")
    return replace(
        profile, summary=summary, facts={**profile.facts, "advice": [*lines], "advised": advised}
    )


def symptoms(tree: Operator) -> list[str]:
    """Return the names under which the catalogue of patterns knows what a plan shows."""
    told = [*_causes(tree)]
    found = {
        "correlated": any(cause.startswith("correlated") for cause in told),
        "misestimate": any("were estimated" in cause for cause in told),
        "spill": any(" spills " in cause for cause in told),
        "wasted-scan": any(" and drops " in cause for cause in told),
        "repeated-scan": any(" is scanned " in cause for cause in told),
        "cte-filtered": any("CTE Scan" in o.name and o.removed_rows > 0 for o in tree.walk()),
        "nested-loop": any("nested loop" in o.name.lower() for o in tree.walk()),
        "large-group": any(
            "aggregate" in o.name.lower() and (o.rows or 0) > 1e4 for o in tree.walk()
        ),
    }
    return [name for name, holds in found.items() if holds]
