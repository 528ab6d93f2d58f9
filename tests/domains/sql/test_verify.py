"""Verdicts over real engines: what is wrong is refused with a database that shows it, what is right is not."""

import json
import random
import sqlite3

import pytest

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.engines import Outcome
from proofsmith.domains.sql.engines.keeper import Keeper
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.testing.differential import Pair, Tally, confirm, examine
from proofsmith.domains.sql.testing.results import Promise, difference
from proofsmith.domains.sql.verify import Verifier
from proofsmith.errors import DiedTwice, UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status
from tests.domains.sql.test_equivalence import DDL, PAIRS

pytestmark = pytest.mark.slow
SMALL = "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE k (id INTEGER PRIMARY KEY, a INTEGER)"


async def judged(base, candidate, engine, depth=Depth.QUICK, ddl=SMALL, domain=None, **options):
    made = problem("q.sql", base, ddl, engine, Goal.SPEED, options)
    version = Candidate(files={"q.sql": candidate})
    sandbox = await open_sandbox()
    return await (domain or SqlDomain()).verify(made, version, sandbox, depth)


def test_a_number_of_ten_thousand_digits_is_compared():
    huge = [
        Outcome(ended="ok", columns=("a",), types=("",), rows=(({"decimal": text},),))
        for text in ("1" + "0" * 10_000, "1E+10000", "1" + "0" * 9_999)
    ]
    assert [difference(huge[0], other, Promise()) for other in huge] == ["", "", "rows"]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_no_verdict_contradicts_the_truth_of_a_pair(engine):
    domain = SqlDomain()
    for row in PAIRS:
        if engine not in row.get("engines", [engine]):
            continue
        depth = Depth.FULL if row["family"] in ("size", "text", "time") else Depth.QUICK
        verdict = await judged(row["base"], row["candidate"], engine, depth, ddl=DDL, domain=domain)
        if row["equivalent"]:
            assert verdict.status is not Status.FAILED, (row, verdict.feedback)
        else:
            assert not verdict.status.at_least(Status.TESTED), (row, verdict)


HELD = """CREATE TABLE p (id INTEGER PRIMARY KEY, up INTEGER REFERENCES p(id), s VARCHAR(8), c DECIMAL(8, 2), n INT);
CREATE TABLE q (id INTEGER PRIMARY KEY, up INTEGER NOT NULL REFERENCES q(id));"""


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        (
            "WITH RECURSIVE r(id) AS (SELECT id FROM p WHERE up IS NULL UNION "
            "SELECT p.id FROM p JOIN r ON p.up = r.id) SELECT id FROM r",
            "SELECT id FROM p",
        ),
        ("SELECT id FROM q WHERE id IN (SELECT up FROM q)", "SELECT id FROM q"),
        ("SELECT id FROM p WHERE LOWER(s) = 'ab'", "SELECT id FROM p WHERE s = 'ab' OR s = 'AB'"),
        ("SELECT id FROM p WHERE LENGTH(s) >= 5", "SELECT id FROM p WHERE LENGTH(s) = 5"),
        ("SELECT id FROM p WHERE c > 3.4", "SELECT id FROM p WHERE c >= 4"),
    ],
    ids=["rows in a circle", "a row above itself", "mixed case", "lengths", "fractions"],
)
async def test_the_databases_hold_what_only_odd_rows_show(engine, base, candidate):
    verdict = await judged(base, candidate, engine, ddl=HELD)
    assert verdict.status is Status.FAILED, verdict
    assert "rows" in verdict.evidence[-1].facts


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
async def test_a_whole_number_that_becomes_a_fraction_is_another_result(engine):
    base = "SELECT CASE WHEN n > 1 THEN 1 ELSE 2 END AS w FROM p"
    verdict = await judged(base, base.replace("ELSE 2", "ELSE 2.0"), engine, ddl=HELD)
    assert verdict.status is Status.FAILED
    wider = "SELECT SUM(n) AS w FROM p"
    same = "SELECT SUM(k) AS w FROM (SELECT n, SUM(n) AS k FROM p GROUP BY n) AS g"
    assert (await judged(wider, same, engine, ddl=HELD)).status.at_least(Status.TESTED)


