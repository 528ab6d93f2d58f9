"""Run a command once more inside a control group of its own, which an ordinary user gets from the user's systemd."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from proofsmith.executors.cgroup import ROOT, find_parent

MARK = "PROOFSMITH_DELEGATED"
"""Set in the environment of the second start, so that there is no third."""

_PROBE_S = 5.0
_SCOPE = ("--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--")


def enter(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    uid: int | None = None,
    root: Path = ROOT,
) -> None:
    """Replace this process by `command` in a delegated scope; return where that is needless or impossible.

    Root has control groups anyway. Version 1 delegates nothing to users.
    """
    uid = os.geteuid() if uid is None else uid
    launcher = shutil.which("systemd-run", path=environment.get("PATH"))
    manager = Path(environment.get("XDG_RUNTIME_DIR", f"/run/user/{uid}"), "systemd/private")
    if uid == 0 or MARK in environment or launcher is None or not manager.exists():
        return
    if not (root / "cgroup.controllers").exists() or find_parent(root) is not None:
        return
    if _works(launcher, environment):
        again = {**environment, MARK: "1"}
        os.execve(launcher, [launcher, *_SCOPE, *command], again)


def _works(launcher: str, environment: Mapping[str, str]) -> bool:
    """Try it on a program that does nothing: once we are replaced, nobody is left to fall back."""
    try:
        tried = subprocess.run(
            [launcher, *_SCOPE, "true"],
            env=environment,
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
