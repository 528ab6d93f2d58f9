"""Parse what the init reports over its private descriptor."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from proofsmith.executors.attachment import Sink
from proofsmith.types import Exceeded

_STATUS = struct.Struct("=iiqqqq")
_SIZE = struct.Struct("=I")
_OUTPUT = struct.Struct("=IIQ")
_ABSENT, _FILE, _TAMPERED = range(3)
ENDED_BY: tuple[Exceeded, ...] = ("", "wall", "memory", "disk")


@dataclass(slots=True)
class Report:
    """Everything that one init said so far; `complete` only when it finished its duty."""

    output_names: Sequence[str]
    started: bool = False
    complete: bool = False
    broken: bool = False
    """A record cannot be understood; nothing after it is read, and the execution has no result."""
    wait_status: int | None = None
    ended_by: Exceeded = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    free_bytes: int = 0
    outputs: dict[str, bytes] = field(default_factory=dict)
    tampered: list[str] = field(default_factory=list)
    captures: Sequence[Sink] = ()
    """Where stdout and stderr go when the init relays them."""
    _pending: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> None:
        """Take the next bytes; incomplete records wait for more."""
        if self.broken:
            return
        self._pending += data
        try:
            while self._pending and self._take_record():
                pass
        except IndexError:  # an output, a stream or a reason that does not exist
            self.broken, self.complete, self.wait_status = True, False, None
            self._pending.clear()

    def _take_record(self) -> bool:
        kind = bytes(self._pending[:1])
        if kind == b"S":
            return self._take_status()
        if kind == b"O":
            return self._take_output()
        if kind in (b"o", b"e"):
            return self._take_stream(self.captures[kind == b"e"])
        self.started = self.started or kind == b"B"
        self.complete = kind == b"E"
        del self._pending[:1]
        return True

    def _take_status(self) -> bool:
        end = 1 + _STATUS.size
        if len(self._pending) < end:
            return False
        wait_status, ended_by, wall_ns, cpu_ns, peak_kib, free = _STATUS.unpack_from(
            self._pending, 1
        )
        self.wait_status, self.ended_by = wait_status, ENDED_BY[ended_by]
        self.wall_s, self.cpu_s = wall_ns / 1e9, cpu_ns / 1e9
        self.peak_mib, self.free_bytes = peak_kib / 1024, free
        del self._pending[:end]
        return True

    def _take_stream(self, sink: Sink) -> bool:
        start = 1 + _SIZE.size
        if len(self._pending) < start:
            return False
        end = start + _SIZE.unpack_from(self._pending, 1)[0]
        if len(self._pending) < end:
            return False
        sink.feed(bytes(self._pending[start:end]))
        del self._pending[:end]
        return True

    def _take_output(self) -> bool:
        start = 1 + _OUTPUT.size
        if len(self._pending) < start:
            return False
        index, state, size = _OUTPUT.unpack_from(self._pending, 1)
        if len(self._pending) < start + size:
            return False
        name = self.output_names[index]
        if state == _FILE:
            with memoryview(
                self._pending
            ) as pending:  # a slice of the buffer would be one more copy
                self.outputs[name] = bytes(pending[start : start + size])
        elif state == _TAMPERED:
            self.tampered.append(name)
        del self._pending[: start + size]
        return True
