"""What arithmetic makes of a quotient is compared as engines round it, not as numbers without an end would be."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.proof.prove import prove
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.symbolic.rung import climb
from proofsmith.types import Depth

DDL = """CREATE TABLE inv (iid INTEGER PRIMARY KEY, cust INTEGER NOT NULL, net DECIMAL(8, 2) NOT NULL,
tot DECIMAL(8, 2) NOT NULL, qty INTEGER NOT NULL)"""


async def verdicts(base, candidate, engine):
    schema = parse_schema(DDL, engine)
    one, other = (parse_query(f"SELECT {text}", engine) for text in (base, candidate))
    climbed = await climb(one, other, schema, Depth.FULL)
    return prove(one, other, schema).proved, climbed.last.found


@pytest.mark.parametrize("engine", ["duckdb", "postgresql", "sqlite"])
@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ("iid FROM inv WHERE qty / 49.0 * 49 = qty", "iid FROM inv"),
        ("iid FROM inv WHERE qty / 7.0 + qty / 7.0 = qty * 2 / 7.0", "iid FROM inv"),
        (
            "cust FROM inv GROUP BY cust HAVING AVG(qty) * COUNT(*) = SUM(qty)",
            "DISTINCT cust FROM inv",
        ),
        (
            "cust FROM inv GROUP BY cust HAVING SUM(qty / 3.0) = SUM(qty) / 3.0",
            "DISTINCT cust FROM inv",
        ),
        ("iid, FLOOR(qty / 7.0 * 7) AS f FROM inv", "iid, FLOOR(qty + 0.0) AS f FROM inv"),
    ],
)
async def test_a_quotient_is_not_undone_by_arithmetic(base, candidate, engine):
    assert await verdicts(base, candidate, engine) == (False, "differ")


@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ("iid FROM inv WHERE tot / 1.1 >= net", "iid FROM inv WHERE tot >= net * 1.1"),
        ("iid FROM inv WHERE net * 1.2 > tot", "iid FROM inv WHERE net > tot / 1.2"),
        ("iid, FLOOR(tot / 1.1) AS f FROM inv", "iid, FLOOR(tot * 10 / 11) AS f FROM inv"),
    ],
)
async def test_duckdb_divides_decimals_as_floats(base, candidate):
    assert await verdicts(base, candidate, "duckdb") == (False, "differ")


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ("iid FROM inv WHERE net / 100 > 5", "iid FROM inv WHERE net > 500"),
        ("iid FROM inv WHERE qty / 2.0 > 1", "iid FROM inv WHERE qty > 2"),
        ("iid FROM inv WHERE qty + 10 / 2 = 13", "iid FROM inv WHERE qty + 5 = 13"),
        (
            "a.iid FROM inv a WHERE a.qty > (SELECT AVG(b.qty) * 1.2 FROM inv b WHERE b.cust = a.cust)",
            "a.iid FROM inv a JOIN (SELECT cust, AVG(qty) AS m FROM inv GROUP BY cust) x ON x.cust = a.cust "
            "WHERE a.qty > 1.2 * x.m",
        ),
    ],
)
async def test_what_rounding_cannot_change_stays_proved(base, candidate, engine):
    assert await verdicts(base, candidate, engine) == (True, "agree")


@pytest.mark.parametrize("engine", ["duckdb", "postgresql", "sqlite"])
async def test_results_are_compared_but_for_rounding(engine):
    base = "cust, 100.0 * SUM(qty) / COUNT(qty) AS m FROM inv GROUP BY cust"
    candidate = "cust, AVG(qty) * 100.0 AS m FROM inv GROUP BY cust"
    assert (await verdicts(base, candidate, engine))[1] == "agree"
