"""Draw random schemas and random queries over them, shaped so that rewrite rules find something to do."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot

from proofsmith.domains.sql.schema import Column, ForeignKey, Schema, Table

COLUMNS = ("a", "b", "c", "d")
_OPERATORS = ("=", "=", "<>", "<", "<=", ">", ">=")
_JOINS = (*(",", "JOIN", "JOIN", "LEFT JOIN") * 3, "RIGHT JOIN", "FULL JOIN")
_FOLDS = ("SUM", "MIN", "MAX", "COUNT")


def draw_schema(rng: random.Random, dialect: str) -> Schema:
    """Return two to four tables of integers with keys, foreign keys, UNIQUE and NOT NULL as chance has it."""
    tables: dict[str, Table] = {}
    for number in range(rng.randint(2, 4)):
        name = f"t{number}"
        columns = [Column("id", "INTEGER", nullable=False)]
        columns += [Column(c, "INTEGER", nullable=rng.random() < 0.6) for c in COLUMNS]
        keys = []
        if tables and rng.random() < 0.7:
            parent = rng.choice(sorted(tables))
            keys.append(ForeignKey(("a",), parent, ("id",)))
        unique = ((rng.choice("bcd"),),) if rng.random() < 0.3 else ()
        tables[name] = Table(name, tuple(columns), ("id",), unique, tuple(keys))
    return Schema(tables, dialect)


@dataclass(slots=True)
class Writer:
    """Writes queries over one schema; every column of every source is an integer called id, a, b, c or d."""

    schema: Schema
    rng: random.Random
    count: int = 0
    depth: int = 0
    """Derived tables around what is being written."""

    def query(self) -> str:
        """Return one query with output names."""
        shapes = (
            self.flat,
            self.flat,
            self.flat,
            self.grouped,
            self.shared,
            self.tagged,
            self.totals,
            self.values,
            self.over_groups,
            self.joined_totals,
            self.set_operation,
            self.own_extreme,
            self.anti_join,
            self.of_all_rows,
        )
        text = self.rng.choice(shapes)()
        return self.ordered(text) if self.rng.random() < 0.25 else text

    def ordered(self, text: str) -> str:
        """The query under an ORDER BY of all its outputs, sometimes cut: rows that tie are then equal."""
        tree = sqlglot.parse_one(text)
        ways = [self.rng.choice(("", " DESC")) for _ in tree.named_selects]
        keys = [f"{name}{way}" for name, way in zip(tree.named_selects, ways, strict=True)]
        cut = self.rng.choice(("", " LIMIT 1", " LIMIT 2", " LIMIT 1 OFFSET 1"))
        return f"{text} ORDER BY {', '.join(keys)}{cut}"

    def joined_totals(self) -> str:
        """An aggregate of one side of a join, with or without groups of the other."""
        one, two = self.alias(), self.alias()
        fold = self.fold([two]) if self.rng.random() < 0.8 else "COUNT(*)"
        on = f"{two}.{self.rng.choice(COLUMNS)} = {self.column([one])}"
        clause = f"{self.relation()} AS {one} JOIN {self.table()} AS {two} ON {on}"
        where = self.where([self.rng.choice((one, two))], simple=True)
        if self.rng.random() < 0.3:
            return f"SELECT {fold} AS s FROM {clause}{where}"
        key = self.column([one])
        return f"SELECT {key} AS k, {fold} AS s FROM {clause}{where} GROUP BY {key}"

    def set_operation(self) -> str:
        """Two SELECTs of two columns under a set operation."""
        sides = []
        for _ in range(2):
            alias = self.alias()
            shown = f"{self.value([alias])} AS x, {self.column([alias])} AS y"
            sides.append(f"SELECT {shown} FROM {self.relation()} AS {alias}{self.where([alias])}")
        operation = self.rng.choice(("EXCEPT", "INTERSECT", "UNION", "UNION ALL", "UNION ALL"))
        return f" {operation} ".join(sides)

    def own_extreme(self) -> str:
        """Rows that compare with an aggregate of their own group."""
        one, two, table = self.alias(), self.alias(), self.table()
        key, value = self.rng.choice(COLUMNS), self.rng.choice(COLUMNS)
        more = f" AND {self.simple([two])}" if self.rng.random() < 0.4 else ""
        inner = (
            f"SELECT {self.rng.choice(('MAX', 'MIN', 'SUM'))}({two}.{value}) FROM {table} AS {two}"
        )
        inner += f" WHERE {two}.{key} = {one}.{key}{more}"
        rest = f" AND {self.condition([one])}" if self.rng.random() < 0.4 else ""
        where = f"{one}.{value} {self.operator()} ({inner}){rest}"
        return f"SELECT {one}.id AS x, {one}.{value} AS y FROM {table} AS {one} WHERE {where}"

    def flat(self) -> str:
        """SELECT [DISTINCT] columns FROM joins WHERE conditions."""
        aliases, clause = self.sources()
        shown = [f"{self.value(aliases)} AS x{n}" for n in range(self.rng.randint(1, 3))]
        if self.rng.random() < 0.15:
            shown.append(f"({self.aggregate_query(aliases)}) AS y")
        distinct = "DISTINCT " if self.rng.random() < 0.25 else ""
        return f"SELECT {distinct}{', '.join(shown)} FROM {clause}{self.where(aliases)}"

    def grouped(self) -> str:
        """SELECT keys, aggregate FROM joins GROUP BY keys [HAVING]."""
        aliases, clause = self.sources()
        key = self.column(aliases)
        fold = self.fold(aliases)
        having = ""
        if self.rng.random() < 0.5:
            having = f" HAVING {self.rng.choice((key, fold))} {self.operator()} {self.number()}"
        where = self.where(aliases)
        return f"SELECT {key} AS k, {fold} AS s FROM {clause}{where} {self.by(key)}{having}"

    def by(self, *keys: str) -> str:
        """GROUP BY the keys, now and then by sets of them where the engine knows such."""
        listed = ", ".join(keys)
        if self.schema.dialect == "sqlite" or self.rng.random() < 0.85:
            return f"GROUP BY {listed}"
        return f"GROUP BY {self.rng.choice(('ROLLUP', 'CUBE'))} ({listed})"

    def shared(self) -> str:
        """Two readers of one grouped or plain common table expression."""
        table = self.table()
        body = f"SELECT a, b, SUM(c) AS s FROM {table} GROUP BY a, b"
        if self.rng.random() < 0.4:
            body = f"SELECT a, b, c AS s FROM {table}{self.where([table])}"
        if self.rng.random() < 0.2:
            body += f" UNION ALL SELECT b, a, d FROM {self.table()}"
        n, m = self.number(), self.number()
        join = self.rng.choice(("p.a = q.a", "p.b = q.a", "p.a = q.s"))
        more = self.rng.choice(("", " AND p.b < 3", f" AND q.b {self.operator()} {self.number()}"))
        where = f"{join} AND p.b = {n} AND q.b = {m}{more}"
        return f"WITH g AS ({body}) SELECT p.s AS x, q.s AS y FROM g p, g q WHERE {where}"

    def tagged(self) -> str:
        """Two readers of branches that literals tell apart."""
        tags = self.rng.choice((("'s'", "'S'", "'t'"), ("1", "2", "3")))[: self.rng.randint(2, 3)]
        branches = []
        for tag in tags:
            table = self.table()
            key = self.rng.choice(("a", "b", "MAX(a)"))
            value = "SUM(d)" if key == "MAX(a)" or self.rng.random() < 0.6 else "d"
            group = f" GROUP BY {key}" if value == "SUM(d)" and key != "MAX(a)" else ""
            shown = f"SELECT {key} AS a, {tag} AS tag, {value} AS s FROM {table}"
            branches.append(f"{shown}{self.where([table])}{group}")
        union = self.rng.choice((" UNION ALL ", " UNION ALL ", " UNION "))
        kept = f"p.tag = {self.rng.choice(tags)} AND q.tag = {self.rng.choice(tags)}"
        return (
            f"WITH g AS ({union.join(branches)}) "
            f"SELECT p.s AS x, q.s AS y FROM g p, g q WHERE p.a = q.a AND {kept}"
        )

    def totals(self) -> str:
        """One-row derived tables side by side."""
        table = self.table()
        sides = [
            f"(SELECT {self.fold([table])} AS v FROM {table}{self.where([table], simple=True)}) AS s{n}"
            for n in range(self.rng.randint(2, 3))
        ]
        shown = ", ".join(f"s{n}.v AS v{n}" for n in range(len(sides)))
        return f"SELECT {shown} FROM {', '.join(sides)}"

    def values(self) -> str:
        """Scalar aggregates of one table beside each other."""
        table, other = self.table(), self.table()
        shown = [
            f"(SELECT {self.fold([table])} FROM {table}{self.where([table], simple=True)}) AS v{n}"
            for n in range(2)
        ]
        return f"SELECT o.id AS i, {', '.join(shown)} FROM {other} AS o{self.where(['o'], simple=True)}"

    def over_groups(self) -> str:
        """A filtered table joined to a grouped or windowed derived table."""
        inner, table = self.table(), self.table()
        fold = self.rng.choice(("SUM(c)", "COUNT(*)", "MAX(d)"))
        body = f"SELECT a, {fold} AS s FROM {inner} GROUP BY a"
        if self.rng.random() < 0.3:
            body = f"SELECT a, SUM(c) OVER (PARTITION BY a) AS s FROM {inner}"
        side = self.rng.choice(("JOIN", "JOIN", "LEFT JOIN"))
        on = f"g.a = t.{self.rng.choice(COLUMNS)}"
        where = self.where(["t"])
        return f"SELECT t.id AS i, g.s AS s FROM {table} AS t {side} ({body}) AS g ON {on}{where}"

    def anti_join(self) -> str:
        """Rows of one side of an outer join that the other side has, or lacks."""
        one, two = self.alias(), self.alias()
        on = f"{two}.{self.rng.choice(('id', *COLUMNS))} = {self.column([one])}"
        on += f" AND {self.simple([two])}" if self.rng.random() < 0.4 else ""
        tested = f"{self.column([two])} IS {self.rng.choice(('', '', 'NOT '))}NULL"
        rest = f" AND {self.condition([one])}" if self.rng.random() < 0.4 else ""
        clause = f"{self.relation()} AS {one} LEFT JOIN {self.relation()} AS {two} ON {on}"
        return f"SELECT {one}.id AS x, {one}.b AS y FROM {clause} WHERE {tested}{rest}"

    def of_all_rows(self) -> str:
        """Aggregates without groups, which have a row of no rows too, sometimes under HAVING."""
        aliases, clause = self.sources()
        shown = ", ".join(f"{self.fold(aliases)} AS s{n}" for n in range(self.rng.randint(1, 2)))
        having = f" HAVING {self.fold(aliases)} {self.operator()} {self.number()}"
        kept = having if self.rng.random() < 0.4 else ""
        return f"SELECT {shown} FROM {clause}{self.where(aliases)}{kept}"

    def relation(self) -> str:
        """Return a table, or now and then a derived table with the same columns id, a, b, c and d."""
        if self.depth > 1 or self.rng.random() < 0.75:
            return self.table()
        self.depth += 1
        text = self.rng.choice(
            (self.filtered, self.filtered, self.summed, self.stacked, self.ranked, self.cut)
        )()
        self.depth -= 1
        return f"({text})"

    def filtered(self) -> str:
        """All columns of some rows, with or without repetitions."""
        alias, names = self.alias(), ["id", *COLUMNS]
        if self.rng.random() < 0.5:
            names = self.rng.choices(names, k=len(names))
        shown = ", ".join(
            f"{alias}.{name} AS {title}"
            for name, title in zip(names, ("id", *COLUMNS), strict=True)
        )
        distinct = self.rng.choice(("", "", "DISTINCT "))
        return f"SELECT {distinct}{shown} FROM {self.relation()} AS {alias}{self.where([alias])}"

    def summed(self) -> str:
        """Two keys and three aggregates."""
        alias = self.alias()
        keys = self.rng.sample([f"{alias}.{name}" for name in ("id", *COLUMNS)], 2)
        folds = ", ".join(f"{self.fold([alias])} AS {title}" for title in "bcd")
        clause = f"{self.relation()} AS {alias}{self.where([alias], simple=True)}"
        return f"SELECT {keys[0]} AS id, {keys[1]} AS a, {folds} FROM {clause} {self.by(*keys)}"

    def stacked(self) -> str:
        """Two tables above each other."""
        sides = [
            f"SELECT {n}.id AS id, {n}.a AS a, {n}.b AS b, {n}.c AS c, {n}.{self.rng.choice(COLUMNS)} AS d"
            f" FROM {self.relation()} AS {n}{self.where([n], simple=True)}"
            for n in (self.alias(), self.alias())
        ]
        return self.rng.choice((" UNION ALL ", " UNION ALL ", " UNION ")).join(sides)

    def ranked(self) -> str:
        """A table with a row number or a running total in its last column."""
        alias = self.alias()
        part = f"PARTITION BY {alias}.{self.rng.choice('abc')}"
        order = f"ORDER BY {alias}.{self.rng.choice('abc')}, {alias}.id"
        call = self.rng.choice(
            (
                f"ROW_NUMBER() OVER ({part} {order})",
                f"SUM({alias}.c) OVER ({part} {order})",
                f"COUNT(*) OVER ({part})",
                f"MAX({alias}.b) OVER ({part})",
                f"RANK() OVER ({part} ORDER BY {alias}.b)",
            )
        )
        shown = ", ".join(f"{alias}.{name} AS {name}" for name in ("id", "a", "b", "c"))
        clause = f"{self.table()} AS {alias}{self.where([alias], simple=True)}"
        return f"SELECT {shown}, {call} AS d FROM {clause}"

    def cut(self) -> str:
        """The first rows of a table in the order of its key."""
        alias = self.alias()
        shown = ", ".join(f"{alias}.{name} AS {name}" for name in ("id", *COLUMNS))
        where = self.where([alias], simple=True)
        return f"SELECT {shown} FROM {self.table()} AS {alias}{where} ORDER BY {alias}.id LIMIT 2"

    def value(self, aliases: Sequence[str]) -> str:
        """Return a column, or now and then something computed from columns."""
        one, two, draw = self.column(aliases), self.column(aliases), self.rng.random()
        if draw < 0.05:
            return f"COALESCE({one}, {two})"
        if draw < 0.1:
            return f"{one} {self.rng.choice('+-')} {self.rng.choice((two, '1'))}"
        if draw < 0.17:
            return f"CASE WHEN {self.simple(aliases)} THEN {one} {self.rng.choice(('', f'ELSE {two} '))}END"
        return one

    def sources(self) -> tuple[list[str], str]:
        """Return aliases and a FROM clause of one to three tables."""
        aliases = [self.alias()]
        clause = f"{self.relation()} AS {aliases[0]}"
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            alias = self.alias()
            table, kind = (
                self.relation(),
                self.rng.choice((*_JOINS, "CROSS JOIN")),
            )
            if kind in (",", "CROSS JOIN"):
                clause += f"{kind if kind == ',' else ' ' + kind} {table} AS {alias}"
            else:
                on = f"{alias}.{self.rng.choice(('id', 'id', 'a', 'b'))} = {self.column(aliases[-1:])}"
                on += f" AND {self.simple([alias])}" if self.rng.random() < 0.3 else ""
                clause += f" {kind} {table} AS {alias} ON {on}"
            aliases.append(alias)
        return aliases, clause

    def where(self, aliases: Sequence[str], *, simple: bool = False) -> str:
        """Return a WHERE clause, sometimes none."""
        count = self.rng.choice((0, 1, 1, 2, 3))
        parts = [self.simple(aliases) if simple else self.condition(aliases) for _ in range(count)]
        return f" WHERE {' AND '.join(parts)}" if parts else ""

    def condition(self, aliases: Sequence[str]) -> str:
        """Return one conjunct of any kind."""
        draw = self.rng.random()
        if draw < 0.4:
            return self.simple(aliases)
        if draw < 0.5:
            return f"({self.simple(aliases)} OR {self.simple(aliases)})"
        if draw < 0.56:
            common = self.simple(aliases)
            return f"({common} AND {self.simple(aliases)} OR {common} AND {self.simple(aliases)})"
        if draw < 0.7:
            scalar = self.aggregate_query(aliases)
            return f"{self.column(aliases)} {self.operator()} ({scalar})"
        if draw < 0.76:
            return f"({self.counting(aliases)}) {self.rng.choice(('> 0', '= 0', '>= 1', '< 1', '<> 0'))}"
        if draw < 0.88:
            return f"{self.rng.choice(('', 'NOT '))}EXISTS ({self.rows(aliases)})"
        if draw < 0.92:
            return f"(EXISTS ({self.rows(aliases)}) OR EXISTS ({self.rows(aliases)}))"
        table = self.table()
        listed = f"SELECT {self.rng.choice(COLUMNS)} FROM {table}{self.where([table], simple=True)}"
        return f"{self.column(aliases)} {self.rng.choice(('IN', 'NOT IN'))} ({listed})"

    def simple(self, aliases: Sequence[str]) -> str:
        """Return a comparison without a subquery."""
        column, draw = self.column(aliases), self.rng.random()
        if draw < 0.1:
            return f"{column} IS {self.rng.choice(('', 'NOT '))}NULL"
        if draw < 0.2:
            return f"{column} BETWEEN {self.number()} AND {self.number()}"
        if draw < 0.3:
            return f"{column} IN ({self.number()}, {self.number()})"
        if draw < 0.5:
            return f"{column} {self.operator()} {self.column(aliases)}"
        if draw < 0.56:
            return f"COALESCE({column}, 0) {self.operator()} {self.number()}"
        return f"{column} {self.operator()} {self.number()}"

    def aggregate_query(self, aliases: Sequence[str]) -> str:
        """Return a scalar aggregate, mostly correlated by equalities."""
        alias, fold = self.alias(), self.rng.choice(_FOLDS)
        around = self.rng.choice(("", "2 * ", "1 + "))
        value = f"{around}{fold}({alias}.{self.rng.choice(COLUMNS)})"
        return f"SELECT {value} FROM {self.relation()} AS {alias}{self.tied(alias, aliases)}"

    def counting(self, aliases: Sequence[str]) -> str:
        alias = self.alias()
        counted = self.rng.choice(("*", f"{alias}.b"))
        return f"SELECT COUNT({counted}) FROM {self.table()} AS {alias}{self.tied(alias, aliases)}"

    def rows(self, aliases: Sequence[str]) -> str:
        alias = self.alias()
        return f"SELECT {alias}.id FROM {self.relation()} AS {alias}{self.tied(alias, aliases)}"

    def tied(self, alias: str, aliases: Sequence[str]) -> str:
        """Return a WHERE that ties `alias` to one of the outer aliases, mostly by equality."""
        operator = self.rng.choice(("=", "=", "=", "<>", "<"))
        parts = [f"{alias}.{self.rng.choice(('id', *COLUMNS))} {operator} {self.column(aliases)}"]
        parts += [self.simple([alias]) for _ in range(self.rng.choice((0, 0, 1)))]
        return f" WHERE {' AND '.join(parts)}"

    def fold(self, aliases: Sequence[str]) -> str:
        """Return an aggregate."""
        kind = self.rng.choice((*_FOLDS, "COUNT(DISTINCT"))
        if kind == "COUNT(DISTINCT":
            return f"COUNT(DISTINCT {self.column(aliases)})"
        return "COUNT(*)" if kind == "COUNT" else f"{kind}({self.value(aliases)})"

    def column(self, aliases: Sequence[str]) -> str:
        return f"{self.rng.choice(list(aliases))}.{self.rng.choice(('id', *COLUMNS))}"

    def alias(self) -> str:
        self.count += 1
        return f"r{self.count}"

    def table(self) -> str:
        return self.rng.choice(sorted(self.schema.tables))

    def operator(self) -> str:
        return self.rng.choice(_OPERATORS)

    def number(self) -> int:
        return self.rng.choice((0, 1, 1, 2, 3))
