"""Keep the head and the tail of a stream of any length in bounded memory."""

from collections import deque


class Capture:
    """Collects a stream; beyond `cap` bytes the middle is dropped.

    >>> capture = Capture(8)
    >>> for part in (b"abc", b"defghi", b"jklmnop"):
    ...     capture.feed(part)
    >>> capture.data()
    b'abcdmnop'
    >>> capture.seen, capture.truncated
    (16, True)
    """

    def __init__(self, cap: int) -> None:
        """Keep at most `cap` bytes."""
        self.cap = cap
        self.seen = 0
        self._head_cap = cap - cap // 2
        self._tail_cap = cap // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the stream."""
        self.seen += len(data)
        room = self._head_cap - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size - len(self._tail[0]) >= self._tail_cap:
            self._tail_size -= len(self._tail.popleft())

    @property
    def truncated(self) -> bool:
        """True when bytes were dropped."""
        return self.seen > self._head_cap + self._tail_cap

    def data(self) -> bytes:
        """Return what was kept, head first."""
        tail = b"".join(self._tail)
        return bytes(self._head) + (tail[-self._tail_cap :] if self._tail_cap else b"")
