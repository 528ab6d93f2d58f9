"""One server process inside a sandbox: its standard streams, its health, its end."""

import asyncio
import contextlib
import io
import os
import secrets
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from proofsmith.errors import SandboxError
from proofsmith.executors.capture import Capture
from proofsmith.executors.limits import FLOOD_FACTOR
from proofsmith.executors.process import Launch, end, end_now, kill, start
from proofsmith.types import Limits

_BLOCK = 1 << 16
_POLL_S = 0.02


class ServerDied(Exception):
    """The server ended, or wrote what no server writes, while a reply was awaited."""


class Writer(Protocol):
    """The way to a server's standard input."""

    def write(self, data: bytes) -> None:
        """Take bytes to be sent."""

    async def drain(self) -> None:
        """Send them; raises ConnectionError when nobody reads any more."""


@dataclass(slots=True)
class Running:
    """A started server."""

    reader: asyncio.StreamReader
    writer: Writer
    stderr: Capture
    memory_mib: Callable[[], float]
    stop: Callable[[], Awaitable[None]]
    """Kills the server with everything in its sandbox and gives back what belonged to it."""
    socket_folder: Path | None
    served: int = 0
    closed: bool = False

    async def ask(self, payload: bytes) -> bytes:
        """Send one line and return the reply that carries this request's nonce; other lines are noise.

        Raises:
            ServerDied: the server is gone or its line exceeds the cap.
        """
        nonce = secrets.token_hex(16).encode()
        try:
            self.writer.write(nonce + b" " + payload + b"\n")
            await self.writer.drain()
            while line := await self.reader.readline():
                if line.startswith(nonce):
                    self.served += 1
                    return line[len(nonce) :].strip(b" \r\n")
        except (ConnectionError, ValueError) as error:
            raise ServerDied(str(error)) from error
        raise ServerDied(self.last_words())

    async def socket(self) -> Path:
        """Wait until the server accepts connections; raises ServerDied when it ends before."""
        folder = self.socket_folder
        while folder is not None and self.alive():
            for path in sorted(folder.iterdir()):
                if stat.S_ISSOCK(path.lstat().st_mode):
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_unix_connection(str(path))
                        writer.close()
                        return path
            await asyncio.sleep(_POLL_S)
        raise ServerDied(self.last_words())

    def alive(self) -> bool:
        """Say whether the sandbox still runs."""
        return not self.closed and not self.reader.at_eof()

    def last_words(self) -> str:
        """Return the end of what the server wrote on standard error."""
        return self.stderr.data().decode(errors="replace").strip()[-300:] or "no reason given"

    async def end(self) -> None:
        """Kill the server and everything in its sandbox, and wait until it is gone."""
        if not self.closed:
            self.closed = True
            await self.stop()


async def _connected(
    out: int, stdin: io.FileIO, longest: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return streams over a server's output and input; a line has at most `longest` bytes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=longest)
    source, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out, "rb", buffering=0)
    )
    try:
        sink, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), stdin
        )
    except BaseException:
        source.close()
        raise
    return reader, asyncio.StreamWriter(sink, protocol, None, loop)


async def run_server(
    launch: Launch,
    limits: Limits,
    *,
    stdin: io.FileIO,
    memory_mib: Callable[[], float],
    release: Callable[[], None],
    socket_folder: Path | None,
) -> Running:
    """Start `launch` as a server; `stdin` is the write end of its standard input, `release` follows its end.

    A caller that is cancelled leaves no process behind, however early or late that happens.

    Raises:
        SandboxError: the launcher cannot be started.
    """
    loop = asyncio.get_running_loop()
    child, out, err = start(launch)
    if child is None:
        raise SandboxError("a server must be a child of this process")
    try:
        reader, writer = await _connected(out, stdin, limits.output_kib * 1024)
    except BaseException:
        end_now(child, launch)
        os.close(err)
        raise
    stderr = Capture(limits.output_kib * 1024)

    def complained() -> None:
        data = os.read(err, _BLOCK)
        stderr.feed(data)
        if stderr.seen > FLOOD_FACTOR * stderr.cap:
            kill(child, launch)
        if not data:
            loop.remove_reader(err)

    async def stop() -> None:
        writer.close()
        try:
            await end(child, launch)
        finally:
            if child.returncode is None:
                end_now(child, launch)
            loop.remove_reader(err)
            os.close(err)
            release()

    loop.add_reader(err, complained)
    return Running(
        reader=reader,
        writer=writer,
        stderr=stderr,
        memory_mib=memory_mib,
        stop=stop,
        socket_folder=socket_folder,
    )
