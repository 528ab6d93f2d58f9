"""Where the key of an endpoint comes from: the environment or a private file; never from a flag or a URL."""

import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from proofsmith.errors import UsageError

OWN_HOST = "api.openai.com"
"""The one server that may be sent OPENAI_API_KEY, and that never works without a key."""


def is_official(base_url: str) -> bool:
    """Say whether `base_url` is OpenAI's own service over HTTPS."""
    parts = urlsplit(base_url)
    return parts.scheme == "https" and parts.hostname == OWN_HOST


def find_key(base_url: str, environ: Mapping[str, str], file: Path | None = None) -> SecretStr:
    """Return the key for `base_url`: PROOFSMITH_API_KEY, OPENAI_API_KEY for OpenAI's own service, then `file`.

    An empty key is returned when there is none: local servers need none. Raises UsageError when OpenAI's service
    would be called without a key, or when `file` can be read by others.
    """
    key = environ.get("PROOFSMITH_API_KEY", "")
    if not key and is_official(base_url):
        key = environ.get("OPENAI_API_KEY", "")
    if not key and file is not None:
        key = read_key(file)
    if not key and is_official(base_url):
        raise UsageError(
            f"{OWN_HOST} needs a key",
            hint="set PROOFSMITH_API_KEY, name a local server with --base-url, or go on with --no-model",
        )
    return SecretStr(key.strip())


def read_key(file: Path) -> str:
    """Read a key file that only its owner can read; raises UsageError."""
    try:
        mode = file.stat().st_mode
        text = file.read_bytes().decode() if stat.S_ISREG(mode) else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"cannot read the key file {file}: {reason}") from None
    if not stat.S_ISREG(mode):
        raise UsageError(f"the key file {file} is not a regular file")
    if mode & 0o077:
        raise UsageError(
            f"the key file {file} can be read by others (mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod 600 {file}",
        )
    return text.strip()
