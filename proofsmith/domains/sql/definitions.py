"""Read CREATE and ALTER statements into a schema."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proofsmith.domains.sql.checks import on_column, plain
from proofsmith.domains.sql.dialect import folded, sqlglot_name
from proofsmith.domains.sql.schema import Column, ForeignKey, PartialKey, Schema, Table
from proofsmith.errors import UsageError

_TYPE = re.compile(r"CREATE\s+TYPE\b", re.IGNORECASE)
_ROWLESS = re.compile(r"(CREATE\s+TABLE\b.*\))[\s,]*(STRICT[\s,]*)?WITHOUT\s+ROWID\b", re.I | re.S)
_WHOLE = re.compile(r"[\"\]\s]*(INT|BIGINT|SMALLINT|TINYINT|MEDIUMINT|INT2|INT8)\b", re.IGNORECASE)
"""Words of SQLite that the parser takes for INTEGER, which alone makes a key the row's own number."""
_NULLS_AGREE = re.compile(r"(CREATE\s+UNIQUE\s+INDEX\b.*)\bNULLS\s+NOT\s+DISTINCT\b", re.I | re.S)
_VIRTUAL = re.compile(r"\)\s*VIRTUAL\b(?=[^']*(?:'[^']*'[^']*)*$)", re.IGNORECASE)
"""A word of DuckDB's generated columns that the parser lacks, outside of texts; they are never stored there."""
_DOMAIN = re.compile(
    r"CREATE\s+DOMAIN\s+(\S+)\s+(?:AS\s+)?(.+?)\s*(?:\b(?:CHECK|NOT|NULL|DEFAULT|CONSTRAINT|COLLATE)\b|$)",
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(64)
def parse_schema(ddl: str, dialect: str) -> Schema:
    """Read CREATE TABLE, CREATE VIEW, CREATE UNIQUE INDEX and ALTER TABLE statements of `dialect`.

    `dialect` is an engine's name. A dump with back-quoted names is read as MySQL's, with its types translated; other
    statements say nothing about tables and are passed over.

    Raises:
        UsageError: the text cannot be parsed or declares no table.
    """
    source = "mysql" if "`" in ddl else sqlglot_name(dialect)
    translated = source == "mysql"
    reader = _Reader(dialect, "sqlite" if translated else dialect, "" if translated else ddl)
    if dialect == "duckdb":
        ddl = _VIRTUAL.sub(")", ddl)
    for statement in _statements(ddl, source):
        reader.take(statement)
    if not reader.tables:
        raise UsageError("the schema declares no table", hint="give CREATE TABLE statements")
    return reader.schema()


def _statements(text: str, dialect: str) -> list[exp.Expr]:
    """Return the statements of a text; the parser answers some broken ones with errors that are not its own."""
    try:
        return [s for s in sqlglot.parse(text, dialect=dialect) if s is not None]
    except (SqlglotError, RecursionError, TypeError, AttributeError, ValueError, KeyError) as error:
        first = str(error).partition("\n")[0]
        raise UsageError(
            f"the schema cannot be read: {first}", hint="give plain CREATE TABLE statements"
        ) from None


class _Reader:
    """Collects tables from statements; later ALTERs and indexes amend earlier tables."""

    def __init__(self, dialect: str, folding: str, text: str) -> None:
        self.tables: dict[str, Table] = {}
        self._text = text
        self._required: set[str] = set()
        """Tables of SQLite that let no NULL into their primary key."""
        self._parents: set[str] = set()
        """Tables that others inherit from: their keys do not cover the rows of those."""
        self.views: dict[str, str] = {}
        self._domains: dict[str, str] = {}
        self._domain_texts: dict[str, str] = {}
        """Type, NOT NULL and CHECKs of each domain, as written."""
        self._labels: dict[str, tuple[str, ...]] = {}
        self._dialect = dialect
        self._folding = folding

    def take(self, statement: exp.Expr) -> None:
        """Amend what is known by one statement."""
        if isinstance(statement, exp.Command):
            statement = self._command(statement)
        if isinstance(statement, exp.Create):
            kind = statement.kind
            if kind == "TABLE" and isinstance(statement.this, exp.Schema):
                self._table(statement.this)
                for inherits in statement.find_all(exp.InheritsProperty):
                    self._parents |= {self._name(parent) for parent in inherits.expressions}
            elif kind == "VIEW" and statement.expression is not None:
                name = self._name(statement.find(exp.Table))
                query = _renamed(statement.expression, statement.this)
                self.views[name] = query.sql(dialect=sqlglot_name(self._dialect))
            elif kind == "INDEX" and statement.args.get("unique"):
                self._index(statement.this, statement.args.get("nulls_agree") is True)
            elif kind == "TYPE" and isinstance(statement.expression, exp.DataType):
                self._labels[_bare(statement.this.sql())] = _labels_of(statement.expression)
        elif isinstance(statement, exp.Alter):
            self._alter(statement)

    def _command(self, command: exp.Command) -> exp.Expr:
        """Read a type's definition that the dialect has no syntax for; of a domain its type and what it demands."""
        text = command.sql()
        domain, rowless = _DOMAIN.match(text), _ROWLESS.match(text)
        if rowless and self._dialect == "sqlite":
            (found,) = _statements(rowless[1], "sqlite")
            self._required.add(self._name(found.find(exp.Table)))
            return found
        if _NULLS_AGREE.match(text):
            found = _statements(_NULLS_AGREE.sub(r"\1", text), "postgres")[0]
            found.set("nulls_agree", True)
            return found
        if domain is not None:
            self._domains[_bare(domain[1])] = self._domains.get(_bare(domain[2]), domain[2])
            self._domain_texts[_bare(domain[1])] = text[domain.start(2) :]
        return _statements(text, "postgres")[0] if _TYPE.match(text) else command

    def schema(self) -> Schema:
        """Return the tables, with foreign keys that name no column resolved to the parent's primary key."""
        tables = {name: self._resolved(table) for name, table in self.tables.items()}
        return Schema(tables, self._dialect, self.views)

    def _resolved(self, table: Table) -> Table:
        if table.name in self._parents:
            table = replace(table, primary_key=(), unique=(), partial_keys=())
        keys = []
        for key in table.foreign_keys:
            parent = self.tables.get(key.table)
            references = key.references or (parent.primary_key if parent else ())
            if parent and len(references) == len(key.columns):
                keys.append(replace(key, references=references))
        own = table.name in self._required or self._is_rowid(table)
        strict = self._dialect != "sqlite" or own
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
        return column is not None and column.type.upper() == "INTEGER"

    def _table(self, body: exp.Schema) -> None:
        name = self._name(body.this)
        known = self._domain_texts if self._dialect == "postgresql" else {}
        items = [
            self._spelled(item, known) if isinstance(item, exp.ColumnDef) else item
            for item in body.expressions
        ]
        columns = [self._column(item) for item in items if isinstance(item, exp.ColumnDef)]
        self.tables[name] = Table(name, tuple(columns))
        for item in items:
            if isinstance(item, exp.ColumnDef):
                for constraint in item.find_all(exp.ColumnConstraint):
                    self._constrain(name, constraint.args["kind"], (self._name(item),))
            else:
                self._constraints(name, item)

    def _spelled(self, item: exp.ColumnDef, known: Mapping[str, str]) -> exp.ColumnDef:
        """Return a column with what its domain demands by known functions."""
        kind = item.args.get("kind")
        domain = _bare(kind.sql(dialect="postgres")) if kind is not None and known else ""
        if domain not in known:
            return item
        name = item.this.sql(dialect="postgres")
        try:
            text = f"CREATE TABLE d ({name} {on_column(known[domain], name)})"
            found = next(_statements(text, "postgres")[0].find_all(exp.ColumnDef))
        except (UsageError, StopIteration):
            return item
        found = self._spelled(found, {n: t for n, t in known.items() if n != domain})
        demands = [c for c in found.args["constraints"] if not c.find(exp.Anonymous)]
        item = item.copy()
        item.set("constraints", [*demands, *item.args["constraints"]])
        return item

    def _constraints(self, table: str, item: exp.Expression) -> None:
        parts = item.expressions if isinstance(item, exp.Constraint) else [item]
        for part in parts:
            self._constrain(table, part, ())

    def _constrain(self, name: str, item: exp.Expression, own: tuple[str, ...]) -> None:
        """Add one constraint to the table; `own` is the column that carries it, empty for a table's."""
        table = self.tables[name]
        if isinstance(item, exp.PrimaryKey | exp.PrimaryKeyColumnConstraint):
            columns = own or self._names(item.expressions)
            if own and item.args.get("desc"):  # not the row's own number
                columns_ = (replace(c, type="INT") if c.name in own else c for c in table.columns)
                table = replace(table, columns=tuple(columns_))
            self.tables[name] = replace(table, primary_key=columns)
        elif isinstance(item, exp.NotNullColumnConstraint):
            if not item.args.get("allow_null"):
                self._not_null(name, own)
        elif isinstance(item, exp.UniqueColumnConstraint):
            self._unique(name, item, own)
        elif isinstance(item, exp.ExcludeColumnConstraint):
            self._excluding(name, item.this)
        elif isinstance(item, exp.CheckColumnConstraint):
            condition = plain(item.this, table) if self._dialect == "postgresql" else item.this
            text = condition.sql(dialect=sqlglot_name(self._dialect))
            self.tables[name] = replace(table, checks=(*table.checks, text))
        elif isinstance(item, exp.ForeignKey | exp.Reference):
            self._foreign_key(name, item, own)

    def _unique(self, name: str, item: exp.Expression, own: tuple[str, ...]) -> None:
        columns = own or self._names(item.this.expressions if item.this else ())
        if not columns:  # a key of no column would say that there is one row at most
            raise UsageError(f"a unique constraint of '{name}' names no column")
        table = self.tables[name]
        self.tables[name] = replace(table, unique=(*table.unique, columns))
        if item.args.get("nulls"):
            parts = [exp.column(column, quoted=True) for column in columns]
            self._partial(name, parts, None, nulls_agree=True)

    def _excluding(self, name: str, parameters: exp.Expression) -> None:
        """Rows that may not be equal in all parts are a partial key; other operators say nothing here."""
        pairs = parameters.args.get("columns") or ()
        if pairs and all(
            isinstance(p, exp.WithOperator) and str(p.args["op"]) == "=" for p in pairs
        ):
            parts = [pair.this.this for pair in pairs]
            self._partial(name, parts, parameters.args.get("where"))

    def _foreign_key(self, name: str, item: exp.Expression, own: tuple[str, ...]) -> None:
        reference = item.args["reference"] if isinstance(item, exp.ForeignKey) else item
        columns = own or self._names(item.expressions)
        if not isinstance(reference, exp.Reference) or not columns:
            missing = "column" if isinstance(reference, exp.Reference) else "table"
            raise UsageError(
                f"a foreign key of '{name}' names no {missing}",
                hint="FOREIGN KEY (a) REFERENCES t (a)",
            )
        target = reference.this
        listed = target.expressions if isinstance(target, exp.Schema) else []
        key = ForeignKey(columns, self._name(reference.find(exp.Table)), self._names(listed))
        table = self.tables[name]
        self.tables[name] = replace(table, foreign_keys=(*table.foreign_keys, key))

    def _alter(self, statement: exp.Alter) -> None:
        name = self._name(statement.this)
        if name not in self.tables or statement.args.get("not_valid"):
            return
        for action in statement.args.get("actions") or ():
            if isinstance(action, exp.AddConstraint):
                for item in action.expressions:
                    self._constraints(name, item)
            elif isinstance(action, exp.AlterColumn) and action.args.get("allow_null") is False:
                self._not_null(name, (self._name(action),))

    def _index(self, index: exp.Expression, nulls_agree: bool) -> None:
        """A unique index is a key when it covers all rows and plain columns, else a partial key."""
        name = self._name(index.args.get("table"))
        parameters = index.args.get("params")
        if name not in self.tables or parameters is None:
            return
        parts = [item.this for item in parameters.args.get("columns") or ()]
        where = parameters.args.get("where")
        plain_columns = parts and all(isinstance(part, exp.Column) for part in parts)
        if plain_columns and not where:
            table = self.tables[name]
            self.tables[name] = replace(table, unique=(*table.unique, self._names(parts)))
        if parts and (where or nulls_agree or not plain_columns):
            self._partial(name, parts, where, nulls_agree=nulls_agree)

    def _partial(
        self,
        name: str,
        parts: Iterable[exp.Expr],
        where: exp.Expr | None,
        *,
        nulls_agree: bool = False,
    ) -> None:
        """Add a partial key, unless it calls what engines know by names that this reader does not."""
        table, dialect = self.tables[name], sqlglot_name(self._dialect)
        trees = [part.this if isinstance(part, exp.Opclass) else part for part in parts]
        trees += [where.this.unnest()] if where is not None else []
        if any(tree.find(exp.Anonymous) for tree in trees):
            return
        texts = [
            (plain(t, table) if self._dialect == "postgresql" else t).sql(dialect=dialect)
            for t in trees
        ]
        given = texts.pop() if where is not None else ""
        key = PartialKey(tuple(texts), self._dialect, given, nulls_agree)
        self.tables[name] = replace(table, partial_keys=(*table.partial_keys, key))

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

    def _column(self, item: exp.ColumnDef) -> Column:
        """Return a column as declared; labels given in place are a type of their own in DuckDB alone, else a text."""
        kind, text = item.args.get("kind"), self._type(item)
        own = _labels_of(kind) if kind is not None else ()
        if own and self._dialect != "duckdb":
            return Column(self._name(item), "VARCHAR")
        labels = own or self._labels.get(_bare(text), ())
        counted = "SERIAL" in str(kind).upper() if self._dialect == "postgresql" else False
        identity = item.find(exp.GeneratedAsIdentityColumnConstraint)
        made = identity.expression if identity is not None else None
        if (found := item.find(exp.ComputedColumnConstraint)) is not None:
            made = found.this
        computed = self._computed(made) if made is not None else ""
        required = counted or identity is not None and made is None
        return Column(self._name(item), text, not required, labels, computed)

    def _computed(self, made: exp.Expr) -> str:
        """Return what follows GENERATED ALWAYS AS; nothing where it calls what PostgreSQL alone may not know."""
        if self._dialect == "postgresql" and made.find(exp.Anonymous):
            return ""
        text = made.unnest().sql(dialect=sqlglot_name(self._dialect))
        return f"({text}){'' if self._dialect == 'duckdb' else ' STORED'}"

    def _type(self, item: exp.ColumnDef) -> str:
        kind = item.args.get("kind")
        if kind is None:
            return "TEXT" if self._dialect == "sqlite" else "VARCHAR"
        text: str = kind.sql(dialect=sqlglot_name(self._dialect))
        text = self._domains.get(_bare(text), text)
        if self._dialect != "postgresql" and kind.this in (exp.DType.CHAR, exp.DType.NCHAR):
            text = re.sub(r"^[A-Z]+", "VARCHAR", text)  # pads nothing there
        if self._dialect == "sqlite" and kind.this is exp.DType.DECIMAL:
            text = re.sub(r"^[A-Z]+", "NUMBER", text)  # a REAL column would make 3 / 2 of it 1.5
        if self._dialect == "sqlite" and text == "INTEGER" and self._text:
            word = _WHOLE.match(self._text, item.this.meta.get("end", 0) + 1)
            text = word[1].upper() if word else text
        for constraint in item.find_all(exp.CollateColumnConstraint):
            text += f" COLLATE {constraint.this.sql(dialect=sqlglot_name(self._dialect))}"
        return {"SERIAL": "INT", "BIGSERIAL": "BIGINT"}.get(text.upper(), text)


def _bare(name: str) -> str:
    """Return the name of a type without its schema and quotes, in lower case."""
    return name.rpartition(".")[2].strip('"').lower()


def _renamed(query: exp.Expr, named: exp.Expr) -> exp.Expr:
    """Return a view's query with the names that `CREATE VIEW v (x, y)` gives to its columns."""
    names = named.expressions if isinstance(named, exp.Schema) else []
    if not names:
        return query
    copy = query.copy()
    first = copy
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    outputs = first.expressions if isinstance(first, exp.Select) else []
    if len(names) == len(outputs) and not any(output.is_star for output in outputs):
        first.set(
            "expressions", [exp.alias_(o.unalias(), n) for o, n in zip(outputs, names, strict=True)]
        )
        return copy
    own = exp.to_identifier(f"{named.this.name} columns", quoted=True)  # nobody's name
    alias = exp.TableAlias(this=own, columns=[name.copy() for name in names])
    return exp.Select(
        expressions=[exp.Star()],
        from_=exp.From(this=exp.Table(this=own.copy())),
        with_=exp.With(expressions=[exp.CTE(this=copy, alias=alias)]),
    )


def _labels_of(kind: exp.DataType) -> tuple[str, ...]:
    """Return the labels that a type lists, empty for other types than ENUM."""
    listed = kind.expressions if kind.this is exp.DType.ENUM else ()
    return tuple(str(item.this) for item in listed)
