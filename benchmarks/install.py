"""Size of the core install and time to start: packages, MB in a fresh environment, CPU seconds of `--help`.

Method: the wheels of requirements/core.lock go into a new virtual environment together with this checkout; the size is
that of the environment's site-packages without pip and setuptools; the time is the least of five runs, user + system.
"""

import re
import resource
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks.bars import Bars

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements/core.lock"
NOT_OURS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "__pycache__")


def main() -> int:
    bars = Bars()
    bars.at_most("core_packages", len(re.findall(r"^[a-z0-9]", LOCK.read_text(), re.MULTILINE)), 60)
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder))
        bars.at_most("core_mb", megabytes(Path(folder)), 120)
        for argv in (["--version"], ["--help"], ["optimize", "--help"]):
            name = "_".join(["start", *argv]).replace("-", "") + "_cpu_s"
            bars.at_most(name, least_cpu_s([str(python), "-m", "proofsmith", *argv]), 0.3)
    return bars.close()


def install(folder: Path) -> Path:
    """Install the core into a new environment below `folder`; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
    subprocess.run([*pip, "--no-deps", str(ROOT)], check=True)
    return python


def megabytes(folder: Path) -> float:
    """Return the size of site-packages in MB (10^6 bytes), as installed, compiled files included."""
    (site,) = folder.glob("lib/python*/site-packages")
    total = sum(
        path.stat().st_size
        for entry in site.iterdir()
        if not entry.name.startswith(NOT_OURS)
        for path in [entry, *entry.rglob("*")]
        if path.is_file()
    )
    print(f"{total / 1e6:.1f} MB in {site}")
    return total / 1e6


def least_cpu_s(argv: list[str]) -> float:
    """Return the least user + system seconds of five runs of `argv`."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd="/")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


if __name__ == "__main__":
    sys.exit(main())
