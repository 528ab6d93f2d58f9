"""The tables of a problem with the constraints that a verdict may rest on, and how they are read from DDL."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proofsmith.domains.sql.dialect import folded, sqlglot_name
from proofsmith.errors import UsageError


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is SQL text in the problem's dialect, e.g. `DECIMAL(7, 2)`."""

    name: str
    type: str
    nullable: bool = True

    @property
    def kind(self) -> str:
        """Class of the type: integer, decimal, float, text, date, timestamp, time, boolean or other."""
        return kind_of(self.type)

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
        match = re.search(r"\(([\d\s,]+)\)", self.type)
        return tuple(int(part) for part in match[1].split(",")) if match else ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of this table whose values, where none is NULL, exist in `table` under `references`."""

    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]


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

    def only(self, names: Iterable[str]) -> "Schema":
        """Return the tables called `names` with all that their foreign keys reach, parents first.

        A foreign key whose parent is not known is left out: nothing can be generated or concluded from it.
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
        return Schema(found, self.dialect, self.views)

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
    (r"FLOAT|DOUBLE|REAL", "float"),
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


@lru_cache(64)
def parse_schema(ddl: str, dialect: str) -> Schema:
    """Read CREATE TABLE, CREATE VIEW, CREATE UNIQUE INDEX and ALTER TABLE statements of `dialect`.

    `dialect` is an engine's name. A dump with back-quoted names is read as MySQL's, with its types translated; other
    statements say nothing about tables and are passed over.

    Raises:
        UsageError: the text cannot be parsed or declares no table.
    """
    source = "mysql" if "`" in ddl else sqlglot_name(dialect)
    reader = _Reader(dialect, folding="sqlite" if source == "mysql" else dialect)
    try:
        for statement in sqlglot.parse(ddl, dialect=source):
            if statement is not None:
                reader.take(statement)
    except (SqlglotError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"the schema cannot be read: {first}", hint="give plain CREATE TABLE statements"
        ) from None
    if not reader.tables:
        raise UsageError("the schema declares no table", hint="give CREATE TABLE statements")
    return reader.schema()


