"""Long-lived servers: kept alive, asked under a deadline, recycled, shared where their scope allows, ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from proofsmith.errors import DiedTwice, SandboxError, UsageError
from proofsmith.executors.running import Running, ServerDied
from proofsmith.protocols import ServiceSpec

IDLE_S = 300.0
"""How long a `user` service outlives its last user."""

Start = Callable[[ServiceSpec], Awaitable[Running]]


class ManagedService:
    """`protocols.Service`: one ready server at a time, another one on the bench where the spec asks for a spare."""

    def __init__(self, spec: ServiceSpec, start: Start) -> None:
        """Describe; nothing runs until `ready`."""
        self.spec = spec
        self._start = start
        self._server: Running | None = None
        self._spare: asyncio.Task[Running] | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def ready(self) -> None:
        """Start the server and wait for its first sign of life; raises SandboxError without one."""
        async with self._turn:
            await self._current()

    async def request(self, payload: bytes) -> bytes:
        """Send one line without a newline in it and return the reply.

        A server that dies is replaced and asked again, once: requests must be repeatable. One that misses the deadline
        is replaced and not asked again; so is one whose caller stopped waiting, or the next would wait behind it.

        Raises:
            UsageError: a newline in `payload`, or this service talks over a socket.
            SandboxError: the deadline passed.
            DiedTwice: the server died twice on this request.
        """
        if self.spec.protocol != "lines" or b"\n" in payload:
            raise UsageError(f"service '{self.spec.name}' takes no such request")
        async with self._turn:
            reason = ""
            for _ in range(2):
                server = await self._current()
                try:
                    return await asyncio.wait_for(server.ask(payload), self.spec.request_timeout_s)
                except TimeoutError as error:
                    await self._drop(server)
                    raise SandboxError(
                        f"service '{self.spec.name}' gave no reply within "
                        f"{self.spec.request_timeout_s:g} s"
                    ) from error
                except ServerDied as error:
                    reason = str(error)
                    await self._drop(server)
                except asyncio.CancelledError:
                    await self._drop(server)
                    raise
            raise DiedTwice(f"service '{self.spec.name}' died twice on one request: {reason}")

    async def address(self) -> str:
        """Return the path of the private socket of a ready server."""
        if self.spec.protocol != "socket":
            raise UsageError(f"service '{self.spec.name}' has no socket")
        async with self._turn:
            server = await self._current()
            return str(await server.socket())

    async def close(self) -> None:
        """End the server, its spare and everything that they started."""
        self._closed = True
        async with self._turn:
            if self._spare is not None:
                spare, self._spare = self._spare, None
                spare.cancel()
                await asyncio.wait([spare])
                if not spare.cancelled() and spare.exception() is None:
                    await spare.result().end()
            if self._server is not None:
                await self._drop(self._server)

    async def _current(self) -> Running:
        """Return a live server that need not be recycled."""
        if self._closed:
            raise SandboxError(f"service '{self.spec.name}' is closed")
        if self._server is not None and (not self._server.alive() or self._worn(self._server)):
            await self._drop(self._server)
        if self._server is None:
            self._server = await self._next()
            if self.spec.spare:
                self._spare = asyncio.create_task(self._launch())
        return self._server

    async def _next(self) -> Running:
        if self._spare is not None:
            spare, self._spare = self._spare, None
            server = await spare
            if server.alive():
                return server
            await server.end()
        return await self._launch()

    async def _launch(self) -> Running:
        server = await self._start(self.spec)
        try:
            await asyncio.wait_for(self._sign_of_life(server), self.spec.ready_timeout_s)
        except ServerDied as error:
            await server.end()
            raise SandboxError(f"service '{self.spec.name}' does not start: {error}") from error
        except TimeoutError as error:
            await server.end()
            raise SandboxError(
                f"service '{self.spec.name}' was not ready in {self.spec.ready_timeout_s:g} s"
            ) from error
        except BaseException:
            await server.end()
            raise
        return server

    async def _sign_of_life(self, server: Running) -> None:
        if self.spec.protocol == "socket":
            await server.socket()
        else:
            await server.ask(b"")
            server.served = 0

    def _worn(self, server: Running) -> bool:
        requests, mib = self.spec.recycle_requests, self.spec.recycle_mib
        worn = requests is not None and server.served >= requests
        return worn or (mib is not None and server.memory_mib() > mib)

    async def _drop(self, server: Running) -> None:
        if server is self._server:
            self._server = None
        await server.end()


@dataclass(slots=True)
class Registry:
    """The `user` services of all sandboxes that were opened together; `run` services are nobody else's business."""

    idle_s: float = IDLE_S
    _shared: "dict[str, SharedService]" = field(default_factory=dict)

    async def join(
        self, key: str, spec: ServiceSpec, start: Start
    ) -> "ManagedService | SharedService":
        """Return a ready service: a private one, or for scope `user` the one that runs under `key`."""
        if spec.scope == "run":
            service = ManagedService(spec, start)
            await service.ready()
            return service
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = SharedService(
                ManagedService(spec, start), self.idle_s, lambda: self._shared.pop(key, None)
            )
        await shared.join()
        return shared


@dataclass(slots=True)
class SharedService:
    """A service with several users, which ends some time after the last one has left."""

    service: ManagedService
    idle_s: float
    forget: Callable[[], object]
    _users: int = 0
    _end: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Count one more user, once the server is ready."""
        self._users += 1
        if self._end is not None:
            self._end.cancel()
            self._end = None
        try:
            await self.service.ready()
        except SandboxError:
            self._users -= 1
            raise
        except asyncio.CancelledError:
            await self.close()
            raise

    async def request(self, payload: bytes) -> bytes:
        """Ask as `ManagedService.request` does; users take turns."""
        return await self.service.request(payload)

    async def address(self) -> str:
        """Return the path of the socket."""
        return await self.service.address()

    async def close(self) -> None:
        """Leave; the last one to do so starts the idle time."""
        self._users -= 1
        if self._users == 0:
            self._end = asyncio.create_task(self._end_later())

    async def _end_later(self) -> None:
        try:
            await asyncio.sleep(self.idle_s)
        finally:  # the event loop may end before; a new user ends this task too
            if self._users == 0:
                self.forget()
                await self.service.close()
