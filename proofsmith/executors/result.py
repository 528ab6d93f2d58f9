"""What an init reported, and the control group counted, as one `ExecResult`."""

import os
import signal
from dataclasses import replace

from proofsmith.errors import SandboxError
from proofsmith.executors.cgroup import Counted
from proofsmith.executors.limits import over_cpu
from proofsmith.executors.process import Finished
from proofsmith.executors.report import Report
from proofsmith.types import Exceeded, ExecResult, Limits

_FULL_BYTES = 16 * 1024


def result_of(
    finished: Finished, report: Report, limits: Limits, counted: Counted, level: str
) -> ExecResult:
    """Combine all sources; raises SandboxError when the machinery failed.

    A payload that ended is never an error. No status record fails closed.
    """
    if report.wait_status is None and not finished.ended_by and not counted.out_of_memory:
        said = finished.stderr.data().decode(errors="replace").strip()[-300:]
        raise SandboxError(f"the sandbox died before its report: {said or 'no reason given'}")
    if finished.ended_by == "start":
        raise SandboxError("the sandbox did not start in time", hint="is the machine overloaded?")
    exit_code = ended_signal = None
    exceeded: Exceeded = "memory" if counted.out_of_memory else finished.ended_by or report.ended_by
    if report.wait_status is not None and exceeded not in ("wall", "output", "disk"):
        if os.WIFSIGNALED(report.wait_status):
            ended_signal = os.WTERMSIG(report.wait_status)
        else:
            exit_code = os.WEXITSTATUS(report.wait_status)
    result = ExecResult(
        exit_code=exit_code,
        signal=ended_signal,
        stdout=finished.stdout.data(),
        stderr=finished.stderr.data(),
        wall_s=report.wall_s or finished.wall_s,
        cpu_s=report.cpu_s,
        peak_mib=max(report.peak_mib, counted.peak_mib),
        exceeded=exceeded,
        truncated=finished.stdout.truncated or finished.stderr.truncated,
        outputs=report.outputs,
        tampered=tuple(report.tampered),
        level=level,
    )
    return replace(result, exceeded=exceeded or _limit_reached(result, report, limits, counted))


def _limit_reached(
    result: ExecResult, report: Report, limits: Limits, counted: Counted
) -> Exceeded:
    """Name the limit that made the payload fail by itself, empty when none did."""
    if result.exit_code == 0:
        return ""
    if over_cpu(result.cpu_s, result.signal, limits):
        return "cpu"
    if result.signal == signal.SIGXFSZ or report.free_bytes < _FULL_BYTES:
        return "disk"
    return "processes" if counted.refused_forks else ""
