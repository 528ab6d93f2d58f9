from dataclasses import replace

import pytest

from proofsmith.errors import StoreError
from proofsmith.memory.cache import VerdictCache
from proofsmith.types import Candidate, Depth, Evidence, Goal, Problem, Status, Verdict

PROBLEM = Problem(
    id="p", domain="toy", goal=Goal.SPEED, text="", files={"k.c": "a"}, options={"cflags": "-O2"}
)
CANDIDATE = Candidate(files={"k.c": "b"})
VERDICT = Verdict(
    status=Status.TESTED,
    evidence=(Evidence(check="c", status=Status.TESTED, command=("true",)),),
)


@pytest.fixture
def cache(tmp_path):
    cache = VerdictCache(tmp_path / "verdicts.sqlite", "gcc 12")
    cache.put(PROBLEM, CANDIDATE, Depth.QUICK, VERDICT)
    yield cache
    cache.close()


def test_a_verdict_is_served_again_for_the_same_question(cache):
    assert cache.get(PROBLEM, CANDIDATE, Depth.QUICK) == VERDICT


def test_a_run_is_served_only_what_was_known_when_it_began(cache):
    later = replace(CANDIDATE, files={"k.c": "int later;"})
    cache.until = cache.newest
    cache.put(PROBLEM, later, Depth.QUICK, VERDICT)
    assert cache.get(PROBLEM, CANDIDATE, Depth.QUICK) == VERDICT
    assert cache.get(PROBLEM, later, Depth.QUICK) is None
    cache.until = cache.newest
    assert cache.get(PROBLEM, later, Depth.QUICK) == VERDICT


def test_a_verdict_is_never_served_across_toolchain_versions(cache, tmp_path):
    other = VerdictCache(tmp_path / "verdicts.sqlite", "gcc 13")
    assert other.get(PROBLEM, CANDIDATE, Depth.QUICK) is None
    other.close()


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"k.c": "c"}},
        {"options": {"cflags": "-O3"}},
        {"goal": Goal.SIZE},
        {"required": Status.PROVED},
        {"checks": {"t": "x"}},
    ],
)
def test_another_problem_gets_no_verdict_of_this_one(cache, change):
    assert cache.get(replace(PROBLEM, **change), CANDIDATE, Depth.QUICK) is None


def test_another_depth_or_candidate_gets_none(cache):
    assert cache.get(PROBLEM, CANDIDATE, Depth.FULL) is None
    flags = replace(CANDIDATE, settings={"cflags": ["-O3"]})
    assert cache.get(PROBLEM, flags, Depth.QUICK) is None


def test_an_input_that_changed_on_disk_gets_none(tmp_path):
    data = tmp_path / "data.db"
    data.write_text("1")
    problem = replace(PROBLEM, inputs={"db": data})
    cache = VerdictCache(tmp_path / "v.sqlite", "e")
    cache.put(problem, CANDIDATE, Depth.QUICK, VERDICT)
    assert cache.get(problem, CANDIDATE, Depth.QUICK) == VERDICT
    data.write_text("12")
    assert cache.get(problem, CANDIDATE, Depth.QUICK) is None
    cache.close()


def test_what_the_load_of_the_machine_may_have_decided_is_not_kept(cache):
    late = Evidence(check="run", status=Status.FAILED, command=("x",), facts={"exceeded": "wall"})
    slow = Candidate(files={"k.c": "slow"})
    cache.put(PROBLEM, slow, Depth.QUICK, Verdict(status=Status.FAILED, evidence=(late,)))
    assert cache.get(PROBLEM, slow, Depth.QUICK) is None
    cache.put(PROBLEM, slow, Depth.QUICK, Verdict(status=Status.UNDECIDED))
    assert cache.get(PROBLEM, slow, Depth.QUICK) is None


def test_a_file_that_is_no_cache_is_a_store_error(tmp_path):
    (tmp_path / "v").write_bytes(b"nonsense" * 200)
    with pytest.raises(StoreError) as caught:
        VerdictCache(tmp_path / "v", "e")
    assert "remove that file" in caught.value.hint


def test_a_version_that_differs_in_names_of_locals_alone_shares_the_verdict(cache):
    def version(name):
        return Candidate(files={"k.c": f"int f(int n) {{ int {name} = n; return {name}; }}"})

    cache.put(PROBLEM, version("a"), Depth.FULL, VERDICT)
    assert cache.get(PROBLEM, version("b"), Depth.FULL) == VERDICT
    kept = replace(PROBLEM, checks={"t": "calls it a"})
    cache.put(kept, version("a"), Depth.FULL, VERDICT)
    assert cache.get(kept, version("b"), Depth.FULL) is None


def test_a_candidate_cannot_pose_as_another_one(cache):
    """Whatever a text holds, it is hashed as a whole: marks, separators, digests and paths are only text."""
    good = "int f(int a) { return a; }"
    cache.put(PROBLEM, Candidate(files={"k.c": good}), Depth.FULL, VERDICT)
    cache.put(PROBLEM, Candidate(files={"k.c": good}), Depth.FULL, VERDICT, behaviour="beef")
    bad = "int f(int a) { return a + 1; }"
    tricks = [
        bad,
        f"{bad}\0k.c\0{good}",
        f"/* {good} */ {bad}",
        bad.replace("a + 1", "v0"),
        f"// beef\n{bad}",
        f"/* proofsmith */ {good}",
    ]
    for text in tricks:
        assert cache.get(PROBLEM, Candidate(files={"k.c": text}), Depth.FULL) is None, text
    both = Candidate(files={"k.c": bad, "k.c\0": good})
    assert cache.get(PROBLEM, both, Depth.FULL) is None
    assert cache.get(PROBLEM, Candidate(files={"k.c": bad}), Depth.FULL, behaviour="bee") is None


def test_versions_that_become_the_same_share_the_verdict(cache):
    one, other = (Candidate(files={"k.c": f"int f() {{ return {n}; }}"}) for n in ("2", "1 + 1"))
    cache.put(PROBLEM, one, Depth.FULL, VERDICT, behaviour="text 7f")
    assert cache.get(PROBLEM, other, Depth.FULL) is None
    assert cache.get(PROBLEM, other, Depth.FULL, behaviour="text 7f") == VERDICT
