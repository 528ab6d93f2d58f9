"""Random faults against whole runs: equal results, nothing paid twice, nothing left behind.

usage: python -m benchmarks.chaos [--quick] [--seed N]      (root: the run folder is a tmpfs of its own)

Faults: kill -9 of the runner at a named point or at a random time, of a sandbox's init, of the endpoint and of the
Docker daemon (which come back at once), and a full disk. Every fifth run executes in containers, the others in
bubblewrap. After each fault the same command is given again until the run ends by itself. A request may reach the
endpoint twice only where it was the call in flight when its runner or the endpoint was killed.
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
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

from benchmarks import chaos_processes
from benchmarks.bars import Bars
from proofsmith.agents.failpoints import NAMES
from proofsmith.executors.limits import START_S
from tests.agents.toy import NAME, text_of
from tests.docker_daemon import PrivateDaemon, private_daemon

PROCESSES = multiprocessing.get_context("forkserver")
KINDS = ("point", "point", "time", "init", "endpoint", "disk")
DOCKER_KINDS = ("point", "time", "daemon", "daemon", "disk")
DOCKER_EVERY = 5
IN_FLIGHT_S = 1.0
"""A call counts as in flight for so long after it reached the endpoint, which answers within 0.02 s when left alone."""
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


def asked_again(asked: list[tuple[str, float]], kills: list[tuple[float, float]]) -> int:
    """Count requests, (key, time), that came again though no kill, (begin, end), met them in flight.

    >>> asked_again([("a", 1.0), ("b", 2.0), ("b", 9.0)], [(2.1, 2.2)])
    0
    >>> asked_again([("a", 1.0), ("b", 2.0), ("a", 9.0)], [(2.1, 2.2)])
    1
    >>> asked_again([("a", 2.15), ("a", 9.0)], [(2.1, 2.2)])  # it arrived while the kill was under way
    0
    """
    return sum(
        key in [later for later, _ in asked[number + 1 :]]
        and not any(begin <= at + IN_FLIGHT_S and at <= end for begin, end in kills)
        for number, (key, at) in enumerate(asked)
    )


@dataclass
class Scene:
    """One run's folder on a tmpfs of its own, with its endpoint; `faults` counts what was done to it."""

    folder: Path
    rng: random.Random
    daemon: PrivateDaemon
    contained: bool = False
    """Whether executions are containers of the daemon."""
    faults: Counter[str] = field(default_factory=Counter)
    kills: list[tuple[float, float]] = field(default_factory=list)
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
        docker = self.daemon.url if self.contained else ""
        arguments = (self.folder / NAME, self.folder / "runs", url, point, docker)
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
        elif kind in ("time", "init", "endpoint", "daemon"):
            runner.join(self.rng.uniform(0.3, 3.0) if kind != "init" else 0.3)
            if runner.is_alive() and getattr(self, f"_kill_{kind}")(runner):
                self.faults[kind] += 1
                if kind == "init":  # which the run survives, so that its own end comes on top
                    runner.join(self.rng.uniform(0.05, 0.4))
                    self.faults["time"] += runner.is_alive() and self._kill_time(runner)
        yield
        full.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _kill(self) -> Iterator[None]:
        """Remember when the kill began and when its victim was certainly dead."""
        begin = time.monotonic()
        yield
        self.kills.append((begin, time.monotonic()))

    def _kill_time(self, runner: Any) -> bool:
        with self._kill():
            runner.kill()
            runner.join()
        return True

    def _kill_endpoint(self, _runner: Any) -> bool:
        with self._kill():
            self.stop_endpoint()
        self.start_endpoint()
        return True

    def _kill_daemon(self, _runner: Any) -> bool:
        self.daemon.kill()
        time.sleep(self.rng.uniform(0.0, 0.5))
        self.daemon.start()
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

    def files(self) -> set[str]:
        """Return the names of all files with the run's own name left out; a log of a database counts as a file."""
        paths = (p.relative_to(self.folder).parts for p in self.folder.rglob("*") if p.is_file())
        return {
            "/".join("RUN" if i == 1 and parts[0] == "runs" else p for i, p in enumerate(parts))
            for parts in paths
        }


