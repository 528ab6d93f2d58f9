"""The user's own database is read, never written, and its password never shown."""

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager

import duckdb
import pytest

from proofsmith.domains.sql.broker import (
    address_of,
    ddl_of,
    keyless,
    outcomes,
    without_password,
)
from proofsmith.domains.sql.corroboration import on_own_database
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import source_of
from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import ServiceSpec
from proofsmith.types import Candidate, Depth, Goal, Limits, Status
from tests.cli.command import proofsmith

DDL = """CREATE TABLE dept (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE);
CREATE TABLE emp (id INTEGER PRIMARY KEY, dept_id INTEGER REFERENCES dept (id), sal INTEGER CHECK (sal > 0));
INSERT INTO dept VALUES (1, 'a'), (2, 'b');
INSERT INTO emp VALUES (1, 1, 5), (2, NULL, 7), (3, 2, 9);"""
START = """set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
"$bin/initdb" -D /tmp/data -U me --auth=trust --no-sync -E UTF8 --locale=C >/dev/null
exec "$bin/postgres" -D /tmp/data -c listen_addresses= -c unix_socket_directories=/socket -c fsync=off \
 -c dynamic_shared_memory_type=mmap"""
REPLICA = START.replace(
    "exec ",
    """"$bin/postgres" --single -D /tmp/data postgres >/dev/null <<'SQL'
CREATE TABLE emp (id INTEGER PRIMARY KEY, sal INTEGER);
INSERT INTO emp VALUES (1, 5), (2, 7);
SQL
touch /tmp/data/standby.signal
exec """,
)


def sqlite_file(folder):
    with sqlite3.connect(folder / "own.db") as connection:
        connection.executescript(DDL)
    connection.close()
    return folder / "own.db"


def duckdb_file(folder):
    with duckdb.connect(str(folder / "own.duckdb")) as connection:
        connection.execute(DDL)
    return folder / "own.duckdb"


@pytest.mark.parametrize("make", [sqlite_file, duckdb_file])
def test_a_file_gives_its_schema_and_its_rows_and_takes_no_change(make, tmp_path):
    address = address_of(str(make(tmp_path)))
    schema = parse_schema(ddl_of(address, frozenset(["emp"])), address.engine)
    assert schema.tables["dept"].unique == (("name",),)
    assert schema.tables["emp"].foreign_keys[0].table == "dept"
    found, refused = outcomes(address, ["SELECT SUM(sal) AS s FROM emp", "DELETE FROM emp"])
    assert (found.ended, found.rows) == ("ok", ((21,),))
    assert refused.ended == "error"
    (late,) = outcomes(address, ["SELECT COUNT(*) FROM emp"], limit_s=30.0)
    assert late.rows == ((3,),)


@pytest.mark.parametrize("make", [sqlite_file, duckdb_file])
def test_of_two_thousand_tables_the_used_ones_and_those_they_refer_to_are_read(make, tmp_path):
    path = make(tmp_path)
    engine = sqlite3 if make is sqlite_file else duckdb
    connection = engine.connect(str(path))
    connection.execute("BEGIN")
    for number in range(2000):
        connection.execute(f"CREATE TABLE t{number} (a INTEGER)")
    connection.execute('CREATE VIEW "odd one" AS SELECT a FROM t1999')
    connection.commit()
    connection.close()
    address = address_of(str(path))
    read = parse_schema(ddl_of(address, frozenset(["emp"])), address.engine)
    assert set(read.tables) == {"emp", "dept"}
    viewed = parse_schema(ddl_of(address, frozenset(["odd one"])), address.engine)
    assert (set(viewed.tables), set(viewed.views)) == ({"t1999"}, {"odd one"})


