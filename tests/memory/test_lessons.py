"""Lessons are recalled where they fit, counted per machine, dropped when they harm, and shared exactly once."""

import pytest

from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.lessons import Lesson, Lessons

TILE = Lesson(
    domain="kernels",
    text="tile the loops so that a block of each operand stays in the second-level cache",
    pattern="tiling",
    behaviour=("memory-bound",),
    structure=("depth 3", "reduction"),
)
UNROLL = Lesson(
    domain="kernels",
    text="use several accumulators to break the dependency chain",
    pattern="accumulators",
    behaviour=("latency-bound",),
    structure=("depth 1", "reduction"),
)
JOIN = Lesson(domain="sql", text="turn the correlated subquery into a join", pattern="unnest")


@pytest.fixture
def store(tmp_path):
    with Lessons(tmp_path / "lessons.sqlite", machine="zen4") as opened:
        for lesson in (TILE, UNROLL, JOIN):
            opened.add(lesson)
        yield opened


def names(found):
    return [r.lesson.pattern for r in found]


def test_each_of_text_behaviour_and_structure_finds_its_lesson(store):
    assert names(store.recall("kernels", text="cache block operand"))[0] == "tiling"
    assert names(store.recall("kernels", behaviour=["latency-bound"]))[0] == "accumulators"
    assert names(store.recall("kernels", structure=["depth 3", "reduction"]))[0] == "tiling"


def test_a_domain_never_sees_the_lessons_of_another(store):
    assert store.recall("kernels", text="correlated subquery join") == ()
    assert names(store.recall("sql", text="correlated subquery join")) == ["unnest"]


def test_winning_raises_and_losing_lowers_a_lesson(store):
    query = {"structure": ["reduction"]}
    for _ in range(3):
        store.count(UNROLL, won=True)
        store.count(TILE, won=False)
    assert names(store.recall("kernels", **query)) == ["accumulators", "tiling"]
    assert store.win_rates("kernels")["accumulators"].wins == 3


def test_a_lesson_that_harms_is_no_longer_offered_here_but_elsewhere(store, tmp_path):
    for _ in range(5):
        store.count(TILE, won=False)
    assert "tiling" not in names(store.recall("kernels", text="tile loops cache"))
    with Lessons(tmp_path / "lessons.sqlite", machine="graviton") as other:
        assert "tiling" in names(other.recall("kernels", text="tile loops cache"))


def test_a_file_shared_twice_counts_once_and_brings_new_lessons(store, tmp_path):
    store.count(TILE, won=True)
    lines = list(store.export())
    with Lessons(tmp_path / "other.sqlite", machine="graviton") as other:
        other.count(TILE, won=False)
        assert other.merge(lines) == 3
        assert other.merge(lines) == 3
        merged = list(other.export())
        assert other.win_rates("kernels")["tiling"].losses == 1
    assert store.merge(merged) == 3
    assert list(store.export()) == merged


def test_a_malformed_import_changes_nothing(store):
    before = list(store.export())
    with pytest.raises(UsageError, match="line 2 is not an exported lesson"):
        store.merge([before[0].replace("kernels", "brand new"), '{"domain": "x"}'])
    assert list(store.export()) == before


@pytest.mark.parametrize(
    "text", ['"', "a AND", "NEAR(", "*", "text:x", "'; DROP TABLE lessons", ""]
)
def test_any_query_text_is_words_and_never_syntax(store, text):
    store.recall("kernels", text=text)
    assert len(list(store.export())) == 3


def test_a_damaged_store_is_reported_in_one_line(tmp_path):
    (tmp_path / "l").write_bytes(b"garbage" * 500)
    with pytest.raises(StoreError, match="cannot use the store 'l'"):
        Lessons(tmp_path / "l", machine="m")


class Thesaurus:
    """An embedder whose vectors are the meanings that it knows, so that a test says what is alike."""

    name = "thesaurus"
    meanings = ({"tile", "blocking", "cache"}, {"join", "relation"}, {"accumulators", "chain"})

    def __init__(self):
        self.encoded = []

    def encode(self, texts):
        self.encoded += texts
        words = [set(text.lower().split()) for text in texts]
        return [bytes(bool(held & meaning) for meaning in self.meanings) for held in words]

    def likeness(self, one, others):
        return [float(any(a and b for a, b in zip(one, other, strict=True))) for other in others]


def test_a_lesson_is_found_by_its_meaning_without_a_common_word(store, tmp_path):
    assert store.recall("kernels", text="blocking") == ()
    thesaurus = Thesaurus()
    with Lessons(tmp_path / "lessons.sqlite", machine="zen4", embedder=thesaurus) as opened:
        assert names(opened.recall("kernels", text="blocking")) == ["tiling"]
        assert opened.recall("sql", text="blocking") == ()
        assert names(opened.recall("sql", text="relation")) == ["unnest"]
        opened.recall("kernels", text="chain")
    assert thesaurus.encoded.count(TILE.text) == 1


def test_all_lessons_are_listed_with_their_counters(store):
    store.count(UNROLL, won=True)
    assert [r.lesson.pattern for r in store.known("sql")] == ["unnest"]
    known = {r.lesson.pattern: r.counts.wins for r in store.known()}
    assert known == {"tiling": 0, "accumulators": 1, "unnest": 0}
