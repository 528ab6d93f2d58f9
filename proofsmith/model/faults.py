"""What can go wrong with one request to an endpoint, and when to try it again."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Kind = Literal["rate", "server", "connect", "timeout", "truncated", "garbage", "refused"]
RETRIED_STATUS = frozenset({408, 409, 425, 429, *range(500, 600)} - {501, 505})


class Fault(Exception):
    """One failed request; becomes a ModelError only when it is for good."""

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        code: str = "",
        param: str = "",
    ) -> None:
        """Keep the server's own words on one line, its status, error code and the parameter it named."""
        super().__init__(message)
        self.kind = kind
        self.message = " ".join(message[:10_000].split())
        self.status = status
        self.retry_after_s = retry_after_s
        self.code = code
        self.param = param


def kind_of(status: int, code: str) -> Kind:
    """Classify an HTTP error status; a spent quota is a 429 that waiting does not cure."""
    if code == "insufficient_quota" or status not in RETRIED_STATUS:
        return "refused"
    return "rate" if status == 429 else "server"


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Read Retry-After in both forms of RFC 9110 10.2.3, seconds or a date; None when unreadable.

    >>> retry_after_s("7"), retry_after_s("soon"), retry_after_s(None)
    (7.0, None, None)
    >>> noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    >>> retry_after_s("Wed, 01 May 2024 12:00:30 GMT", noon)
    30.0
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        pass
    else:
        return seconds if 0 <= seconds < float("inf") else None
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    stamp = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (stamp - (now or datetime.now(UTC))).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to try again; waits grow as base * 2^n with jitter, or as the server asks."""

    attempts: int = 6
    garbage_attempts: int = 2
    """A reply that is no chat completion is rarely cured by repeating."""
    timeout_attempts: int = 2
    """Each costs a whole `timeout_s`."""
    timeout_s: float = 300.0
    """Bound on one request."""
    deadline_s: float = 900.0
    """Bound on one call with all its retries; no wait is begun that would pass it."""
    base_s: float = 0.5
    cap_s: float = 30.0

    def wait_s(
        self, fault: Fault, attempt: int, elapsed_s: float, rng: random.Random
    ) -> float | None:
        """Return the seconds to wait after failed attempt number `attempt` (from 1), or None to give up."""
        if fault.kind == "refused" or attempt >= self._allowed(fault.kind):
            return None
        backoff = min(self.cap_s, self.base_s * 2 ** (attempt - 1)) * (0.5 + rng.random() / 2)
        wait = backoff if fault.retry_after_s is None else fault.retry_after_s
        return wait if elapsed_s + wait < self.deadline_s else None

    def _allowed(self, kind: Kind) -> int:
        special = {"garbage": self.garbage_attempts, "timeout": self.timeout_attempts}
        return min(self.attempts, special.get(kind, self.attempts))