def test_rows_that_break_a_declared_key_stop_the_run(tmp_path):
    path = sqlite_file(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO emp VALUES (4, 77, 1)")
    connection.close()
    with pytest.raises(UsageError, match="emp row 4 has no dept"):
        ddl_of(address_of(str(path)), frozenset(["emp"]))


def test_a_password_is_never_shown():
    address = address_of("postgresql://me:secret@127.0.0.1:1/db?sslpassword=hidden")
    assert "secret" not in repr(address) + address.shown
    assert "hidden" not in address.shown
    assert without_password("host=x password=y user=z") == "host=x password=*** user=z"
    with pytest.raises(SandboxError) as told:
        ddl_of(address, frozenset(["t"]))
    assert "secret" not in told.value.message


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://me:secret@/shop?host=/tmp/x", "postgresql://me@/shop?host=/tmp/x"),
        ("postgresql://me:sec/r@et@h:1/db?password=secret", "postgresql://me@h:1/db"),
        ("postgresql://h/db?a=1&sslpassword=secret&b=2", "postgresql://h/db?a=1&b=2"),
    ],
)
def test_what_is_written_down_opens_with_a_password_from_elsewhere(given, kept):
    shown = address_of(given).shown
    assert keyless(shown) == kept
    assert "sec" not in shown
    assert "et@" not in shown


@pytest.mark.slow
def test_a_replay_measures_on_the_database_that_the_run_was_given(tmp_path):
    path = sqlite_file(tmp_path)
    (tmp_path / "q.sql").write_text(
        "SELECT id FROM emp e WHERE (SELECT COUNT(*) FROM big b WHERE b.sal = e.sal) > 0"
    )
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE big (sal INTEGER)")
        counting = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 90000)"
        connection.execute(f"INSERT INTO big {counting} SELECT a % 20 FROM n")
    connection.close()
    kept = ["--runs-dir", str(tmp_path / "runs")]
    asked = ["optimize", "q.sql", "--db", path.name, "--no-model", "-b", "3 attempts", *kept]
    made = proofsmith(*asked, "--json", cwd=tmp_path, timeout=200)
    assert made.returncode == 0, made.stdout + made.stderr
    run = json.loads(made.stdout)["report"]["run_id"]
    again = proofsmith("runs", "replay", run, *kept, cwd=tmp_path, timeout=200)
    assert again.returncode == 0, again.stdout
    path.rename(tmp_path / "elsewhere.db")
    gone = proofsmith("runs", "replay", run, *kept, cwd=tmp_path, timeout=200)
    assert gone.returncode == 2
    assert "there is no database own.db" in gone.stderr


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="there is no database"):
        address_of(str(tmp_path / "none.db"))


@pytest.mark.parametrize("make", [sqlite_file, duckdb_file])
async def test_a_view_beside_the_query_is_judged_on_the_users_rows(make, tmp_path):
    view = "CREATE VIEW paid AS SELECT id AS n, sal FROM emp; "
    (tmp_path / "q.sql").write_text(view + "SELECT n FROM paid WHERE sal < 9")
    domain, sandbox = SqlDomain(), await open_sandbox()
    given = await domain.read(tmp_path / "q.sql", Goal.SPEED, {"db": str(make(tmp_path))}, sandbox)
    assert "emp" in given.files["schema.sql"]
    address, source = domain._addresses[given.id], source_of(given)
    right = await on_own_database(address, source, view + "SELECT id AS n FROM emp WHERE sal < 9")
    assert (right.ended, right.difference, right.rows) == ("ok", "", 2)
    wrong = await on_own_database(address, source, view + "SELECT n FROM paid WHERE sal <= 9")
    assert wrong.difference
    made = Candidate(files={**given.files, "q.sql": "SELECT id AS n FROM emp WHERE sal < 9"})
    verdict = await domain.verify(given, made, sandbox, Depth.FULL)
    assert verdict.status is Status.PROVED


