"""Line edits between versions of the same files: where they are, and whether two can be combined."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Lines `start`..`end` (half open, from 0) of `path` in the base become `lines`."""

    path: str
    start: int
    end: int
    lines: tuple[str, ...]


def edits(base: Mapping[str, str], other: Mapping[str, str]) -> list[Edit]:
    """Return the changes that turn `base` into `other`, in order; a new file is one edit of an empty one."""
    found = []
    for path in sorted({*base, *other}):
        a = base.get(path, "").splitlines()
        b = other.get(path, "").splitlines()
        for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            if tag != "equal":
                found.append(Edit(path, i, j, tuple(b[k:m])))
    return found


def compatible(one: list[Edit], other: list[Edit]) -> bool:
    """Say whether two sets of edits of the same base touch different lines (and are not equal).

    >>> a, b = Edit("k.c", 1, 2, ("x",)), Edit("k.c", 5, 5, ("y",))
    >>> compatible([a], [b]), compatible([a], [a]), compatible([a], [Edit("k.c", 0, 3, ())])
    (True, False, False)
    """
    return all(not _touch(a, b) for a in one for b in other) and bool(one) and bool(other)


def _touch(a: Edit, b: Edit) -> bool:
    return a.path == b.path and a.start <= b.end and b.start <= a.end


def combined(base: Mapping[str, str], one: list[Edit], other: list[Edit]) -> dict[str, str]:
    """Apply two compatible sets of edits to `base`.

    Raises:
        ValueError: they are not compatible.
    """
    if not compatible(one, other):
        raise ValueError("the edits overlap")
    lines = {path: text.splitlines() for path, text in base.items()}
    for edit in sorted([*one, *other], key=lambda e: (e.path, -e.start)):
        lines.setdefault(edit.path, [])[edit.start : edit.end] = edit.lines
    return {path: "\n".join(rows) + "\n" for path, rows in lines.items()}
