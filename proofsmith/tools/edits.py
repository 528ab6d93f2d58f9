"""A model's reply to files: whole files, search/replace blocks or unified diffs, restricted to what may be edited.

The three forms may be mixed and are carried out in order. A file is named in the info string of its fenced block
(`path=src/a.c`, or the bare path) or on the line above it; the only editable file needs no name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proofsmith.errors import UsageError
from proofsmith.tools.fences import Block, blocks
from proofsmith.tools.patches import SHOWN, EditError, FilePatch, apply_hunks, parse
from proofsmith.tools.paths import clash, jailed

MARKERS = {
    "search": re.compile(r"<{5,9} ?SEARCH[ \t]*"),
    "with": re.compile(r"={5,9}[ \t]*"),
    "end": re.compile(r">{5,9} ?REPLACE[ \t]*"),
}
DIFF = re.compile(r"^(?:diff --git .*|--- .*\n\+\+\+ .*)$", re.M)
NAMED = re.compile(
    r"(?:^|\s)(?:path|file|filename|title)\s*[=:]\s*(?:\"([^\"]+)\"|[`']?([^\s\"'`{}*]+))", re.I
)
WORD = re.compile(r"[^\s`*\"'#:()\[\],<>]+")
DIFFS = frozenset({"diff", "patch", "udiff"})
CONSOLE = frozenset(
    ["bash", "sh", "shell", "console", "text", "txt", "output", "log", "plaintext", "zsh"]
)
"""Languages of blocks that show a session and are no file unless they are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The files that a reply may change, and how a name in it is understood."""

    files: Mapping[str, str]
    editable: Sequence[str]
    create: bool = False
    """True when paths beyond `editable` may be made, inside the jail."""

    def resolve(self, name: str) -> str:
        """Return the path that `name` means: itself, or the only editable path that ends in it; raises EditError."""
        try:
            path = jailed(name)
        except UsageError as error:
            raise EditError(error.message, hint=error.hint) from None
        if path in self.editable:
            return path
        ends = [p for p in self.editable if p.endswith(f"/{path}") or path.endswith(f"/{p}")]
        if len(ends) == 1:
            return ends[0]
        if self.create and path not in self.files:
            other = clash(path, self.files)
            if other is not None:
                raise EditError(f"{path} cannot stand beside {other}")
            return path
        what = "may not be edited" if path in self.files else "is not one of the files"
        raise EditError(f"{path} {what}; editable: {', '.join(self.editable)}")

    def knows(self, name: str) -> bool:
        """Say whether `name` resolves, so that it is a file name and not a word."""
        try:
            self.resolve(name)
        except EditError:
            return False
        return True

    @property
    def only(self) -> str | None:
        """The file that is meant when none is named."""
        return self.editable[0] if len(self.editable) == 1 and not self.create else None


def read_reply(
    reply: str, files: Mapping[str, str], editable: Sequence[str], *, create: bool = False
) -> dict[str, str]:
    r"""Return `files` with the edits of `reply`; line ends of a file that is wholly CRLF are kept.

    >>> read_reply("Try this.\n```c\nint f;\n```", {"a.c": "int g;\n"}, ["a.c"])
    {'a.c': 'int f;\n'}

    Raises:
        EditError: no edit, no effect, a file that may not be edited, an edit that does not fit, a reply cut off; the
            message is one line for the author of the reply.
    """
    target = Target(files=files, editable=editable, create=create)
    result = {path: _unix(text) for path, text in files.items()}
    found = list(blocks(_unix(reply)))
    made = False
    for edit in _edits(found, target):
        edit(result)
        made = True
    if not made:
        raise EditError(f"the reply holds no code block for {_listed(editable)}")
    merged = {path: _as_before(text, files.get(path, "")) for path, text in result.items()}
    if merged == files:
        raise EditError("the reply changes nothing")
    return merged


@dataclass(frozen=True, slots=True)
class _Whole:
    path: str
    text: str

    def __call__(self, files: dict[str, str]) -> None:
        files[self.path] = self.text


@dataclass(frozen=True, slots=True)
class _Replace:
    path: str
    number: int
    old: str
    new: str

    def __call__(self, files: dict[str, str]) -> None:
        """Replace the one place where the old lines stand; no old lines make or fill an empty file."""
        text = files.get(self.path, "")
        what = f"{self.path}: SEARCH block {self.number}"
        if not self.old.strip():
            if text:
                raise EditError(f"{what} is empty but the file is not; quote the lines to replace")
            files[self.path] = self.new
            return
        whole = text if text.endswith("\n") else f"{text}\n"
        places = [m.start() for m in re.finditer(f"^{re.escape(self.old)}", whole, re.M)]
        if len(places) != 1:
            raise EditError(f"{what} {_misplaced(self.old, whole, len(places))}")
        rest = whole[places[0] + len(self.old) :]
        if rest and whole != text:
            rest = rest[:-1]  # the file's last line had no newline, and keeps none
        files[self.path] = whole[: places[0]] + self.new + rest


@dataclass(frozen=True, slots=True)
class _Hunks:
    target: Target
    change: FilePatch

    def __call__(self, files: dict[str, str]) -> None:
        change = self.change
        if change.new_path is None:
            raise EditError(f"the diff deletes {change.old_path}; files can only be changed")
        path = self.target.resolve(change.new_path)
        if change.old_path is None and files.get(path):
            raise EditError(f"the diff creates {path}, which exists already")
        files[path] = apply_hunks(path, change.hunks, files.get(path, ""))


_Edit = _Whole | _Replace | _Hunks


def _edits(found: Sequence[Block], target: Target) -> Iterator[_Edit]:
    """Yield the edits in order; unnamed whole files count only when nothing else does, and then the longest."""
    unnamed: list[Block] = []
    named = False
    for block in found:
        if not block.closed and block.text.strip():
            raise EditError("the reply breaks off inside a code block; send it whole, or shorter")
        edits = list(_of_block(block, target))
        named = named or bool(edits)
        yield from edits
        if not edits and block.info is not None and _language(block.info) not in CONSOLE:
            unnamed.append(block)
    if named or not unnamed:
        return
    if target.only is None:
        raise EditError(
            f"no code block names its file: write path=NAME after ```; editable: {', '.join(target.editable)}"
        )
    yield _Whole(target.only, max(unnamed, key=lambda block: len(block.text)).text)


def _of_block(block: Block, target: Target) -> Iterator[_Edit]:
    if any(MARKERS["search"].fullmatch(line) for line in block.text.split("\n")):
        yield from _replacements(block, target)
    elif _is_diff(block):
        for change in parse(block.text):
            yield _Hunks(target, change)
    elif block.info is not None:
        try:
            path = _path(block, target)
        except EditError:
            if block.text.strip() in {text.strip() for text in target.files.values()}:
                return  # a protected file shown as it is
            raise
        if path is not None:
            yield _Whole(path, block.text)


def _is_diff(block: Block) -> bool:
    """Say whether the block is a unified diff: by its language, by its first lines, or lying bare in the prose."""
    if block.info is None:
        return DIFF.search(block.text) is not None
    language = _language(block.info)
    return language in DIFFS or (not language and DIFF.match(block.text.lstrip()) is not None)


def _replacements(block: Block, target: Target) -> Iterator[_Edit]:
    path = _path(block, target) if block.info is not None else None
    for number, (above, old, new) in enumerate(_exchanges(block.text), start=1):
        path = _name_in(above, target) or path or target.only
        if path is None:
            raise EditError(f"SEARCH block {number} does not say which file it changes")
        yield _Replace(path, number, old, new)


def _exchanges(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the line above, the old and the new text of every search/replace block."""
    above, held = "", {"": "", "search": "", "with": ""}
    state, number = "", 0
    for line in text.split("\n"):
        sign = next((name for name, pattern in MARKERS.items() if pattern.fullmatch(line)), "")
        if sign == _NEXT[state]:
            if sign == "end":
                yield above, held["search"], held["with"]
                above, held = "", {"": "", "search": "", "with": ""}
            number += sign == "search"
            state = "" if sign == "end" else sign
        elif sign and sign != "with":
            raise EditError(f"SEARCH block {number or 1} is not SEARCH, =======, REPLACE in order")
        elif state:
            held[state] += f"{line}\n"
        elif line.strip():
            above = line.strip()
    if state:
        raise EditError(f"SEARCH block {number} is not closed by a >>>>>>> REPLACE line")


