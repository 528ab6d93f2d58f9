"""The local model is optional, needs no network, and puts sentences of one meaning near each other."""

from proofsmith.memory import embedding
from proofsmith.memory.lessons import Lesson, Lessons

TILE = "tile the loops so that a block stays in the second-level cache"
JOIN = "drop a join whose foreign key guarantees a match"


def test_sentences_of_one_meaning_are_nearer_than_others():
    model = embedding.local()
    assert model is not None, "make setup installs the extra"
    query, tile, join, again = model.encode(["use blocking for cache reuse", TILE, JOIN, TILE])
    near, far = model.likeness(query, [tile, join])
    assert near > 0.4 > 0.2 > far
    assert tile == again
    assert model.likeness(query, []) == []
    assert model.encode([""])[0] == bytes(len(tile))


def test_lessons_are_recalled_by_the_local_model_with_no_word_in_common(tmp_path):
    with Lessons(tmp_path / "l.sqlite", machine="m", embedder=embedding.local()) as lessons:
        for text in (TILE, JOIN):
            lessons.add(Lesson(domain="d", text=text))
        found = lessons.recall("d", text="improve data locality by blocking nested iterations")
        assert [r.lesson.text for r in found] == [TILE]
