"""Show the inputs on which refused versions gave another answer: small tables beside both results."""

from collections.abc import Iterator, Mapping, Sequence

from proofsmith.agents.report.markup import Markup, element
from proofsmith.agents.report.summary import made
from proofsmith.types import JSON, Report

MOST = 6
MOST_ROWS = 12


def counter_examples(report: Report) -> Markup:
    """Return a section with the tables of the first refused versions' evidence, nothing when none has any.

    Evidence shows them in its fact `example`: `tables`, a list of objects with `name`, `columns` and `rows`, the last
    two of which are what the original and the version returned.
    """
    shown: list[Markup] = []
    seen: set[str] = set()
    for title, script, tables in _examples(report):
        if script not in seen and len(shown) < MOST:
            seen.add(script)
            body = element("div", *map(_table, tables), class_="tables")
            parts = [element("summary", title), body]
            parts += [element("pre", script, class_="log")] if script else []
            shown.append(element("details", *parts, open=None if shown else "open"))
    if not shown:
        return Markup()
    note = "The smallest inputs found on which a refused version answers otherwise; each script runs as it is."
    return element(
        "section", element("h2", "Why versions were refused"), element("p", note), *shown
    )


def _examples(report: Report) -> Iterator[tuple[str, str, Sequence[Mapping[str, JSON]]]]:
    for outcome in report.attempts:
        for item in outcome.verdict.evidence:
            found = item.facts.get("example")
            tables = found.get("tables") if isinstance(found, dict) else None
            if isinstance(tables, list):
                listed = [table for table in tables if isinstance(table, dict)]
                yield made(outcome) or "a version", str(item.facts.get("script") or ""), listed


def _table(table: Mapping[str, JSON]) -> Markup:
    columns, rows = (_list(table.get(name)) for name in ("columns", "rows"))
    head = element("tr", *(element("th", str(column)) for column in columns))
    body = [element("tr", *(_cell(cell) for cell in _list(row))) for row in rows[:MOST_ROWS]]
    more = f", {len(rows)} rows" if len(rows) > MOST_ROWS else "" if rows else ": no rows"
    caption = element("caption", f"{table.get('name')}{more}")
    return element("table", caption, head, *body)


def _list(value: JSON) -> Sequence[JSON]:
    return value if isinstance(value, list) else []


def _cell(value: JSON) -> Markup:
    return element("td", "NULL" if value is None else str(value))
