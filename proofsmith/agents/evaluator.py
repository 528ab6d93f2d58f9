"""Judge the files of one step: five outcomes, and only one of them lets the step pass."""

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.tools.defects import Mutant, mutants
from proofsmith.tools.feedback import clip
from proofsmith.types import ExecResult, Limits

RUNNER = "trial_main.py"
RUNNER_IN_SANDBOX = ".trial/main.py"
PYTHON = "python3"
TEST, RUN, ARROW = "test ", "run ", " => "
SUITE_S, TOTAL_S = 30.0, 90.0
LIMITS = Limits(wall_s=120.0, cpu_s=150.0, memory_mib=1024, disk_mib=64, processes=64)
RUN_LIMITS = Limits(wall_s=20.0, cpu_s=20.0, memory_mib=1024, disk_mib=64, processes=64)
MUTANTS_PER_FILE = 12
ENOUGH_MUTANTS = 3
"""With fewer seeded defects a score of zero says little."""
SHOWN_CHARS = 3000


class Result(StrEnum):
    """The outcomes of a check; a step passes when all of its checks do, and never otherwise."""

    PASS = "pass"
    FAIL = "fail"
    TIMEOUT = "timeout"
    NO_EVIDENCE = "no-evidence"
    INFRA_ERROR = "infra-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well the tests know one file: lines run, and seeded defects noticed."""

    covered: int
    lines: int
    killed: int = 0
    mutants: int = 0

    def below(self, other: "Score") -> str:
        """Say what fell since `other`; empty when nothing did.

        >>> Score(covered=9, lines=10).below(Score(covered=5, lines=5))
        'line coverage fell from 5/5 to 9/10'
        """
        if self.covered * other.lines < other.covered * self.lines:
            return f"line coverage fell from {other.covered}/{other.lines} to {self.covered}/{self.lines}"
        if self.killed * other.mutants < other.killed * self.mutants:
            return (
                f"seeded defects noticed fell from {other.killed}/{other.mutants}"
                f" to {self.killed}/{self.mutants}"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of evaluating a step."""

    result: Result
    detail: str
    """For the author of the files, most important first."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    tests: int = 0
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be judged."""

    files: Mapping[str, bytes]
    checks: Sequence[str]
    outputs: Sequence[str] = ()
    """Files that must exist."""
    suite: Sequence[str] = ()
    """Further test files that must go on passing: those of the steps before."""
    product: Sequence[str] = ()
    """Python files whose coverage is measured."""
    seeded: Sequence[str] = ()
    """Python files into which defects are seeded."""
    floors: Mapping[str, Score] = field(default_factory=dict)
    """Scores of earlier evaluations, which may not fall."""


async def evaluate(task: Task, sandbox: Sandbox) -> Judgement:
    """Judge `task` in fresh sandboxes; machinery that fails twice is INFRA_ERROR, never a pass or a fail."""
    missing = [path for path in task.outputs if path not in task.files]
    if missing:
        return _judged(Result.FAIL, f"these outputs do not exist: {', '.join(missing)}")
    if not task.checks:
        return _judged(Result.NO_EVIDENCE, "the step has no acceptance check")
    try:
        return await _evaluated(task, sandbox)
    except SandboxError:
        try:
            return await _evaluated(task, sandbox)
        except SandboxError as error:
            return _judged(Result.INFRA_ERROR, error.message)


def tests_of(checks: Sequence[str]) -> tuple[str, ...]:
    """Return the test files that `test` checks name, in order.

    >>> tests_of(["test tests/test_a.py tests/test_b.py", "run python3 a.py => 3"])
    ('tests/test_a.py', 'tests/test_b.py')
    """
    named = [path for c in checks if c.startswith(TEST) for path in c[len(TEST) :].split()]
    return tuple(dict.fromkeys(named))


async def _evaluated(task: Task, sandbox: Sandbox) -> Judgement:
    wall_s = 0.0
    for check in task.checks:
        if not check.startswith(TEST):
            judged = await _run_check(check, task.files, sandbox)
            wall_s += judged.wall_s
            if judged.result is not Result.PASS:
                return judged
    tests = tuple(dict.fromkeys((*tests_of(task.checks), *task.suite)))
    if not tests:
        return _judged(Result.PASS, "every check passed", wall_s=wall_s)
    absent = [path for path in tests if path not in task.files]
    if absent:
        return _judged(Result.NO_EVIDENCE, f"these test files do not exist: {', '.join(absent)}")
    return await _suite(task, tests, sandbox)


async def _run_check(check: str, files: Mapping[str, bytes], sandbox: Sandbox) -> Judgement:
    """Run one `run ARGV => TEXT` check: exit code 0 and the text in the output, both."""
    command, arrow, expected = check.removeprefix(RUN).partition(ARROW)
    try:
        argv = shlex.split(command)
    except ValueError as error:
        return _judged(Result.NO_EVIDENCE, f"`{check}` is not a command: {error}")
    if not check.startswith(RUN) or not argv or not arrow or not expected.strip():
        what = "must be `test FILE.py ...` or `run COMMAND => EXPECTED OUTPUT`"
        return _judged(Result.NO_EVIDENCE, f"the check `{check}` {what}")
    done = await execute(argv, files, sandbox, RUN_LIMITS)
    if done.timed_out:
        return _judged(Result.TIMEOUT, f"`{check}` did not end within {RUN_LIMITS.wall_s:g} s")
    said = done.stdout.decode(errors="replace")
    if done.ok and expected.strip() in said:
        return _judged(Result.PASS, f"`{check}` passed", wall_s=done.wall_s)
    return _judged(Result.FAIL, f"`{check}` failed\n{shown(done)}", wall_s=done.wall_s)


async def execute(
    argv: Sequence[str], files: Mapping[str, bytes], sandbox: Sandbox, limits: Limits
) -> ExecResult:
    """Run `argv` over a copy of `files` in a fresh sandbox; nothing that it writes survives."""
    fresh = sandbox.fresh()
    for path, data in files.items():
        await fresh.write(path, data)
    return await fresh.exec(argv, limits=limits)


def shown(done: ExecResult) -> str:
    """Return exit code and output for an author, clipped."""
    ended = done.exceeded and f"ended by the {done.exceeded} limit"
    lines = [ended or (f"signal {done.signal}" if done.signal else f"exit code {done.exit_code}")]
    for name, data in (("stdout", done.stdout), ("stderr", done.stderr)):
        if data.strip():
            lines.append(f"{name}:\n{clip(data.decode(errors='replace').strip(), SHOWN_CHARS)}")
    return "\n".join(lines)


async def _suite(task: Task, tests: Sequence[str], sandbox: Sandbox) -> Judgement:
    """Run the test files with coverage and seeded defects, and compare with the floors."""
    seeds = [
        (path, mutant)
        for path in task.seeded
        for mutant in mutants(_text(task.files[path]), limit=MUTANTS_PER_FILE)
    ]
    plan = {
        "tests": list(tests),
        "product": list(task.product),
        "mutants": [[path, mutant.text] for path, mutant in seeds],
        "suite_s": SUITE_S,
        "total_s": TOTAL_S,
    }
    done, found = await _trial(plan, task.files, sandbox)
    if found is None:
        result = Result.TIMEOUT if done.timed_out else Result.FAIL
        return _judged(
            result, f"the tests ended without a result\n{shown(done)}", wall_s=done.wall_s
        )
    if found.get("timeout"):
        return _judged(Result.TIMEOUT, f"the tests did not end within {SUITE_S:g} s")
    return _verdict(task, found, seeds, done.wall_s)


async def _trial(
    plan: Mapping[str, Any], files: Mapping[str, bytes], sandbox: Sandbox
) -> tuple[ExecResult, dict[str, Any] | None]:
    fresh = sandbox.fresh()
    for path, data in files.items():
        await fresh.write(path, data)
    await fresh.write(RUNNER_IN_SANDBOX, Path(__file__).with_name(RUNNER).read_bytes())
    nonce = secrets.token_hex(32)
    body = json.dumps(plan).encode()
    done = await fresh.exec(
        [PYTHON, "-I", RUNNER_IN_SANDBOX],
        limits=LIMITS,
        stdin=f"{len(body):016d}".encode() + body + nonce.encode(),
    )
    for line in reversed(done.stdout.decode(errors="replace").splitlines()):
        mark, _, text = line.partition(" ")
        if mark == nonce:
            return done, json.loads(text)
    return done, None


def _verdict(
    task: Task, found: Mapping[str, Any], seeds: Sequence[tuple[str, Mutant]], wall_s: float
) -> Judgement:
    failed, ran = found.get("failed"), int(found.get("ran", 0))
    if failed is None or not found.get("honest", bool(failed)):
        why = "the tests ended their own process" if failed is None else "failing tests were hidden"
        return _judged(Result.FAIL, f"{why}: no result of theirs counts", wall_s=wall_s)
    if failed:
        texts = "\n\n".join(f"{name}\n{text}" for name, text in failed)
        told = f"{len(failed)} of {max(ran, len(failed))} tests fail\n{clip(texts, SHOWN_CHARS)}"
        return _judged(Result.FAIL, told, wall_s=wall_s)
    if not ran:
        return _judged(Result.NO_EVIDENCE, "no test ran: the test files hold none", wall_s=wall_s)
    scores = _scores(found, seeds)
    tried = int(found["mutants"])
    if tried >= ENOUGH_MUTANTS and len(found["survivors"]) == tried:
        told = "the tests notice none of the seeded defects, so they show nothing"
        return Judgement(
            result=Result.NO_EVIDENCE,
            detail=f"{told}\n{_survivors(found, seeds)}",
            tests=ran,
            wall_s=wall_s,
        )
    for path, floor in task.floors.items():
        score = scores.get(path)
        fell = score.below(floor) if score else ""  # a file that is gone has no tests to weaken
        if fell:
            missed = found["coverage"][path][2]
            told = f"{path}: {fell}; lines that no test runs: {missed}\n{_survivors(found, seeds)}"
            return Judgement(
                result=Result.FAIL,
                detail=f"the tests were weakened\n{told}",
                scores=scores,
                tests=ran,
                wall_s=wall_s,
            )
    told = (
        f"{ran} tests passed; {tried - len(found['survivors'])} of {tried} seeded defects noticed"
    )
    return Judgement(result=Result.PASS, detail=told, scores=scores, tests=ran, wall_s=wall_s)


def _scores(found: Mapping[str, Any], seeds: Sequence[tuple[str, Mutant]]) -> dict[str, Score]:
    tried = seeds[: int(found["mutants"])]
    alive = {seeds[index][0]: 0 for index in range(len(seeds))}
    for index in found["survivors"]:
        alive[seeds[index][0]] += 1
    scores = {}
    for path, (covered, lines, _) in found["coverage"].items():
        count = sum(1 for seeded, _ in tried if seeded == path)
        scores[path] = Score(
            covered=covered, lines=lines, mutants=count, killed=count - alive.get(path, 0)
        )
    return scores


def _survivors(found: Mapping[str, Any], seeds: Sequence[tuple[str, Mutant]]) -> str:
    lines = [
        f"not noticed: {seeds[index][0]}:{seeds[index][1].line}: {seeds[index][1].change}"
        for index in found["survivors"]
    ]
    return clip("\n".join(lines), SHOWN_CHARS)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _judged(result: Result, detail: str, wall_s: float = 0.0) -> Judgement:
    return Judgement(result=result, detail=detail, wall_s=wall_s)
