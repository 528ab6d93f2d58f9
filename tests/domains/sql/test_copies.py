"""Copies of the user's rows: whole for timing, changed for testing; keys and references stay whole in both."""

import csv

import pytest

from proofsmith.domains.sql.broker import address_of
from proofsmith.domains.sql.copies import copied, mutated
from proofsmith.domains.sql.corroboration import OwnData, on_copies
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.query import parse_query
from proofsmith.domains.sql.slices import joined, read_per_row
from proofsmith.domains.sql.source import problem
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Evidence, Goal, Status, Verdict
from tests.domains.sql.test_broker import duckdb_file, sqlite_file

DDL = """CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER);
CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER NOT NULL REFERENCES p (id), v INTEGER);"""


def data(folder, rows=400):
    folder.mkdir()
    folder.chmod(0o755)
    parents = "".join(f"{n},{n % 3}\n" for n in range(rows // 10))
    (folder / "p.csv").write_text("id,v\n" + parents)
    children = "".join(f"{n},{n % (rows // 10)},{n % 5}\n" for n in range(rows))
    (folder / "c.csv").write_text("id,p_id,v\n" + children)
    return folder


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.mark.parametrize("make", [sqlite_file, duckdb_file])
def test_a_database_is_copied_whole(make, tmp_path):
    address = address_of(str(make(tmp_path)))
    ddl = "CREATE TABLE emp (id INTEGER, dept_id INTEGER, sal INTEGER)"
    assert copied(address, parse_schema(ddl, address.engine), tmp_path)
    assert rows_of(tmp_path / "emp.csv") == [["1", "1", "5"], ["2", "", "7"], ["3", "2", "9"]]


def test_a_changed_copy_drops_rows_and_empties_cells_but_keeps_keys_and_references(tmp_path):
    schema, source = parse_schema(DDL, "sqlite"), data(tmp_path / "data")
    for seed in (1, 2):
        into = tmp_path / str(seed)
        into.mkdir()
        assert mutated(schema, source, into, seed)
        parents = {row[0] for row in rows_of(into / "p.csv")}
        children = rows_of(into / "c.csv")
        assert len(parents) == 40
        assert all(row[0] and row[1] in parents for row in children)
        assert any(row[2] == "" for row in children)
        assert (len(children) < 400) == (seed == 2)
    assert not mutated(schema, tmp_path, tmp_path, 1)


def test_a_slice_keeps_every_parent_and_a_tenth_of_the_rows_that_nothing_refers_to(tmp_path):
    source, schema = data(tmp_path / "data"), parse_schema(DDL, "sqlite")
    into = tmp_path / "slice"
    into.mkdir()
    assert mutated(schema, source, into, 1, sliced=frozenset())
    parents, children = (rows_of(into / f"{name}.csv") for name in "pc")
    assert len(parents) == 40
    assert 15 < len(children) < 80
    assert {row[1] for row in children} <= {row[0] for row in parents}


def test_a_slice_of_a_table_that_others_refer_to_takes_their_rows_along(tmp_path):
    ddl = (
        DDL
        + "CREATE TABLE g (c_id INTEGER NOT NULL REFERENCES c (id), o INTEGER); CREATE TABLE o (v INTEGER);"
    )
    source, schema = data(tmp_path / "data"), parse_schema(ddl, "sqlite")
    (source / "g.csv").write_text("c_id,o\n" + "".join(f"{n},{n}\n\n" for n in range(400)))
    (source / "o.csv").write_text("v\n" + "".join(f"{n}\n" for n in range(400)))
    into = tmp_path / "slice"
    into.mkdir()
    assert mutated(schema, source, into, 3, sliced=frozenset({"p", "unknown"}))
    parents, children, grand, others = (rows_of(into / f"{name}.csv") for name in "pcgo")
    assert 0 < len(parents) < 15
    kept = {row[0] for row in parents}
    assert [row[0] for row in children] == [str(n) for n in range(400) if str(n % 40) in kept]
    assert [row[0] for row in grand] == [row[0] for row in children]
    assert 15 < len(others) < 80


def test_a_table_that_refers_to_itself_is_never_sliced(tmp_path):
    schema = parse_schema(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER REFERENCES p (id));", "sqlite"
    )
    into = tmp_path / "slice"
    into.mkdir()
    assert mutated(schema, data(tmp_path / "data"), into, 1, sliced=frozenset({"p"}))
    assert len(rows_of(into / "p.csv")) == 40


def test_a_slice_without_declared_references_keeps_the_rows_that_the_query_joins(tmp_path):
    keyed = parse_schema(DDL.replace(" REFERENCES p (id)", ""), "sqlite")
    text = "SELECT c.v FROM c JOIN p ON p.id = c.p_id WHERE p.v > (SELECT avg(v) FROM p q WHERE q.v <> p.v)"
    query, source = parse_query(text, "sqlite"), data(tmp_path / "data")
    kept = {}
    for name, schema in (("unlinked", keyed), ("linked", joined(query, keyed))):
        into = tmp_path / name
        into.mkdir()
        assert mutated(schema, source, into, 1, sliced=read_per_row(query, keyed))
        parents = {row[0] for row in rows_of(into / "p.csv")}
        kept[name] = len(parents), sum(row[1] in parents for row in rows_of(into / "c.csv"))
    (alone, few), (parents, children) = kept["unlinked"], kept["linked"]
    assert 0 < parents < 15
    assert children == 10 * parents
    assert few < 5 * alone


def test_a_slice_of_files_that_are_too_large_to_copy_whole_is_made(tmp_path):
    source, schema = data(tmp_path / "data"), parse_schema(DDL, "sqlite")
    parents, children = (source / f"{name}.csv" for name in "pc")
    fits = parents.stat().st_size + children.stat().st_size // 2
    into = tmp_path / "copy"
    into.mkdir()
    assert not mutated(schema, source, into, 1, largest=fits)
    assert list(into.iterdir()) == []
    assert mutated(schema, source, into, 1, sliced=frozenset(), largest=fits)


@pytest.mark.slow
async def test_a_difference_that_only_changed_rows_show_refuses_a_candidate(tmp_path):
    folder = data(tmp_path / "data")
    far = "SELECT id FROM p WHERE v > 0 AND id > 0 AND id < 39"
    given = problem("q.sql", far, DDL, "sqlite", Goal.SPEED, {"data": str(folder)})
    same = Candidate(files={"q.sql": "SELECT id FROM p WHERE v > 0 AND id BETWEEN 1 AND 38"})
    verdict = await SqlDomain().verify(given, same, await open_sandbox(), Depth.FULL)
    assert verdict.status.at_least(Status.TESTED), verdict
    assert verdict.evidence[-1].facts["changed_copies"] == 4
    assert verdict.evidence[-1].facts["telling_copies"] == 4


def undecided(few=True):
    evidence = Evidence(
        check="differential",
        status=Status.UNDECIDED,
        command=("x",),
        exit_code=1,
        facts={"databases": 300, "few_telling": few},
    )
    return Verdict(status=Status.UNDECIDED, evidence=(evidence,), feedback="too few")


def test_enough_telling_copies_lift_what_tiny_databases_left_open_and_a_difference_fails_it():
    telling, empty = OwnData("ok", telling=True), OwnData("ok")
    assert on_copies(undecided(), [telling] * 3).status is Status.TESTED
    assert on_copies(undecided(), [telling, telling, empty]).status is Status.UNDECIDED
    assert on_copies(undecided(), [telling, OwnData("ok", "other rows")]).status is Status.FAILED
    assert on_copies(undecided(), []).status is Status.UNDECIDED
    assert on_copies(undecided(few=False), [telling] * 4).status is Status.UNDECIDED
