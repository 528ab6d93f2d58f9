"""The tables of a problem with the constraints that a verdict may rest on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import sqlglot
from sqlglot import exp

from proofsmith.domains.sql.dialect import folded, sqlglot_name


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is SQL text in the problem's dialect, e.g. `DECIMAL(7, 2)`."""

    name: str
    type: str
    nullable: bool = True
    labels: tuple[str, ...] = ()
    """Values of an enumeration, in their order."""
    computed: str = ""
    """Expression of a generated column, SQL text in the dialect."""

    @property
    def kind(self) -> str:
        """Class of the type: integer, decimal, float, text, date, timestamp, time, boolean, enum or other."""
        return "enum" if self.labels else kind_of(self.type)

    @property
    def element(self) -> str:
        """Type of what an array holds, empty for what is none: `INT` of `INT[3]`, `INT[]` of `INT[][]`."""
        return re.sub(r"\[\d*\]$", "", self.type) if self.type.endswith("]") else ""

    @property
    def compares_bytewise(self) -> bool:
        """Say whether equal values are written alike: no collation of its own, no padding with blanks."""
        upper = self.type.upper()
        return "COLLATE" not in upper and not re.match(r"(BP|N)?CHAR(ACTER)?\b(?! VARYING)", upper)

    @property
    def width(self) -> int:
        """Characters to which PostgreSQL pads the column's texts with blanks, 0 when it pads none."""
        upper = self.type.upper()
        if self.compares_bytewise or "COLLATE" in upper or upper.startswith("BPCHAR"):
            return 0
        return self.arguments[0] if self.arguments else 1

    @property
    def arguments(self) -> tuple[int, ...]:
        """Numbers in the type's parentheses: `(7, 2)` of `DECIMAL(7, 2)`, empty without any."""
        match = re.search(r"\(\s*(\d+(?:\s*,\s*\d+)*)\s*\)", self.type)
        return tuple(int(part) for part in match[1].split(",")) if match else ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of this table whose values, where none is NULL, exist in `table` under `references`."""

    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartialKey:
    """What no two rows agree on though it is no key: expressions, some of the rows alone, NULL like a value.

    Databases for tests and the solver keep to it; no rule and no proof takes it for a key.
    """

    parts: tuple[str, ...]
    """SQL texts in the dialect."""
    dialect: str
    where: str = ""
    nulls_agree: bool = False
    """NULL agrees with NULL; else a row with NULL among its parts agrees with none."""

    def mentions(self, names: Iterable[str]) -> bool:
        """Say whether one of the columns called `names` may occur in it."""
        text = " ".join((*self.parts, self.where))
        return any(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for name in names)


@dataclass(frozen=True, slots=True)
class Table:
    """One table; constraints that were not declared are absent, never guessed."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[str, ...] = ()
    """Conditions as SQL text in the problem's dialect; a row satisfies each unless it is false."""
    partial_keys: tuple[PartialKey, ...] = ()

    def column(self, name: str) -> Column | None:
        """Return the column called `name`, None when there is none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Return the primary key first, then the unique constraints; the latter may hold NULLs."""
        return ((self.primary_key,) if self.primary_key else ()) + self.unique

    def constraints(self) -> list[str]:
        """Return every declared constraint as a short text, e.g. `ord.emp_id references emp.id`."""
        name = self.name
        found = [f"{name}({', '.join(key)}) is a key" for key in self.keys]
        found += [
            f"{name}({', '.join(key.columns)}) references {key.table}({', '.join(key.references)})"
            for key in self.foreign_keys
        ]
        found += [f"{name}.{c.name} is not null" for c in self.columns if not c.nullable]
        for key in self.partial_keys:
            where = f" where {key.where}" if key.where else ""
            found.append(f"{name}: ({', '.join(key.parts)}) is unique{where}")
        found += [f"{name}.{c.name} is {c.computed}" for c in self.columns if c.computed]
        return found + [f"{name}: {check}" for check in self.checks]

    def plain_beyond(self, mentioned: frozenset[str]) -> "Table":
        """Return the table with its odd columns outside `mentioned` as plain texts; see `Schema.plain_beyond`."""
        odd = {
            c.name: replace(c, type=f"VARCHAR({c.arguments[0] if c.arguments else 1})")
            for c in self.columns
            if c.kind == "text" and not c.compares_bytewise and c.name not in mentioned
        }
        if not odd:
            return self
        words = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in odd), re.IGNORECASE)
        return replace(
            self,
            columns=tuple(odd.get(c.name, c) for c in self.columns),
            checks=tuple(check for check in self.checks if not words.search(check)),
            partial_keys=tuple(key for key in self.partial_keys if not key.mentions(odd)),
        )

    def is_key(self, columns: Iterable[str]) -> bool:
        """Say whether no two rows agree on `columns`: they cover a key without nullable columns."""
        given = frozenset(columns)
        return any(
            given >= set(key) and all(self._not_null(name) for name in key) for key in self.keys
        )

    def _not_null(self, name: str) -> bool:
        column = self.column(name)
        return column is not None and not column.nullable


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables and views by folded name, with the dialect that folded them."""

    tables: Mapping[str, Table]
    dialect: str = "duckdb"
    """Engine: duckdb, sqlite or postgresql."""
    views: Mapping[str, str] = field(default_factory=dict)
    """Text of each view's query, in the dialect."""

    def above(self, name: str) -> set[str]:
        """Return the tables that `name` refers to, directly or by others; itself where references go in a circle."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            keys = self.tables[waiting.pop()].foreign_keys
            direct = {key.table for key in keys} & {*self.tables}
            waiting += direct - found
            found |= direct
        return found

    def only(self, names: Iterable[str]) -> "Schema":
        """Return the tables called `names` with all that their foreign keys reach, parents first.

        A foreign key whose parent is not known is left out: nothing can be generated or concluded from it. Views stay
        that read nothing else.
        """
        found: dict[str, Table] = {}
        active: set[str] = set()

        def visit(name: str) -> None:
            table = self.tables.get(name)
            if table is None or name in found or name in active:
                return
            active.add(name)
            for key in table.foreign_keys:
                visit(key.table)
            active.discard(name)
            found[name] = table

        for name in sorted(set(names)):
            visit(name)
        views: dict[str, str] = {}
        for name, text in self.views.items():
            if mentioned(text, self.dialect) <= {*found, *views}:
                views[name] = text
        return Schema(found, self.dialect, views)

    def plain_beyond(self, mentioned: Iterable[str]) -> "Schema":
        """Return the schema for reasoning about queries that mention only these columns.

        Other columns that compare in a way of their own become plain texts: no query sees the difference. Keys over
        them then allow more databases than there are, and so must checks, which are left out.
        """
        kept = frozenset(mentioned)
        return replace(self, tables={n: t.plain_beyond(kept) for n, t in self.tables.items()})

    def mapping(self) -> dict[str, dict[str, str]]:
        """Return what sqlglot's `qualify` takes: table to column to type."""
        return {
            table.name: {column.name: column.type for column in table.columns}
            for table in self.tables.values()
        }


