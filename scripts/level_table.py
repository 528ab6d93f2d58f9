"""Run every hostile program on every level that this machine has and write the table of SECURITY.md.

usage: python scripts/level_table.py [--docker unix:///path/to/docker.sock]
"""

import argparse
import asyncio
import re
import sys
from collections import defaultdict
from pathlib import Path

from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.conformance import RowResult, check
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.executors.local import LocalSandbox
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.protocols import Sandbox

PAGE = Path(__file__).parent.parent / "SECURITY.md"
BLOCK = re.compile(r"<!-- levels -->\n.*?<!-- /levels -->", re.DOTALL)


def levels(docker_url: str | None) -> list[Sandbox]:
    """Return one sandbox of each level, strongest first."""
    hard, soft = Machine.probe(), Machine.probe(use_groups=False)
    found: list[Sandbox] = [BubblewrapSandbox(hard), ZygoteSandbox(hard), BubblewrapSandbox(soft)]
    if docker_url:
        found.insert(2, DockerSandbox(Daemon.connect(url=docker_url)))
    return [*found, LocalSandbox()]


def line(level: str, results: list[RowResult]) -> str:
    """Return one row of the table."""
    by_state: dict[str, list[str]] = defaultdict(list)
    for result in results:
        by_state[result.state].append(result.row.id)
    breaches = ", ".join(by_state["breach"] + by_state["failed"]) or "none"
    held, skipped = len(by_state["held"]), len(by_state["not run"])
    return f"| {level} | {held} | {len(results) - held - skipped} | {skipped} | {breaches} |"


async def table(docker_url: str | None) -> str:
    """Return the whole block."""
    lines = ["| level | held | not held | not run | which are not held |", "|---|---|---|---|---|"]
    for sandbox in levels(docker_url):
        results = [result async for result in check(sandbox)]
        lines.append(line(sandbox.level.partition(" sha256:")[0], results))
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join(["<!-- levels -->", *lines, "<!-- /levels -->"])


def main() -> None:
    """Measure and rewrite the block."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docker", metavar="URL")
    block = asyncio.run(table(parser.parse_args().docker))
    PAGE.write_text(BLOCK.sub(lambda _: block, PAGE.read_text()))


if __name__ == "__main__":
    main()
