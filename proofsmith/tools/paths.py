"""Decide which relative paths a store or a candidate may name."""

import unicodedata
from collections.abc import Iterable

from proofsmith.errors import UsageError

MAX_PATH_BYTES = 512
"""Longest accepted path in UTF-8 bytes; longer ones break on common file systems."""


def jailed(path: str) -> str:
    """Return `path` in normal form, or refuse it when it could leave its root or mean different files on two systems.

    Raises:
        UsageError: absolute, empty, `..`, backslash, control character, drive letter, `.git`, too long.

    >>> jailed("src/./a.c")
    'src/a.c'
    >>> jailed("../a.c")
    Traceback (most recent call last):
    proofsmith.errors.UsageError: the path '../a.c' is not allowed: it leaves its folder
    """
    reason = _objection(path)
    if reason:
        raise UsageError(
            f"the path {path[:80]!r} is not allowed: {reason}",
            hint="use a relative path such as src/name.c",
        )
    return "/".join(part for part in unicodedata.normalize("NFC", path).split("/") if part != ".")


def _objection(path: str) -> str:
    parts = path.split("/")
    rules = (
        (not path or path.endswith("/") or set(parts) <= {"."}, "it names no file"),
        (path.startswith("/") or path[1:2] == ":", "it is absolute"),
        ("\\" in path, "it holds a backslash"),
        (any(unicodedata.category(c)[0] == "C" for c in path), "it holds a control character"),
        (".." in parts, "it leaves its folder"),
        ("" in parts, "it holds an empty part"),
        (
            any(part.casefold() == ".git" for part in parts),
            "it points into a repository's own data",
        ),
        (
            any(part != part.strip() or part.rstrip(".") != part for part in parts if part != "."),
            "a part begins or ends with a space or ends with a dot",
        ),
        (
            len(path.encode(errors="replace")) > MAX_PATH_BYTES,
            f"it is longer than {MAX_PATH_BYTES} bytes",
        ),
    )
    return next((reason for broken, reason in rules if broken), "")


def clash(path: str, existing: Iterable[str]) -> str | None:
    """Return the existing path that `path` cannot live beside: equal but for case, or a file used as a folder.

    >>> clash("Src/a.c", ["src/a.c"])
    'src/a.c'
    >>> clash("a/b", ["a"])
    'a'
    """
    folded = path.casefold()
    for other in existing:
        if other == path:
            continue
        other_folded = other.casefold()
        if (
            folded == other_folded
            or folded.startswith(other_folded + "/")
            or other_folded.startswith(folded + "/")
        ):
            return other
    return None