async def test_a_difference_on_the_users_rows_alone_refuses_a_candidate(tmp_path):
    path = sqlite_file(tmp_path)
    query = tmp_path / "q.sql"
    query.write_text("SELECT id FROM emp WHERE sal > 1")
    sandbox = await open_sandbox()
    domain = SqlDomain()
    problem = await domain.read(query, Goal.SPEED, {"db": str(path)}, sandbox)
    assert str(path) not in str(problem.options)
    good = Candidate(files={"q.sql": "SELECT id FROM emp WHERE sal >= 2"})
    verdict = await domain.verify(problem, good, sandbox, Depth.FULL)
    assert verdict.status.at_least(Status.TESTED), verdict.feedback


async def answering(url):
    """Wait until a server whose socket is there takes connections."""
    for _ in range(150):
        try:
            with address_of(url).connected():
                return
        except SandboxError:
            await asyncio.sleep(0.2)
    raise AssertionError("the server does not start")


@asynccontextmanager
async def server(script):
    """A PostgreSQL server of somebody else; yields its service and its address."""
    sandbox = (await open_sandbox()).fresh()
    spec = ServiceSpec(
        name="own-postgresql",
        argv=("/bin/sh", "-c", script),
        protocol="socket",
        limits=Limits(memory_mib=1024, disk_mib=256),
    )
    service = await sandbox.service(spec)
    folder = (await service.address()).rsplit("/", 1)[0]
    url = f"postgresql://me:secret@/postgres?host={folder}"
    try:
        await answering(url)
        yield service, url
    finally:
        await service.close()


@pytest.mark.slow
async def test_a_replica_that_only_reads_is_enough(tmp_path):
    async with server(REPLICA) as (_, url):
        address = address_of(url)
        with address.connected() as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        (tmp_path / "q.sql").write_text("SELECT id FROM emp WHERE sal > 5")
        sandbox, domain = await open_sandbox(), SqlDomain()
        options = {"db": url, "engine": "postgresql"}
        problem = await domain.read(tmp_path / "q.sql", Goal.SPEED, options, sandbox)
        for text, status in (("sal >= 6", Status.TESTED), ("sal > 6", Status.FAILED)):
            offered = Candidate(
                files={**problem.files, "q.sql": f"SELECT id FROM emp WHERE {text}"}
            )
            verdict = await domain.verify(problem, offered, sandbox, Depth.FULL)
            assert verdict.status is status or verdict.status.at_least(status), verdict


@pytest.mark.slow
async def test_a_database_that_goes_away_while_it_answers_ends_in_one_line_without_its_password():
    async with server(START) as (service, url):
        asked = asyncio.create_task(
            asyncio.to_thread(outcomes, address_of(url), ["SELECT pg_sleep(60)"])
        )
        await asyncio.sleep(1.0)
        assert not asked.done()
        await service.close()
        with pytest.raises(SandboxError, match="went away") as told:
            await asked
        assert "\n" not in told.value.message
        assert "secret" not in told.value.message


@pytest.mark.slow
def test_no_password_reaches_the_output_the_report_or_the_ledger_of_a_run(tmp_path):
    (tmp_path / "q.sql").write_text("SELECT id FROM emp")
    url = "postgresql://me:hushhush@127.0.0.1:1/shop"
    found = proofsmith("optimize", "q.sql", "--db", url, "--runs-dir", "runs", cwd=tmp_path)
    assert found.returncode == 3
    assert "hushhush" not in found.stdout + found.stderr
    assert len(found.stderr.splitlines()) == 2
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hushhush" in path.read_bytes()]


@pytest.mark.slow
def test_no_password_of_a_database_that_answers_is_kept_by_its_run(tmp_path):
    asyncio.run(_run_with_password(tmp_path))


