"""Timing on a real engine: what is faster is found, what is the same is not called faster, what is late is stopped."""

import asyncio
import random
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from proofsmith.domains.sql.bench import Benches, filled
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.engines import Clocked
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.timing import compare
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, ComparisonVerdict, Depth, Goal, Status

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER); CREATE TABLE u (k INTEGER);"
SLOW = "SELECT COUNT(*) AS n FROM t a, t b WHERE a.k = b.k AND a.v < b.v"
FAST = "SELECT COUNT(*) AS n FROM t"
ENDLESS = "SELECT COUNT(*) AS n FROM t a, t b, t c, t d WHERE a.v + b.v + c.v + d.v = -1"


@asynccontextmanager
async def bench(folder, engine, rows=3000):
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    text = "".join(f"{n},{n % 7},{n * 37 % 1000}\n" for n in range(rows))
    (folder / "t.csv").write_text("id,k,v\n" + text)
    (folder / "u.csv").write_text("k\n1\n\n2\n")
    made = await filled(parse_schema(DDL, engine), folder, "test rows", await open_sandbox())
    try:
        yield made
    finally:
        await made.engine.close()


@pytest.fixture
def data(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp().parent / "rows"
    for parent in folder.parents[:3]:
        if parent.name.startswith("pytest"):
            parent.chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
async def test_a_cheaper_query_is_faster_and_an_equal_one_never_is(data, engine):
    async with bench(data, engine) as made:
        found = await compare(made, SLOW, FAST, Depth.FULL)
        assert found.verdict is ComparisonVerdict.FASTER, found
        same = await compare(made, FAST, FAST, Depth.QUICK)
        assert same.ratio < 1.5
        empty = await made.database.run("SELECT COUNT(*) AS n FROM u WHERE k IS NULL")
        assert empty.rows == ((1,),)


class Uneven:
    """A bench whose host takes 8 % longer for the first half of each batch; a text names its seconds."""

    engine = SimpleNamespace(version="an engine")
    data = "no rows"

    async def plan(self, statement, **_):
        return {}, "none"

    async def clock(self, statements, *, limit_s, settings=()):
        half = len(statements) / 2
        return [
            Clocked(
                wall_s=float(text) * (1.08 if place < half else 1.0), rows=1, ended="ok", error=""
            )
            for place, text in enumerate(statements)
        ]


class Slow(Uneven):
    """A bench whose clock goes on by the seconds that texts name, as far as limits let it."""

    def __init__(self):
        self.slow, self.best, self.spent_s = {}, {}, 0.0

    async def clock(self, statements, *, limit_s, settings=()):
        found = []
        for text in statements:
            wall_s = min(float(text), limit_s)
            self.spent_s += wall_s
            ended = "ok" if float(text) <= limit_s else "timeout"
            found.append(Clocked(wall_s=wall_s, rows=1, ended=ended, error=""))
        return found


async def test_a_slow_query_is_run_whole_once_where_a_much_faster_one_can_be_shown_early():
    made = Slow()
    for candidate in ("0.01", "1", "11"):
        found = await compare(made, "12", candidate, Depth.QUICK, pace_s=30.0)
        assert (found.verdict is ComparisonVerdict.FASTER) is (candidate != "11")
    assert made.spent_s < 12 + 2 * (0.01 + 1 + 11) + 1
    made.spent_s = 0
    shown = await compare(made, "12", "0.01", Depth.FULL, pace_s=30.0)
    assert shown.verdict is ComparisonVerdict.FASTER
    assert shown.high is None
    assert 12 / 0.01 > shown.low == pytest.approx(2 / 0.01)
    assert "takes 12.0 s" in shown.metric
    assert made.spent_s < 15
    endless = await compare(made, "1000", "0.01", Depth.FULL, pace_s=30.0)
    assert endless.verdict is ComparisonVerdict.FASTER
    assert made.spent_s < 60
    whole = await compare(made, "12", "9", Depth.FULL, pace_s=30.0)
    assert whole.low == pytest.approx(12 / 9)
    exact = await compare(made, "12", "0.01", Depth.FULL)
    assert exact.low == exact.high == pytest.approx(1200)


async def test_no_candidate_is_waited_for_that_a_much_faster_one_leaves_behind():
    made = Slow()
    first = await compare(made, "1000", "0.01", Depth.QUICK, pace_s=30.0)
    assert first.verdict is ComparisonVerdict.FASTER
    assert made.spent_s < 16
    made.spent_s = 0
    behind = await compare(made, "1000", "14", Depth.QUICK, pace_s=30.0)
    assert behind.verdict is ComparisonVerdict.INCONCLUSIVE
    assert behind.ratio is None
    assert made.spent_s < 2
    whole = await compare(Slow(), "14", "14.5", Depth.QUICK, pace_s=30.0)
    assert whole.verdict is not ComparisonVerdict.FASTER


async def test_a_query_of_a_second_is_screened_by_single_runs_and_judged_by_six_pairs_in_a_run():
    made = Slow()
    screened = await compare(made, "1", "0.1", Depth.QUICK, pace_s=30.0)
    assert screened.verdict is ComparisonVerdict.FASTER
    assert made.spent_s < 3
    judged = await compare(made, "1", "0.1", Depth.FULL, pace_s=30.0)
    assert (judged.verdict, judged.pairs) == (ComparisonVerdict.FASTER, 6)
    assert judged.ratio == pytest.approx(10)
    alone = await compare(made, "1", "0.1", Depth.FULL)
    assert alone.pairs > 6
    same = await compare(made, "1", "1", Depth.FULL, pace_s=30.0)
    assert same.verdict is not ComparisonVerdict.FASTER


class OneSided(random.Random):
    """Coins that all fall on one side, so that an uneven host looks like a difference."""

    def getrandbits(self, k):
        return 1


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [("0.004", ComparisonVerdict.FASTER), ("0.1", ComparisonVerdict.INCONCLUSIVE)],
    ids=["a gain beyond what the host feigns", "a gain that it feigns"],
)
async def test_a_host_that_feigns_differences_widens_the_interval_and_loses_no_larger_gain(
    candidate, verdict
):
    found = await compare(Uneven(), "0.1", candidate, Depth.FULL, rng=OneSided())
    assert "widened by" in found.host["self_check"]
    assert found.verdict is verdict, found
    assert found.low < 0.1 / float(candidate) < found.high


