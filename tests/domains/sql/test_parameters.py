"""Parameters are values to the engine, opaque to the rules, and any value to the solver."""

import pytest

from proofsmith.domains.sql import search
from proofsmith.domains.sql.source import problem, source_of
from proofsmith.errors import UsageError
from proofsmith.types import Depth, Goal, Status
from tests.domains.sql.test_verify import judged

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER)"
BASE = {
    "postgresql": "SELECT id FROM t WHERE a > $1 AND a > $1",
    "sqlite": "SELECT id FROM t WHERE a > :low AND a > :low",
}
NAMES = {"postgresql": "1", "sqlite": "low"}


def given(text, engine, *params):
    return problem("q.sql", text, DDL, engine, Goal.SPEED, {"param": list(params)})


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql", "sqlite"])
async def test_a_rewrite_is_judged_for_all_values_and_refused_when_it_fits_one_alone(engine):
    base, name = BASE[engine], NAMES[engine]
    mark = "$1" if engine == "postgresql" else ":low"
    options = {"ddl": DDL, "param": [f"{name}=3"]}
    right = await judged(base, f"SELECT id FROM t WHERE a > {mark}", engine, Depth.FULL, **options)
    assert right.status.at_least(Status.BOUNDED), right
    wrong = await judged(base, "SELECT id FROM t WHERE a > 3", engine, **options)
    assert wrong.status is Status.FAILED
    strange = await judged(base, "SELECT id FROM t WHERE a > :other", engine, **options)
    assert "parameter" in strange.feedback


def test_the_first_values_are_the_users_then_neighbours_and_null():
    source = source_of(given("SELECT id FROM t WHERE a = $1", "postgresql", "1=5", "1=x"))
    told = [values["1"].sql() for values in source.bindings]
    assert told == ["5", "'x'", "6", "4", "NULL"]
    assert source.bound(source.text) == "SELECT id FROM t WHERE a = 5"


@pytest.mark.parametrize(
    ("text", "params", "why"),
    [
        ("SELECT id FROM t WHERE a = $1", [], "no value for parameter 1"),
        ("SELECT id FROM t WHERE a = ?", ["1=2"], "no parameter 1"),
        ("SELECT id FROM t WHERE a = ?", [], "without a name"),
        ("SELECT id FROM t", ["x=1"], "no parameter x"),
        ("SELECT id FROM t WHERE a = :x", ["x"], "names no value"),
    ],
)
def test_what_does_not_fit_is_said(text, params, why):
    with pytest.raises(UsageError, match=why):
        source_of(given(text, "postgresql", *params))


@pytest.mark.parametrize("engine", ["duckdb", "postgresql", "sqlite"])
def test_a_parameter_with_a_dollar_is_one_on_every_engine(engine):
    text = "SELECT id FROM t WHERE a = $1 AND b > $1"
    with pytest.raises(UsageError, match="no value for parameter 1"):
        source_of(given(text, engine))
    source = source_of(given(text, engine, "1=5"))
    assert source.bound(source.text) == "SELECT id FROM t WHERE a = 5 AND b > 5"


async def test_rules_keep_parameters_as_the_author_wrote_them():
    text = "SELECT id FROM t WHERE (a = :x AND b = 1) OR (a = :x AND b = 2)"
    found = [
        c async for c in search.propose(given(text, "postgresql", "x=1"), None, frozenset(), None)
    ]
    assert any(c.move == "rule:factor-or" for c in found)
    assert all(":x" in c.files["q.sql"] for c in found)
