"""Disk space set aside for what must be written later, given back at the moment when the disk is full."""

import os
from pathlib import Path

from proofsmith.errors import StoreError


class Ballast:
    """A file that only takes room; while it lies there, so much can be written even to a full disk."""

    def __init__(self, path: Path) -> None:
        """Take no room yet; one that a killed process left at `path` counts."""
        self._path = path

    def hold(self, size: int) -> None:
        """Set at least `size` bytes aside; raises StoreError when the disk has no room for them."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._no_room(size, error) from error
        try:
            if os.fstat(fd).st_size < size:
                os.posix_fallocate(fd, 0, size)
        except OSError as error:
            self.release()
            raise self._no_room(size, error) from error
        finally:
            os.close(fd)

    def give(self, size: int) -> bool:
        """Give `size` bytes back to the disk, the rest stays held; False when none was held."""
        try:
            left = self._path.stat().st_size - size
            if left > 0:
                os.truncate(self._path, left)
            else:
                self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def release(self) -> None:
        """Give everything back."""
        self._path.unlink(missing_ok=True)

    def _no_room(self, size: int, error: OSError) -> StoreError:
        return StoreError(
            f"cannot set {size // 1024} KiB aside in {self._path.parent} for a reply: {error.strerror}",
            hint="free disk space and give the same command again: nothing was paid for",
        )
