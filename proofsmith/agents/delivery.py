"""Take a user's folder into a build and bring the result back, never over files that changed meanwhile."""

from collections.abc import Mapping
from pathlib import Path

from proofsmith.agents.apply import Change, carry_out
from proofsmith.agents.workbench import GIVEN
from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.files import FileStore
from proofsmith.tools.edits import NAMED
from proofsmith.tools.fences import blocks
from proofsmith.tools.paths import jailed

MOST_FILES = 5_000
"""A folder with more files is hardly one project; building in it would copy them all."""
MOST_BYTES = 16 << 20
LEFT_OUT = frozenset({"__pycache__", "node_modules"})


def read_spec(path: Path) -> str:
    """Return the text of a specification; raises UsageError for what cannot be one."""
    try:
        text = path.read_bytes().decode("utf-8")
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder", hint="name a Markdown file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", hint="name a Markdown file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check its name") from None
    if not text.strip():
        raise UsageError(f"{path} is empty", hint="say in it what is to be built")
    return text


def fixed_files(spec: str) -> dict[str, str]:
    r"""Return the files that a specification gives: its fenced blocks that name a path.

    >>> fixed_files("Pass this.\n```python path=tests/test_a.py\nassert 1\n```\n")
    {'tests/test_a.py': 'assert 1\n'}
    """
    found = {}
    for block in blocks(spec):
        named = NAMED.search(block.info or "")
        if named:
            found[jailed(named[1] or named[2])] = block.text
    return found


def folder_files(folder: Path) -> dict[str, Path]:
    """Return the regular files below `folder`; hidden ones, links and caches are left out.

    Raises:
        UsageError: it is no folder, or holds too many files.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a folder for the project")
    found: dict[str, Path] = {}
    todo = [folder] if folder.is_dir() else []
    while todo:
        for path in sorted(todo.pop().iterdir()):
            if path.name.startswith(".") or path.name in LEFT_OUT or path.is_symlink():
                continue
            if path.is_dir():
                todo.append(path)
            elif path.is_file():
                found[path.relative_to(folder).as_posix()] = path
        if len(found) > MOST_FILES:
            raise UsageError(
                f"{folder} holds more than {MOST_FILES} files", hint="build in a folder of its own"
            )
    return found


def take_in(store: FileStore, folder: Path, fixed: Mapping[str, str]) -> None:
    """Store the user's files and those that the specification fixes, once.

    Raises:
        UsageError: a file is too large or its name is not allowed.
        StoreError: a file cannot be read, or the store not be written.
    """
    known = store.heads()
    for name, path in folder_files(folder).items():
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(
                f"{path} is larger than {MOST_BYTES >> 20} MiB",
                hint="keep large data outside of the project's folder",
            )
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from None
        if name in fixed and data != fixed[name].encode():
            raise UsageError(
                f"{path} is not what the specification gives under that name",
                hint="remove one of the two",
            )
        if name not in known:
            store.write(name, data, author=GIVEN)
            known = {**known, name: store.version}
    for name, text in fixed.items():
        if name not in known:
            store.write(name, text.encode(), author=GIVEN)


def deliver(given: Mapping[str, bytes], built: Mapping[str, bytes], out: Path) -> list[Path]:
    """Make `out`, which held `given`, hold `built`; return the paths that were written or removed.

    Raises:
        UsageError: a file is no longer what the build had read, or a link leads out of the folder; nothing is written.
        StoreError: a file cannot be written.
    """
    planned = []
    for name in sorted(built):
        path = out / name
        if not path.resolve().is_relative_to(out.resolve()):
            raise UsageError(f"a link at {path} leads out of {out}", hint="remove the link")
        after, before = built[name].decode(errors="replace"), given.get(name)
        if built[name] != before and not (path.is_file() and path.read_bytes() == built[name]):
            old = None if before is None else before.decode(errors="replace")
            planned.append(Change(path=path, before=old, after=after))
    carry_out(planned)
    removed = [
        out / name
        for name, data in given.items()
        if name not in built and (out / name).is_file() and (out / name).read_bytes() == data
    ]
    for path in removed:
        path.unlink()
    return [change.path for change in planned] + removed