_NEXT = {"": "search", "search": "with", "with": "end"}


def _path(block: Block, target: Target) -> str | None:
    """Return the file that the block names; raises EditError when it clearly names one that may not be edited."""
    said = NAMED.search(block.info or "")
    if said:
        return target.resolve(said[1] or said[2])
    words = re.split(r"[\s:]+", block.info or "")
    for word in words:
        if "." in word and target.knows(word):
            return target.resolve(word)
    return _name_in(block.before, target)


def _name_in(line: str, target: Target) -> str | None:
    """Return the file that a line above a block names, such as `### src/a.c` or `**a.c**:`."""
    said = NAMED.search(line)
    if said and target.knows(said[1] or said[2]):
        return target.resolve(said[1] or said[2])
    whole = [
        p for p in target.editable if re.search(rf"(?<![\w./-]){re.escape(p)}(?![\w/-])", line)
    ]
    if len(whole) == 1:
        return whole[0]
    heading = line.startswith(("#", "`", "*")) or " " not in line
    names = [word.rstrip(".") for word in WORD.findall(line) if "." in word.rstrip(".")]
    old = {target.resolve(n) for n in names if target.knows(n)} & {*target.files, *target.editable}
    if len(old) == 1:
        return old.pop()
    if heading and len(names) == 1 and (target.create or names[0] in target.files):
        return target.resolve(names[0])  # a new file, or a protected one: then this says so
    return None


def _language(info: str) -> str:
    return info.split()[0].split(":")[0].lower() if info.strip() else ""


def _misplaced(old: str, text: str, places: int) -> str:
    if places:
        return f"stands in {places} places; quote more lines around it"
    present = set(text.split("\n"))
    missing = next((line for line in old.split("\n") if line not in present), None)
    if missing is None:
        return "is not in the file: its lines are, but not next to each other in this order"
    near = next((line for line in present if line.split() == missing.split()), None)
    blanks = "; only its blanks differ" if near is not None else ""
    return f"is not in the file: no line reads {missing.strip()[:SHOWN]!r}{blanks}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "any file"


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n") if _is_dos(text) else text


def _is_dos(text: str) -> bool:
    """Say whether every line of `text` ends in CRLF."""
    return "\r\n" in text and text.count("\n") == text.count("\r\n")


def _as_before(text: str, before: str) -> str:
    return text.replace("\n", "\r\n") if _is_dos(before) else text
