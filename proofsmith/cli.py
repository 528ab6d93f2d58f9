"""Parse the command line, call the API, print, return an exit code."""

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Carry out `argv` and return the exit code."""
    raise SystemExit(f"not available yet: {' '.join(argv)}")
