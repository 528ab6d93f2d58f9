"""Unified diffs in git's form: write one that `git apply` and `patch -p1` accept, and apply one exactly."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from proofsmith.errors import UsageError

CONTEXT_LINES = 3
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
NO_NEWLINE = "\\ No newline at end of file\n"
NOWHERE = "/dev/null"
SHOWN = 100
"""Characters of a line that an error message quotes."""


class EditError(UsageError):
    """A reply or patch cannot be carried out; the message is one line that tells its author what to repair."""


def diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    r"""Write the change from `before` to `after` (paths to contents), empty when there is none.

    A path that is missing on one side is a new or deleted file; line ends are kept as they are.

    >>> print(diff({"a": "x\ny\n"}, {"a": "x\nz\n"}), end="")
    diff --git a/a b/a
    --- a/a
    +++ b/a
    @@ -1,2 +1,2 @@
     x
    -y
    +z
    """
    paths = sorted({*before, *after})
    return "".join(
        _file_diff(path, before.get(path), after.get(path))
        for path in paths
        if before.get(path) != after.get(path)
    )


def _file_diff(path: str, before: str | None, after: str | None) -> str:
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    head = f"diff --git {old} {new}\n"
    if before is None:
        head += "new file mode 100644\n"
    if after is None:
        head += "deleted file mode 100644\n"
    body = "".join(_hunks(before or "", after or ""))
    if not body:  # an empty file comes or goes; git wants object names where there is no hunk
        names = ("0000000", "e69de29") if before is None else ("e69de29", "0000000")
        return f"{head}index {names[0]}..{names[1]}\n"
    source = old if before is not None else NOWHERE
    target = new if after is not None else NOWHERE
    return f"{head}--- {source}\n+++ {target}\n{body}"


def _hunks(before: str, after: str) -> Iterator[str]:
    lines = difflib.unified_diff(_lines(before), _lines(after), n=CONTEXT_LINES)
    for number, line in enumerate(lines):
        if number >= 2:  # the two header lines are written elsewhere
            yield line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"


def _lines(text: str) -> list[str]:
    """Split at newlines only, keeping them; other separators are content."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + parts[-1:] * bool(parts[-1])


def _quoted(name: str) -> str:
    """Quote a name as git does when it holds a quote, a backslash or a space, so that its end is certain."""
    if not set(name) & set(' "\\'):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(slots=True)
class Hunk:
    """A change of consecutive lines: `old` becomes `new`, both with their line ends."""

    header: str
    start: int
    """First line in the old file, from 1, as the author counted; 0 when not given."""
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    last: str = " "
    """Sign of the last line taken."""

    def take(self, line: str) -> None:
        """Add a line of the patch, a bare one counting as context whose sign an editor stripped."""
        if line.startswith("\\"):
            for side in self._sides(self.last):
                side[-1:] = [side[-1].removesuffix("\n")] if side else []
            return
        signed = line[0] in " +-"
        self.last = line[0] if signed else " "
        for side in self._sides(self.last):
            side.append(line[signed:])

    def _sides(self, sign: str) -> list[list[str]]:
        return [self.old] * (sign != "+") + [self.new] * (sign != "-")


@dataclass(slots=True)
class FilePatch:
    """The hunks of one file; a path is None on the side where the file does not exist."""

    old_path: str | None
    new_path: str | None
    hunks: list[Hunk] = field(default_factory=list)
    tentative: bool = False
    """True while only a `diff --git` line spoke of it."""


def parse(patch: str) -> list[FilePatch]:
    """Read a unified diff; hunk headers with wrong counts are read by their lines' first characters.

    Raises:
        EditError: a hunk before any file name, or no file at all.
    """
    files: list[FilePatch] = []
    lines = _lines(patch)
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\r\n")
        if names_file(lines, at):
            if files and files[-1].tentative:
                files.pop()
            new = lines[at + 1].rstrip("\r\n")
            files.append(FilePatch(_name(line[4:], "a/"), _name(new[4:], "b/")))
            at += 2
        elif line.startswith("diff --git "):
            files.append(_git_header(line, lines[at + 1 : at + 2]))
            at += 1
        elif line.startswith("@@"):
            if not files:
                raise EditError("the diff has a hunk before any '--- ' and '+++ ' file names")
            hunk, at = _hunk(lines, at)
            files[-1].hunks.append(hunk)
        else:
            at += 1
    if not files:
        raise EditError("the diff names no file: it needs '--- a/PATH' and '+++ b/PATH' lines")
    return files


def names_file(lines: Sequence[str], at: int) -> bool:
    """Say whether the two lines from `at` on name the old and the new file of a unified diff."""
    pair = lines[at : at + 2]
    return len(pair) == 2 and pair[0].startswith("--- ") and pair[1].startswith("+++ ")


