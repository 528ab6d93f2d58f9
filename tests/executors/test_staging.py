"""Staged files and the streams that come back."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.capture import Capture
from proofsmith.executors.report import Report
from proofsmith.executors.staging import Staging, anonymous_file, checked_path


@given(st.lists(st.binary(max_size=20)), st.integers(2, 40))
def test_a_capture_keeps_exactly_head_and_tail(parts: list[bytes], cap: int) -> None:
    capture, whole = Capture(cap), b"".join(parts)
    for part in parts:
        capture.feed(part)
    tail = cap // 2
    kept = whole if len(whole) <= cap else whole[: cap - tail] + whole[-tail:]
    assert capture.data() == kept
    assert capture.truncated == (len(whole) > cap)
    assert capture.seen == len(whole)


@given(st.integers(1, 30))
def test_a_report_may_arrive_in_pieces_of_any_size(size: int) -> None:
    status = struct.pack("=iiqqqq", 256, 1, 2_000_000_000, 1_500_000_000, 2048, 99)
    out = struct.pack("=IIQ", 0, 1, 3) + b"abc"
    bad = struct.pack("=IIQ", 1, 2, 0)
    relayed = b"o" + struct.pack("=I", 2) + b"hi" + b"e" + struct.pack("=I", 1) + b"!"
    wire = b"B" + relayed + b"S" + status + b"O" + out + b"O" + bad + b"E"
    report = Report(("a", "b"), captures=(Capture(9), Capture(9)))
    for at in range(0, len(wire), size):
        assert not report.complete
        report.feed(wire[at : at + size])
    assert report.started
    assert report.complete
    assert (report.wait_status, report.ended_by) == (256, "wall")
    assert (report.wall_s, report.cpu_s, report.peak_mib) == (2.0, 1.5, 2.0)
    assert (report.outputs, report.tampered) == ({"a": b"abc"}, ["b"])
    assert [capture.data() for capture in report.captures] == [b"hi", b"!"]


def test_a_staged_file_can_be_read_back_within_its_cap() -> None:
    staging = Staging()
    staging.write("./a//b", bytes(2048))
    assert staging.read("a/b", max_kib=2) == bytes(2048)
    with pytest.raises(SandboxError, match="larger than 1 KiB"):
        staging.read("a/b", max_kib=1)
    with pytest.raises(SandboxError, match="no staged file"):
        staging.read("c", max_kib=1)


@pytest.mark.parametrize("path", ["/a", "..", "a/../..", ".", "", "a\0"])
def test_a_path_that_could_leave_the_work_directory_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        checked_path(path)


def test_the_packed_form_is_renewed_after_a_change_and_cannot_be_written() -> None:
    staging = Staging()
    staging.write("a", b"1")
    first = os.pread(staging.packed_fd(), 100, 0)
    staging.write("a", b"2")
    assert os.pread(staging.packed_fd(), 100, 0) != first
    with pytest.raises(PermissionError):
        os.write(staging.packed_fd(), b"x")


def test_an_anonymous_file_starts_at_its_beginning() -> None:
    fd = anonymous_file(b"data")
    try:
        assert os.read(fd, 10) == b"data"
    finally:
        os.close(fd)
