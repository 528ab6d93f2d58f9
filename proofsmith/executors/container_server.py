"""A server in a container: its lines travel inside the frames of the init's report."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from proofsmith.executors import folders
from proofsmith.executors.attachment import Attachment
from proofsmith.executors.capture import Capture
from proofsmith.executors.docker import Started, reported
from proofsmith.executors.limits import FLOOD_FACTOR
from proofsmith.executors.report import Report
from proofsmith.executors.running import Running
from proofsmith.types import Limits


class _Lines(asyncio.Transport):
    """What the server writes on standard output, given to a reader no faster than that takes it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._reader = reader
        self._wanted = asyncio.Event()
        self._wanted.set()
        reader.set_transport(self)

    def feed(self, data: bytes) -> None:
        self._reader.feed_data(data)

    def end(self) -> None:
        self._reader.feed_eof()

    def pause_reading(self) -> None:
        self._wanted.clear()

    def resume_reading(self) -> None:
        self._wanted.set()

    async def wanted(self) -> None:
        """Wait until the reader has room."""
        await self._wanted.wait()


class _Writer:
    """Writes to the server's standard input."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        self._pending += data

    async def drain(self) -> None:
        data = bytes(self._pending)
        self._pending.clear()
        await self._attachment.send(data)


async def run_container_server(
    started: Started,
    limits: Limits,
    *,
    blobs: Sequence[bytes],
    socket_folder: Path | None,
) -> Running:
    """Make the payload of `started` a server; `blobs` are what its init reads first.

    Raises:
        SandboxError: the connection is lost before the server has everything; the container is gone then.
    """
    attachment = Attachment(started.connection)
    reader = asyncio.StreamReader(limit=limits.output_kib * 1024)
    lines, stderr = _Lines(reader), Capture(limits.output_kib * 1024)
    pump = asyncio.create_task(
        _pump(attachment, Report((), captures=(lines, stderr)), lines, stderr)
    )

    async def stop() -> None:
        pump.cancel()
        await asyncio.wait([pump])
        try:
            await asyncio.to_thread(started.kill)
        finally:
            if socket_folder is not None:
                folders.remove(socket_folder)

    try:
        with reported("lost the connection to the container"):
            for blob in blobs:
                await attachment.send_blob(blob)
            await attachment.send_live()
    except BaseException:
        await asyncio.shield(stop())
        raise
    return Running(
        reader=reader,
        writer=_Writer(attachment),
        stderr=stderr,
        memory_mib=started.memory_mib,
        stop=stop,
        socket_folder=socket_folder,
    )


async def _pump(attachment: Attachment, report: Report, lines: _Lines, stderr: Capture) -> None:
    """Move output until the server ends, complains too much or is ended."""
    most = FLOOD_FACTOR * stderr.cap
    with contextlib.suppress(OSError):  # the end of the connection is the end of the server
        while not (report.complete or report.broken) and stderr.seen <= most:
            await lines.wanted()
            if not await attachment.receive(report, stderr):
                break
    lines.end()
