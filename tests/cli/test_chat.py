import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import complained, environment, proofsmith
from tests.loopback import Endpoint, failed

DEMO = Path(__file__).parents[2] / "proofsmith/domains/kernels/demo/matmul.c"
OUTLINE = '{"id":1,"tool":"outline","args":{}}\n{"tool":"join"}\n'
NOTHING = '{"tool":"join"}\n'


def talker(body):
    """Plan an outline for a question about functions, nothing for others; answer by naming what it was shown."""
    said = body["messages"][-1]["content"]
    if "You plan tool calls" in said:
        return OUTLINE if "functions" in said.rpartition("user:")[2] else NOTHING
    return f"seen: {'outline: ' in said}, messages: {len(body['messages'])}\x1b[31m"


@pytest.fixture
def folder(tmp_path):
    shutil.copy(DEMO, tmp_path)
    return tmp_path


def test_without_a_model_it_says_what_to_add_in_one_line(folder):
    done = proofsmith("chat", "matmul.c", cwd=folder, stdin="hello\n")
    complained(done, 2, "needs a model", "--base-url", "--model")


def test_a_file_that_does_not_exist_is_one_line(folder):
    complained(proofsmith("chat", "none.c", cwd=folder), 2, "none.c does not exist")


@pytest.mark.slow
def test_piped_questions_are_answered_in_turn_with_what_the_tools_found(folder):
    with Endpoint(talker) as endpoint:
        where = ("--base-url", endpoint.base_url, "--model", "loopback")
        stdin = "hello\n\nwhich functions are there?\n"
        plain = proofsmith("chat", "matmul.c", *where, cwd=folder, stdin=stdin)
        assert plain.returncode == 0, plain.stderr
        first, second = plain.stdout.splitlines()
        assert first == "seen: False, messages: 2\\u001b[31m", (
            "control characters do not reach a terminal"
        )
        assert second.startswith("seen: True, messages: 4")
        assert "outline" in plain.stderr
        told = proofsmith("chat", "matmul.c", *where, "--json", cwd=folder, stdin=stdin)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert [line["question"] for line in lines] == ["hello", "which functions are there?"]
    assert lines[0]["facts"] == {}
    assert lines[1]["facts"]["outline"]["matmul.c"][0].startswith("function matmul ")
    assert lines[1]["model_calls"] == 4
    assert not list((folder / ".proofsmith").glob("runs/*")), "a conversation is no run"


@pytest.mark.slow
def test_an_endpoint_that_fails_ends_one_answer_and_gives_exit_code_four(folder):
    with Endpoint(lambda body: failed(401, "bad key")) as endpoint:
        where = ("--base-url", endpoint.base_url, "--model", "loopback")
        done = proofsmith("chat", "matmul.c", *where, cwd=folder, stdin="hello\nagain\n")
    assert done.returncode == 4
    assert done.stderr.count("proofsmith: ") == 2
    assert "Traceback" not in done.stderr


@pytest.fixture(autouse=True)
def _interruptible():
    """Let commands start with Ctrl-C in force, also where the suite itself runs in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminal:
    """The command on a pseudo-terminal."""

    def __init__(self, *argv, cwd):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proofsmith", *argv],
            cwd=cwd,
            env=environment(cwd, TERM="dumb"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def wait_for(self, text, timeout_s=40):
        """Read until `text` was shown since the last call."""
        until = time.monotonic() + timeout_s
        while text not in self.seen:
            ready, _, _ = select.select([self._master], [], [], max(0, until - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self._master, 4096).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def type(self, text):
        os.write(self._master, text.encode())

    def end(self):
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            os.close(self._master)


@pytest.mark.slow
def test_on_a_terminal_it_answers_stops_an_answer_on_ctrl_c_and_ends_on_ctrl_d(folder):
    with Endpoint(slow_talker) as endpoint:
        where = ("--base-url", endpoint.base_url, "--model", "loopback")
        terminal = Terminal("chat", "matmul.c", *where, cwd=folder)
        terminal.wait_for("> ")
        terminal.type("hello\n")
        terminal.wait_for("seen: False")
        terminal.wait_for("> ")
        terminal.type("wait for ever\n")
        time.sleep(1.0)
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for("stopped")
        terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def slow_talker(body):
    from tests.loopback import Answer

    if "for ever" in body["messages"][-1]["content"]:
        return Answer(text=NOTHING, delay_s=30.0)
    return talker(body)


@pytest.mark.slow
def test_ctrl_c_at_the_prompt_ends_with_the_exit_code_of_an_interruption(folder):
    with Endpoint(talker) as endpoint:
        where = ("--base-url", endpoint.base_url, "--model", "loopback")
        terminal = Terminal("chat", "matmul.c", *where, cwd=folder)
        terminal.wait_for("> ")
        time.sleep(1.0)  # the prompt is shown a moment before the line editor listens
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