async def _run_with_password(folder):
    async with server(REPLICA) as (_, url):
        (folder / "q.sql").write_text(
            "SELECT DISTINCT id FROM emp WHERE id IN (SELECT id FROM emp)"
        )
        asked = ["optimize", "q.sql", "--db", url.replace("secret", "hushhush"), "--no-model"]
        kept = ["--runs-dir", "runs", "-b", "2 attempts", "--json"]
        found = await asyncio.to_thread(proofsmith, *asked, *kept, cwd=folder, timeout=200)
    assert found.returncode in (0, 1), found.stderr
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not [path for path in files if b"hushhush" in path.read_bytes()]
    assert "hushhush" not in found.stdout + found.stderr


@pytest.mark.slow
def test_a_replay_takes_the_password_from_the_environment_and_shows_it_nowhere(tmp_path):
    asyncio.run(_replay_with_password(tmp_path))


async def _replay_with_password(folder):
    query = "SELECT id FROM emp e WHERE (SELECT COUNT(*) FROM big b WHERE b.sal = e.sal) > 0"
    (folder / "q.sql").write_text(query)
    kept = ["--runs-dir", "runs"]
    secret = {"PGPASSWORD": "hushhush", "cwd": folder, "timeout": 300}
    async with server(START) as (_, url):
        with address_of(url).connected() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"{DDL}; CREATE TABLE big (sal INTEGER)")
            connection.execute("INSERT INTO big SELECT n % 20 FROM generate_series(1, 90000) AS n")
        asked = ["optimize", "q.sql", "--db", url.replace("secret", "hushhush"), "--no-model"]
        made = await asyncio.to_thread(
            proofsmith, *asked, *kept, "-b", "3 attempts", "--json", **secret
        )
        assert made.returncode == 0, made.stdout + made.stderr
        run = json.loads(made.stdout)["report"]["run_id"]
        again = await asyncio.to_thread(proofsmith, "runs", "replay", run, *kept, **secret)
        assert again.returncode == 0, again.stdout
    gone = await asyncio.to_thread(proofsmith, "runs", "replay", run, *kept, **secret)
    assert gone.returncode != 0
    assert "cannot be opened" in gone.stdout + gone.stderr
    said = "".join(done.stdout + done.stderr for done in (made, again, gone))
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert "hushhush" not in said
    assert not any(b"hushhush" in text for text in files)


@pytest.mark.slow
async def test_postgresql_gives_its_schema_read_only_and_says_when_it_goes_away():
    async with server(START) as (_, url):
        address = address_of(url)
        with address.connected() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(DDL)
        schema = parse_schema(ddl_of(address, frozenset(["emp"])), "postgresql")
        assert schema.tables["emp"].foreign_keys[0].references == ("id",)
        assert schema.tables["emp"].checks
        assert schema.tables["dept"].unique == (("name",),)
        found, write, late = outcomes(
            address,
            [
                "SELECT id FROM emp ORDER BY id",
                "DELETE FROM emp RETURNING id",
                "SELECT pg_sleep(9)",
            ],
            limit_s=1.0,
        )
        assert found.rows == ((1,), (2,), (3,))
        assert (write.ended, late.ended) == ("error", "timeout")
    with pytest.raises(SandboxError, match="cannot be opened"):
        outcomes(address, ["SELECT 1"])


@pytest.mark.slow
async def test_of_two_thousand_tables_on_postgresql_the_used_ones_and_their_parents_are_read():
    many = "BEGIN FOR i IN 1..2000 LOOP EXECUTE 'CREATE TABLE t' || i || ' (a INT)'; END LOOP; END"
    async with server(START) as (_, url):
        address = address_of(url)
        with address.connected() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(DDL)
            connection.execute(f"DO $$ {many} $$")
            asked = "SELECT COUNT(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'"
            assert connection.execute(asked).fetchone() == (2000,)
        assert set(parse_schema(ddl_of(address, frozenset(["emp"])), "postgresql").tables) == {
            "emp",
            "dept",
        }
        read = parse_schema(ddl_of(address, frozenset(["t1999", "t2"])), "postgresql")
        assert set(read.tables) == {"t1999", "t2"}
