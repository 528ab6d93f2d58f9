"""Facts that rules rest on: what grouping may add, in each way of writing it."""

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import facts
from proofsmith.domains.sql.rules.contradiction import nothing
from proofsmith.domains.sql.rules.text import qualified

SCHEMA = parse_schema("CREATE TABLE t (k INTEGER NOT NULL, v INTEGER NOT NULL)", "postgresql")


def grouped(clause):
    """Return a query that looks for rows whose key is NULL among groups."""
    text = (
        f"SELECT d.k FROM (SELECT k, MAX(v) AS m FROM t GROUP BY {clause}) AS d WHERE d.k IS NULL"
    )
    return qualified(text, SCHEMA)


@pytest.mark.parametrize(
    "clause", ["ROLLUP (k)", "CUBE (k)", "GROUPING SETS ((k), ())", "v, ROLLUP (k)", "(k, v)"]
)
def test_grouping_sets_may_add_nulls_and_have_no_single_key(clause):
    tree = grouped(clause)
    assert facts.group_keys(tree.args["from_"].this.this) is None
    assert facts.nullable(tree.expressions[0].unalias(), SCHEMA)
    assert list(nothing(tree, SCHEMA)) == []


@pytest.mark.parametrize("clause", ["k", "1", "k, v", "(k)"])
def test_ordinary_groups_keep_what_is_declared_of_their_keys(clause):
    tree = grouped(clause)
    assert facts.group_keys(tree.args["from_"].this.this)
    assert not facts.nullable(tree.expressions[0].unalias(), SCHEMA)
    assert "FALSE" in next(nothing(tree, SCHEMA)).sql()
