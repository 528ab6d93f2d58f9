"""Read the tables, views and enumerations of a PostgreSQL database from its catalogue, as DDL."""

from collections.abc import Iterable
from typing import Any

from proofsmith.domains.sql.checks import on_column
from proofsmith.domains.sql.engines.ddl import create_type, listed, quoted

_COLUMNS = """
SELECT a.attname, format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid),
  CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END), a.attnotnull OR t.typnotnull, l.collname,
  ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
  , CASE WHEN a.attgenerated <> '' THEN (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
    WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic')
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
"""Name, type (of a domain the one below it), whether it is required, its own collation, labels, its formula."""
_CONSTRAINTS = """
SELECT c.contype, pg_get_constraintdef(c.oid), p.relname
FROM pg_constraint c LEFT JOIN pg_class p ON p.oid = c.confrelid
WHERE c.conrelid = %s::regclass AND c.contype IN ('p', 'f', 'c', 'x') AND c.convalidated ORDER BY c.conname
"""
_DOMAIN_CHECKS = """
WITH RECURSIVE d AS (
  SELECT attname, atttypid AS type FROM pg_attribute
  WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
  UNION ALL SELECT d.attname, t.typbasetype FROM d JOIN pg_type t ON t.oid = d.type WHERE t.typtype = 'd')
SELECT d.attname, pg_get_constraintdef(c.oid) FROM d JOIN pg_constraint c ON c.contypid = d.type
WHERE c.contype = 'c' AND c.convalidated AND NOT EXISTS (
  SELECT 1 FROM pg_depend p WHERE p.objid = c.oid AND p.refclassid = 'pg_proc'::regclass)
ORDER BY 1, c.conname
"""
"""Conditions of domains, of those below them too, that call no function of the database's own."""
_UNIQUE = """
SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k(place, nth)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.place WHERE k.nth <= i.indnkeyatts ORDER BY k.nth)
FROM pg_index i WHERE i.indrelid = %s::regclass AND i.indisunique AND i.indisvalid AND NOT i.indisprimary
  AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY i.indexrelid
"""
"""Columns of unique constraints, and of unique indexes, which hold as much."""
_PARTIAL = """
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = %s::regclass AND i.indisunique AND i.indisvalid AND NOT i.indisprimary
  AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR i.indnullsnotdistinct) ORDER BY i.indexrelid
"""
"""Unique indexes over some of the rows or over expressions, or in which NULL agrees with NULL."""
_SINCE_15 = " OR i.indnullsnotdistinct"
_VIEW = """
SELECT pg_get_viewdef(c.oid, true), ARRAY(SELECT DISTINCT t.relname::text
  FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid JOIN pg_class t ON t.oid = d.refobjid
  WHERE r.ev_class = c.oid AND t.oid <> c.oid ORDER BY 1)
FROM pg_class c WHERE c.oid = to_regclass(%s) AND c.relkind = 'v'
"""


def ddl_of(connection: Any, names: Iterable[str]) -> str:
    """Return CREATE statements of what is called `names`, after those of all that it refers to.

    A name that the database does not know is left out.
    """
    reader = _Catalogue(connection)
    for name in sorted(names):
        reader.visit(name)
    return "\n".join([*reader.types.values(), *reader.found])


class _Catalogue:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._nulls_agree = connection.info.server_version >= 150_000
        self._seen: set[str] = set()
        self.types: dict[str, str] = {}
        self.found: list[str] = []

    def visit(self, name: str) -> None:
        """Write down a table or view, once, after its parents."""
        if name in self._seen:
            return
        self._seen.add(name)
        if self._rows("SELECT to_regclass(%s)", name) == [(None,)]:
            return
        views = self._rows(_VIEW, name)
        for text, parents in views:
            for parent in parents:
                self.visit(parent)
            self.found.append(f"CREATE VIEW {quoted(name)} AS {text.strip().rstrip(';')};")
        if not views:
            self._table(name)

    def _rows(self, query: str, name: str) -> list[Any]:
        found: list[Any] = self._connection.execute(query, (quoted(name),)).fetchall()
        return found

    def _table(self, name: str) -> None:
        parts = []
        for column, kind, required, collation, labels, formula in self._rows(_COLUMNS, name):
            if labels:
                self.types[kind] = create_type(kind, labels)
            own = f" COLLATE {quoted(collation)}" if collation else ""
            own += f" GENERATED ALWAYS AS ({formula}) STORED" if formula else ""
            parts.append(f"{quoted(column)} {kind}{own}{' NOT NULL' if required else ''}")
        for sort, definition, parent in self._rows(_CONSTRAINTS, name):
            parts.append(definition)
            if sort == "f":
                self.visit(parent)
        for column, definition in self._rows(_DOMAIN_CHECKS, name):
            parts.append(on_column(definition, quoted(column)))
        parts += [f"UNIQUE ({listed(tuple(key))})" for (key,) in self._rows(_UNIQUE, name)]
        self.found.append(f"CREATE TABLE {quoted(name)} ({', '.join(parts)});")
        query = _PARTIAL if self._nulls_agree else _PARTIAL.replace(_SINCE_15, "")
        self.found += [f"{text};" for (text,) in self._rows(query, name)]
