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