async def test_a_counter_example_is_a_small_script_that_the_engine_runs_from_empty():
    verdict = await judged("SELECT COUNT(a) AS n FROM t", "SELECT COUNT(*) AS n FROM t", "sqlite")
    assert verdict.status is Status.FAILED
    facts = verdict.evidence[-1].facts
    assert facts["rows"] == 1
    script = str(facts["script"])
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(script)
    connection.close()
    assert "-- original: (0)" in script
    assert "-- candidate: (1)" in script


@pytest.mark.parametrize(
    ("base", "candidate", "why"),
    [
        ("SELECT a FROM t", "SELECT a, b FROM t", "2 columns"),
        ("SELECT a AS x FROM t", "SELECT a AS y FROM t", "called 'y'"),
        ("SELECT a FROM t", "SELECT CAST(a AS DOUBLE) AS a FROM t", "type"),
        (
            "SELECT a FROM t ORDER BY a, b",
            "SELECT a FROM (SELECT * FROM t ORDER BY a, b) AS x",
            "no promise",
        ),
        ("SELECT a FROM t", "SELECT missing AS a FROM t", "refuses it"),
        ("SELECT id FROM k ORDER BY a, id", "SELECT id FROM k ORDER BY id", "another order"),
        ("SELECT a FROM t", "SELECT a + 0 AS a FROM k", "other rows"),
    ],
)
async def test_a_candidate_of_another_shape_or_order_is_refused_with_the_reason(
    base, candidate, why
):
    verdict = await judged(base, candidate, "duckdb")
    assert verdict.status is Status.FAILED
    assert why in verdict.feedback


@pytest.mark.parametrize("engine", ["postgresql", "duckdb"])
async def test_the_word_null_has_the_type_of_what_stands_in_its_place(engine):
    base = "SELECT a, CAST(NULL AS INTEGER) AS n FROM t"
    derived = "SELECT x.a, x.n FROM (SELECT a, NULL AS n FROM t) AS x"
    verdict = await judged(base, derived, engine)
    assert verdict.status.at_least(Status.TESTED), verdict.feedback
    values = "SELECT v.a, v.n FROM (VALUES (1, NULL)) AS v(a, n) WHERE 1 = 0"
    assert "type" not in (await judged(base, values, engine)).feedback
    text = await judged(base, "SELECT a, CAST(NULL AS VARCHAR) AS n FROM t", engine)
    assert "type" in text.feedback


async def test_what_returns_nothing_needs_no_order():
    never = "SELECT a FROM t WHERE 1 = 0"
    verdict = await judged("SELECT a FROM t WHERE FALSE ORDER BY a", never, "duckdb")
    assert verdict.status is not Status.FAILED, verdict.feedback


@pytest.mark.parametrize("engine", ["sqlite", "duckdb", "postgresql"])
async def test_rows_that_tie_may_stand_in_any_order_also_under_a_star(engine):
    base = "SELECT * FROM k ORDER BY a"
    same = "SELECT * FROM k WHERE id IN (SELECT id FROM k) ORDER BY a, id DESC"
    verdict = await judged(base, same, engine)
    assert verdict.status.at_least(Status.TESTED), verdict.feedback
    other = await judged(base, "SELECT * FROM k ORDER BY id", engine)
    assert "another order" in other.feedback


def test_a_limit_among_ties_hides_the_order_of_the_widened_original():
    base = Outcome(ended="ok", columns=("a",), rows=((1,), (2,)), count=2)
    other = Outcome(ended="ok", columns=("a",), rows=((2,), (1,)), count=2)
    widened = Outcome(ended="ok", columns=("a", "k"), rows=((1, 7), (2, 8)), count=2)
    elsewhere = Outcome(ended="ok", columns=("a", "k"), rows=((1, 7), (3, 7)), count=2)
    assert difference(base, other, Promise(ordered=True), widened) == "order"
    assert difference(base, other, Promise(ordered=True), elsewhere) == ""


async def test_names_may_differ_when_columns_are_compared_by_position():
    verdict = await judged(
        "SELECT a AS x FROM t", "SELECT a AS y FROM t", "sqlite", **{"by-position": True}
    )
    assert verdict.status is Status.PROVED


