"""Modules of a user's folder, read as text before the statement where no Lake has compiled them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from proofsmith.domains.lean import text as lean_text
from proofsmith.errors import UsageError

MOST_MODULES = 200
PLACE = "project/"
"""Where a problem keeps them among its files."""
CORE = re.compile(r"^(?:Init|Std)(?:\.|$)|^Lean$")
_IMPORT = re.compile(
    r"[ \t]*(?:(?:public\s+)?(?:meta\s+)?import\s+(?:all\s+)?([^\s]+)|module|prelude)[ \t]*(?=\n|$)"
)
_OPENS = re.compile(r"^[ \t]*(?:noncomputable |public )?(namespace|section|end)\b[ \t]*(\S*)", re.M)


def imports_of(text: str) -> tuple[tuple[str, ...], int]:
    """Return the imported modules as they are written, and where the rest of `text` begins."""
    bare = lean_text.code(text)
    found: list[str] = []
    at = 0
    while True:
        blank = re.compile(r"\s*").match(bare, at)
        line = _IMPORT.match(bare, blank.end() if blank else at)
        if line is None:
            return tuple(found), at
        at = line.end()
        if line[1]:
            found.append(line[1])


def modules(folder: Path, imports: Iterable[str]) -> dict[str, str]:
    """Return path to text of every module of `folder` that `imports` need, each after those that it needs itself.

    Raises:
        UsageError: a module is neither the core library's nor in the folder, cannot be read, or needs itself.
    """
    found: dict[str, str] = {}
    for name in imports:
        _add(folder, name, found, ())
    return found


def _add(folder: Path, name: str, found: dict[str, str], above: tuple[str, ...]) -> None:
    path = name.replace(".", "/") + ".lean"
    if CORE.match(name) or PLACE + path in found:
        return
    if name in above or len(found) >= MOST_MODULES:
        said = "imports itself" if name in above else f"is one of more than {MOST_MODULES} modules"
        raise UsageError(f"{name} {said}", hint="name a smaller folder with --project")
    place = folder / path
    if not place.is_file():
        raise UsageError(
            f"`import {name}`: no {path} in {folder}, and no native Lean with Lake to build it",
            hint="install Lean with elan (https://elan.lean-lang.org), then `lake build`",
        )
    try:
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"cannot read {place} as text", hint="save it as UTF-8") from None
    for needed in imports_of(text)[0]:
        _add(folder, needed, found, (*above, name))
    found[PLACE + path] = text


def core_imports(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the core library's modules that `texts` import."""
    return tuple(name for text in texts for name in imports_of(text)[0] if CORE.match(name))


def joined(files: Mapping[str, str]) -> str:
    r"""Return the modules among a problem's files as one text, in which no module's `open` reaches the next.

    >>> joined({"project/A.lean": "import Std" + chr(10) + "namespace A" + chr(10) + "def x := 1"})
    'section\nnamespace A\ndef x := 1\nend A\nend\n'
    """
    parts = []
    for path, text in files.items():
        if path.startswith(PLACE):
            body = text[imports_of(text)[1] :].strip("\n")
            parts.append(f"section\n{body}\n{_ends(body)}end\n")
    return "".join(parts)


def _ends(text: str) -> str:
    """Close what a module leaves open, as the end of its file does."""
    scopes: list[str] = []
    for match in _OPENS.finditer(lean_text.code(text)):
        if match[1] != "end":
            scopes.append(match[2])
        elif scopes:
            scopes.pop()
    return "".join(f"end {name}".rstrip() + "\n" for name in reversed(scopes))
