"""Tables with columns of arrays are filled, judged and timed like others."""

import pytest

from proofsmith.domains.sql.bench import filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.population import populate
from proofsmith.domains.sql.schema import Column
from proofsmith.domains.sql.testing.pools import Pools
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status
from tests.domains.sql.test_verify import judged

TYPES = ["text[] NOT NULL", "INTEGER[]", "date[]", "DECIMAL(5, 2)[]", "BOOLEAN[]", "INTEGER[][]"]
ENGINES = ["postgresql", "duckdb"]


@pytest.mark.parametrize(
    ("type_text", "expected"),
    [
        ("INT[3]", {"[1, 2, -1]", "[NULL, 0, 1]"}),
        ("INT[]", {"[]", "[1]", "[0, 1]"}),
        ("INT[][]", {"[]", "[[0]]", "[[1]]"}),
    ],
)
def test_arrays_have_as_many_elements_as_their_type_lets_them(type_text, expected):
    pool = Pools().of(Column("a", type_text))
    assert expected <= set(pool)
    assert ("[]" in pool) == (type_text != "INT[3]")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("type_text", TYPES)
async def test_queries_beside_arrays_are_told_apart(engine, type_text):
    ddl = f"CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, tags {type_text})"
    base, right, wrong = (
        f"SELECT id FROM t WHERE {test}"
        for test in ("n > 3 AND id < 9", "id < 9 AND n > 3", "n > 3")
    )
    assert (await judged(base, right, engine, Depth.FULL, ddl)).status is Status.PROVED
    assert (await judged(base, wrong, engine, Depth.QUICK, ddl)).status is Status.FAILED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "base", "wrong"),
    [
        ("postgresql", "cardinality(tags) > 1", "cardinality(tags) >= 1"),
        ("postgresql", "'X' = ANY(tags)", "tags = ARRAY['X']"),
        ("duckdb", "len(tags) > 1", "len(tags) >= 1"),
        ("duckdb", "list_contains(tags, 'X')", "tags = ['X']"),
    ],
)
async def test_conditions_on_arrays_are_told_apart(engine, base, wrong):
    ddl = "CREATE TABLE t (id INTEGER PRIMARY KEY, tags text[])"
    texts = [f"SELECT id FROM t WHERE {test}" for test in (base, wrong)]
    assert (await judged(*texts, engine, Depth.QUICK, ddl)).status is Status.FAILED
    again = await judged(texts[0], f"{texts[0]} AND TRUE", engine, Depth.QUICK, ddl)
    assert again.status.at_least(Status.TESTED), again


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
async def test_generated_rows_for_timing_hold_arrays(engine, tmp_path):
    columns = ", ".join(f"c{n} {type_text}" for n, type_text in enumerate(TYPES))
    schema = parse_schema(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})", engine)
    tmp_path.chmod(0o755)
    populate(schema, Pools(), tmp_path, rows=200)
    bench = await filled(schema, tmp_path, "generated rows", await open_sandbox())
    try:
        (run,) = await bench.clock(["SELECT * FROM t"], limit_s=30.0)
        assert (run.ended, run.rows) == ("ok", 200)
    finally:
        await bench.engine.close()
