"""Databases on which a query returns something, for queries that join a table with itself many times."""

from itertools import islice

import duckdb
import pytest

from proofsmith.domains.sql.analysis import as_seen_by, qualified
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.symbolic.exemplars import few_rows, rows_a_mention
from proofsmith.domains.sql.testing.databases import inserts, keeps
from proofsmith.domains.sql.testing.neighbours import neighbours
from proofsmith.types import Depth, Status
from tests.domains.sql.test_verify import judged

DDL = """
CREATE TABLE buyer (b_id INTEGER PRIMARY KEY, b_name VARCHAR(30) NOT NULL);
CREATE TABLE day (d_id INTEGER PRIMARY KEY, d_year INTEGER NOT NULL);
CREATE TABLE sale (s_id INTEGER PRIMARY KEY, s_buyer INTEGER REFERENCES buyer (b_id),
    s_day INTEGER REFERENCES day (d_id), s_kind VARCHAR(10), s_paid DECIMAL(9, 2), s_weight DOUBLE PRECISION);
"""
TOTALS = """WITH totals AS (
    SELECT b_id, b_name, d_year AS year, SUM(s_paid) AS paid, 'web' AS via FROM sale JOIN buyer ON s_buyer = b_id
    JOIN day ON s_day = d_id WHERE s_kind = 'web' GROUP BY b_id, b_name, d_year
    UNION ALL
    SELECT b_id, b_name, d_year AS year, SUM(s_paid) AS paid, 'shop' AS via FROM sale JOIN buyer ON s_buyer = b_id
    JOIN day ON s_day = d_id WHERE s_kind = 'shop' GROUP BY b_id, b_name, d_year)
"""
GROWN = """SELECT w2.b_name FROM totals w1, totals w2, totals s1, totals s2
WHERE w1.b_id = w2.b_id AND w1.b_id = s1.b_id AND w1.b_id = s2.b_id
AND w1.via = 'web' AND w2.via = 'web' AND s1.via = 'shop' AND s2.via = 'shop'
AND w1.year = 2021 AND w2.year = 2022 AND s1.year = 2021 AND s2.year = 2022
AND w1.paid > 0 AND s1.paid > 0 AND w2.paid / w1.paid > s2.paid / s1.paid"""


def found(make, text):
    schema = parse_schema(DDL, "duckdb")
    query = qualified(parse_query(text, "duckdb"), schema)
    return schema, make(query, as_seen_by(schema, query), 1, 20.0)


def test_a_row_for_each_mention_fills_a_join_of_four_years_where_one_row_a_table_cannot():
    assert found(few_rows, TOTALS + GROWN)[1] is None
    schema, rows = found(rows_a_mention, TOTALS + GROWN)
    assert keeps(schema, rows)
    with duckdb.connect() as database:
        database.execute(DDL + inserts(schema, rows))
        assert len(database.execute(TOTALS + GROWN).fetchall()) == 1


def test_an_example_twice_over_returns_its_row_once_for_each_copy():
    schema, rows = found(rows_a_mention, TOTALS + GROWN)
    once, twice = islice(neighbours(schema, rows, [parse_query(TOTALS + GROWN, "duckdb")], 1), 2)
    assert once == rows
    assert keeps(schema, twice)
    with duckdb.connect() as database:
        database.execute(DDL + inserts(schema, twice))
        assert len(database.execute(TOTALS + GROWN).fetchall()) == 2


@pytest.mark.parametrize("where", ["d_year = 2021 AND d_year = 2022", "d_id IS NULL", "1 = 0"])
def test_a_query_that_returns_nothing_has_no_example(where):
    text = f"SELECT d_id FROM day WHERE {where}"
    assert found(rows_a_mention, text)[1] is None
    assert found(few_rows, text)[1] is None


def test_floating_point_numbers_are_approximated_for_an_example_only():
    schema, rows = found(
        rows_a_mention, "SELECT s_id FROM sale WHERE s_weight * 2 > 7 AND s_id > 0"
    )
    assert keeps(schema, rows)
    assert rows["sale"][0][5] > 3.5
    assert found(few_rows, "SELECT s_id FROM sale WHERE s_weight * 2 > 7 AND s_id > 0")[1] is None


WRONG = {
    "a factor": ("> s2.paid / s1.paid", "> s2.paid / s1.paid * 2"),
    "a year": ("w2.year = 2022", "w2.year >= 2022"),
    "a source": ("AND s2.via = 'shop'", ""),
    "a sign": ("AND s1.paid > 0 ", ""),
    "a join": ("AND w1.b_id = s2.b_id", ""),
}


@pytest.mark.slow
async def test_the_common_expression_written_out_is_tested_and_no_more():
    candidate = TOTALS.replace("totals AS (", "totals AS NOT MATERIALIZED (") + GROWN
    verdict = await judged(TOTALS + GROWN, candidate, "postgresql", Depth.FULL, DDL)
    assert verdict.status is Status.TESTED, verdict


@pytest.mark.slow
async def test_what_shows_only_on_rows_that_meet_is_refused():
    domain = SqlDomain()
    for name, (before, after) in WRONG.items():
        assert before in GROWN
        candidate = TOTALS + GROWN.replace(before, after)
        given = (TOTALS + GROWN, candidate, "postgresql", Depth.FULL, DDL, domain)
        verdict = await judged(*given)
        assert verdict.status is Status.FAILED, (name, verdict)
