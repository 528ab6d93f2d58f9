"""The command reference is what the program says."""

import subprocess
import sys

from proofsmith.cli.exits import Exit
from tests.cli.command import ROOT, environment


def test_the_reference_is_current(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/cli_reference.py")],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (ROOT / "docs/cli.md").read_text() == done.stdout, "run `make docs`"


def test_the_reference_has_every_exit_code():
    text = (ROOT / "docs/cli.md").read_text()
    assert all(f"| {code.value} | {code.meaning} |" in text for code in Exit)
