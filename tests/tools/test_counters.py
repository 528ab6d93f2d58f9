"""Reading what perf, compilers, objdump and llvm-mca really printed."""

from collections import Counter
from pathlib import Path

from proofsmith.tools import counters

FOLDER = Path(__file__).parents[1] / "fixtures" / "counters"


def text(name):
    return (FOLDER / f"{name}.txt").read_text()


def test_samples_count_by_offset_in_the_file_of_their_own_process_only():
    script = text("perf_script")
    assert counters.offsets(script, "base.so") == Counter({0x11BE: 2, 0x11B6: 1})
    assert counters.offsets(script, "candidate.so") == Counter({0x11BE: 1})
    assert not counters.offsets(script, "absent.so")


def test_gcc_says_at_which_loop_and_why_it_did_not_vectorise():
    said = counters.remarks(text("gcc_remarks"))
    assert {(r.line, r.vectorised) for r in said} == {(25, False), (26, False), (28, True)}
    assert counters.cause("g.c", 29, said) == "loop vectorized using 16 byte vectors"
    assert counters.cause("g.c", 27, said) == "not vectorised: control flow in loop"
    assert counters.cause("other.c", 27, said) == ""


def test_clang_remarks_are_read_too():
    said = counters.remarks(text("clang_remarks"))
    assert any("reorder floating-point" in r.text for r in said if not r.vectorised)


def test_the_hottest_loop_is_the_smallest_that_holds_most_samples():
    code = counters.instructions(text("gemm_objdump"))
    loop = counters.hottest_loop(code, {0x11BE: 9, 0x11B6: 3, 0x1104: 1})
    assert loop[0].address == 0x11A8
    assert loop[-1].name == "jne"
    made = counters.mix(loop)
    assert (made["packed"], made["scalar"], made["vector_bytes"]) == (1, 2, 16)
    assert counters.assembly(loop).endswith("jne loop\n")
    assert counters.hottest_loop(code, {0x1104: 10}) == ()


def test_lines_with_most_samples_come_first_with_their_share():
    spots = counters.hot_spots(
        {1: 6, 2: 3, 3: 1}, {1: ("k.c", 9), 2: ("k.c", 7), 3: ("k.c", 9)}, ()
    )
    assert [(s.line, s.share) for s in spots] == [(9, 0.7), (7, 0.3)]


def test_garbage_gives_nothing_rather_than_an_error():
    noise = "\0\xff PERF_RECORD_MMAP2 x\n: : :\n12 zz\n" * 5
    assert not counters.offsets(noise, "base.so")
    assert counters.remarks(noise) == ()
    assert counters.instructions(noise) == ()
    assert counters.mca(noise) == {}
    assert counters.places(noise, [1, 2]) == {}


def test_a_summary_keeps_whole_lines_within_its_bytes():
    kept = counters.clipped(["ä" * 40] * 100)
    assert len(kept.encode()) <= counters.SUMMARY_BYTES
    assert set(kept.splitlines()) == {"ä" * 40}
