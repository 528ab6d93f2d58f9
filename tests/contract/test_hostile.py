"""Hostile programs: held by every isolated level, and really hostile where nothing holds them."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.conformance import Row, RowResult, check, rows, verdict
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.executors.local import LocalSandbox
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.types import ExecResult

UNSTOPPED = {
    "daemon_escape",
    "net_tcp_loopback",
    "net_bind",
    "unix_abstract",
    "unix_path",
    "read_secret",
    "proc_environ",
    "proc_list",
    "oracle_sibling",
}


def told(results: list[RowResult]) -> list[str]:
    return [f"{r.row.id}: {r.verdict} {r.why}" for r in results]


@pytest.mark.slow
@pytest.mark.parametrize("provider", [BubblewrapSandbox, ZygoteSandbox])
async def test_with_a_control_group_every_row_is_held(provider: type[BubblewrapSandbox]) -> None:
    sandbox = provider(Machine.probe())
    if not sandbox.level.startswith("bubblewrap+cgroup"):
        pytest.skip("no writable control group: run as root or delegate one (systemd-run --user)")
    results = [result async for result in check(sandbox)]
    assert len(results) == len(rows())
    assert told([r for r in results if r.state in ("breach", "failed")]) == []


@pytest.mark.slow
async def test_docker_holds_every_row(docker_url: str) -> None:
    sandbox = DockerSandbox(Daemon.connect(url=docker_url))
    results = [result async for result in check(sandbox)]
    assert told([r for r in results if r.state in ("breach", "failed")]) == []
    assert re.fullmatch(r"docker sha256:[0-9a-f]{64}", sandbox.fresh().level)


@pytest.mark.slow
async def test_bubblewrap_without_a_control_group_holds_every_row_by_softer_means() -> None:
    results = [r async for r in check(BubblewrapSandbox(Machine.probe(use_groups=False)))]
    assert told([r for r in results if r.state in ("breach", "failed")]) == []


AGAINST_PROCESS_1 = """
daemon_escape pipe_holder zombie_farm kill_parent kill_all ptrace_parent prlimit_parent proc_environ oom_adj
ignore_sigterm raise_rlimit symlink_artifact fifo_artifact huge_artifact proc_of_init signal_init forge_report
output_race swap_work_folder mem_dead_leaders mem_socket_buffers mem_multi
"""


@pytest.mark.slow
async def test_without_a_compiler_the_other_init_holds_what_is_aimed_at_it() -> None:
    sandbox = BubblewrapSandbox(Machine.probe(use_groups=False, compiled=False))
    names = AGAINST_PROCESS_1.split()
    chosen = [row for row in rows() if row.id in names]
    assert len(chosen) == len(names)
    assert told([r async for r in check(sandbox, chosen) if r.state != "held"]) == []


@pytest.mark.slow
async def test_without_a_sandbox_the_harmless_rows_breach_so_the_check_can_fail() -> None:
    results = [result async for result in check(LocalSandbox())]
    assert {r.row.id for r in results if r.state == "breach"} >= UNSTOPPED
    assert all(r.state == "not run" for r in results if not r.row.unconfined)
    assert all(r.why for r in results if r.state != "held")


def test_rows_1_to_74_are_all_there_and_their_names_are_unique() -> None:
    numbers = {row.number for row in rows()}
    assert numbers & set(range(1, 105)) == set(range(1, 75))  # 75 to 104 judge verifiers
    names = [row.id for row in rows()]
    assert len(names) == len(set(names))


def test_every_expected_verdict_is_one_that_can_be_given() -> None:
    known = r"OK|TIMEOUT|CPU|MEMORY|OUTPUT|DISK|PROCS|DENIED|TAMPER|(SIGNAL|EXIT)\(\d+\)"
    for row in rows():
        assert row.expect
        assert all(re.fullmatch(known, word) for word in row.expect), row.id


class Delayed:
    """A sandbox that only takes time: for `true`, and for everything else."""

    level = "delayed"

    def __init__(self, true_s: float, other_s: float) -> None:
        self.true_s, self.other_s = true_s, other_s

    def fresh(self, **_: object) -> "Delayed":
        return self

    async def write(self, *_: object) -> None:
        return

    async def exec(self, argv: Sequence[str], **_: object) -> ExecResult:
        await asyncio.sleep(self.true_s if argv[0] == "true" else self.other_s)
        return ExecResult(exit_code=0)


@pytest.mark.parametrize(("true_s", "state"), [(0.0, "breach"), (0.4, "held")])
async def test_a_late_end_counts_unless_the_machine_is_as_late_with_a_program_that_does_nothing(
    true_s: float, state: str
) -> None:
    row = Row(number=1, id="x", language="py", tries="", expect=("OK",), source="", within_s=0.1)
    (result,) = [r async for r in check(Delayed(true_s, 0.5), [row])]  # type: ignore[arg-type]
    assert result.state == state, result.why


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (ExecResult(exit_code=0), "OK"),
        (ExecResult(exit_code=0, stdout=b"DENIED x"), "DENIED"),
        (ExecResult(exit_code=0, stdout=b"DENIED\nBREACH"), "BREACH"),
        (ExecResult(exit_code=None, exceeded="memory", stdout=b"BREACH"), "BREACH"),
        (ExecResult(exit_code=None, exceeded="wall"), "TIMEOUT"),
        (ExecResult(exit_code=None, signal=9), "SIGNAL(9)"),
        (ExecResult(exit_code=137), "EXIT(137)"),
        (ExecResult(exit_code=0, tampered=("a",)), "TAMPER"),
    ],
)
def test_a_result_becomes_one_word(result: ExecResult, word: str) -> None:
    assert verdict(result) == word
