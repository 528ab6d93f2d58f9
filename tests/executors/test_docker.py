"""Docker's own failures are errors with hints, and nothing is left on the daemon."""

import pytest

from proofsmith.errors import SandboxError
from proofsmith.executors.docker import Daemon


def test_an_absent_daemon_is_an_error_with_a_hint() -> None:
    with pytest.raises(SandboxError, match="no Docker daemon answers") as caught:
        Daemon.connect(url="unix:///nowhere/docker.sock")
    assert "systemctl start docker" in caught.value.hint
