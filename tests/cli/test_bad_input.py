"""Every kind of bad input: one line and a hint, the right exit code, no traceback, the user's file untouched."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import complained, environment, inside, proofsmith
from tests.loopback import GARBAGE, NEVER, failed

HEADER = """/* proofsmith
entry = "scale"
[sizes]
n = { test = [0, 1, 7], measure = 512 }
[arrays]
x = { shape = "n", access = "inout", finite = true }
[tolerance]
policy = "reassociate"
*/
"""
BODY = "void scale(int n, double *x)\n{\n    for (int i = 0; i < n; i++)\n        x[i] *= 2.0;\n}\n"
GOOD = HEADER + BODY
CRASHES = HEADER + BODY.replace("for (", "__builtin_trap();\n    for (")
HANGS = HEADER + BODY.replace("for (", "for (volatile int go = 1; go;)\n        ;\n    for (")
DRIFTS = (
    "#include <time.h>\n"
    + HEADER
    + BODY.replace("2.0", "(2.0 + (double)(clock() % 97))").replace("{", "{", 1)
)
FILES = {
    "unknown suffix": ("kernel.xyz", GOOD, 2, ["no domain", ".c"]),
    "empty": ("kernel.c", "", 2, []),
    "not C": ("kernel.c", "This is a letter to my aunt.\nHow are you?\n", 2, []),
    "not text": ("kernel.c", b"\x7fELF\x00\xff\xfe" * 9, 2, ["not text"]),
    "no function": ("kernel.c", "int x = 3;\n", 2, ["function"]),
    "several functions": ("kernel.c", BODY + BODY.replace("scale", "other"), 2, ["--entry"]),
    "static functions only": ("kernel.c", "static " + BODY, 2, ["called from outside: scale"]),
    "does not compile": ("kernel.c", GOOD.replace("double *x", "dubble *x"), 2, []),
    "missing semicolon": ("kernel.c", GOOD.replace("2.0;", "2.0"), 2, ["does not compile"]),
    "header is no TOML": ("kernel.c", GOOD.replace('entry = "scale"', "entry = = scale"), 2, []),
    "unknown policy": ("kernel.c", GOOD.replace("reassociate", "sloppy"), 2, ["sloppy"]),
    "array that is no parameter": ("kernel.c", GOOD.replace("x = {", "q = {"), 2, []),
    "entry that does not exist": ("kernel.c", GOOD.replace('"scale"', '"rescale"'), 2, ["rescale"]),
    "shape over an unknown size": ("kernel.c", GOOD.replace('"n", acc', '"m", acc'), 2, ["m"]),
    "reference crashes": ("kernel.c", CRASHES, 2, ["crash"]),
    "reference hangs": ("kernel.c", HANGS, 2, ["does not return"]),
    "reference is not deterministic": ("kernel.c", DRIFTS, 2, []),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_used(tmp_path, case):
    name, content, code, words = FILES[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    complained(proofsmith("check", name, name, "-q", cwd=tmp_path, timeout=120), code, *words)
    assert path.read_bytes() == before


@pytest.mark.parametrize("argv", [["check", "a.c", "a.c"], ["optimize", "a.c"], ["init", "a.c"]])
def test_a_missing_file(tmp_path, argv):
    complained(proofsmith(*argv, cwd=tmp_path), 2, "a.c does not exist")


def test_a_missing_candidate(tmp_path):
    (tmp_path / "a.c").write_text(GOOD)
    complained(proofsmith("check", "a.c", "b.c", cwd=tmp_path), 2, "b.c")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--budget", "soon"], ["soon", "20s"]),
        (["--budget", "0s"], ["0s"]),
        (["--goal", "beauty"], ["beauty", "speed"]),
        (["--require", "mostly"], ["mostly", "proved"]),
        (["--depth", "deep"], ["depth"]),
        (["--jobs", "0"], ["jobs"]),
        (["--domain", "poetry"], ["poetry", "kernels"]),
        (["--model", "m"], ["--base-url"]),
        (["--base-url", "http://127.0.0.1:9/v1"], ["--model"]),
    ],
)
def test_an_option_that_makes_no_sense(tmp_path, monkeypatch, capsys, option, words):
    (tmp_path / "a.c").write_text(GOOD)
    complained(inside(monkeypatch, capsys, tmp_path)("optimize", "a.c", *option), 2, *words)


def tools_without(folder, *absent):
    """Return a PATH whose only folder links to every installed tool but those whose names begin with `absent`."""
    folder.mkdir()
    for directory in map(Path, os.environ["PATH"].split(os.pathsep)):
        for tool in directory.iterdir() if directory.is_dir() else ():
            link = folder / tool.name
            if not tool.name.startswith(absent) and not link.is_symlink():
                link.symlink_to(tool)
    return str(folder)


def test_no_sandbox(tmp_path):
    (tmp_path / "a.c").write_text(GOOD)
    path = tools_without(tmp_path / "bin", "bwrap")
    for verb in (["check", "a.c", "a.c"], ["optimize", "a.c"]):
        done = proofsmith(*verb, cwd=tmp_path, PATH=path)
        complained(done, 3, "bubblewrap", "apt-get install bubblewrap")


@pytest.mark.slow
def test_a_full_disk_in_the_run_folder(tmp_path):
    (tmp_path / "a.c").write_text(GOOD)
    (tmp_path / "runs").mkdir()
    inner = [
        sys.executable,
        "-m",
        "proofsmith",
        "optimize",
        "a.c",
        "--runs-dir",
        "runs",
        "-b",
        "3 attempts",
        "-q",
    ]
    outer = ["bwrap", "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(tmp_path / "runs")]
    done = subprocess.run(
        [*outer, "--chdir", str(tmp_path), *inner],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    complained(done, 3, "runs")
    assert (tmp_path / "a.c").read_text() == GOOD


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_a_search_and_leaves_the_file_alone(tmp_path, presses):
    (tmp_path / "a.c").write_text(GOOD)
    argv = [
        sys.executable,
        "-m",
        "proofsmith",
        "optimize",
        "a.c",
        "--budget",
        "100s",
        "--apply",
        "--yes",
    ]
    running = subprocess.Popen(
        argv,
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    while "search" not in said:
        said += running.stderr.readline()
        assert running.poll() is None, said
    pressed = time.perf_counter()
    for _ in range(presses):
        running.send_signal(signal.SIGINT)
        time.sleep(0.3)
    _, rest = running.communicate(timeout=60)
    assert running.returncode == 130, rest
    assert "Traceback" not in rest
    assert "stopping" in rest
    assert (tmp_path / "a.c").read_text() == GOOD
    assert "the same command goes on" in rest
    if presses == 2:
        assert time.perf_counter() - pressed < 30


FAULTS = {
    "401": failed(401, "bad key"),
    "404": failed(404, "no such model"),
    "429": failed(429, "slow down", headers={"Retry-After": "0"}),
    "500": failed(500, "oops"),
    "garbage": GARBAGE,
    "never": NEVER,
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_an_endpoint_that_fails_is_named_and_the_rules_go_on(tmp_path, endpoint, fault):
    (tmp_path / "a.c").write_text(GOOD)
    endpoint.script = lambda _: FAULTS[fault]
    flags = [
        "--base-url",
        endpoint.base_url,
        "--model",
        "loopback",
        "--budget",
        "30 attempts, 45s",
    ]
    done = proofsmith("optimize", "a.c", "-q", *flags, cwd=tmp_path, timeout=100)
    assert done.returncode in (0, 1, 4), done.stderr  # what the rules found is kept
    complained(done, done.returncode, "the model stopped answering", "--no-model")
    assert (tmp_path / "a.c").read_text() == GOOD


NO_GAIN = """\
/* proofsmith
entry = "twice"
[scalars]
x = { range = [-100, 100] }
*/
int twice(int x) { return x + x; }
"""


@pytest.mark.slow
def test_when_the_endpoint_fails_and_no_rule_finds_anything_the_exit_code_says_so(
    tmp_path, endpoint
):
    (tmp_path / "a.c").write_text(NO_GAIN)
    endpoint.script = lambda _: failed(401, "bad key")
    flags = ["--base-url", endpoint.base_url, "--model", "loopback", "--budget", "200s"]
    done = proofsmith("optimize", "a.c", "-q", *flags, cwd=tmp_path, timeout=250)
    complained(done, 4, "the model stopped answering", "--no-model")
    assert "nothing better found" in done.stdout


def test_no_compiler(tmp_path):
    (tmp_path / "a.c").write_text(GOOD)
    hidden = [word for tool in compilers() for word in ("--ro-bind", "/dev/null", tool)]
    inner = [sys.executable, "-m", "proofsmith", "check", "a.c", "a.c", "-q"]
    done = subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", *hidden, "--chdir", str(tmp_path), *inner],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    complained(done, 3, "gcc")


def compilers():
    """Return the real paths of every installed C compiler."""
    names = ("gcc", "cc", "clang")
    found = {os.path.realpath(path) for name in names if (path := shutil.which(name))}
    return sorted(found)
