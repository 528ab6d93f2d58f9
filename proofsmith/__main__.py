"""Run the command line: `python -m proofsmith`."""

import os
import sys

RUN_CODE = frozenset(
    ["optimize", "solve", "check", "measure", "init", "build", "demo", "sandbox", "doctor"]
)
"""Verbs that want limits for groups of processes; start-up of the others stays free of imports."""


def run() -> None:
    """Start the command line and exit with its code."""
    if RUN_CODE.intersection(sys.argv[1:2]) or sys.argv[1:3] == ["runs", "replay"]:
        from proofsmith.executors.delegation import enter  # noqa: PLC0415

        enter([sys.executable, *sys.orig_argv[1:]], os.environ)
    from proofsmith.cli import main  # noqa: PLC0415

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
