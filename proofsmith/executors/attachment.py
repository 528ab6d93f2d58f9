"""The standard streams of a container over the daemon's hijacked connection: framed output in, bytes out."""

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Protocol

BLOCK = 1 << 18
_FRAME = struct.Struct(">BxxxI")
_SIZE = struct.Struct("=Q")
_LIVE = (1 << 64) - 1
"""In place of a size: what follows, until the connection ends, is the payload's standard input."""
_STDOUT = 1


class Sink(Protocol):
    """Takes the bytes of a stream."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""


@dataclass(slots=True)
class Attachment:
    """A connection to the init of one container."""

    connection: socket.socket
    _pending: bytearray = field(default_factory=bytearray)

    async def send(self, data: bytes) -> None:
        """Write to the container's standard input; raises OSError when the connection is lost."""
        await asyncio.get_running_loop().sock_sendall(self.connection, data)

    async def send_blob(self, blob: bytes) -> None:
        """Send one of the three things that the init reads before it starts the payload."""
        await self.send(_SIZE.pack(len(blob)) + blob)

    async def send_live(self) -> None:
        """Make the rest of the connection the payload's standard input."""
        await self.send(_SIZE.pack(_LIVE))

    async def receive(self, out: Sink, err: Sink) -> bool:
        """Read once and hand the bodies of whole frames on; False at the end; raises OSError."""
        data = await asyncio.get_running_loop().sock_recv(self.connection, BLOCK)
        self._pending += data
        while len(self._pending) >= _FRAME.size:
            stream, size = _FRAME.unpack_from(self._pending)
            end = _FRAME.size + size
            if len(self._pending) < end:
                break
            (out if stream == _STDOUT else err).feed(bytes(self._pending[_FRAME.size : end]))
            del self._pending[:end]
        return bool(data)

    def close(self) -> None:
        """End the connection, and with it, soon, the container."""
        self.connection.close()