_KINDS: tuple[tuple[str, str], ...] = (
    (
        r"(TINY|SMALL|MEDIUM|BIG|HUGE|U?HUGE)?(INT|INTEGER|SERIAL)\d*\b|U(TINY|SMALL|BIG)?INT",
        "integer",
    ),
    (r"DECIMAL|NUMERIC|MONEY", "decimal"),
    (r"FLOAT|DOUBLE|REAL|NUMBER", "float"),  # NUMBER: of SQLite, whole numbers or floats
    (r"N?(VAR)?CHAR|(TINY|MEDIUM|LONG)?TEXT|STRING|BPCHAR|NAME\b|CITEXT|ENUM", "text"),
    (r"TIMESTAMP|DATETIME", "timestamp"),
    (r"DATE", "date"),
    (r"TIME", "time"),
    (r"BOOL", "boolean"),
)


@lru_cache(4096)
def kind_of(type_text: str) -> str:
    """Return the class of a type: integer, decimal, float, text, date, timestamp, time, boolean or other.

    >>> kind_of("BIGINT"), kind_of("decimal(7, 2)"), kind_of("timestamptz"), kind_of("INT[]")
    ('integer', 'decimal', 'timestamp', 'other')
    """
    upper = type_text.upper().strip()
    if upper.endswith("]") or upper.startswith(("INTERVAL", "STRUCT", "MAP", "LIST")):
        return "other"
    return next((kind for pattern, kind in _KINDS if re.match(pattern, upper)), "other")


@lru_cache(4096)
def mentioned(view: str, dialect: str) -> frozenset[str]:
    """Return the folded names of what a view's query reads."""
    tree = sqlglot.parse_one(view, dialect=sqlglot_name(dialect))
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    tables = [table.this for table in tree.find_all(exp.Table)]
    named = [item for item in tables if isinstance(item, exp.Identifier) and item.name not in own]
    return frozenset(folded(i.name, bool(i.args.get("quoted")), dialect) for i in named)
