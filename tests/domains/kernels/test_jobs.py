"""What a runner reports is believed only when every frame is in its place."""

import struct

import pytest

from proofsmith.domains.kernels import header, jobs
from proofsmith.domains.kernels.jobs import Case, Violation
from proofsmith.tools import syntax

HEADER = """entry = "f"
[sizes]
n = { test = [2], measure = 2 }
[arrays]
y = { shape = "n", access = "out" }
"""
CONTRACT = header.parse(
    HEADER, syntax.functions(syntax.parse("void f(int n, double *y) { }"))[0], {}
)
CASES = [Case(label="random", sizes={"n": 2}), Case(label="random", sizes={"n": 1})]
NONCE = 77


def frame(tag, call, a=0, b=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack("<5Q", tag, call, a, b, size) + payload


ONE, TWO = frame(1, 0, payload=bytes(16)), frame(1, 1, payload=bytes(8))
END = frame(4, 2, NONCE)


def read(data):
    return jobs.decode(CONTRACT, CASES, data, NONCE)


def test_a_whole_transcript_is_complete():
    transcript = read(ONE + TWO + END)
    assert transcript.complete
    assert [len(r.arrays["y"]) for r in transcript.results] == [16, 8]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PASS\n",
        END,
        ONE + END,
        ONE + TWO,
        TWO + ONE + END,
        ONE + ONE + END,
        ONE + TWO + frame(4, 2, NONCE + 1),
        ONE + TWO + END + b"x",
        ONE + frame(1, 1, payload=bytes(16)) + END,
        ONE + frame(1, 1, payload=bytes(8), length=2**60) + END,
        ONE[:-1] + TWO + END,
    ],
    ids=range(12),
)
def test_whatever_is_missing_forged_or_out_of_order_leaves_it_incomplete(data):
    assert not read(data).complete


def test_violations_and_faults_name_the_array():
    data = frame(2, 0, Violation.WROTE_OUTSIDE, 1) + ONE + frame(3, 1, 11 | 1 << 8, 2**64 - 8)
    transcript = read(data)
    assert transcript.violations == ((0, Violation.WROTE_OUTSIDE, 1),)
    assert transcript.fault is not None
    assert (transcript.fault.array, transcript.fault.offset) == ("y", -8)
    assert not transcript.complete


def test_contents_that_do_not_fit_their_shape_are_refused():
    contract = header.parse(
        HEADER.replace("out", "in"),
        syntax.functions(syntax.parse("void f(int n, double *y) { }"))[0],
        {},
    )
    with pytest.raises(ValueError, match="its shape asks for 16"):
        jobs.encode(contract, [Case(label="", sizes={"n": 2}, arrays={"y": b"1"})], nonce=1)
