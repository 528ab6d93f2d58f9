"""Conditions on literal outputs: branches that they empty go, and only those; nothing else about the query changes."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules.specialisation import share_filters, specialise_plain
from proofsmith.domains.sql.rules.text import qualified

DDL = """CREATE TABLE f (k INTEGER, v INTEGER, w BIGINT, n TEXT);
CREATE TABLE g (k INTEGER, v INTEGER, w BIGINT, n TEXT);"""
SMALL, LARGE = "'s'", "'S'"
READ = "SELECT p.s, q.s FROM c AS p, c AS q WHERE p.k = q.k"


def copies(body, kept):
    """Return the bodies of the copies that `specialise` makes of one common table expression, one text each."""
    tree = qualified(f"WITH c AS ({body}) {READ} AND {kept}", parse_schema(DDL, "postgresql"))
    made = next(specialise_plain(tree, parse_schema(DDL, "postgresql")), None)
    return None if made is None else [cte.this.sql() for cte in made.args["with_"].expressions]


def branch(tag, table, value="v"):
    return f"SELECT k, {tag} AS t, {value} AS s FROM {table}"


@pytest.mark.parametrize(
    ("body", "kept", "tables"),
    [
        (f"{branch(1, 'f')} UNION ALL {branch(2, 'g')}", "p.t = 1 AND q.t = 2", ["f", "g"]),
        (f"{branch(1, 'f')} UNION ALL {branch(2, 'g')}", "p.t = 2 AND q.t = 02", ["g", "g"]),
        (
            f"{branch(SMALL, 'f')} UNION ALL {branch(LARGE, 'g')}",
            "p.t = 's' AND q.t = 'S'",
            ["f", "g"],
        ),
        (
            "SELECT k, 1 AS t, SUM(v) AS s FROM f GROUP BY k UNION ALL SELECT k, 2, (SUM((v))) FROM g GROUP BY k",
            "p.t = 1 AND q.t = 2",
            ["f", "g"],
        ),
        (
            f"({branch(1, 'f')} UNION ALL {branch(2, 'g')}) UNION ALL SELECT k AS x, 3 AS y, v AS z FROM f",
            "p.t = 3 AND q.t = 2",
            ["f", "g"],
        ),
    ],
)
def test_a_branch_that_its_literal_excludes_is_left_out(body, kept, tables):
    found = copies(body, kept)
    names = [
        sorted({word.strip('"') for word in text.split() if word in ('"f"', '"g"')})
        for text in found
    ]
    assert "UNION" not in " ".join(found)
    assert names == [[table] for table in tables]
    assert all('AS "k"' in text and 'AS "t"' in text and 'AS "s"' in text for text in found)


@pytest.mark.parametrize(
    "body",
    [
        f"{branch(1, 'f')} UNION {branch(2, 'g')}",
        f"{branch(1, 'f')} UNION ALL {branch(2, 'g', 'w')}",
        f"{branch(1, 'f')} UNION ALL {branch(2, 'g', 'v + 1')}",
        f"{branch(1, 'f', 'n')} UNION ALL {branch(2, 'g', SMALL)}",
    ],
)
def test_a_branch_stays_where_its_types_or_its_doubles_could_count(body):
    assert all("UNION" in text and "FALSE" in text for text in copies(body, "p.t = 1 AND q.t = 2"))


@pytest.mark.parametrize(
    "body",
    [
        f"{branch(1, 'f')} UNION ALL SELECT MAX(k), 2, COUNT(*) FROM g",
        f"{branch(1, 'f')} UNION ALL SELECT MAX(k), 2, MAX(v) FROM g HAVING COUNT(*) = 0",
        f"{branch(1, 'f')} UNION ALL SELECT k, 2, MAX(v) FROM g GROUP BY GROUPING SETS ((k), ())",
        f"{branch(1, 'f')} UNION ALL (SELECT k, 2, v FROM g ORDER BY k LIMIT 1)",
        f"{branch(1, 'f')} UNION ALL SELECT 1, 2, 3",
    ],
)
def test_conditions_on_literals_stay_above_what_gives_a_row_for_none(body):
    assert copies(body, "p.t = 1 AND q.t = 1") is None


def test_the_last_branch_stays_beside_empty_ones_of_other_types():
    body = f"{branch(1, 'f')} UNION ALL {branch(2, 'g', 'w')} UNION ALL {branch(3, 'f')}"
    (found,) = copies(body, "p.t = 3 AND q.t = 3")
    assert found.count("FALSE") == 2


def test_a_branch_that_some_reader_keeps_stays_when_the_expression_is_shared():
    tree = qualified(
        f"WITH c AS ({branch(1, 'f')} UNION ALL {branch(2, 'g')}) {READ} AND p.t = 1 AND q.t = 2",
        parse_schema(DDL, "postgresql"),
    )
    (made,) = share_filters(tree, parse_schema(DDL, "postgresql"))
    assert "UNION ALL" in made.sql()
    assert "FALSE" not in made.sql()
