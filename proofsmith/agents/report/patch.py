"""The difference between a problem's files and its best version, as a patch that `git apply` accepts."""

import difflib
from collections.abc import Mapping

from proofsmith.types import Report

NO_NEWLINE = "\\ No newline at end of file\n"


def patch(report: Report) -> str:
    """Return the unified diff from the original files to the best version; empty when nothing changed."""
    return "" if report.best is None else unified(report.problem.files, report.best.candidate.files)


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    r"""Return the unified diff of two sets of files; files missing from `after` are unchanged.

    >>> print(unified({"a.c": "x\ny\n"}, {"a.c": "x\nz\n"}), end="")
    --- a/a.c
    +++ b/a.c
    @@ -1,2 +1,2 @@
     x
    -y
    +z
    """
    parts: list[str] = []
    for name in sorted(after):
        old = before.get(name)
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            after[name].splitlines(keepends=True),
            "/dev/null" if old is None else f"a/{name}",
            f"b/{name}",
        )
        parts += [text if text.endswith("\n") else f"{text}\n{NO_NEWLINE}" for text in lines]
    return "".join(parts)
