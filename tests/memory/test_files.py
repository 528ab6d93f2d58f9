"""The file store keeps every version exactly, refuses bad paths and lost updates, and survives bad disks."""

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.files import ConflictError, FileStore
from proofsmith.tools.paths import jailed


@pytest.fixture
def store(tmp_path):
    with FileStore(tmp_path / "files.sqlite") as opened:
        yield opened


@given(st.lists(st.tuples(st.sampled_from(["a", "b/c", "b/d.py"]), st.binary(max_size=60))))
@settings(max_examples=60, deadline=None)
def test_every_version_reads_back_byte_for_byte(writes):
    with FileStore(Path(":memory:")) as store:
        seen = []
        now = {}
        for path, data in writes:
            version = store.write(path, data, author="t")
            now = {**now, path: data}
            seen.append((version, now))
        for version, files in seen:
            assert {p: store.read(p, at=version) for p in store.files(at=version)} == files


def test_equal_contents_are_stored_once(store, tmp_path):
    for name in "abc":
        store.write(name, b"x" * 1000, author="t")
    rows = sqlite3.connect(tmp_path / "files.sqlite").execute("SELECT count(*) FROM blobs")
    assert rows.fetchone() == (1,)


def test_a_write_that_did_not_see_the_newest_version_is_refused(store):
    first = store.write("a.py", b"1", author="alice", expected=0)
    store.write("a.py", b"2", author="bob", expected=first)
    with pytest.raises(ConflictError, match="at version 2, not 1"):
        store.write("a.py", b"3", author="alice", expected=first)
    assert store.read("a.py") == b"2"


def test_a_file_deleted_and_written_again_counts_as_new(store):
    store.write("a", b"1", author="t")
    store.delete("a", author="t")
    assert store.write("a", b"2", author="t", expected=0) == 3
    assert store.read("a", at=1) == b"1"
    assert "a" not in store.files(at=2)


def test_a_patch_needs_an_anchor_that_occurs_once(store):
    store.write("a", b"one two one", author="t")
    with pytest.raises(UsageError, match="occurs 2 times"):
        store.patch("a", b"one", b"1", author="t")
    with pytest.raises(UsageError, match="does not occur"):
        store.patch("a", b"three", b"1", author="t")
    store.patch("a", b"two", b"2", author="t")
    assert store.read("a") == b"one 2 one"


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a/", "a\\b", "C:x", "a\x00b", "a\nb",
     ".git/config", "x/.GIT/hooks/y", "con ", "a./b", "\u202etxt.c", "x" * 600],
)  # fmt: skip
def test_paths_that_could_escape_or_deceive_are_refused(store, path):
    with pytest.raises(UsageError, match="not allowed"):
        store.write(path, b"x", author="t")


@given(st.text(max_size=40))
def test_whatever_the_jail_lets_through_stays_below_its_root(path):
    try:
        clean = jailed(path)
    except UsageError:
        return
    root = Path("/root/of/store")
    joined = Path(*root.parts, *clean.split("/"))
    assert joined.is_relative_to(root)
    assert joined != root
    assert ".." not in joined.parts


@pytest.mark.parametrize("second", ["SRC/a.c", "src/A.c", "src/a.c/b", "src"])
def test_names_that_other_file_systems_confuse_are_refused(store, second):
    store.write("src/a.c", b"x", author="t")
    with pytest.raises(UsageError, match="clashes with"):
        store.write(second, b"y", author="t")


def test_checkout_never_writes_through_a_link(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "src").symlink_to(outside)
    store.write("src/a.c", b"x", author="t")
    with pytest.raises(StoreError, match="cannot write 'src/a.c'"):
        store.checkout(tmp_path / "out")
    assert list(outside.iterdir()) == []
    store.checkout(tmp_path / "clean")
    assert (tmp_path / "clean/src/a.c").read_bytes() == b"x"


def test_diff_names_added_removed_changed_and_binary_files(store):
    store.write("a", b"1\n2", author="t")
    store.write("gone", b"x\n", author="t")
    old = store.write("bin", b"\xff\x00", author="t")
    store.write("a", b"1\n3", author="t")
    store.delete("gone", author="t")
    store.write("bin", b"\xfe", author="t")
    new = store.write("new", b"n\n", author="t")
    text = store.diff(old, new)
    assert "-2\n+3\n" in text
    assert "--- a/gone\n+++ /dev/null" in text
    assert "--- /dev/null\n+++ b/new" in text
    assert "Binary files differ: bin" in text


def test_garbage_collection_keeps_what_kept_snapshots_use(store):
    for text in (b"1", b"2", b"3"):
        store.write("a", text, author="t")
    store.write("b", b"old", author="t")
    assert store.collect_garbage(keep_from=3) == 2
    assert store.read("a", at=3) == b"3"
    assert store.read("b") == b"old"
    with pytest.raises(UsageError):
        store.read("a", at=1)


def test_a_large_file_is_refused_with_the_limit(tmp_path):
    with FileStore(tmp_path / "s", max_file_mib=1) as store:
        with pytest.raises(UsageError, match="takes 1 MiB"):
            store.write("big", bytes(2**20 + 1), author="t")
        assert store.version == 0


def test_a_damaged_database_is_reported_in_one_line(tmp_path):
    (tmp_path / "s").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        FileStore(tmp_path / "s")
    assert "move a damaged store away" in caught.value.hint


def test_a_damaged_content_is_never_served(store, tmp_path):
    store.write("a", b"right", author="t")
    with sqlite3.connect(tmp_path / "files.sqlite") as other:
        other.execute("UPDATE blobs SET data = 'wrong'")
    other.close()
    with pytest.raises(StoreError, match="damaged"):
        store.read("a")


def test_a_full_disk_changes_nothing(store):
    store.write("a", b"x", author="t")
    store._connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(StoreError, match="full"):
        store.write("b", bytes(500_000), author="t")
    assert list(store.files()) == ["a"]
    assert store.version == 1


def test_concurrent_writers_lose_nothing(tmp_path):
    database = tmp_path / "s"
    FileStore(database).close()

    def work(author):
        with FileStore(database) as mine:
            for i in range(25):
                mine.write(f"{author}/{i}", author.encode(), author=author)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("p", "q", "r")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with FileStore(database) as store:
        assert store.version == 75
        assert len(store.files()) == 75
