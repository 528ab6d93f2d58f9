"""Overhead of one sandboxed execution, leaks under load, and services against a bare pipe.

usage: python -m benchmarks.sandbox [--quick] [--docker unix:///path/to/docker.sock]

Every method runs a static C program that prints one word, and some `python3 -c pass`; the order is interleaved, so that
all methods meet the same load. Medians and minima are of wall time; CPU time is user and system of this process and its
descendants, per execution. Bars against Docker are printed only when a daemon with the image is given.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.bars import Bars
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.protocols import Sandbox, ServiceSpec
from proofsmith.types import Limits

WORD = b'#include <unistd.h>\nint main(void) { return write(1, "word\\n", 5) != 5; }\n'
ECHO = b"import sys\nfor line in sys.stdin.buffer:\n    sys.stdout.buffer.write(line)\n    sys.stdout.buffer.flush()\n"
CRASHING = b"""import os, sys
for number, line in enumerate(sys.stdin.buffer):
    if number == 100:
        os._exit(1)
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""
LIMITS = Limits(wall_s=60.0)
PYTHON = ("python3", "-c", "pass")


def cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def sandboxed(sandbox: Sandbox, argv: tuple[str, ...]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        result = await sandbox.exec(argv, limits=LIMITS)
        assert result.ok, result

    return run


def plain(argv: tuple[str, ...]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        subprocess.run(argv, capture_output=True, check=True)  # noqa: ASYNC221 - nothing else runs

    return run


class Times:
    """Wall and CPU seconds of each method."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)

    async def measure(self, methods: dict[str, Callable[[], Awaitable[None]]], rounds: int) -> None:
        for _ in range(rounds):
            for name, run in methods.items():
                cpu, wall = cpu_s(), time.perf_counter()
                await run()
                self.wall[name].append(time.perf_counter() - wall)
                self.cpu[name].append(cpu_s() - cpu)

    def median(self, name: str) -> float:
        return statistics.median(self.wall[name])

    def least(self, name: str) -> float:
        return min(self.wall[name])

    def mean_cpu(self, name: str) -> float:
        return statistics.fmean(self.cpu[name])

    def show(self) -> None:
        print(f"{'method':28} {'median ms':>10} {'min ms':>8} {'cpu ms':>8}")
        for name in self.wall:
            row = (self.median(name), self.least(name), self.mean_cpu(name))
            print(f"{name:28} {row[0] * 1e3:10.2f} {row[1] * 1e3:8.2f} {row[2] * 1e3:8.2f}")


async def staged(sandbox: Sandbox, program: bytes) -> Sandbox:
    await sandbox.write("word", program, executable=True)
    return sandbox


async def built(sandbox: Sandbox) -> bytes:
    await sandbox.write("word.c", WORD)
    done = await sandbox.exec(
        ["gcc", "-O2", "-static", "-o", "word", "word.c"], limits=LIMITS, outputs=("word",)
    )
    return done.outputs["word"]


async def overhead(bars: Bars, rounds: int, docker_url: str | None) -> None:
    machine = Machine.probe()
    program = await built(BubblewrapSandbox(machine))
    here = Path("/tmp") / f"proofsmith-word-{os.getpid()}"
    here.write_bytes(program)
    here.chmod(0o755)
    boxes: dict[str, Sandbox] = {
        "bubblewrap": await staged(BubblewrapSandbox(machine), program),
        "zygote": await staged(ZygoteSandbox(machine), program),
    }
    methods = {"plain C": plain((str(here),)), "plain python": plain(PYTHON)}
    for name, box in boxes.items():
        methods |= {
            f"{name} C": sandboxed(box, ("./word",)),
            f"{name} python": sandboxed(box, PYTHON),
        }
    times = Times()
    if docker_url:
        docker = await staged(DockerSandbox(Daemon.connect(url=docker_url)), program)
        methods["docker C"] = sandboxed(docker, ("./word",))
    try:
        await times.measure(methods, 2)  # warm
        times = Times()
        await times.measure(methods, rounds)
    finally:
        here.unlink()
    print(f"level {boxes['bubblewrap'].level}, {rounds} rounds")
    times.show()
    ratio = times.least("bubblewrap C") / times.least("plain C")
    bars.at_most("bubblewrap_over_plain_min", ratio, 12)
    cpu = times.mean_cpu("bubblewrap C") / times.mean_cpu("plain C")
    bars.at_most("bubblewrap_over_plain_cpu", cpu, 9)
    python = times.median("zygote python") / times.median("plain python")
    bars.at_most("zygote_python_over_plain", python, 1.0)
    if docker_url:
        bars.at_least(
            "docker_over_bubblewrap", times.median("docker C") / times.median("bubblewrap C"), 5
        )
        bars.at_least("docker_over_zygote", times.median("docker C") / times.median("zygote C"), 20)


def state(machine: Machine) -> dict[str, int]:
    groups = machine.groups
    own = f"proofsmith-{os.getpid()}-*"
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "groups": len(list(groups.memory.glob(own))) if groups else 0,
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
    }


async def leaks(bars: Bars) -> None:
    machine = Machine.probe()
    for name, box in (
        ("bubblewrap", BubblewrapSandbox(machine)),
        ("zygote", ZygoteSandbox(machine)),
    ):
        run = sandboxed(box, ("true",))
        await run()
        before, turn = state(machine), asyncio.Semaphore(8)

        async def one(
            run: Callable[[], Awaitable[None]] = run, turn: asyncio.Semaphore = turn
        ) -> None:
            async with turn:
                await run()

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(1000):
                group.create_task(one())
        rate = 1000 / (time.perf_counter() - started)
        after = state(machine)
        print(f"1000 runs, 8 at a time, {name}: {rate:.0f}/s; before {before}, after {after}")
        bars.at_most(f"{name}_leaked", sum(abs(after[key] - before[key]) for key in before), 0)


async def services(bars: Bars, requests: int) -> None:
    sandbox = BubblewrapSandbox(Machine.probe())
    command = ("python3", "-I", "server.py")
    echo = await sandbox.service(ServiceSpec(name="echo", argv=command, files={"server.py": ECHO}))
    with subprocess.Popen(  # noqa: ASYNC220
        ["python3", "-I", "-c", ECHO.decode()], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as bare:
        assert bare.stdin
        assert bare.stdout
        ours, theirs = [], []
        for _ in range(1000):
            start = time.perf_counter()
            await echo.request(b"x")
            middle = time.perf_counter()
            bare.stdin.write(b"x\n")
            bare.stdin.flush()
            bare.stdout.readline()
            ours.append(middle - start)
            theirs.append(time.perf_counter() - middle)
    await echo.close()
    more_ms = (statistics.median(ours) - statistics.median(theirs)) * 1e3
    bars.at_most("service_overhead_ms", more_ms, 1)
    spec = ServiceSpec(name="crash", argv=command, files={"server.py": CRASHING}, spare=True)
    crashing = await sandbox.service(spec)
    lost = 0
    for number in range(requests):
        lost += await crashing.request(str(number).encode()) != str(number).encode()
    await crashing.close()
    print(f"{requests} requests with a crash every 100: {lost} lost")
    bars.at_most("service_requests_lost", lost, 0)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--docker", metavar="URL")
    choice = parser.parse_args()
    bars = Bars()
    await overhead(bars, 40 if choice.quick else 200, choice.docker)
    await leaks(bars)
    await services(bars, 2_000 if choice.quick else 10_000)
    return bars.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
