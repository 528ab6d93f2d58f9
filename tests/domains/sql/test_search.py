"""The search yields every rule's rewrites once, singles first, then combinations; derivations replay them."""

from itertools import islice

import pytest

from proofsmith.domains.sql import analysis, search
from proofsmith.domains.sql.corroboration import OwnData, lifted, rules_of, vacuous
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.derivation import Derivation, derive
from proofsmith.domains.sql.query import Unreadable, parse_query
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.source import problem
from proofsmith.types import Candidate, Evidence, Goal, Status, Verdict

DDL = """CREATE TABLE emp (id INTEGER PRIMARY KEY, dept_id INTEGER, sal INTEGER, city TEXT);
CREATE TABLE dept (id INTEGER PRIMARY KEY, budget INTEGER);"""
NESTED = """SELECT e.id FROM emp e, dept d WHERE e.dept_id = d.id AND d.budget = 7
AND e.sal > (SELECT AVG(x.sal) FROM emp x WHERE x.dept_id = d.id)"""


@pytest.fixture
def schema():
    return parse_schema(DDL, "postgresql")


async def proposals(text, parent=None, tried=frozenset()):
    given = problem("q.sql", text, DDL, "postgresql", Goal.SPEED, {})
    found = search.propose(given, parent, tried, None)
    return [candidate async for candidate in found]


async def test_single_rules_come_first_and_nothing_twice():
    found = await proposals(NESTED)
    moves = [candidate.move for candidate in found]
    assert moves[0] == "rule:decorrelate-restricted"
    assert "rule:decorrelate" in moves
    assert len({candidate.id for candidate in found}) == len(found)
    depths = [move.count("+") for move in moves]
    assert depths == sorted(depths)


async def test_what_was_tried_is_left_out_and_equal_calls_agree():
    found = await proposals(NESTED)
    again = await proposals(NESTED, tried=frozenset([found[0].id]))
    assert [c.id for c in again] == [c.id for c in found[1:]]


async def test_a_parent_is_developed_further():
    parent = next(c for c in await proposals(NESTED) if c.move == "rule:decorrelate")
    assert all(c.parents == (parent.id,) for c in await proposals(NESTED, parent))


async def test_a_rewrite_sees_through_views_and_keeps_the_definitions_of_its_file():
    head = "-- ours\nCREATE VIEW rich AS SELECT * FROM dept WHERE budget > 7;\n-- asked daily\n"
    query = "SELECT id FROM emp e WHERE (SELECT COUNT(*) FROM rich AS d WHERE d.id = e.dept_id) > 0"
    found = [c.files["q.sql"] for c in await proposals(f"{head}{query};\n")]
    assert found
    for text in found:
        assert text.startswith(f"{head}SELECT")
        assert text.endswith(";\n")
        assert "rich" not in text.removeprefix(head)


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_a_table_expression_that_a_view_would_read_is_not_taken_for_the_table(engine):
    schema = parse_schema(
        f"{DDL}; CREATE VIEW v AS SELECT id FROM dept; CREATE VIEW w AS SELECT * FROM v", engine
    )
    text = "WITH dept AS (SELECT 1 AS id) SELECT id FROM w"
    assert analysis.qualified(parse_query(text, engine), schema) is None
    with pytest.raises(Unreadable, match="hides"):
        qualified(text, schema)
    renamed = parse_query(text.replace("WITH dept", "WITH other"), engine)
    assert analysis.qualified(renamed, schema) is not None


async def test_a_query_without_a_fitting_rule_gives_nothing():
    assert await proposals("SELECT id FROM emp") == []


def test_every_early_rewrite_is_derived_again_from_texts_alone(schema):
    for rewrite in islice(search.rewrites(NESTED, schema), 8):
        text = written(rewrite.tree, schema)
        assert derive(NESTED, text, schema, rewrite.rules) is not None, rewrite.move


def test_a_derivation_is_found_without_a_hint_and_names_what_it_rests_on(schema):
    tree = next(r for r in search.rewrites(NESTED, schema) if r.move == "decorrelate").tree
    found = derive(NESTED, written(tree, schema), schema)
    assert found.rules == ("decorrelate",)
    assert "COUNT" in found.preconditions[0]


@pytest.mark.parametrize(
    ("correct", "wrong"),
    [("e.sal > ", "e.sal >= "), ("= 7", "= 8"), ("AVG(", "MAX("), ("e.id", "d.id")],
)
def test_a_candidate_that_says_something_else_has_no_derivation(schema, correct, wrong):
    tree = next(r for r in search.rewrites(NESTED, schema) if r.move == "decorrelate").tree
    text = NESTED.replace(correct, wrong, 1)
    assert text != NESTED
    assert derive(text, written(tree, schema), schema, ("decorrelate",)) is None


def undecided(telling):
    facts = {"databases": 300, "telling": telling, "few_telling": telling < 20}
    evidence = Evidence(
        check="differential", status=Status.UNDECIDED, command=("true",), facts=facts
    )
    return Verdict(status=Status.UNDECIDED, evidence=(evidence,))


PROOF = Derivation(("decorrelate",), ("...",))


def test_a_vacuous_verdict_is_lifted_by_a_derivation_with_telling_rows_of_the_user():
    assert vacuous(undecided(0))
    found = lifted(undecided(0), OwnData("ok", rows=4, telling=True), PROOF)
    assert found.status is Status.TESTED
    assert found.evidence[0].facts["rules"] == ["decorrelate"]


@pytest.mark.parametrize(
    ("own", "derivation"),
    [
        (OwnData("ok", rows=0), PROOF),
        (OwnData("timeout"), PROOF),
        (OwnData("ok", rows=4, telling=True), None),
    ],
)
def test_less_than_both_lifts_nothing(own, derivation):
    assert lifted(undecided(0), own, derivation).status is Status.UNDECIDED


def test_a_difference_on_the_users_rows_fails_whatever_was_derived():
    found = lifted(undecided(0), OwnData("ok", "other rows", 4, telling=True), PROOF)
    assert found.status is Status.FAILED


def test_only_rule_moves_name_rules():
    assert rules_of(Candidate(files={}, move="rule:a+b*")) == ("a", "b*")
    assert rules_of(Candidate(files={}, move="model:1")) == ()
