"""The difference between a problem's files and its best version, as a patch that `git apply` accepts."""

from proofsmith.tools.patches import diff
from proofsmith.types import Report


def patch(report: Report) -> str:
    """Return the unified diff from the original files to the best version; empty when nothing changed."""
    if report.best is None:
        return ""
    before = report.problem.files
    return diff(before, {**before, **report.best.candidate.files})
