"""Private host folders for servers' sockets: short paths in memory, removed whatever a server left in them."""

import os
import subprocess
import tempfile
from pathlib import Path

from proofsmith.executors.runtime import UNPRIVILEGED

_PREFIX = "proofsmith-"


def _parent() -> Path:
    """A memory file system counts what a server writes against its control group; a path there is short, too."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


def make() -> Path:
    """Return a new folder that only the sandbox's user can enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_parent()))
    if os.geteuid() == 0:
        os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder with programs that neither deep nor unreadable trees can stop."""
    if folder.exists():
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf", "--one-file-system"]):
            subprocess.run([*command, "--", str(folder)], stderr=subprocess.DEVNULL, check=False)


def sweep() -> None:
    """Remove folders whose owner was killed."""
    for folder in _parent().glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        mine = folder.is_dir() and not folder.is_symlink()
        if owner.isdigit() and mine and not Path("/proc", owner).exists():
            remove(folder)
