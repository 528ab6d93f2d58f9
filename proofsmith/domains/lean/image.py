"""The memory of a ready checker, kept once so that every later one goes on from it instead of starting anew.

Starting costs half a minute of one core: compiling 137 MB of WebAssembly, Lean's own initialisation, elaborating the
driver, importing the library. None of that sees a candidate or a statement, and all of it ends in one linear memory,
which a new process maps in and calls into. An image that is damaged or cannot be made costs only the time it saves.
"""

import asyncio
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from proofsmith.domains.lean.toolchain import KEEP, Toolchain, resuming
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits, digest

Say = Callable[[str], object]

PARTS = 32
"""64 MiB each: the whole of the 2 GiB that the module can address."""
FREE_MIB = 2048
KEPT_IMAGES = 3
MAKE_WALL_S = 420.0
NAMES = ("started.json", "code", *(f"memory.{number}" for number in range(PARTS)))


def place_of(toolchain: Toolchain) -> Path:
    """Return where things that are made once for a toolchain lie: beside it where that is possible."""
    beside = toolchain.inputs["lean"]
    place = beside.with_name(beside.name + "-started")
    if os.access(place if place.is_dir() else place.parent, os.W_OK):
        return place
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "proofsmith" / "lean-started"


def folder_of(toolchain: Toolchain) -> Path:
    """Return where the image of this toolchain, driver and loader lies."""
    place, beside = place_of(toolchain), toolchain.inputs["lean"]
    texts = sorted((name, data.decode("utf-8")) for name, data in toolchain.files.items())
    programs = (toolchain.inputs["node"], beside / "lean.js")
    known = [
        f"{path.stat().st_size} {path.stat().st_mtime_ns}" for path in programs if path.exists()
    ]
    name = digest(repr(texts), repr(toolchain.argv), str(beside), *known)
    return place / name[:16]


def is_complete(folder: Path) -> bool:
    """Say whether an image lies there."""
    return (folder / NAMES[0]).is_file()


async def prepared(
    sandbox: Sandbox, toolchain: Toolchain, say: Say = sys.stderr.write
) -> Toolchain:
    """Return how to start the toolchain from its image, made now if there is none; unchanged where none can be had."""
    if not toolchain.embedded or toolchain.resumed:
        return toolchain
    folder = folder_of(toolchain)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        async with _turn(folder.with_suffix(".lock")):
            if not is_complete(folder):
                await _make(sandbox, toolchain, folder, say)
    except (OSError, SandboxError) as error:
        say(f"{toolchain.name}: no image of a started checker, each start takes longer: {error}\n")
        return toolchain
    return resuming(toolchain, folder)


def forget(toolchain: Toolchain) -> None:
    """Remove the image from which a checker would not start."""
    shutil.rmtree(toolchain.inputs["image"], ignore_errors=True)


async def _make(sandbox: Sandbox, toolchain: Toolchain, folder: Path, say: Say) -> None:
    if shutil.disk_usage(folder.parent).free < FREE_MIB << 20:
        raise SandboxError(f"less than {FREE_MIB} MiB are free in {folder.parent}")
    say(f"{toolchain.name}: preparing it, once for this installation, about half a minute\n")
    box = sandbox.fresh(inputs=toolchain.inputs)
    for name, data in toolchain.files.items():
        await box.write(name, data)
    limits = Limits(
        wall_s=MAKE_WALL_S,
        cpu_s=MAKE_WALL_S,
        memory_mib=toolchain.memory_mib + 2048 if "cgroup" in sandbox.level else 65536,
        disk_mib=FREE_MIB,
        output_kib=FREE_MIB * 1024,
    )
    argv = tuple(KEEP if word == "start" else word for word in toolchain.argv)
    result = await box.exec(argv, limits=limits, outputs=NAMES)
    if result.exit_code != 0:
        raise SandboxError(f"making it failed: {result.stderr[-200:].decode('utf-8', 'replace')}")
    await _store(box, folder)


async def _store(box: Sandbox, folder: Path) -> None:
    """Write the image, all of it or nothing; the file that says it is complete comes with the last rename."""
    building = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        building.chmod(0o755)
        for name in NAMES:
            try:
                data = await box.read(name, max_kib=FREE_MIB * 1024)
            except SandboxError:
                if name.startswith("memory."):
                    break
                raise
            await asyncio.to_thread((building / name).write_bytes, data)
            (building / name).chmod(0o644)
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    images = [path for path in folder.parent.iterdir() if is_complete(path)]
    for old in sorted(images, key=lambda path: path.stat().st_mtime)[:-KEPT_IMAGES]:
        shutil.rmtree(old, ignore_errors=True)


@asynccontextmanager
async def _turn(path: Path) -> AsyncIterator[None]:
    """Let one process make the image while others wait for it."""
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.2)
        yield
