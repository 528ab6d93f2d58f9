"""Databases hold floats beside constants, infinities, changes of clocks and texts that SQLite reads as numbers."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.testing.floats import floats_of
from proofsmith.domains.sql.testing.pools import pools_of
from proofsmith.domains.sql.testing.zones import changes_of
from proofsmith.types import Depth, Status
from tests.domains.sql.test_kin import judged

DDL = """CREATE TABLE m (id INTEGER PRIMARY KEY, f DOUBLE PRECISION, g DOUBLE PRECISION, s REAL, moment TIMESTAMP,
  day DATE, note TEXT);"""
WHERE = "SELECT id FROM m WHERE "
YEAR = " AND moment >= '2024-01-01' AND moment < '2025-01-01'"
BERLIN = "AT TIME ZONE 'Europe/Berlin'"
EPOCH = "SELECT id, EXTRACT(EPOCH FROM {}) - EXTRACT(EPOCH FROM {}) AS d FROM m"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "base", "candidate"),
    [
        ("sqlite", WHERE + "f + 1 > 2", WHERE + "f > 1"),
        ("postgresql", WHERE + "f + 0.7 > 0.8", WHERE + "f > 0.1"),
        ("duckdb", WHERE + "f * 3 > 2", WHERE + "f > 2 / 3.0"),
        ("duckdb", WHERE + "s + 1 > 2", WHERE + "s > 1"),
        ("sqlite", WHERE + "f + 1 > f", WHERE + "f IS NOT NULL"),
        ("postgresql", WHERE + "f + 1 > g + 1", WHERE + "f > g"),
        ("sqlite", WHERE + "f - f = 0", WHERE + "f IS NOT NULL"),
        (
            "sqlite",
            "SELECT g FROM m GROUP BY g HAVING SUM(f) > 1e400",
            "SELECT g FROM m GROUP BY g HAVING SUM(f) >= 1e400",
        ),
        ("postgresql", WHERE + "f <= 'Infinity'", WHERE + "f IS NOT NULL"),
        ("duckdb", WHERE + "f < 'Infinity'::DOUBLE", WHERE + "f <= 'Infinity'::DOUBLE"),
        (
            "postgresql",
            EPOCH.format(f"(moment + INTERVAL '1 day') {BERLIN}", f"moment {BERLIN}"),
            EPOCH.format("moment + INTERVAL '1 day'", "moment"),
        ),
        (
            "postgresql",
            WHERE + "(moment AT TIME ZONE 'Australia/Sydney') AT TIME ZONE 'UTC' = moment - INTERVAL '10 hours'" + YEAR,
            WHERE + "moment >= '2024-04-07 02:15:00' AND moment < '2024-10-06 03:00:00'" + YEAR,
        ),
        (
            "duckdb",
            WHERE + "timezone('UTC', timezone('America/Chicago', moment)) = moment + INTERVAL 5 HOUR" + YEAR,
            WHERE + "moment >= '2024-03-10' AND moment < '2024-11-03'" + YEAR,
        ),
        ("sqlite", "SELECT id, note + 0 AS n FROM m", "SELECT id, CAST(note AS INTEGER) AS n FROM m"),
        ("sqlite", WHERE + "CAST(note AS REAL) > 1", WHERE + "CAST(note AS INTEGER) > 1"),
    ],
)  # fmt: skip
async def test_what_differs_on_the_edge_alone_is_refused(engine, base, candidate):
    verdict = await judged(engine, base, candidate, DDL)
    assert verdict.status is Status.FAILED, verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "base", "candidate"),
    [
        ("sqlite", WHERE + "f * 2 > 10", WHERE + "f > 5"),
        ("duckdb", WHERE + "f * 2 > 10", WHERE + "f > 5"),
        ("postgresql", WHERE + "f / 4 >= 0", WHERE + "f >= 0"),
        ("postgresql", WHERE + "f + g > 0.3", WHERE + "g + f > 0.3"),
        ("sqlite", WHERE + "-f < 2", WHERE + "f > -2"),
        ("sqlite", WHERE + "f + g > 0.3", WHERE + "0.3 < g + f"),
        (
            "sqlite",
            "SELECT g FROM m GROUP BY g HAVING SUM(f) > 3 AND SUM(f) < 1e400",
            "SELECT g FROM (SELECT g, SUM(f) AS s FROM m GROUP BY g) q WHERE s > 3 AND s < 1e400",
        ),
        (
            "postgresql",
            WHERE + "moment AT TIME ZONE 'Europe/Paris' > TIMESTAMPTZ '2024-03-31 01:00:00+00'",
            WHERE + "TIMESTAMPTZ '2024-03-31 01:00:00+00' < moment AT TIME ZONE 'Europe/Paris'",
        ),
    ],
)
async def test_what_is_right_on_the_edge_too_is_not_refused(engine, base, candidate):
    verdict = await judged(engine, base, candidate, DDL, depth=Depth.QUICK)
    assert verdict.status is not Status.FAILED, verdict


@pytest.mark.parametrize(
    ("one", "other", "some"),
    [
        ("f + 1 > 2", "f > 1", True),
        ("f + 1 > 2", "f + 1 > 2 AND g > 0", False),
        ("f > 2", "f > 3", False),
        ("(SELECT SUM(g) FROM m) + 1 > f", "f > 2", False),
    ],
)
def test_floats_beside_constants_are_drawn_where_conditions_reckon_otherwise(one, other, some):
    pair = [parse_query(WHERE + text, "sqlite") for text in (one, other)]
    assert bool(floats_of(pair, pair)) is some


def test_numbers_of_any_size_have_floats_beside_them():
    text = WHERE + "f + 1e39 > 1e-45 AND f - 1e300 < 1e400 AND f + 0 > 1.5"
    found = floats_of(
        [parse_query(t, "sqlite") for t in (text, WHERE + "f > 0")], [parse_query(text, "sqlite")]
    )
    assert all(0 < abs(value) < 1e40 for value in found)


def test_clocks_change_where_and_when_a_query_says():
    text = "SELECT moment AT TIME ZONE 'Europe/Berlin' FROM m WHERE moment > '2022-05-05' AND note <> 'Europe/Nowhere'"
    found = changes_of(parse_query(text, "postgresql"))
    assert {"2022-03-27 01:00:00", "2022-03-27 02:30:00", "2022-10-30 02:30:00"} <= set(found)
    assert all(moment.startswith("2022-") for moment in found)
    none = parse_query("SELECT moment AT TIME ZONE 'UTC', 'and/or', '../etc' FROM m", "postgresql")
    assert changes_of(none) == []
    columns = parse_schema(DDL, "postgresql").tables["m"]
    drawn = pools_of([parse_query(text, "postgresql")]).of(columns.column("moment"))
    assert sum(moment in found for moment in drawn) > len(drawn) / 5
