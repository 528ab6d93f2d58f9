"""Progress is a live line on a terminal and plain lines elsewhere."""

import io

from proofsmith.cli.progress import Watcher, remaining, status
from proofsmith.protocols import Progress
from proofsmith.types import Budget, Comparison, ComparisonVerdict, Spend

BEST = Comparison(
    metric="CPU time",
    verdict=ComparisonVerdict.FASTER,
    ratio=4.128,
    low=4.02,
    high=4.21,
    pairs=20,
    method="pairs",
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def told(**given):
    return Progress(
        budget=Budget(wall_s=20, attempts=50), spend=Spend(wall_s=8, attempts=9), **given
    )


def test_the_status_names_attempts_the_best_interval_and_what_is_left():
    line = status(told(phase="search", best=BEST))
    assert line == "search  9 attempts  best 4.13x (4.02-4.21)  left: 12 s, 41 attempts"


def test_an_overdrawn_clock_reads_zero_and_unset_caps_say_nothing():
    assert remaining(Budget(wall_s=1), Spend(wall_s=9)) == "0 s"
    assert remaining(Budget(), Spend(wall_s=9)) == ""


def test_a_pipe_gets_one_plain_line_per_note_and_phase():
    stream = io.StringIO()
    with Watcher(stream=stream) as watch:
        watch(told(phase="baseline"))
        watch(told(phase="search"))
        watch(told(phase="search"))
        watch(told(phase="search", note="rule:tile(64) tested, 3.1x"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[2] == "[   8.0 s] search: rule:tile(64) tested, 3.1x"
    assert "\x1b" not in stream.getvalue()


def test_quiet_says_nothing():
    stream = io.StringIO()
    with Watcher(quiet=True, stream=stream) as watch:
        watch(told(phase="search", note="something"))
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_live_line_that_is_cleared_at_the_end(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    with Watcher(stream=stream) as watch:
        watch(told(phase="search", best=BEST, note="first"))
    text = stream.getvalue()
    assert "first" in text
    assert "best 4.13x" in text
    assert "\x1b[32m" not in text


def test_what_a_long_step_says_before_it_starts_is_shown_unless_quiet():
    shown, quiet = io.StringIO(), io.StringIO()
    for stream, silent in ((shown, False), (quiet, True)):
        with Watcher(quiet=silent, stream=stream) as watch:
            watch.told("t: 100,000 gates")
    assert shown.getvalue() == "t: 100,000 gates\n"
    assert quiet.getvalue() == ""
