"""Random faults against whole runs: equal results, nothing paid twice, nothing left behind.

usage: python -m benchmarks.chaos [--quick] [--seed N]      (root: the run folder is a tmpfs of its own)

Faults: kill -9 of the runner at a named point or at a random time, of a sandbox's init, of the endpoint (which comes
back at once), and a full disk. After each fault the same command is given again until the run ends by itself.
A request may reach the endpoint twice only where it was the call in flight when its runner or the endpoint was killed.
"""

import argparse
import contextlib
import ctypes
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import chaos_processes
from benchmarks.bars import Bars
from proofsmith.agents.failpoints import NAMES
from tests.agents.toy import NAME, text_of

PROCESSES = multiprocessing.get_context("forkserver")
KINDS = ("point", "point", "time", "init", "endpoint", "disk")
POINTS = sorted(name for name in NAMES if not name.startswith("apply."))
SUBREAPER = 36
MOST_ATTEMPTS = 25
TIMEOUT_S = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(pid: int) -> list[int]:
    """Return the live processes below `pid`."""
    found, stack = [], [pid]
    while stack:
        for task in Path(f"/proc/{stack.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                stack += (more := [int(word) for word in task.read_text().split()])
                found += more
    return found


@dataclass
class Scene:
    """One run's folder on a tmpfs of its own, with its endpoint; `faults` counts what was done to it."""

    folder: Path
    rng: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    kills: list[float] = field(default_factory=list)
    crashes: int = 0
    runners: list[int] = field(default_factory=list)

    def __enter__(self) -> "Scene":
        """Mount the folder and start the endpoint."""
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "chaos", self.folder], check=True
        )
        (self.folder / "temporary").mkdir()
        (self.folder / NAME).write_text(text_of(100))
        self.port = free_port()
        self.log = self.folder.with_suffix(".log")
        self.log.write_text("")
        self.start_endpoint()
        return self

    def __exit__(self, *_: object) -> None:
        """End the endpoint and unmount."""
        self.stop_endpoint()
        subprocess.run(["umount", "-l", self.folder], check=True)

    def start_endpoint(self) -> None:
        self.endpoint = PROCESSES.Process(target=chaos_processes.serve, args=(self.port, self.log))
        self.endpoint.start()

    def stop_endpoint(self) -> None:
        self.endpoint.kill()
        self.endpoint.join()

    def run(self, kind: str) -> int:
        """Give the command once, do a fault of `kind` to it ("" for none), and return its exit status."""
        point = (
            f"{self.rng.choice(POINTS)}:{self.rng.choice((1, 1, 2, 3))}" if kind == "point" else ""
        )
        url = f"http://127.0.0.1:{self.port}/v1"
        arguments = (self.folder / NAME, self.folder / "runs", url, point)
        runner = PROCESSES.Process(target=chaos_processes.run, args=arguments)
        runner.start()
        self.runners.append(runner.pid or 0)
        with self._fault(kind, runner):
            runner.join(TIMEOUT_S)
        if runner.exitcode is None:
            runner.kill()
            runner.join()
            raise TimeoutError(
                f"a runner did not end within {TIMEOUT_S:g} s after a fault of '{kind}'"
            )
        if kind == "point" and runner.exitcode == -signal.SIGKILL:
            self.faults[kind] += 1
        if runner.exitcode not in (0, -signal.SIGKILL, chaos_processes.REFUSED):
            self.crashes += 1
        return runner.exitcode

    @contextlib.contextmanager
    def _fault(self, kind: str, runner: Any) -> Iterator[None]:
        full = self.folder / "full"
        if kind == "disk":
            status = os.statvfs(self.folder)
            left = self.rng.choice((0, 4, 16, 60, 200)) * 1024
            with contextlib.suppress(
                OSError
            ):  # an ending process took some of it meanwhile: full is full
                full.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - left)))
            self.faults[kind] += 1
        elif kind in ("time", "init", "endpoint"):
            runner.join(self.rng.uniform(0.3, 3.0) if kind != "init" else 0.3)
            if runner.is_alive() and getattr(self, f"_kill_{kind}")(runner):
                self.faults[kind] += 1
                if kind == "init":  # which the run survives, so that its own end comes on top
                    runner.join(self.rng.uniform(0.05, 0.4))
                    self.faults["time"] += runner.is_alive() and self._kill_time(runner)
        yield
        full.unlink(missing_ok=True)

    def _kill_time(self, runner: Any) -> bool:
        self.kills.append(time.monotonic())
        runner.kill()
        return True

    def _kill_endpoint(self, _runner: Any) -> bool:
        self.kills.append(time.monotonic())
        self.stop_endpoint()
        self.start_endpoint()
        return True

    def _kill_init(self, runner: Any) -> bool:
        """Kill the first process named init below the runner that shows up."""
        deadline = time.monotonic() + 30
        while runner.is_alive() and time.monotonic() < deadline:
            for pid in descendants(runner.pid):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/init\0"):
                        os.kill(pid, signal.SIGKILL)
                        return True
            time.sleep(0.002)
        return False

    def report(self) -> Any:
        """Return the final report without times and places."""
        (path,) = (self.folder / "runs").glob("*/report.json")
        report = json.loads(path.read_text())["report"]
        del report["run_id"], report["spend"]["wall_s"]
        del report["manifest"]["source"], report["manifest"]["request"]["model"]
        return report

    def asked(self) -> list[tuple[str, float]]:
        return [(key, float(at)) for key, at in map(str.split, self.log.read_text().splitlines())]

    def paid_twice(self) -> int:
        """Count requests that were asked again though they were not in flight at a kill."""
        rows, unexplained = self.asked(), 0
        for (key, at), (after, later) in zip(rows, rows[1:], strict=False):
            in_flight = key == after and any(at <= kill <= later for kill in self.kills)
            unexplained += key in [k for k, t in rows if t > at] and not in_flight
        return unexplained

    def files(self) -> set[str]:
        """Names of all files, with the run's own name left out."""
        paths = (p.relative_to(self.folder).parts for p in self.folder.rglob("*") if p.is_file())
        return {
            "/".join("RUN" if i == 1 and parts[0] == "runs" else p for i, p in enumerate(parts))
            for parts in paths
        }


