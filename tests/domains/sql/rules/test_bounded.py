"""Every template pair agrees on all databases of three rows a table at most; pairs that break a condition do not."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.symbolic.bounded import Bound, decide
from tests.domains.sql.rules.templates import TEMPLATES, Template

ROWS = 3
LIMIT_S = 60.0


def decided(ddl: str, before: str, after: str) -> Bound:
    schema = parse_schema(ddl, "postgresql")
    return decide(qualified(before, schema), qualified(after, schema), schema, ROWS, LIMIT_S)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.rule.name)
def test_the_template_is_bounded_at_three_rows(template: Template) -> None:
    found = decided(template.schema, template.before, template.after)
    assert (found.found, found.rows) == ("agree", ROWS), found


TABLES = """CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, x INTEGER);
CREATE TABLE i (k INTEGER, v INTEGER);"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "SELECT id FROM o WHERE x >= (SELECT COUNT(*) FROM i WHERE i.k = o.k)",
            "SELECT id FROM o, (SELECT k AS key1, COUNT(*) AS value FROM i GROUP BY k) AS g "
            "WHERE x >= g.value AND g.key1 = o.k",
        ),
        (
            "SELECT id FROM o WHERE k NOT IN (SELECT v FROM i)",
            "SELECT id FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.v = o.k)",
        ),
        (
            "SELECT x FROM o WHERE k = 1 OR x = 2",
            "SELECT x FROM o WHERE k = 1 UNION ALL SELECT x FROM o WHERE x = 2 AND NOT k = 1",
        ),
        ("SELECT DISTINCT x FROM o", "SELECT x FROM o"),
        ("SELECT o.id FROM o JOIN i ON i.k = o.k", "SELECT o.id FROM o LEFT JOIN i ON i.k = o.k"),
        (
            "SELECT (SELECT COUNT(*) FROM i WHERE v = 1) AS n, (SELECT SUM(v) FROM i WHERE k = 1) AS s FROM o",
            "SELECT m.n, m.s FROM o, (SELECT SUM(CASE WHEN v = 1 THEN 1 END) AS n, "
            "SUM(CASE WHEN k = 1 THEN v END) AS s FROM i) AS m",
        ),
    ],
)
def test_a_pair_that_forgets_a_condition_differs(before: str, after: str) -> None:
    assert decided(TABLES, before, after).found == "differ"