@pytest.mark.slow
async def test_a_late_candidate_is_stopped_and_a_late_base_is_censored(data):
    async with bench(data, "sqlite") as made:
        late = await compare(made, FAST, ENDLESS, Depth.QUICK)
        assert late.verdict is ComparisonVerdict.SLOWER
        assert "cancelled" in late.reason
        censored = await compare(made, ENDLESS, FAST, Depth.FULL, limit_s=0.5)
        assert censored.verdict is ComparisonVerdict.FASTER
        assert censored.high is None
        assert censored.low == 0.5 / max(censored.candidate_samples)
        both = await compare(made, ENDLESS, ENDLESS, Depth.QUICK, limit_s=0.5)
        assert both.verdict is ComparisonVerdict.INVALID


@pytest.mark.slow
async def test_a_failing_candidate_is_invalid(data):
    async with bench(data, "duckdb") as made:
        found = await compare(made, FAST, "SELECT nothing FROM t", Depth.QUICK)
        assert found.verdict is ComparisonVerdict.INVALID
        assert "nothing" in found.reason


async def test_data_that_do_not_fit_the_schema_are_refused_before_an_engine_starts(tmp_path):
    (tmp_path / "t.csv").write_text("id,wrong\n1,2\n")
    schema = parse_schema(DDL, "duckdb").only(["t"])
    with pytest.raises(UsageError, match="wrong"):
        await filled(schema, tmp_path, "test rows", None)
    with pytest.raises(UsageError, match=r"no readable u\.csv"):
        await filled(parse_schema(DDL, "duckdb").only(["u"]), tmp_path, "test rows", None)


@pytest.mark.slow
async def test_own_rows_are_compared_profiled_and_advised_on(data, tmp_path):
    async with bench(data, "sqlite"):
        pass
    (tmp_path / "schema.sql").write_text(DDL)
    (tmp_path / "q.sql").write_text("SELECT a.id FROM t a WHERE a.v = 37 AND a.k = 1")
    domain, sandbox = SqlDomain(), await open_sandbox()
    options = {"engine": "sqlite", "data": str(data)}
    given = await domain.read(tmp_path / "q.sql", Goal.SPEED, options, sandbox)
    other = {"q.sql": "SELECT a.id FROM t a WHERE a.v = 37 AND a.k = 1 AND a.id <> 1001"}
    verdict = await domain.verify(
        given, Candidate(files={**given.files, **other}), sandbox, Depth.FULL
    )
    assert verdict.status is Status.FAILED
    profile = await domain.profile(given, Candidate(files=given.files), sandbox)
    assert "SCAN" in profile.summary


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "setting", "value"),
    [
        ("postgresql", "work_mem", "256MB"),
        ("sqlite", "cache_size", "-262144"),
        ("duckdb", "threads", "2"),
    ],
)
async def test_settings_hold_for_the_statement_that_names_them_alone(data, engine, setting, value):
    folder = data
    async with bench(folder, engine, rows=50):
        pass
    made = await filled(
        parse_schema(DDL, engine), folder, "rows", await open_sandbox(), tunable=True
    )
    try:
        found = await compare(made, FAST, FAST, Depth.QUICK, settings={setting: value})
        assert found.pairs >= 10
        assert found.reason
    finally:
        await made.engine.close()


async def test_settings_outside_the_safe_set_are_refused_before_anything_runs(tmp_path):
    (tmp_path / "schema.sql").write_text(DDL)
    (tmp_path / "q.sql").write_text(FAST)
    domain = SqlDomain()
    given = await domain.read(tmp_path / "q.sql", Goal.SPEED, {"engine": "postgresql"}, None)
    offered = Candidate(files=given.files, settings={"statement_timeout": "0"})
    verdict = await domain.verify(given, offered, None, Depth.QUICK)
    assert verdict.status is Status.FAILED


async def test_knobs_are_proposed_when_asked_for_alone(tmp_path):
    (tmp_path / "schema.sql").write_text(DDL)
    (tmp_path / "q.sql").write_text(FAST)
    domain = SqlDomain()
    for options, wanted in (({"knobs": True}, True), ({}, False)):
        options = {"engine": "postgresql", **options}
        given = await domain.read(tmp_path / "q.sql", Goal.SPEED, options, None)
        found = [c async for c in domain.propose(given, None, frozenset(), None)]
        assert any(c.settings for c in found) is wanted


async def test_an_engine_that_was_lost_while_someone_waited_is_started_again():
    benches, sandbox = Benches(), await open_sandbox()
    given = problem(
        "q.sql", "SELECT a FROM t", "CREATE TABLE t (a INTEGER)", "sqlite", Goal.SPEED, {}
    )

    async def rows(bench):
        return (await bench.clock(["SELECT a FROM t"], limit_s=5.0))[0].rows

    first = await benches.use(given, sandbox, rows)

    async def forgotten(bench):
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        waiting = asyncio.create_task(bench.clock([endless], limit_s=60.0))
        await asyncio.sleep(0.5)
        waiting.cancel()
        await asyncio.wait([waiting])

    await benches.use(given, sandbox, forgotten)
    assert await benches.use(given, sandbox, rows) == first > 0
