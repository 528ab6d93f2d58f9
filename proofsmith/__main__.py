"""Run the command line: `python -m proofsmith`."""

import sys


def run() -> None:
    """Start the command line and exit with its code."""
    from proofsmith.cli import main  # noqa: PLC0415  (keeps start-up of `python -m` free of imports)

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