def _git_header(line: str, following: Sequence[str]) -> FilePatch:
    """Read a `diff --git` line, which is all there is for an empty file."""
    names = line.removeprefix("diff --git ")
    path = _name(names[(len(names) - 1) // 2 + 1 :], "b/")
    kind = following[0] if following else ""
    old = None if kind.startswith("new file") else path
    new = None if kind.startswith("deleted file") else path
    return FilePatch(old, new, tentative=True)


def _name(text: str, prefix: str) -> str | None:
    name = text.split("\t")[0].strip()
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return None if name == NOWHERE else name.removeprefix(prefix)


def _hunk(lines: Sequence[str], at: int) -> tuple[Hunk, int]:
    header = lines[at].rstrip("\r\n")
    match = HUNK.match(header)
    hunk = Hunk(header=header[:SHOWN], start=int(match[1]) if match else 0)
    old, new = (int(match[n] or 1) for n in (2, 4)) if match else (0, 0)
    end = at + 1
    while end < len(lines):
        counted = len(hunk.old) < old or len(hunk.new) < new
        if not (_is_body(lines[end]) and (counted or not names_file(lines, end))):
            break
        hunk.take(lines[end])
        end += 1
    while (len(hunk.old), len(hunk.new)) != (old, new) and lines[end - 1].strip("\r\n") == "":
        hunk.old.pop()  # blank lines after the diff are not part of it
        hunk.new.pop()
        end -= 1
    return hunk, end


def _is_body(line: str) -> bool:
    return line[0] in " +-\\\n" or line == "\r\n"


def apply(patch: str, files: Mapping[str, str]) -> dict[str, str]:
    r"""Return `files` with `patch` applied; deleted files are missing from it.

    Context must match exactly but for the newline at the end of a file. A hunk that does not fit where its header
    says is put at the only other place where it fits.

    >>> apply("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n", {"f": "x\n"})
    {'f': 'y\n'}

    Raises:
        EditError: the patch is unreadable, names a missing file, or does not fit.
    """
    result = dict(files)
    for change in parse(patch):
        path = change.new_path or change.old_path
        if path is None:
            raise EditError("the diff names /dev/null on both sides")
        if change.old_path is not None and change.old_path not in result:
            raise EditError(f"the diff changes {change.old_path}, which does not exist")
        if change.old_path is None and result.get(path):
            raise EditError(f"the diff creates {path}, which exists already")
        text = apply_hunks(path, change.hunks, result.get(change.old_path or path, ""))
        if change.new_path is None and text:
            raise EditError(f"the diff deletes {path} but leaves lines of it")
        if change.old_path not in (None, change.new_path):
            result.pop(str(change.old_path), None)
        if change.new_path is not None:
            result[change.new_path] = text
    return result


def apply_hunks(path: str, hunks: Sequence[Hunk], text: str) -> str:
    """Return `text` with `hunks` applied in order; raises EditError that names the hunk that does not fit."""
    lines = _lines(text)
    done, shift = 0, 0
    for number, hunk in enumerate(hunks, start=1):
        at = _place(f"{path}: hunk {number} ({hunk.header})", hunk, lines, done, shift)
        kept = _kept_ends(hunk, lines[at : at + len(hunk.old)])
        lines[at : at + len(hunk.old)] = kept
        done = at + len(kept)
        shift += len(kept) - len(hunk.old)
    ended = [line if line.endswith("\n") else f"{line}\n" for line in lines[:-1]]
    return "".join(ended + lines[-1:])


def _kept_ends(hunk: Hunk, found: Sequence[str]) -> list[str]:
    """Return the new lines; context that ends both the hunk and the file keeps the file's own end."""
    if found and hunk.new and hunk.old[-1] == hunk.new[-1]:
        return [*hunk.new[:-1], found[-1]]
    return hunk.new


def _place(what: str, hunk: Hunk, lines: list[str], done: int, shift: int) -> int:
    """Return the index at which the hunk's old lines stand, not before `done`."""
    stated = hunk.start - 1 + shift if hunk.old else hunk.start + shift
    if not hunk.old:
        if hunk.start or not lines:
            return max(done, min(stated, len(lines)))
        raise EditError(f"{what} adds lines but its header does not say where")
    bare = [line.removesuffix("\n") for line in lines]
    wanted = [line.removesuffix("\n") for line in hunk.old]
    places = [
        at
        for at in range(done, len(bare) - len(wanted) + 1)
        if bare[at] == wanted[0] and bare[at : at + len(wanted)] == wanted
    ]
    if stated in places:
        return stated
    if len(places) == 1:
        return places[0]
    if places:
        raise EditError(f"{what} fits in {len(places)} places; give more lines of context")
    present = set(bare)
    missing = next((line for line in wanted if line not in present), None)
    why = (
        "its lines are there, but not next to each other in this order"
        if missing is None
        else f"this line of it is not in the file: {missing.strip()[:SHOWN]!r}"
    )
    raise EditError(f"{what} does not fit: {why}")