def left_behind(scene: Scene) -> list[str]:
    """Return orphans of the runners, which this process inherits, control groups with their names, and containers.

    What a daemon that was killed has lost ends by itself, within the time that its start may take.
    """
    deadline = time.monotonic() + START_S + 5
    while (orphans := _orphans(scene)) and time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        time.sleep(0.05)
    names = tuple(f"proofsmith-{pid}-" for pid in scene.runners)
    groups = {
        folder
        for _, folders, _ in os.walk("/sys/fs/cgroup")  # others' groups come and go meanwhile
        for folder in folders
        if folder.startswith(names)
    }
    processes = [f"process {pid} {_command(pid)[:80]!r}" for pid in orphans]
    containers = [f"container {name}" for name in scene.daemon.containers()]
    return [*processes, *(f"group {name}" for name in sorted(groups)), *containers]


def _orphans(scene: Scene) -> list[int]:
    """Return live descendants that are neither our own helpers nor part of the Docker daemon."""
    folder = str(scene.daemon.folder).encode()
    helpers = {scene.endpoint.pid, forkserver._forkserver._forkserver_pid}
    helpers.add(resource_tracker._resource_tracker._pid)
    return [
        pid
        for pid in descendants(os.getpid())
        if pid not in helpers and _alive(pid) and not _of_docker(pid, folder)
    ]


def _of_docker(pid: int, folder: bytes) -> bool:
    """Say whether a process is Docker's own: it names the daemon's folder, or waits to become a container."""
    command = _command(pid)
    return folder in command or command.startswith(b"runc\0init\0")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def one_run(scene: Scene, faults: int) -> tuple[Any, set[str], list[str]]:
    """Drive one run to its end through `faults` faults; return its report, its files and what is left behind."""
    kinds = DOCKER_KINDS if scene.contained else KINDS
    with scene:
        status, attempts = -1, 0
        while status != 0 and sum(scene.faults.values()) < faults and attempts < MOST_ATTEMPTS:
            attempts += 1
            status = scene.run(scene.rng.choice(kinds))
        while status != 0 or attempts == 0:
            attempts += 1
            status = scene.run("")
            if attempts > 2 * MOST_ATTEMPTS:
                raise TimeoutError("the run never ends")
        left = left_behind(scene)
        return scene.report(), scene.files(), left


def mounts(place: Path) -> set[str]:
    """Return what is mounted at or below `place`; others of this machine mount what they like."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[4] for line in lines if Path(line.split()[4]).is_relative_to(place)}


@dataclass
class Tally:
    """What all runs together showed."""

    faults: Counter[str] = field(default_factory=Counter)
    different: int = 0
    twice: int = 0
    left: set[str] = field(default_factory=set)
    crashes: int = 0

    def total(self) -> int:
        return sum(self.faults.values())

    def add(
        self,
        number: int,
        scene: Scene,
        got: tuple[Any, set[str], list[str]],
        wanted: tuple[Any, set[str]],
    ) -> None:
        """Compare one run with the undisturbed one and print its line."""
        report, files, left = got
        extra, again = files - wanted[1], asked_again(scene.asked(), scene.kills)
        print(
            f"run {number}{' docker' * scene.contained}: {dict(scene.faults)} equal={report == wanted[0]} "
            f"again={again} left={[*left, *sorted(extra)]}",
            flush=True,
        )
        self.faults += scene.faults
        self.different += report != wanted[0]
        self.twice += again
        self.left |= {*left, *(f"{number}: {name}" for name in extra)}
        self.crashes += scene.crashes


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
    tally = Tally()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-"))) / "r"
        place.mkdir()
        daemon = stack.enter_context(private_daemon())
        wanted = {}
        for contained in (False, True):
            undisturbed = Scene(place, random.Random(0), daemon, contained)
            report, files, _ = one_run(undisturbed, 0)
            wanted[contained] = report, files
            tally.twice += asked_again(undisturbed.asked(), [])
            print(
                f"fault-free run: {len(files)} files, {len(undisturbed.asked())} calls", flush=True
            )
        number = 0
        while number < runs or (tally.total() < runs * faults and number < 5 * runs):
            number += 1
            contained = number % DOCKER_EVERY == 0
            scene = Scene(place, random.Random(f"{given.seed}:{number}"), daemon, contained)
            tally.add(number, scene, one_run(scene, faults), wanted[contained])
        mounted = len(mounts(place))
    bars = Bars()
    bars.at_least("runs", number, runs)
    bars.at_least("faults", tally.total(), runs * faults)
    bars.at_least("kinds_of_fault", len(tally.faults), 4 if given.quick else 6)
    bars.at_most("reports_that_differ", tally.different, 0)
    bars.at_most("paid_twice", tally.twice, 0)
    bars.at_most("left_behind", len(tally.left) + mounted, 0)
    bars.at_most("untyped_errors", tally.crashes, 0)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