async def test_an_original_that_changes_by_itself_or_depends_on_storage_is_undecided():
    volatile = await judged("SELECT random() AS a", "SELECT 1 AS a", "sqlite")
    assert volatile.status is not Status.TESTED
    same = await judged("SELECT random() AS a", "SELECT random() AS a", "sqlite")
    assert same.status is Status.UNDECIDED
    assert "changes by itself" in same.feedback
    tied = await judged("SELECT a FROM t LIMIT 1", "SELECT a FROM t WHERE TRUE LIMIT 1", "sqlite")
    assert tied.status is Status.UNDECIDED
    assert "how rows are stored" in tied.feedback


async def test_a_counter_example_of_the_solver_that_the_engine_does_not_show_leaves_no_claim():
    base = "SELECT sku, price AS p FROM product"
    cast = "SELECT sku, CAST(price AS DOUBLE PRECISION) AS p FROM product"
    verdict = await judged(base, cast, "sqlite", Depth.FULL, ddl=DDL)
    assert verdict.status is Status.UNDECIDED
    assert verdict.evidence[-1].facts["solver"] == "differ"
    assert "returns the same there" in verdict.feedback


async def test_an_original_that_the_engine_refuses_is_the_users_to_correct():
    with pytest.raises(UsageError, match="refuses the query"):
        await judged("SELECT missing FROM t", "SELECT a FROM t", "duckdb")


async def test_a_refutation_that_a_fresh_database_does_not_show_counts_as_the_engines_fault():
    verdict = await judged(
        "SELECT MAX(id) AS m FROM k",
        "SELECT (SELECT id FROM k ORDER BY id DESC LIMIT 1) AS m",
        "duckdb",
    )
    assert verdict.status is not Status.FAILED, json.dumps(verdict.feedback)


TEXTS = "CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(9))"


@pytest.mark.parametrize(
    ("base", "candidate", "ddl", "status"),
    [
        ("v LIKE 'ab%'", "v >= 'ab' AND v < 'ac'", TEXTS, Status.UNDECIDED),
        ("v > 'a' AND v > 'B'", "v > 'B'", TEXTS, Status.FAILED),
        ("v > 'B' AND v > 'a'", "v > 'a'", TEXTS, Status.UNDECIDED),
        ("v LIKE 'ab%'", "v >= 'ab' AND v < 'ac'", TEXTS[:-1] + ' COLLATE "C")', Status.TESTED),
        ("v > 'a' AND id > 1", "id >= 2 AND v > 'a'", TEXTS, Status.PROVED),
    ],
)
async def test_what_is_equal_in_one_collation_of_postgresql_alone_is_undecided(
    base, candidate, ddl, status
):
    texts = [f"SELECT id FROM t WHERE {condition}" for condition in (base, candidate)]
    verdict = await judged(*texts, "postgresql", Depth.FULL, ddl)
    assert verdict.status is status, verdict
    assert (verdict.status is Status.UNDECIDED) == ("under the collation" in verdict.feedback)


WIDE = (
    "CREATE TABLE w (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, big BIGINT, f DOUBLE PRECISION)"
)


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
@pytest.mark.parametrize("depth", [Depth.QUICK, Depth.FULL])
@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ("a > b", "a - b > 0"),
        ("ABS(a) > 3", "a * a > 9"),
        ("big > a", "CAST(big AS INTEGER) > a"),
        ("f IS NOT NULL", "f - f = 0"),
    ],
)
async def test_arithmetic_that_overflows_in_the_candidate_alone_leaves_it_undecided(
    engine, depth, base, candidate
):
    texts = [f"SELECT id FROM w WHERE {condition}" for condition in (base, candidate)]
    results_differ = candidate == "f - f = 0"
    verdict = await judged(*texts, engine, depth, WIDE)
    assert verdict.status is (Status.FAILED if results_differ else Status.UNDECIDED)
    assert results_differ or "fails where the original does not" in verdict.feedback
    assert verdict.evidence[0].facts["script"]
    other_way = await judged(*texts[::-1], engine, depth, WIDE)
    assert (other_way.status is Status.FAILED) is results_differ


