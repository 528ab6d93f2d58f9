"""Queries that are legal and odd: the verdict is as strong as what is known of them, and no stronger."""

import pytest

from proofsmith.domains.sql.bench import filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.query import Unreadable, query_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status
from tests.cli.command import proofsmith
from tests.domains.sql.test_verify import judged

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ("SELECT a, a FROM t", "SELECT a, a + 0 AS a FROM t"),
        ("SELECT a + 1 FROM t", "SELECT 1 + a FROM t"),
        ("SELECT * FROM t", "SELECT a, b FROM t"),
    ],
    ids=["duplicate names", "unnamed", "star"],
)
async def test_columns_without_names_of_their_own_are_compared_by_position(base, candidate):
    verdict = await judged(base, candidate, "duckdb")
    assert verdict.status.at_least(Status.TESTED), verdict.feedback


async def test_a_star_must_give_the_same_list():
    verdict = await judged("SELECT * FROM t", "SELECT b, a FROM t", "duckdb")
    assert verdict.status is Status.FAILED


async def test_a_database_on_which_the_original_fails_says_nothing_and_a_new_failure_refuses():
    base = "SELECT 10 / a AS x FROM t"
    milder = await judged(base, "SELECT 10 / NULLIF(a, 0) AS x FROM t", "postgresql", Depth.FULL)
    assert milder.status is not Status.FAILED
    assert not milder.status.at_least(Status.BOUNDED)
    worse = await judged(
        "SELECT a FROM t", "SELECT CASE WHEN 1 / a > 5 THEN a ELSE a END AS a FROM t", "postgresql"
    )
    assert worse.status is Status.FAILED
    assert "fails where the original does not" in worse.feedback


@pytest.mark.parametrize(
    "text",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
        "SELECT t.a, n.i FROM t, n{}",
        "SELECT t.a, x.id FROM t, LATERAL (SELECT id FROM k WHERE k.a = t.a) AS x{}",
        "SELECT id, SUM(a) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM k{}",
    ],
    ids=["recursion", "lateral", "groups frame"],
)
async def test_what_the_solver_has_no_formula_for_is_tested_at_best(text):
    verdict = await judged(text.format(""), text.format(" WHERE TRUE"), "postgresql", Depth.FULL)
    assert verdict.status in (Status.TESTED, Status.UNDECIDED), verdict


async def test_a_name_that_a_subquery_takes_from_outside_unasked_is_a_warning():
    base = "SELECT id FROM k WHERE id IN (SELECT id FROM t)"
    verdict = await judged(base, "SELECT id FROM k WHERE id IN (SELECT k.id FROM t)", "sqlite")
    assert verdict.status.at_least(Status.TESTED)
    told = "id in the subquery over t belongs to the query around it"
    assert verdict.evidence[-1].facts["warnings"] == [told]
    assert verdict.evidence[-1].log_tail.endswith(f"warning: {told}")


async def test_without_constraints_a_verdict_rests_on_none():
    verdict = await judged("SELECT a FROM t", "SELECT a FROM t WHERE TRUE", "sqlite", Depth.FULL)
    assert verdict.status is Status.PROVED
    assert verdict.evidence[-1].facts["constraints"] == []


MANY = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT i FROM n",
    "postgresql": "SELECT generate_series(1, 2000000) AS i",
}


@pytest.mark.parametrize("engine", MANY)
async def test_millions_of_rows_are_counted_and_none_is_kept(engine, tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    tmp_path.chmod(0o755)
    schema = parse_schema("CREATE TABLE t (a INTEGER)", engine)
    bench = await filled(schema, tmp_path, "rows", await open_sandbox())
    try:
        (run,) = await bench.clock([MANY[engine]], limit_s=120.0)
        assert (run.ended, run.rows) == ("ok", 2_000_000)
        stopped = await bench.database.run(MANY[engine], limit_s=120.0)
        assert (stopped.ended, stopped.rows) == ("rows", ())
    finally:
        await bench.engine.close()


@pytest.mark.parametrize("number", ["-9e999", "-1e-999", "-" + "9" * 60, "0." + "0" * 60 + "1"])
async def test_numbers_that_no_column_holds_are_compared_with(number):
    base = f"SELECT a FROM t GROUP BY a HAVING SUM(b) > {number}"
    same = await judged(base, base.replace("SELECT a", "SELECT a + 0 AS a"), "sqlite")
    assert same.status.at_least(Status.TESTED), same.feedback
    other = await judged(base, base.replace("GROUP", "WHERE a = 1 GROUP"), "sqlite")
    assert other.status is Status.FAILED


@pytest.mark.parametrize("number", ["1e999999999", "1E-1000", "1e+0001000", "7" * 5000])
def test_a_number_of_endless_digits_is_refused_at_once(number):
    with pytest.raises(Unreadable, match="more than 1000 digits"):
        query_of(f"SELECT a FROM t WHERE a < {number}", "duckdb")


def test_files_that_begin_with_a_byte_order_mark_are_the_text_behind_it(tmp_path):
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    for name in ("base.sql", "candidate.sql"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbfSELECT a FROM t;\r\n")
    made = proofsmith(
        "check", "base.sql", "candidate.sql", "--engine", "sqlite", cwd=tmp_path, timeout=120
    )
    assert made.returncode == 0, made.stdout + made.stderr
