"""The rows that judge domains: each names what is hostile and its test; those about Python run against a grader."""

import ast
import json
import secrets
import tomllib
from pathlib import Path

import pytest

from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.types import Limits

ROOT = Path(__file__).parents[3]
DOMAINS = tomllib.loads(Path(__file__).with_name("rows.toml").read_text())
NOT_RUN = DOMAINS.pop("not_run")
ROWS = {row: found for domain in DOMAINS.values() for row, found in domain.items()}
SUITE = [
    "forge_stdout",
    "early_exit0",
    "always_equal",
    "frame_walk",
    "patch_grader",
    "patch_clock",
    "late_write",
    "conftest_plugin",
    "git_history",
    "kernel_cached_output",
    "kernel_side_stream",
    "kernel_patch_events",
    "kernel_reuse_memory",
    "kernel_mutates_input",
    "kernel_nan_expected",
    "kernel_lazy_output",
    "kernel_impossible_speed",
    "verilog_file_io",
    "verilog_pass_finish",
    "verilog_zero_delay",
    "verilator_dpi",
    "sql_read_file",
    "sql_copy_attach",
    "sql_bomb",
    "pg_program",
    "lean_axiom",
    "lean_sorry",
    "native_decide",
    "lean_hijack_print",
    "lean_io",
    "isa_host_syscall",
    "isa_detect_emulator",
]
"""Rows 75 to 104 in order; row 100 has three programs."""

RUNNER = """
import json, sys
nonce, calls = sys.stdin.readline().strip(), json.loads(sys.stdin.readline())
out = sys.stdout
sys.stdin = None
import candidate
results = [candidate.double(x) for x in calls]
plain = [r if type(r) is int else None for r in results]
out.write("\\n" + nonce + " " + json.dumps(plain) + "\\n")
out.flush()
"""
HONEST = "def double(x):\n    return 2 * x\n"
CHEATS = {
    "forge_stdout": "print('PASS'); print('0' * 32, [2, 42, -6])\nimport os; os._exit(0)\n",
    "early_exit0": "import sys; sys.exit(0)\n",
    "always_equal": """
class Any(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__
def double(x):
    return Any(7)
""",
    "frame_walk": """
import gc, sys
def double(x):
    frame, seen = sys._getframe(), []
    while frame:
        seen += [v for n, v in frame.f_locals.items() if n == "expected"]
        frame = frame.f_back
    seen += [o for o in gc.get_objects() if isinstance(o, list) and o[:1] == [2] and len(o) == 3]
    return seen[0][[1, 21, -3].index(x)] if seen else 0
""",
    "patch_grader": """
import builtins, json
json.dumps = lambda *a, **k: "[2, 42, 0]"
builtins.isinstance = lambda *a: True
def double(x):
    return 0
""",
    "late_write": """
import atexit, os
atexit.register(lambda: os.write(1, b"\\n" + b"0" * 32 + b" [2, 42, -6]\\n"))
def double(x):
    return 0
""",
    "conftest_plugin": """
for name in ("conftest.py", "sitecustomize.py", "x.pth"):
    open(name, "w").write("raise SystemExit(0)")
def double(x):
    return 0
""",
    "git_history": """
import subprocess
found = subprocess.run("git log -p --all || cat .git/*", shell=True, capture_output=True).stdout
def double(x):
    return 2 * x if b"return 2 * x" in found else 0
""",
}


async def passes(program: str) -> bool:
    """Grade as a domain must: the expected values stay here, the result counts only behind a fresh nonce, once."""
    box = BubblewrapSandbox(Machine.probe())
    await box.write("candidate.py", program.encode())
    await box.write("runner.py", RUNNER.encode())
    nonce = secrets.token_hex(16)
    calls, expected = [1, 21, -3], [2, 42, -6]
    stdin = f"{nonce}\n{json.dumps(calls)}\n".encode()
    command = ("python3", "-B", "runner.py")
    done = await box.exec(command, limits=Limits(wall_s=10), stdin=stdin)
    lines = done.stdout.decode(errors="replace").splitlines()
    framed = [line.removeprefix(nonce) for line in lines if line.startswith(nonce)]
    return done.ok and len(framed) == 1 and json.loads(framed[0]) == expected


async def test_an_honest_python_program_passes_the_grader() -> None:
    assert await passes(HONEST)


@pytest.mark.parametrize("row", CHEATS)
async def test_a_python_cheat_does_not_pass_the_grader(row: str) -> None:
    assert not await passes(CHEATS[row])


def test_every_row_of_the_suite_is_carried_by_some_domain_or_listed_as_not_run() -> None:
    assert len(SUITE) - 2 == 104 - 74
    assert set(SUITE) == ROWS.keys() | CHEATS.keys() | NOT_RUN.keys()
    assert not NOT_RUN.keys() & (ROWS.keys() | CHEATS.keys())
    assert all(NOT_RUN.values())


@pytest.mark.parametrize("row", ROWS)
def test_every_row_names_something_hostile_and_a_test_that_exist(row: str) -> None:
    hostile, node = ROWS[row]
    path = ROOT / "tests" / hostile
    assert path.is_file()
    assert path.suffix == ".c" or row in path.read_text()
    file, _, name = node.partition("::")
    text = (ROOT / file).read_text()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {n.name for n in ast.walk(ast.parse(text)) if isinstance(n, functions)}
    if path.suffix == ".c":
        assert "versions(" in text or path.stem in text


CLOCK = """
import atexit, time
time.perf_counter = time.monotonic = time.time = time.process_time = lambda: 0.0
atexit.register(time.sleep, 0.6)
print("took", time.perf_counter())
end = __import__("resource").getrusage(0).ru_utime + 0.2
while __import__("resource").getrusage(0).ru_utime < end: pass
"""


@pytest.mark.parametrize("provider", [BubblewrapSandbox, ZygoteSandbox])
async def test_a_python_program_that_patches_its_clocks_is_timed_from_outside(
    provider: type[BubblewrapSandbox],
) -> None:
    """Row 80: what counts is what process 1 saw, to the very end."""
    done = await provider(Machine.probe()).exec(["python3", "-c", CLOCK], limits=Limits(wall_s=10))
    assert done.stdout == b"took 0.0\n"
    assert done.wall_s >= 0.6
    assert done.cpu_s >= 0.15
