"""Run a project's tests inside the sandbox with coverage and seeded defects; needs the standard library alone.

Standard input holds the length of the plan in 16 digits, the plan as JSON, and the nonce that signs the result; the
nonce is read last. Every suite runs in a forked child, so the process that reports never imports a line of the project.
"""

import ctypes
import json
import os
import select
import signal
import sys
import threading
import time
import types
import unittest
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

DIGITS = 16
SHOWN_LINES = 40
PR_SET_DUMPABLE = 4


class _Canary(unittest.TestCase):
    """Must fail: a process in which it passes does not tell the truth about the other tests either."""

    def runTest(self) -> None:
        """Fail."""
        self.fail("canary")


def load(paths: Iterable[str]) -> unittest.TestSuite:
    """Return the suite of the test files: unittest classes, and plain `test_*` functions."""
    suite = unittest.TestSuite()
    loader = unittest.TestLoader()
    for path in paths:
        name = path.removesuffix(".py").replace("/", ".")
        suite.addTest(loader.loadTestsFromName(name))
        module = sys.modules.get(name)
        for key, value in sorted(vars(module).items()) if module else ():
            own = isinstance(value, types.FunctionType) and value.__module__ == name
            if own and key.startswith("test"):
                suite.addTest(unittest.FunctionTestCase(value, description=f"{path}:{key}"))
    return suite


def executable(path: str) -> set[int]:
    """Return the lines of a file that hold code."""
    todo = [compile(Path(path).read_bytes(), path, "exec")]
    lines: set[int] = set()
    while todo:
        code = todo.pop()
        lines.update(line for _, _, line in code.co_lines() if line)
        todo.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
    return lines


def traced(paths: list[str], work: Callable[[], Any]) -> tuple[Any, dict[str, set[int]]]:
    """Do `work` and return its value with the lines of `paths` that were run."""
    wanted = {str(Path.cwd() / path): path for path in paths}
    seen: dict[str, set[int]] = {path: set() for path in paths}

    def local(frame: types.FrameType, event: str, _: Any) -> Any:
        if event == "line":
            seen[wanted[frame.f_code.co_filename]].add(frame.f_lineno)
        return local

    def enter(frame: types.FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in wanted:
            return None
        seen[wanted[frame.f_code.co_filename]].add(frame.f_lineno)
        return local

    threading.settrace(enter)
    sys.settrace(enter)
    try:
        value = work()
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return value, seen


def suite_result(tests: Iterable[str]) -> dict[str, Any]:
    """Run the suite once and return what happened as plain values."""
    result = unittest.TestResult()
    result.buffer = True
    load(tests).run(result)
    failed = [[str(case), text] for case, text in result.failures + result.errors]
    failed += [[str(case), "passed as not expected"] for case in result.unexpectedSuccesses]
    skipped = len(result.skipped) + len(result.expectedFailures)
    canary = unittest.TestResult()
    _Canary().run(canary)
    honest = len(canary.failures) == 1
    return {"ran": result.testsRun - skipped, "failed": failed, "honest": honest}


def measured(tests: list[str], product: list[str]) -> dict[str, Any]:
    """Run the suite under the tracer and add the coverage of every product file."""
    outcome, seen = traced(product, lambda: suite_result(tests))
    outcome["coverage"] = {}
    for path in product:
        lines = executable(path)
        missed = sorted(lines - seen[path])
        outcome["coverage"][path] = [len(lines & seen[path]), len(lines), missed[:SHOWN_LINES]]
    whole: dict[str, Any] = outcome
    return whole


def _work_of_child(write: int, work: Callable[[], dict[str, Any]]) -> None:
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    sys.path.insert(0, str(Path.cwd()))
    try:
        outcome = work()
    except BaseException as error:  # noqa: BLE001
        outcome = {"failed": [["the tests could not be loaded", repr(error)]], "ran": 0}
    with os.fdopen(write, "wb") as pipe:
        pipe.write(json.dumps(outcome).encode())
    os._exit(0)


def forked(work: Callable[[], dict[str, Any]], wall_s: float) -> dict[str, Any]:
    """Do `work` in a child; return its value, or {"timeout": true}, or {"died": exit status}."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        _work_of_child(write, work)
    os.close(write)
    data, end = b"", time.monotonic() + wall_s
    while (left := end - time.monotonic()) > 0 and select.select([read], [], [], left)[0]:
        chunk = os.read(read, 1 << 16)
        if not chunk:
            break
        data += chunk
    late = time.monotonic() >= end
    os.close(read)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if late:
        return {"timeout": True}
    try:
        found: dict[str, Any] = json.loads(data)
    except ValueError:
        return {"died": status}
    return found


def survives(path: str, text: str, tests: list[str], wall_s: float) -> bool:
    """Say whether every test passes although the defect is there."""
    file = Path(path)
    before = file.read_bytes()
    try:
        file.write_text(text, encoding="utf-8")
        found = forked(lambda: suite_result(tests), wall_s)
    finally:
        file.write_bytes(before)
    return not found.get("failed", True)


def read_exactly(count: int) -> bytes:
    """Read `count` bytes from descriptor 0, with no buffer that a child could look into."""
    data = b""
    while len(data) < count and (chunk := os.read(0, count - len(data))):
        data += chunk
    return data


def main() -> None:
    """Carry out the plan and print the signed result."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # children cannot look into this process
    sys.dont_write_bytecode = True
    plan = json.loads(read_exactly(int(read_exactly(DIGITS))))
    tests, start = plan["tests"], time.monotonic()
    outcome = forked(lambda: measured(tests, plan["product"]), plan["suite_s"])
    took = time.monotonic() - start
    survivors, tried = [], 0
    for index, (path, text) in enumerate(plan["mutants"]):
        if outcome.get("failed", True) or time.monotonic() - start > plan["total_s"]:
            break
        tried += 1
        if survives(path, text, tests, max(2.0, 5 * took)):
            survivors.append(index)
    signed = {**outcome, "mutants": tried, "survivors": survivors}
    nonce = read_exactly(64).decode()
    sys.stdout.write(f"\n{nonce} {json.dumps(signed)}\n")


if __name__ == "__main__":
    main()
