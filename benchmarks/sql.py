"""Print every bar of the SQL domain: verdicts, speed by rules, false gains, fuzzing.

Run it as `python -m benchmarks.sql [SECTION ...] [--quick]`; without sections all run, one after the other, each
in a process of its own, and their `BAR` lines are repeated together at the end.
"""

import argparse
import subprocess
import sys

SECTIONS = {
    "verdicts": ("benchmarks.sql_verdicts",),
    "speed": ("benchmarks.sql_speed",),
    "self": ("benchmarks.sql_self",),
    "fuzz": ("benchmarks.sql_fuzz",),
}


def run(module: str, options: list[str]) -> tuple[int, list[str]]:
    """Run one section, show what it prints, return its exit code and its bars."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    bars = []
    for line in process.stdout:
        print(line, end="", flush=True)
        if line.startswith("BAR "):
            bars.append(line.rstrip())
    return process.wait(), bars


def main() -> int:
    """Run the sections and print all bars last; 1 when one is short or a section failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    options = ["--quick"] if given.quick else []
    worst, bars = 0, []
    for name in given.sections or SECTIONS:
        for module in SECTIONS[name]:
            print(f"== {name}", flush=True)
            code, found = run(module, options)
            worst = max(worst, code)
            bars += found
    print("\n".join(bars))
    return 1 if worst or any(bar.endswith("short") for bar in bars) else 0


if __name__ == "__main__":
    sys.exit(main())
