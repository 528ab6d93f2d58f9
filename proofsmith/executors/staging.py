"""The files that a caller stages for sandboxed executions."""

import fcntl
import os
import struct
from collections.abc import Mapping
from pathlib import PurePosixPath

from proofsmith.errors import SandboxError, UsageError

_RECORD = struct.Struct("=IIQ")
_LONGEST_PART = 255
_LONGEST_PATH = 4000
_MODES = {True: 0o755, False: 0o644}


def checked_path(path: str) -> str:
    """Return `path` in normal form; raises UsageError unless it stays below the work directory."""
    pure = PurePosixPath(path)
    outside = pure.is_absolute() or ".." in pure.parts or not pure.parts
    if outside or "\0" in path or not _encodable(pure):
        raise UsageError(
            f"{path[:300]!r} is not a path below the work directory",
            hint="use a relative path of valid Unicode without '..'",
        )
    return str(pure)


def _encodable(path: PurePosixPath) -> bool:
    """Say whether every file system takes the name."""
    try:
        sizes = [len(part.encode()) for part in path.parts]
    except UnicodeEncodeError:
        return False
    return max(sizes) <= _LONGEST_PART and sum(sizes) + len(sizes) <= _LONGEST_PATH


class Staging:
    """Staged files in memory, and their packed form in an anonymous file for the init to unpack."""

    def __init__(self) -> None:
        """Start empty."""
        self._files: dict[str, tuple[bytes, bool]] = {}
        self._packed_fd: int | None = None

    def __del__(self) -> None:
        """Close the packed form."""
        self._forget_packed()

    def _forget_packed(self) -> None:
        if self._packed_fd is not None:
            os.close(self._packed_fd)
            self._packed_fd = None

    def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Stage a file; the mode of a staged file that is replaced by an output is kept."""
        name = checked_path(path)
        if self._files.get(name) != (data, executable):
            self._check_kind(name)
            self._files[name] = (data, executable)
            self._forget_packed()

    def _check_kind(self, name: str) -> None:
        folders = {str(parent) for file in self._files for parent in PurePosixPath(file).parents}
        above = {str(parent) for parent in PurePosixPath(name).parents}
        if name in folders or above & self._files.keys():
            raise UsageError(f"'{name}' would make one name a file and a folder")

    def add_outputs(self, outputs: dict[str, bytes]) -> None:
        """Stage what an execution made; outputs may be run by later ones, so they are executable."""
        for path, data in outputs.items():
            self.write(path, data, executable=True)

    def read(self, path: str, *, max_kib: int) -> bytes:
        """Return a staged file; raises SandboxError when absent or larger than `max_kib`."""
        name = checked_path(path)
        if name not in self._files:
            raise SandboxError(f"no staged file '{name}'", hint="ask for it with exec(outputs=...)")
        data = self._files[name][0]
        if len(data) > max_kib * 1024:
            raise SandboxError(f"staged file '{name}' is larger than {max_kib} KiB")
        return data

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Return path to (data, mode)."""
        return {name: (data, _MODES[run]) for name, (data, run) in self._files.items()}

    def joined(self, files: Mapping[str, bytes]) -> "Staging":
        """Return a copy with `files` on top."""
        copy = Staging()
        copy._files = dict(self._files)
        for path, data in files.items():
            copy.write(path, data)
        return copy

    def packed_fd(self) -> int:
        """Return a sealed anonymous file of all records; owned by the staging, valid until the next write."""
        if self._packed_fd is None:
            self._packed_fd = anonymous_file(self.packed())
        return self._packed_fd

    def packed(self) -> bytes:
        """Return all records, as the init unpacks them."""
        parts = []
        for name, (data, mode) in self.files().items():
            raw = name.encode()
            parts += [_RECORD.pack(mode, len(raw), len(data)), raw, data]
        return b"".join(parts)


def anonymous_file(data: bytes) -> int:
    """Return a descriptor, positioned at 0, of a memory file that holds `data` and cannot be changed."""
    fd = os.memfd_create("proofsmith", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    seal_all = 0x0001 | 0x0002 | 0x0004 | 0x0008  # F_SEAL_SEAL, _SHRINK, _GROW, _WRITE
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seal_all)
    return fd
