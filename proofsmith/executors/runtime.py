"""What the sandbox needs on disk: the compiled init and the skeleton of its root directory."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import platformdirs

from proofsmith.errors import SandboxError
from proofsmith.types import digest

SOURCE = Path(__file__).with_name("init.c")
FALLBACK = Path(__file__).with_name("init_main.py")
ZYGOTE_SOURCE = Path(__file__).with_name("zygote.c")
ZYGOTE_MAIN = Path(__file__).with_name("zygote_main.py")
UNPRIVILEGED = 65534
"""uid and gid of every payload, and of the whole sandbox when root starts it."""

OLD_S = 30 * 24 * 3600.0
"""Age at which an unused runtime goes; every use renews it."""

_NO_COMPILER = "this kind of sandbox needs a C compiler once, to build its init"
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_INPUT_SLOTS = 16
_ETC = {
    "passwd": f"root:x:0:0::/:/bin/false\njob:x:{UNPRIVILEGED}:{UNPRIVILEGED}::/tmp/job:/bin/sh\n",
    "group": f"root:x:0:\njob:x:{UNPRIVILEGED}:\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "ld.so.cache": "",
}
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "shm": "/tmp/.shm",
}


@dataclass(frozen=True, slots=True)
class Runtime:
    """Paths that one installation of the sandbox uses."""

    folder: Path
    compiled: bool = True
    """False: no compiler was there, and a Python program does the init's work."""

    @property
    def init(self) -> Path:
        """The static program that starts every execution; raises SandboxError when it was not compiled."""
        if not self.compiled:
            raise SandboxError(_NO_COMPILER, hint="apt-get install gcc libc6-dev")
        return self.folder / "root" / "init"

    def outer(self) -> list[str]:
        """Return the words that run the init outside of the sandbox."""
        return [str(self.init)] if self.compiled else [sys.executable, "-I", "-S", str(FALLBACK)]

    def inner(self) -> list[str]:
        """Return the words that run it inside."""
        return ["/init"] if self.compiled else ["/usr/bin/python3", "-I", "-S", "/init.py"]

    @property
    def root(self) -> Path:
        """Skeleton that becomes the read-only root directory."""
        return self.folder / "root"

    def seccomp(self, *, aggregate: bool, zygote: bool = False) -> Path:
        """Return the filter of this architecture; `aggregate`: a control group counts memory."""
        kind = ("zygote-" if zygote else "") + ("hard" if aggregate else "soft")
        return SOURCE.with_name(f"seccomp-{platform.machine()}-{kind}.bpf")

    def input_slot(self, index: int, *, folder: bool) -> Path:
        """Mount point for an input that only root can reach."""
        if index >= _INPUT_SLOTS:
            raise SandboxError(
                f"more than {_INPUT_SLOTS} inputs in folders that only root can read"
            )
        return self.folder / "inputs" / f"{'folder' if folder else 'file'}-{index}"

    def binds(self) -> list[str]:
        """Return bubblewrap's flags for the read-only system of every execution."""
        flags = ["--ro-bind", str(self.root), "/", "--ro-bind", "/usr", "/usr"]
        for name in _TOP:
            if Path("/", name).is_dir() and not Path("/", name).is_symlink():
                flags += ["--ro-bind", f"/{name}", f"/{name}"]
        for name in ("/etc/alternatives", "/etc/ld.so.cache"):
            if Path(name).exists():
                flags += ["--ro-bind", name, name]
        for name in _DEVICES:
            flags += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
        return [*flags, "--proc", "/proc", "--remount-ro", "/proc"]


def _cache_folder() -> Path:
    if os.geteuid() == 0:  # the sandbox runs as an ordinary user, who cannot look into root's home
        return Path("/var/cache/proofsmith")
    return Path(platformdirs.user_cache_dir("proofsmith"))


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _compile(target: Path, source: Path, *flags: str) -> None:
    compiler = _compiler() or "cc"
    command = [compiler, "-O2", *flags, "-o", str(target), str(source)]
    for attempt in (command, [word for word in command if word != "-static"]):
        done = subprocess.run(attempt, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            return
    raise SandboxError(
        f"cannot compile the sandbox's init: {done.stderr[-500:]}", hint="apt-get install libc6-dev"
    )


def _populate(root: Path) -> None:
    for name in ("usr", "proc", "tmp", "input", "socket", "dev", "etc", "etc/alternatives"):
        (root / name).mkdir(parents=True)
    for name in _TOP:
        host = Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
        elif host.is_dir():
            (root / name).mkdir()
    for name, text in _ETC.items():
        (root / "etc" / name).write_text(text)
    for name in _DEVICES:
        (root / "dev" / name).touch()
    for name, target in _DEVICE_LINKS.items():
        (root / "dev" / name).symlink_to(target)


def _build(folder: Path, *, compiled: bool) -> None:
    _populate(folder / "root")
    for index in range(_INPUT_SLOTS):
        (folder / "inputs" / f"folder-{index}").mkdir(parents=True)
        (folder / "inputs" / f"file-{index}").touch()
    if not compiled:
        shutil.copyfile(FALLBACK, folder / "root" / "init.py")
        return
    _compile(folder / "root" / "init", SOURCE, "-static")
    _compile(folder / "root" / "zygote.so", ZYGOTE_SOURCE, "-shared", "-fPIC")
    shutil.copyfile(ZYGOTE_MAIN, folder / "root" / "zygote.py")


def _prune(parent: Path) -> None:
    """Remove runtimes that no release has used, and buildings that nobody finished, for OLD_S."""
    for folder in (*parent.glob("sandbox-*"), *parent.glob("building-*")):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < datetime.now(UTC).timestamp() - OLD_S:
                shutil.rmtree(folder)


@cache
def install(cache_folder: Path | None = None, *, compiled: bool | None = None) -> Runtime:
    """Build the runtime at first use, atomically, in a cache folder keyed by its content.

    `compiled` None compiles the init where there is a compiler, and takes its Python form where there is none.

    Raises:
        SandboxError: the folder cannot be written, or the compiler fails.
    """
    compiled = _compiler() is not None if compiled is None else compiled
    layout = [f"{name}:{Path('/', name).is_symlink()}" for name in _TOP]
    parts = (SOURCE, ZYGOTE_SOURCE, ZYGOTE_MAIN, FALLBACK, Path(__file__))
    key = digest(*(path.read_text() for path in parts), str(compiled), platform.machine(), *layout)[
        :16
    ]
    parent = cache_folder or _cache_folder()
    final = parent / f"sandbox-{key}"
    if final.is_dir():
        with contextlib.suppress(OSError):
            os.utime(final)
        return Runtime(final, compiled)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=parent))
        building.chmod(0o755)
        old = os.umask(0o022)
        try:
            _build(building, compiled=compiled)
        finally:
            os.umask(old)
        try:
            building.rename(final)
        except OSError:  # another process was first
            shutil.rmtree(building)
        _prune(parent)
    except OSError as error:
        raise SandboxError(
            f"cannot prepare the sandbox below {parent}: {error}", hint="make that folder writable"
        ) from error
    return Runtime(final, compiled)
