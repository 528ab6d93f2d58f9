"""Small things kept for this user between processes: written in one step, checked when read, never necessary."""

import hashlib
import tempfile
from pathlib import Path

import platformdirs


class Keep:
    """A folder of byte strings by name; one that is absent, damaged or cannot be written only costs time."""

    def __init__(self, folder: Path | None = None) -> None:
        """Keep in `folder`, the user's cache when left out."""
        self._folder = folder or Path(platformdirs.user_cache_dir("proofsmith"))

    def read(self, name: str) -> bytes | None:
        """Return what was kept as `name`; None when there is nothing, or not what was written."""
        try:
            seal, _, data = (self._folder / name).read_bytes().partition(b"\n")
        except OSError:
            return None
        return data if seal == _seal(data) else None

    def write(self, name: str, data: bytes) -> None:
        """Keep `data` as `name`; others see all of it or nothing."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as new:
                new.write(_seal(data) + b"\n" + data)
            Path(new.name).replace(self._folder / name)
        except OSError:
            return


def _seal(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