class _Reader:
    """Collects tables from statements; later ALTERs and indexes amend earlier tables."""

    def __init__(self, dialect: str, folding: str) -> None:
        self.tables: dict[str, Table] = {}
        self.views: dict[str, str] = {}
        self._dialect = dialect
        self._folding = folding

    def take(self, statement: exp.Expr) -> None:
        """Amend what is known by one statement."""
        if isinstance(statement, exp.Create):
            kind = statement.kind
            if kind == "TABLE" and isinstance(statement.this, exp.Schema):
                self._table(statement.this)
            elif kind == "VIEW" and statement.expression is not None:
                name = self._name(statement.find(exp.Table))
                self.views[name] = statement.expression.sql(dialect=sqlglot_name(self._dialect))
            elif kind == "INDEX" and statement.args.get("unique"):
                self._index(statement.this)
        elif isinstance(statement, exp.Alter):
            self._alter(statement)

    def schema(self) -> Schema:
        """Return the tables, with foreign keys that name no column resolved to the parent's primary key."""
        tables = {name: self._resolved(table) for name, table in self.tables.items()}
        return Schema(tables, self._dialect, self.views)

    def _resolved(self, table: Table) -> Table:
        keys = []
        for key in table.foreign_keys:
            parent = self.tables.get(key.table)
            references = key.references or (parent.primary_key if parent else ())
            if parent and len(references) == len(key.columns):
                keys.append(replace(key, references=references))
        strict = self._dialect != "sqlite" or self._is_rowid(table)
        primary = table.primary_key if strict else ()
        columns = tuple(
            replace(column, nullable=False) if column.name in primary else column
            for column in table.columns
        )
        return replace(table, columns=columns, foreign_keys=tuple(keys))

    @staticmethod
    def _is_rowid(table: Table) -> bool:
        """SQLite lets NULL into every primary key but the row's own number."""
        if len(table.primary_key) != 1:
            return False
        column = table.column(table.primary_key[0])
        return column is not None and column.type.upper() in ("INTEGER", "INT")

    def _table(self, body: exp.Schema) -> None:
        name = self._name(body.this)
        columns = [
            Column(self._name(item), self._type(item))
            for item in body.expressions
            if isinstance(item, exp.ColumnDef)
        ]
        self.tables[name] = Table(name, tuple(columns))
        for item in body.expressions:
            if isinstance(item, exp.ColumnDef):
                for constraint in item.find_all(exp.ColumnConstraint):
                    self._constrain(name, constraint.args["kind"], (self._name(item),))
            else:
                self._constraints(name, item)

    def _constraints(self, table: str, item: exp.Expression) -> None:
        parts = item.expressions if isinstance(item, exp.Constraint) else [item]
        for part in parts:
            self._constrain(table, part, ())

    def _constrain(self, name: str, item: exp.Expression, own: tuple[str, ...]) -> None:
        """Add one constraint to the table; `own` is the column that carries it, empty for a table's."""
        table = self.tables[name]
        if isinstance(item, exp.PrimaryKey | exp.PrimaryKeyColumnConstraint):
            columns = own or self._names(item.expressions)
            self.tables[name] = replace(table, primary_key=columns)
        elif isinstance(item, exp.NotNullColumnConstraint):
            if not item.args.get("allow_null"):
                self._not_null(name, own)
        elif isinstance(item, exp.UniqueColumnConstraint):
            columns = own or self._names(item.this.expressions)
            self.tables[name] = replace(table, unique=(*table.unique, columns))
        elif isinstance(item, exp.CheckColumnConstraint):
            text = item.this.sql(dialect=sqlglot_name(self._dialect))
            self.tables[name] = replace(table, checks=(*table.checks, text))
        elif isinstance(item, exp.ForeignKey | exp.Reference):
            self._foreign_key(name, item, own)

    def _foreign_key(self, name: str, item: exp.Expression, own: tuple[str, ...]) -> None:
        reference = item.args["reference"] if isinstance(item, exp.ForeignKey) else item
        if not isinstance(reference, exp.Reference):
            raise UsageError(
                f"a foreign key of '{name}' names no table", hint="FOREIGN KEY (a) REFERENCES t (a)"
            )
        columns = own or self._names(item.expressions)
        target = reference.this
        listed = target.expressions if isinstance(target, exp.Schema) else []
        key = ForeignKey(columns, self._name(reference.find(exp.Table)), self._names(listed))
        table = self.tables[name]
        self.tables[name] = replace(table, foreign_keys=(*table.foreign_keys, key))

    def _alter(self, statement: exp.Alter) -> None:
        name = self._name(statement.this)
        if name not in self.tables:
            return
        for action in statement.args.get("actions") or ():
            if isinstance(action, exp.AddConstraint):
                for item in action.expressions:
                    self._constraints(name, item)
            elif isinstance(action, exp.AlterColumn) and action.args.get("allow_null") is False:
                self._not_null(name, (self._name(action),))

    def _index(self, index: exp.Expression) -> None:
        """A unique index is a constraint when it covers all rows and plain columns."""
        name = self._name(index.args.get("table"))
        parameters = index.args.get("params")
        if name not in self.tables or parameters is None or parameters.args.get("where"):
            return
        parts = [item.this for item in parameters.args.get("columns") or ()]
        if parts and all(isinstance(part, exp.Column) for part in parts):
            table = self.tables[name]
            self.tables[name] = replace(table, unique=(*table.unique, self._names(parts)))

    def _not_null(self, name: str, own: tuple[str, ...]) -> None:
        table = self.tables[name]
        columns = tuple(
            replace(column, nullable=False) if column.name in own else column
            for column in table.columns
        )
        self.tables[name] = replace(table, columns=columns)

    def _names(self, items: Iterable[exp.Expression]) -> tuple[str, ...]:
        return tuple(self._name(item) for item in items)

    def _name(self, item: exp.Expression | None) -> str:
        """Return the folded name of a table, column or identifier."""
        identifier = next(self._identifiers(item), None)
        if identifier is None:
            raise UsageError("the schema has a table or column without a name")
        return folded(identifier.name, bool(identifier.args.get("quoted")), self._folding)

    @staticmethod
    def _identifiers(item: exp.Expression | None) -> Iterator[exp.Identifier]:
        while isinstance(item, exp.Expr) and not isinstance(item, exp.Identifier):
            item = item.this
        if isinstance(item, exp.Identifier):
            yield item

    def _type(self, item: exp.ColumnDef) -> str:
        kind = item.args.get("kind")
        if kind is None:
            return "TEXT" if self._dialect == "sqlite" else "VARCHAR"
        text: str = kind.sql(dialect=sqlglot_name(self._dialect))
        if self._dialect != "postgresql" and kind.this in (exp.DType.CHAR, exp.DType.NCHAR):
            text = re.sub(r"^[A-Z]+", "VARCHAR", text)  # pads nothing there
        for constraint in item.find_all(exp.CollateColumnConstraint):
            text += f" COLLATE {constraint.this.sql(dialect=sqlglot_name(self._dialect))}"
        return {"SERIAL": "INT", "BIGSERIAL": "BIGINT"}.get(text.upper(), text)