@pytest.mark.parametrize("tolerant", [False, True])
async def test_rows_that_differ_refute_though_another_database_overflows(tolerant):
    pair = Pair(
        schema=parse_schema("CREATE TABLE t (a INTEGER)", "postgresql"),
        base="SELECT a FROM t WHERE a IS NOT NULL",
        candidate="SELECT a FROM t WHERE a + 1 > 5",
        promise=Promise(),
    )
    engine = await Keeper().engine("postgresql", await open_sandbox())
    databases = [{"t": [(2**31 - 1,)]}, {"t": [(7,)]}, {"t": [(5,), (4,)]}]
    tally = await examine(engine, pair, iter(databases), 1, tolerant=tolerant)
    assert tally.found.kind == ("rows" if tolerant else "error")
    assert (tally.databases, tally.failing is None) == ((3, False) if tolerant else (1, True))


class Rarely:
    """Answers as an engine whose choice between two rows that tie shows in one order of twenty."""

    def __init__(self):
        self.asked = 0

    async def trials(self, _schema, scripts, _statements, **_limits):
        answers = []
        for _ in scripts:
            self.asked += 1
            other = self.asked == 20
            cells = (int(other), 1)
            answers.append([Outcome(ended="ok", rows=((cell,),)) for cell in cells])
        return answers


@pytest.mark.parametrize("fragile", [False, True])
async def test_a_tie_that_shows_in_one_order_of_twenty_is_no_difference(fragile):
    schema = parse_schema("CREATE TABLE t (a INTEGER)", "duckdb")
    texts = {"base": "SELECT a FROM t LIMIT 1", "candidate": "SELECT MAX(a) AS a FROM t"}
    pair = Pair(schema=schema, promise=Promise(), fragile=fragile, **texts)
    tally = Tally()
    database = {"t": [(0,), (1,)]}
    found = await confirm(Rarely(), pair, database, tally, random.Random(1))
    assert (found is None, tally.undetermined) == ((True, 1) if fragile else (False, 0))


@pytest.mark.parametrize("guilty", [["candidate"], ["candidate", "original"]])
async def test_a_candidate_that_kills_the_engine_is_refused_unless_the_original_does_too(
    guilty, monkeypatch
):
    texts = {"candidate": "SELECT b AS a FROM t", "original": "SELECT a FROM t"}
    deadly = {texts[name] for name in guilty}
    verify = Verifier.verify

    async def dying(self, candidate, *given):
        if candidate.files["q.sql"] in deadly:
            raise DiedTwice("died twice")
        return await verify(self, candidate, *given)

    monkeypatch.setattr(Verifier, "verify", dying)
    asked = judged(texts["original"], texts["candidate"], "sqlite")
    if "original" in guilty:
        with pytest.raises(DiedTwice):
            await asked
    else:
        verdict = await asked
        assert (verdict.status, "dies of it" in verdict.feedback) == (Status.FAILED, True)


INVOICES = """CREATE TABLE inv (iid INTEGER PRIMARY KEY, net DECIMAL(8, 2) NOT NULL, tot DECIMAL(8, 2) NOT NULL,
qty INTEGER NOT NULL)"""


@pytest.mark.parametrize(
    ("base", "candidate", "engine"),
    [
        ("iid FROM inv WHERE tot / 1.1 >= net", "iid FROM inv WHERE tot >= net * 1.1", "duckdb"),
        ("iid FROM inv WHERE tot / 1.1 >= net", "iid FROM inv WHERE tot >= net * 1.1", "sqlite"),
        ("iid FROM inv WHERE net * 1.2 > tot", "iid FROM inv WHERE net > tot / 1.2", "duckdb"),
        ("iid FROM inv WHERE net * 100 = qty", "iid FROM inv WHERE net = qty / 100.0", "sqlite"),
        ("FLOOR(tot / 1.1) AS f FROM inv", "FLOOR(tot * 10 / 11) AS f FROM inv", "duckdb"),
        (
            "iid, CAST(net * 100 AS INTEGER) AS c FROM inv",
            "iid, CAST(net * 1000 / 10 AS INTEGER) AS c FROM inv",
            "sqlite",
        ),
    ],
)
async def test_a_factor_moved_across_a_comparison_is_refused_where_floats_round(
    base, candidate, engine
):
    verdict = await judged(
        f"SELECT {base}", f"SELECT {candidate}", engine, Depth.FULL, ddl=INVOICES
    )
    assert verdict.status is Status.FAILED, verdict
