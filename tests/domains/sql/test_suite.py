"""Sets of queries are read in order, with their schema; a generated film database is one of them."""

import csv

import pytest

from benchmarks import joblike
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.source import source_of
from proofsmith.domains.sql.suite import SqlSuite
from proofsmith.errors import UsageError


def test_a_generated_film_database_keeps_its_keys_and_has_queries_of_many_joins(tmp_path):
    folder = joblike.generate(tmp_path / "films", films=300, queries=12, seed=3)
    schema = parse_schema((folder / "schema.sql").read_text(), "postgresql")
    rows = {}
    for name in schema.tables:
        with (folder / f"{name}.csv").open(newline="") as file:
            rows[name] = list(csv.DictReader(file))
    for table in schema.tables.values():
        assert len({row["id"] for row in rows[table.name]}) == len(rows[table.name]) > 0
        for key in table.foreign_keys:
            known = {row[key.references[0]] for row in rows[key.table]}
            assert {row[key.columns[0]] for row in rows[table.name]} <= known
    problems = list(SqlSuite("job", "postgresql").problems(folder))
    assert [p.editable[0] for p in problems[:4]] == ["1a.sql", "1b.sql", "1c.sql", "2a.sql"]
    assert max(len(source_of(p).tables) for p in problems) >= 6


def test_equal_seeds_give_equal_sets_and_other_seeds_do_not(tmp_path):
    texts = []
    for number, seed in enumerate((1, 1, 2)):
        folder = joblike.generate(tmp_path / str(number), films=50, queries=3, seed=seed)
        texts.append([path.read_text() for path in sorted(folder.iterdir())])
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_the_join_order_benchmarks_folder_is_read_without_its_scripts(tmp_path):
    (tmp_path / "schema.sql").write_text("CREATE TABLE title (id INTEGER PRIMARY KEY)")
    (tmp_path / "fkindexes.sql").write_text("CREATE INDEX a ON title(id)")
    for name in ("10a", "2b", "2a"):
        (tmp_path / f"{name}.sql").write_text("SELECT MIN(t.id) AS x FROM title AS t")
    problems = list(SqlSuite("job", "duckdb").problems(tmp_path))
    assert [p.editable[0] for p in problems] == ["2a.sql", "2b.sql", "10a.sql"]
    assert parse_query(problems[0].text, "duckdb")
    with pytest.raises(UsageError, match=r"schema\.sql"):
        list(SqlSuite("job").problems(tmp_path / "missing"))
