"""Run the command line as users do: a process of its own, with a private home and working folder."""

import io
import os
import subprocess
import sys
from pathlib import Path

from proofsmith.cli import main

ROOT = Path(__file__).resolve().parents[2]


def environment(folder, **changes):
    """Return an environment with a private home below `folder` and none of our variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PROOFSMITH_")}
    home = {name: str(folder / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    return kept | home | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"} | changes


def proofsmith(*argv, cwd, timeout=60, stdin="", **changes):
    """Run `python -m proofsmith argv` in `cwd`; return the finished process with text output."""
    return subprocess.run(
        [sys.executable, "-m", "proofsmith", *map(str, argv)],
        cwd=cwd,
        env=environment(Path(cwd), **changes),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def inside(monkeypatch, capsys, folder):
    """Return a function that runs `main(argv)` in this process, in `folder`: what needs no process of its own."""
    for name in [n for n in os.environ if n.startswith("PROOFSMITH_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(folder / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(folder)

    def run(*argv, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main([str(word) for word in argv])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(argv, code, said.out, said.err)

    return run


def complained(done, code, *words):
    """Require exit code `code`, one line and at most one hint on stderr, all `words` in them, no traceback."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    told = [line for line in lines if line.startswith("proofsmith: ")]
    assert len(told) == 1, done.stderr
    after = lines[lines.index(told[0]) + 1 :]
    assert len(after) <= 1, done.stderr
    assert all(line.startswith("  hint: ") for line in after)
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    return told[0], "".join(after)
