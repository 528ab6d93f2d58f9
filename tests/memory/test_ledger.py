import contextlib
import os
import sqlite3
import subprocess

import pytest

from proofsmith.errors import StoreError
from proofsmith.memory.ledger import Ledger
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Evidence,
    Goal,
    Move,
    Outcome,
    Problem,
    Reply,
    Status,
    Usage,
    Verdict,
)

PROBLEM = Problem(id="p", domain="toy", goal=Goal.SPEED, text="", files={})


def outcome(text, low):
    evidence = Evidence(check="c", status=Status.TESTED, command=("true",), facts={"n": [1, 2.5]})
    comparison = Comparison(
        metric="time",
        verdict=ComparisonVerdict.FASTER,
        ratio=low,
        low=low,
        high=low,
        pairs=1,
        method="m",
        base_samples=(1.0, 2.0),
    )
    return Outcome(
        candidate=Candidate(files={"k.c": text}, settings={"cflags": ["-O3"]}),
        verdict=Verdict(status=Status.TESTED, evidence=(evidence,)),
        comparisons=(comparison,),
    )


def test_records_come_back_equal_after_the_file_was_closed(tmp_path):
    reply = Reply(text="ü\0", usage=Usage(input_tokens=3, cost_usd=None), latency_s=0.5)
    with Ledger(tmp_path / "l") as ledger:
        ledger.put("reply", "m1", reply)
        ledger.put("outcome", "c1", outcome("a", 2.0))
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.get("reply", "m1", Reply) == reply
        assert ledger.all("outcome", Outcome) == {"c1": outcome("a", 2.0)}
        assert ledger.get("reply", "m2", Reply) is None


def test_the_first_writing_of_a_fact_wins(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        ledger.put("reply", "m", Reply(text="first"))
        ledger.put("reply", "m", Reply(text="second"))
        assert ledger.get("reply", "m", Reply).text == "first"


def test_nothing_that_was_written_can_be_changed_or_removed(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        ledger.put("reply", "m", Reply(text="first"))
    with sqlite3.connect(tmp_path / "l") as db:
        for sql in ("UPDATE records SET payload = '{}'", "DELETE FROM records"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(sql)
    db.close()


async def test_a_finished_move_is_appended_and_recalled_best_first(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        for number, low in enumerate((1.5, 3.0, 2.0)):
            move = Move(id=f"m{number}", kind="optimize")
            await ledger.append("p", move, Reply(text=str(number)), outcome(str(number), low))
        await ledger.append("other", Move(id="x", kind="rule"), None, outcome("x", 9.0))
        found = [o.gain async for o in ledger.recall(PROBLEM, limit=2)]
        assert found == [3.0, 2.0]
        assert ledger.get("reply", "m1", Reply).text == "1"


def test_the_wall_time_of_earlier_sessions_is_kept(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.earlier_wall_s() == 0.0
        ledger.wall_s = 4.5
        ledger.put("reply", "m", Reply(text=""))
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.earlier_wall_s() == 4.5


@pytest.mark.parametrize("content", [b"no database" * 100, b"{}"])
def test_a_file_that_is_no_ledger_is_a_store_error_with_a_hint(tmp_path, content):
    (tmp_path / "l").write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Ledger(tmp_path / "l")
    assert caught.value.hint


def test_a_ledger_of_another_version_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "l") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="version 99"):
        Ledger(tmp_path / "l")


def test_a_folder_that_is_absent_is_a_store_error(tmp_path):
    with pytest.raises(StoreError):
        Ledger(tmp_path / "absent" / "l")


def test_a_damaged_record_is_a_store_error(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        ledger.put("outcome", "c", Reply(text="not an outcome"))
        with pytest.raises(StoreError, match="no Outcome"):
            ledger.get("outcome", "c", Outcome)


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place):
    with contextlib.suppress(OSError), (place / "fill").open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def test_a_reply_that_was_paid_for_is_kept_on_a_disk_that_is_full_meanwhile(small_disk):
    with Ledger(small_disk / "l.sqlite") as ledger:
        ledger.reserve(1, 4096)
        fill(small_disk)
        ledger.put("reply", "m", Reply(text="x" * 40_000))
        (small_disk / "fill").unlink()
    with Ledger(small_disk / "l.sqlite") as ledger:
        assert ledger.get("reply", "m", Reply).text == "x" * 40_000
    assert [path.name for path in small_disk.iterdir()] == ["l.sqlite"]


def test_every_reply_in_flight_is_kept_though_the_disk_fills_up_again_and_again(small_disk):
    texts = {f"m{n}": str(n) * 16_000 for n in range(3)}
    with Ledger(small_disk / "l.sqlite") as ledger:
        ledger.reserve(3, 4096)
        for key, text in texts.items():
            fill(small_disk)
            ledger.put("reply", key, Reply(text=text))
        assert {k: r.text for k, r in ledger.all("reply", Reply).items()} == texts


def test_nothing_can_be_paid_for_when_the_disk_is_full_before(small_disk):
    with Ledger(small_disk / "l.sqlite") as ledger:
        fill(small_disk)
        with pytest.raises(StoreError, match="set 192 KiB aside"):
            ledger.reserve(1, 4096)
        assert not (small_disk / "l.ballast").exists()
        with pytest.raises(StoreError, match="full"):
            ledger.put("reply", "m", Reply(text="x" * 40_000))
