"""What a model must know about a query before it proposes another text."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template

from sqlglot import exp

from proofsmith.domains.sql.analysis import promise_of
from proofsmith.domains.sql.query import Unreadable
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.source import Source, source_of
from proofsmith.tools.feedback import CHARS_PER_TOKEN, clip
from proofsmith.types import JSON, Problem

SECTIONS = (
    ("profile", "Rows, and the plan of the original, executed", 500),
    ("explain", "Plan of a query that was asked for, estimated", 250),
    ("catalogue", "Patterns that fit this plan (none is required)", 250),
    ("recall", "What earlier runs tried on this query", 150),
)
"""Facts that the brief shows: name, heading, most tokens."""
SCHEMA_TOKENS = 500
RULES_TOKENS = 400
_NAMES = {"duckdb": "DuckDB", "sqlite": "SQLite", "postgresql": "PostgreSQL"}


def write(problem: Problem, facts: Mapping[str, JSON]) -> str:
    """Return the brief, at most 2 000 tokens; it holds no row of the user's data."""
    source = source_of(problem)
    engine = source.schema.dialect
    template = files(__package__).joinpath("brief.md").read_text(encoding="utf-8")
    return (
        Template(template)
        .substitute(
            name=problem.editable[0],
            engine=_NAMES[engine],
            order=_order(source),
            schema=clip(_schema(source), SCHEMA_TOKENS * CHARS_PER_TOKEN),
            facts="".join(_section(facts.get(name), title, cap) for name, title, cap in SECTIONS),
            rules=clip(_rules(source), RULES_TOKENS * CHARS_PER_TOKEN),
        )
        .strip()
    )


def _order(source: Source) -> str:
    if not promise_of(source.query).ordered:
        return "The order of rows does not matter: the query has no ORDER BY."
    return (
        "ORDER BY stays at the top level with the same keys; the order of a subquery is no promise."
    )


def _rules(source: Source) -> str:
    """Return the rules that apply to the query with what each asks for, then the names of the others."""
    rules = [rule for rule in CATALOGUE if source.schema.dialect in rule.engines]
    try:
        tree = qualified(source.text, source.schema)
    except Unreadable:
        return ", ".join(rule.name for rule in rules)
    fitting = [rule for rule in rules if next(rule.apply(tree, source.schema), None) is not None]
    lines = [f"- {rule.name}, tried here: {rule.precondition}" for rule in fitting]
    others = ", ".join(rule.name for rule in rules if rule not in fitting)
    return "\n".join([*lines, f"- not fitting this text as it stands: {others}"])


def _schema(source: Source) -> str:
    """Return the used tables as DDL with their constraints, columns that the query does not name left out."""
    used = {column.name.lower() for column in source.query.find_all(exp.Column)}
    everything = source.query.find(exp.Star) is not None
    schema = source.schema.only(source.tables)
    lines = []
    for table in schema.tables.values():
        held = {
            name for key in (*table.keys, *(k.columns for k in table.foreign_keys)) for name in key
        }
        parts = [
            f"{c.name} {c.type}{'' if c.nullable else ' NOT NULL'}"
            for c in table.columns
            if everything or c.name in used or c.name in held
        ]
        parts += [f"PRIMARY KEY ({', '.join(table.primary_key)})"] if table.primary_key else []
        parts += [f"UNIQUE ({', '.join(key)})" for key in table.unique]
        parts += [
            f"FOREIGN KEY ({', '.join(k.columns)}) REFERENCES {k.table} ({', '.join(k.references)})"
            for k in table.foreign_keys
        ]
        parts += [f"CHECK ({check})" for check in table.checks]
        lines.append(f"{table.name}({'; '.join(parts)})")
    return "\n".join(lines)


def _section(fact: JSON, title: str, cap_tokens: int) -> str:
    """Write one gathered fact under its heading; nothing for an empty one."""
    if not fact:
        return ""
    lines = [f"- {line}" for line in fact] if isinstance(fact, list) else [str(fact)]
    shown = clip("\n".join(lines), cap_tokens * CHARS_PER_TOKEN)
    return f"\n# {title}\n{shown}\n"
