"""Slices for slow queries: which tables are thinned out, and which rows are kept together."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.slices import joined, read_per_row

DDL = """CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER, code TEXT UNIQUE);
CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER, v INTEGER, code TEXT);
CREATE TABLE d (id INTEGER PRIMARY KEY, c_id INTEGER REFERENCES c (id));"""


def test_tables_of_correlated_subqueries_alone_are_read_per_row():
    found = parse_query(
        "SELECT v FROM c WHERE v > (SELECT avg(v) FROM p WHERE id = p_id) AND v < (SELECT max(v) FROM c)",
        "sqlite",
    )
    assert read_per_row(found, parse_schema(DDL, "sqlite")) == {"p"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 FROM c, p WHERE p_id = p.id", {"c": [("p_id", "p", "id")]}),
        ("SELECT 1 FROM c x LEFT JOIN p y ON y.code = x.code", {"c": [("code", "p", "code")]}),
        (
            "SELECT 1 FROM p WHERE EXISTS (SELECT 1 FROM c WHERE p_id = p.id)",
            {"c": [("p_id", "p", "id")]},
        ),
        (
            "WITH w AS (SELECT c.v FROM c JOIN p ON p.id = c.p_id) SELECT * FROM w",
            {"c": [("p_id", "p", "id")]},
        ),
        ("SELECT 1 FROM c, p WHERE c.v = p.v", {}),
        ("SELECT 1 FROM c, p WHERE c.p_id > p.id", {}),
        ("SELECT 1 FROM p a, p b WHERE a.v = b.id", {}),
        ("WITH p AS (SELECT 1 AS id) SELECT 1 FROM c, p WHERE c.p_id = p.id", {}),
        ("SELECT 1 FROM d, c WHERE d.c_id = c.id", {}),
        ("SELECT 1 FROM d, c WHERE c.v = d.id", {}),
        ("SELECT 1 FROM c, p WHERE c.id = p.id", {"c": [("id", "p", "id")]}),
    ],
)
def test_columns_equated_with_the_key_of_another_table_refer_to_it(text, expected):
    schema = parse_schema(DDL, "sqlite")
    linked = joined(parse_query(text, "sqlite"), schema)
    added = {
        name: [(*key.columns, key.table, *key.references) for key in table.foreign_keys]
        for name, table in linked.tables.items()
        if table.foreign_keys != schema.tables[name].foreign_keys
    }
    assert added == expected
    assert all(name not in linked.above(name) for name in linked.tables)