def left_behind(runners: list[int]) -> int:
    """Count orphans of the runners, which this process inherits, and control groups with their names."""
    deadline = time.monotonic() + 5
    trackers = 2 + 1  # fork server, resource tracker, endpoint
    own = descendants(os.getpid())
    while len(own) > trackers and time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        own = [pid for pid in descendants(os.getpid()) if _alive(pid)]
        time.sleep(0.05)
    names = tuple(f"proofsmith-{pid}-" for pid in runners)
    groups = [
        folder
        for _, folders, _ in os.walk("/sys/fs/cgroup")  # others' groups come and go meanwhile
        for folder in folders
        if folder.startswith(names)
    ]
    return max(0, len(own) - trackers) + len(set(groups))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def one_run(folder: Path, rng: random.Random, faults: int) -> tuple[Scene, Any, set[str], int]:
    """Drive one run to its end through `faults` faults; return the scene, its report, its files and what is left."""
    with Scene(folder, rng) as scene:
        status, attempts = -1, 0
        while status != 0 and sum(scene.faults.values()) < faults and attempts < MOST_ATTEMPTS:
            attempts += 1
            status = scene.run(rng.choice(KINDS))
        while status != 0 or attempts == 0:
            attempts += 1
            status = scene.run("")
            if attempts > 2 * MOST_ATTEMPTS:
                raise TimeoutError("the run never ends")
        left = left_behind(scene.runners)
        return scene, scene.report(), scene.files(), left


def mounts() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--quick", action="store_true", help="3 runs of 6 faults instead of 20 of 10"
    )
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    if os.geteuid() != 0:
        arguments.error("the disk that fills up is a tmpfs: run it as root")
    runs, faults = (3, 6) if given.quick else (20, 10)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    PROCESSES.set_forkserver_preload(["benchmarks.chaos_processes"])
    before, total = mounts(), Counter[str]()
    different = twice = leaked = crashes = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        place = Path(folder) / "r"
        place.mkdir()
        scene, wanted, files, _ = one_run(place, random.Random(0), 0)
        print(f"fault-free run: {len(files)} files", flush=True)
        number = -1
        while number + 1 < runs or (sum(total.values()) < runs * faults and number < 5 * runs):
            number += 1
            rng = random.Random(f"{given.seed}:{number}")
            scene, report, found, left = one_run(place, rng, faults)
            extra, again = found - files, scene.paid_twice()
            print(
                f"run {number}: {dict(scene.faults)} equal={report == wanted} again={again} left={left} {extra or ''}",
                flush=True,
            )
            total += scene.faults
            different += report != wanted
            twice, leaked, crashes = (
                twice + again,
                leaked + left + len(extra),
                crashes + scene.crashes,
            )
    bars = Bars()
    bars.at_least("faults", sum(total.values()), runs * faults)
    bars.at_least("kinds_of_fault", len(total), 5)
    bars.at_most("reports_that_differ", different, 0)
    bars.at_most("paid_twice", twice, 0)
    bars.at_most("left_behind", leaked + len(mounts() - before), 0)
    bars.at_most("untyped_errors", crashes, 0)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
