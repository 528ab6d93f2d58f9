"""A build on a full disk, over damaged stores, twice at once: one error each, nothing lost, nothing paid twice."""

import asyncio
import contextlib
import subprocess

import pytest

from proofsmith.agents.experience import LESSONS
from proofsmith.agents.request import cpu_name
from proofsmith.errors import StoreError, UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.memory.lessons import Counts, Lessons
from proofsmith.types import Conclusion
from tests.agents.author import CODE, Author, written
from tests.agents.yard import Yard

pytestmark = pytest.mark.slow


@pytest.fixture
async def yard(tmp_path):
    return Yard(tmp_path, await open_sandbox())


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "small", place]).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


class Filling(Author):
    """Fills the disk while it thinks about its `at`-th reply."""

    def __init__(self, place, at):
        super().__init__()
        self.place, self.at, self.calls = place, at, 0

    def __call__(self, request):
        self.calls += 1
        if self.calls == self.at:
            with contextlib.suppress(OSError), (self.place / "fill").open("wb", 0) as file:
                while file.write(bytes(4096)):
                    pass
        return super().__call__(request)


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_disk_that_fills_up_ends_a_build_that_goes_on_without_paying_again(
    yard, small_disk, at
):
    author = Filling(small_disk, at)
    with pytest.raises(StoreError) as caught:
        await yard.build(author, runs_dir=small_disk / "runs", width=1)
    assert "space" in caught.value.hint
    (small_disk / "fill").unlink()
    report = await yard.build(author, runs_dir=small_disk / "runs", width=1)
    assert report.conclusion is Conclusion.SOLVED
    assert author.calls == 4
    assert (yard.out / "calc/app.py").read_text() == CODE["app"]


async def test_a_full_disk_at_the_place_of_the_result_leaves_the_users_files(yard, small_disk):
    out = small_disk / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with contextlib.suppress(OSError), (small_disk / "fill").open("wb", 0) as file:
        while file.write(bytes(4096)):
            pass
    author = Author()
    with pytest.raises(StoreError):
        await yard.build(author, out=out)
    assert (out / "notes.txt").read_text() == "mine"
    (small_disk / "fill").unlink()
    report = await yard.build(author, out=out)
    assert report.conclusion is Conclusion.SOLVED
    assert author.asked == {"sums": 1, "products": 1, "app": 1}
    assert (out / "calc/app.py").read_text() == CODE["app"]


@pytest.mark.parametrize("name", ["ledger.sqlite", "files.sqlite", "program.sqlite"])
async def test_a_damaged_store_is_named_and_kept(yard, name):
    await yard.build(Author())
    damaged = yard.run / name
    for rest in yard.run.glob(f"{name}-*"):
        rest.unlink()
    damaged.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match=name.partition(".")[0]):
        await yard.build(Author())
    assert damaged.read_bytes() == b"garbage" * 1000
    assert (yard.out / "calc/app.py").read_text() == CODE["app"]


async def test_two_builds_of_one_order_never_work_at_once(yard):
    held, go = asyncio.Event(), asyncio.Event()

    class Waiting:
        identity = "author"

        async def complete(self, *given, **named):
            held.set()
            await go.wait()
            return await Author().model().complete(*given, **named)

    author = Author()
    first = asyncio.create_task(
        yard.build(author, model=Waiting()),
    )
    await held.wait()
    with pytest.raises(StoreError, match="another process is working"):
        await yard.build(author)
    go.set()
    assert (await first).conclusion is Conclusion.SOLVED


async def test_files_that_a_person_changes_meanwhile_are_not_overwritten(yard):
    (yard.out / "calc").mkdir(parents=True)
    (yard.out / "calc/app.py").write_text("# first thoughts\n")

    class Meddling(Author):
        def __call__(inner, request):
            (yard.out / "calc/app.py").write_text("# second thoughts\n")
            return super().__call__(request)

    with pytest.raises((UsageError, StoreError)):
        await yard.build(Meddling())
    assert (yard.out / "calc/app.py").read_text() == "# second thoughts\n"


async def test_a_file_of_100_mb_is_refused_by_name(yard):
    yard.out.mkdir()
    with (yard.out / "huge.bin").open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises((UsageError, StoreError), match=r"huge\.bin"):
        await yard.build(Author())
    assert (yard.out / "huge.bin").stat().st_size == 100 << 20


async def test_what_a_step_first_did_wrong_is_told_to_the_next_build_and_counted(yard):
    cache = yard.folder / "cache"
    cache.mkdir()
    wrong = written("products", code="def times(a, b):\n    return a + b\n")
    author = Author(steps={"products": [wrong, written("products")]})
    first = await yard.build(author, cache_dir=cache)
    assert first.conclusion is Conclusion.SOLVED
    with Lessons(cache / LESSONS, cpu_name()) as lessons:
        (found,) = lessons.known("build")
    assert "write calc/products.py" in found.lesson.text
    assert "-    return a + b\n+    return a * b" in found.lesson.text
    assert not any("Learned" in prompt["text"] for prompt in yard.facts("prompt").values())
    (yard.folder / "runs").rename(yard.folder / "earlier")
    await yard.build(Author(), cache_dir=cache, out=yard.folder / "again")
    prompts = yard.facts("prompt")
    assert "Learned in earlier builds" in prompts["products#1"]["text"]
    with Lessons(cache / LESSONS, cpu_name()) as lessons:
        (found,) = lessons.known("build")
    assert found.counts.wins >= 1
    assert found.counts != Counts()
