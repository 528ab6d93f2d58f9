"""Which indexes are suggested, which constraints are missed, and what models are told."""

import pytest

from proofsmith.domains.sql import brief
from proofsmith.domains.sql.advice import advise, constraints, indexes, statistics
from proofsmith.domains.sql.bench import filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.population import populate
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.source import problem, source_of
from proofsmith.domains.sql.statistics import counted
from proofsmith.domains.sql.testing.pools import pools_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Goal

DDL = """CREATE TABLE part (id INTEGER PRIMARY KEY, brand TEXT, size INTEGER);
CREATE TABLE line (part_id INTEGER NOT NULL REFERENCES part(id), quantity INTEGER, secret INTEGER, day DATE,
  CHECK (quantity >= 0));"""
QUERY = """SELECT SUM(l.quantity) AS s FROM line l, part p WHERE p.id = l.part_id AND p.brand = 'B' AND p.size < 5
AND l.quantity < (SELECT AVG(x.quantity) FROM line x WHERE x.part_id = p.id)"""


def test_correlated_columns_come_first_then_constants_and_joins():
    found = indexes(QUERY, parse_schema(DDL, "postgresql"))
    assert [(table, columns) for table, columns, _ in found] == [
        ("line", ("part_id",)),
        ("part", ("brand", "size")),
    ]


def test_what_a_key_serves_needs_no_index():
    found = indexes("SELECT brand FROM part WHERE id = 5", parse_schema(DDL, "postgresql"))
    assert found == []


def test_keys_that_would_let_a_rule_act_are_named_and_called_unmeasured():
    found = constraints(QUERY, parse_schema(DDL, "postgresql"))
    assert [item.statement for item in found] == ["a key of line"]
    assert "(not measured)" in found[0].line
    loose = DDL.replace(" REFERENCES part(id)", "")
    named = [item.statement for item in constraints(QUERY, parse_schema(loose, "postgresql"))]
    assert named == ["a key of line", "line(part_id) REFERENCES part(id)"]


def test_columns_that_are_restricted_together_are_candidates_for_statistics():
    schema = parse_schema(DDL, "postgresql")
    assert statistics(QUERY, schema) == [("part", ("brand", "size"))]
    assert statistics("SELECT id FROM part WHERE brand = 'B'", schema) == []


@pytest.mark.slow
async def test_statistics_over_dependent_columns_are_built_timed_and_taken_down(tmp_path):
    ddl = "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE u (a INTEGER)"
    rows = "\n".join(f"{n % 50},{n % 50}" for n in range(2000))
    (tmp_path / "t.csv").write_text(f"a,b\n{rows}\n")
    (tmp_path / "u.csv").write_text("a\n1\n")
    tmp_path.chmod(0o755)
    schema = parse_schema(ddl, "postgresql")
    bench = await filled(schema, tmp_path, "rows", await open_sandbox())
    try:
        for _ in range(2):  # a second time, since the first left nothing behind
            found = await advise(bench, "SELECT a FROM t WHERE a = 1 AND b = 1", schema)
        assert all(item.measured == (item.kind != "constraint") for item in found)
        assert [item.statement for item in found if not item.measured] == ["a key of t"]
    finally:
        await bench.engine.close()


def test_the_brief_holds_constraints_used_columns_and_the_plan_and_stays_short():
    given = problem("q.sql", QUERY, DDL, "postgresql", Goal.SPEED, {})
    told = brief.write(given, {"profile": "Seq Scan line 90 %\n" * 2000})
    assert "FOREIGN KEY (part_id) REFERENCES part (id)" in told
    assert "CHECK" in told
    assert "secret" not in told
    assert "Seq Scan line" in told
    assert "- decorrelate, tried here: one ungrouped aggregate" in told
    assert "not fitting this text as it stands" in told
    assert len(told) < 2000 * 4


@pytest.mark.slow
async def test_rows_values_and_nulls_are_counted_and_no_value_is_told(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "t.csv").write_text(
        "id,k,s\n" + "".join(f"{n},{n % 3 or ''},s{n}\n" for n in range(30))
    )
    ddl = "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, s VARCHAR(9));"
    given = problem("q.sql", "SELECT k FROM t WHERE s <> 's4'", ddl, "duckdb", Goal.SPEED, {})
    source = source_of(given)
    bench = await filled(source.schema, tmp_path, "rows", await open_sandbox())
    assert await counted(bench, source) == ["t 30 rows: k 2 values 33 % NULL, s 30 values"]
    await bench.engine.close()


def test_generated_rows_keep_to_keys_foreign_keys_and_checks_and_hold_the_constants(tmp_path):
    schema = parse_schema(DDL, "postgresql").only(["line"])
    populate(schema, pools_of([qualified(QUERY, schema)]), tmp_path, rows=2000)
    parts = [line.split(",") for line in (tmp_path / "part.csv").read_text().splitlines()[1:]]
    lines = [line.split(",") for line in (tmp_path / "line.csv").read_text().splitlines()[1:]]
    keys = [row[0] for row in parts]
    assert len(set(keys)) == len(keys) == 100
    assert {row[0] for row in lines} <= set(keys)
    assert all(row[1] == "" or int(row[1]) >= 0 for row in lines)
    assert any(row[1] == "B" for row in parts)
    assert len(lines) > 1500
