"""Ask installed, trusted tools for their version: what `doctor` shows of a machine."""

import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata

from proofsmith.spec import Probe

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The outcome of a probe."""

    probe: Probe
    path: str
    """Where the tool is; empty when it is not installed."""
    version: str = ""
    """First line that the tool printed."""
    problem: str = ""
    """Why a tool that is installed does not answer; empty when it does."""

    @property
    def present(self) -> bool:
        """True when the tool is installed and answered its probe with exit code 0."""
        return bool(self.path) and not self.problem


def find(probe: Probe) -> Found:
    """Run a probe's command, within TIMEOUT_S seconds and without input, and read the version it prints.

    A Python distribution is looked up where this program runs; nothing of it is imported.
    """
    if probe.distribution:
        return _distribution(probe)
    path = shutil.which(probe.command[0])
    if path is None:
        return Found(probe=probe, path="")
    try:
        done = subprocess.run(
            [path, *probe.command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Found(probe=probe, path=path, problem=f"no answer within {TIMEOUT_S:g} s")
    except OSError as error:
        return Found(probe=probe, path=path, problem=error.strerror or str(error))
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    version = lines[0].strip() if lines else ""
    problem = f"exit code {done.returncode}" if done.returncode else ""
    return Found(probe=probe, path=path, version=version, problem=problem)


def _distribution(probe: Probe) -> Found:
    try:
        found = metadata.distribution(probe.distribution)
    except metadata.PackageNotFoundError:
        return Found(probe=probe, path="")
    return Found(probe=probe, path=str(found.locate_file("")), version=found.version)
