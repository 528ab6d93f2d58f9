"""Named points at which a test can kill the process as if the power went; inert unless asked for."""

import os
import signal
from collections import Counter

VARIABLE = "PROOFSMITH_FAILPOINT"
NAMES = frozenset(
    {
        "run.created",
        "baseline.verified",
        "baseline.recorded",
        "gather.done",
        "search.asked",
        "model.called",
        "model.recorded",
        "rule.recorded",
        "attempt.verified",
        "attempt.measured",
        "attempt.recorded",
        "attempt.told",
        "search.done",
        "confirm.verified",
        "confirm.recorded",
        "confirm.done",
        "report.recorded",
        "report.written",
        "apply.approved",
        "apply.written",
    }
)
BUILD_NAMES = frozenset(
    {
        "build.created",
        "build.planned",
        "build.asked",
        "build.recorded",
        "build.written",
        "build.judged",
        "build.finished",
        "build.replanned",
        "build.reported",
        "build.delivered",
    }
)
"""The points of a multi-file build; `NAMES` are those of a search."""


class Failpoints:
    """Count visits of the points; the one named in `wanted` (`name` or `name:visit`, from 1) ends the process."""

    def __init__(self, wanted: str = "") -> None:
        """Read which point to die at; an unknown name is a mistake of the test and raises ValueError."""
        self._name, _, visit = wanted.partition(":")
        if self._name and self._name not in NAMES | BUILD_NAMES:
            raise ValueError(f"unknown failpoint '{self._name}'")
        self._visit = int(visit or 1)
        self._seen: Counter[str] = Counter()

    @classmethod
    def from_environment(cls) -> "Failpoints":
        """Read the point from the environment variable."""
        return cls(os.environ.get(VARIABLE, ""))

    def reach(self, name: str) -> None:
        """Pass the point `name`, or die here: SIGKILL, so that nothing can clean up."""
        if name not in NAMES | BUILD_NAMES:
            raise ValueError(f"unknown failpoint '{name}'")
        self._seen[name] += 1
        if name == self._name and self._seen[name] == self._visit:
            os.kill(os.getpid(), signal.SIGKILL)
