"""Every code block of the README and the docs does what it says, in a process of its own."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.cli.command import ROOT, environment
from tests.loopback import failed

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^\$ proofsmith (.*?)(?: {2,}# exit code (\d)(?: or (\d))?.*)?$", re.MULTILINE
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
KINDS = {"c", "console", "python", "text"}


def blocks(document):
    return BLOCK.findall(document.read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_is_of_a_kind_that_is_carried_out(document):
    assert {kind for kind, _, _ in blocks(document)} <= KINDS
    opened = len(re.findall(r"^```", document.read_text(), re.MULTILINE))
    assert opened == 2 * len(
        re.findall(r"^```(?:\w.*)?$\n(?:(?!```).*\n)*?^```$", document.read_text(), re.MULTILINE)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if blocks(path)], ids=lambda path: path.name
)
def test_the_blocks_of_a_document_run_in_order(document, tmp_path, endpoint):
    endpoint.script = lambda _: failed(500, "not now")
    env = environment(tmp_path, PROOFSMITH_BASE_URL=endpoint.base_url)
    for kind, name, text in blocks(document):
        if kind == "c":
            (tmp_path / name).write_text(text)
        elif kind == "python":
            assert run([sys.executable, "-W", "error", "-c", text], tmp_path, env) == 0, text
        elif kind == "console":
            for argv, *codes in COMMAND.findall(text):
                allowed = {int(code) for code in codes if code} or {0}
                command = [sys.executable, "-m", "proofsmith", *shlex.split(argv)]
                assert run(command, tmp_path, env) in allowed, argv


def run(argv, folder, env):
    """Run a command to its end; return its exit code, never with a traceback."""
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=200)
    assert "internal error" not in done.stderr, done.stderr
    sys.stdout.write(f"{shlex.join(map(os.fspath, argv))}\n{done.stdout}{done.stderr}\n")
    return done.returncode
