"""An ordinary user's command starts once more in a scope of its own, when that works and is of use."""

import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHER = """#!/bin/sh
echo "$@" >> "$LOG"
[ "$BROKEN" ] && exit 1
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""
SCRIPT = """
import os, sys
from pathlib import Path
from proofsmith.executors.delegation import enter
print("start", os.environ.get("PROOFSMITH_DELEGATED", "first"), flush=True)
enter([sys.executable, *sys.orig_argv[1:]], os.environ, uid=int(os.environ["USER_ID"]), root=Path(os.environ["GROUPS"]))
print("work")
"""


def started(tmp_path: Path, **changes: str) -> tuple[list[str], list[str]]:
    """Return what the command printed, and the launches."""
    folders = [tmp_path / name for name in ("bin", "groups", "runtime/systemd")]
    for folder in folders:
        folder.mkdir(parents=True)
    launcher = tmp_path / "bin" / "systemd-run"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    (tmp_path / "groups" / "cgroup.controllers").write_text("memory pids")
    (tmp_path / "runtime" / "systemd" / "private").touch()
    environment = {
        "PATH": f"{tmp_path}/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join(path for path in sys.path if path),
        "XDG_RUNTIME_DIR": str(tmp_path / "runtime"),
        "LOG": str(tmp_path / "log"),
        "GROUPS": str(tmp_path / "groups"),
        "USER_ID": "1000",
        **changes,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    log = tmp_path / "log"
    return done.stdout.splitlines(), log.read_text().splitlines() if log.exists() else []


def test_a_user_s_command_starts_once_more_in_a_delegated_scope(tmp_path: Path) -> None:
    printed, launches = started(tmp_path)
    assert printed == ["start first", "start 1", "work"]
    probe, real, *_ = launches
    assert probe.endswith("-- true")
    assert real.startswith("--user --scope --quiet --collect --property=Delegate=yes -- ")


@pytest.mark.parametrize(
    "changes",
    [{"USER_ID": "0"}, {"XDG_RUNTIME_DIR": "/nowhere"}, {"GROUPS": "/nowhere"}, {"BROKEN": "1"}],
    ids=["root", "no user manager", "version 1", "systemd-run fails"],
)
def test_a_command_goes_on_by_itself_where_a_scope_is_needless_or_impossible(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    assert started(tmp_path, **changes)[0] == ["start first", "work"]
