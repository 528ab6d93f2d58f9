"""The persistent checker: an elaborator that candidates talk to, kept warm, asked through one line of JSON each way."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from proofsmith.domains.lean import image
from proofsmith.domains.lean.toolchain import Toolchain
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox, Service, ServiceSpec
from proofsmith.types import JSON, Limits, digest

HEARTBEATS = 60_000
"""Per attempt: deterministic on one build, unlike wall time."""

CONFIRM_HEARTBEATS = 400_000
READY_S = 420.0
ELABORATION_WALL_S = 50.0
"""For what is judged, on a busy machine too: heartbeats end it before that on an idle one."""
HARD_WALL_S = 60.0
"""A request that takes longer costs its server; `wall_s` only ends the waiting."""

MOST_DEATHS = 3
"""One text that kills the server says something of the text; so many in a row, of the machine."""
RECYCLE_REQUESTS = 2500
RECYCLE_MIB = 3600
STARTED_ANEW_RECYCLE_MIB = 4600
"""Half as much again as a checker takes when it is ready; it is ready again in seconds."""

CORE_IMPORTS = ("Init", "Std")

Ended = Literal["", "timeout", "died"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A definition that a candidate filled in: `text` is what was asked for, with `sorry`, `export` what it became."""

    name: str
    text: str
    export: str
    after: str
    """Trusted text that follows."""
    closed: bool = False
    """An answer: it may bind nothing, and name nothing but the library's."""
    noncomputable: bool = False
    reducible: bool = False
    law: str = ""
    """Trusted text that ends in the open theorem `law_name`, which the export must prove."""
    law_name: str = ""

    def fields(self) -> dict[str, JSON]:
        """Return the fields of a request."""
        return {n: getattr(self, n) for n in self.__slots__} | {"export": json.loads(self.export)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a candidate is elaborated on: imported modules, trusted text, and definitions that were filled in after it.

    Only a replay checker takes `filled`: an elaborator hears of definitions as text.
    """

    imports: tuple[str, ...] = CORE_IMPORTS
    prelude: str = ""
    filled: tuple[Filled, ...] = ()

    def fields(self) -> dict[str, JSON]:
        """Return the fields of a request."""
        holes: list[JSON] = [item.fields() for item in self.filled]
        own: dict[str, JSON] = {"imports": list(self.imports), "prelude": self.prelude}
        return {**own, "holes": holes} if holes else own


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A theorem to prove: `text` is its whole command with `sorry` for a proof, `name` its full name."""

    context: Context
    name: str
    text: str

    def fields(self) -> dict[str, JSON]:
        """Return the fields of a request."""
        return {**self.context.fields(), "statement": self.text, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """An error message; `line` from 1 and `column` from 0 within the text that was sent."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Elaboration:
    """What an elaborator, which a candidate may have subverted, says of one text: good for search, never a verdict."""

    ok: bool
    errors: tuple[Complaint, ...] = ()
    ms: int = 0
    ended: Ended = ""
    """Why there is no answer; then `ok` is False and `errors` empty."""
    in_context: bool = False
    """True when the errors are in the text before: no other text on that context has a chance."""
    export: str = ""
    """The named declaration and all that it needs beyond the context, as text for the replay checker."""

    @property
    def first_error(self) -> str:
        """Return the first message, at most 1 500 characters."""
        return self.errors[0].text[:1500] if self.errors else self.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofState:
    """Open goals after the tactics of `path`; a value: it can be continued any number of times, in any order."""

    statement: Statement
    path: tuple[str, ...]
    goals: tuple[str, ...]
    """Each goal as the editor shows it, hypotheses above the turnstile."""
    ms: int = 0

    @property
    def key(self) -> str:
        """Name of the state for the server's memory: a digest of the statement and the path."""
        parts = [self.statement.name, self.statement.text, self.statement.context.prelude]
        return digest(*parts, *self.statement.context.imports, *self.path)[:24]

    @property
    def done(self) -> bool:
        """True when no goal is left; the script must still be checked as a whole."""
        return not self.goals


class Checker:
    """One warm elaborator inside a sandbox; answers carry a nonce, crashes and growth are answered by a restart."""

    def __init__(self, service: Service, toolchain: Toolchain) -> None:
        """Talk to a service that `open_checker` described."""
        self._service = service
        self.toolchain = toolchain
        self._deaths = 0
        self._lost = False
        self.used = False
        """True once a candidate may have spoken to the server."""

    async def prepare(self, statement: Statement) -> None:
        """Read the user's own text before the first candidate comes; whether it has errors is for others to say."""
        with suppress(SandboxError):
            await self._ask({**statement.fields(), "op": "statement"}, HARD_WALL_S)

    async def elaborate(
        self,
        context: Context,
        text: str,
        *,
        name: str = "",
        heartbeats: int = HEARTBEATS,
        wall_s: float = 20.0,
        export: bool = False,
        whole: bool = False,
        alone: bool = False,
        negate: Statement | None = None,
    ) -> Elaboration:
        """Elaborate `text` on `context`; with `export` the declaration `name` comes back as text.

        With `whole`, so does all that was declared beside it. With `alone` nothing is, and the kernel is not asked: who
        replays the export asks it.

        With `negate`, `NAME_claim : Prop` is that statement's proposition and is defined before `text`, so that a
        disproof reads `theorem NAME_disproof : ¬ NAME_claim := by intro h ...`.

        Raises:
            SandboxError: no checker can be started, or it died on MOST_DEATHS texts in a row.
        """
        self.used = True
        given = negate.fields() if negate else context.fields()
        try:
            reply = await self._ask(
                {**given, "op": "elaborate", "text": text, "target": name, "export": export}
                | {"heartbeats": heartbeats, "negate": negate is not None}
                | {"whole": whole, "alone": alone},
                wall_s,
            )
        except SandboxError:
            self._deaths += 1
            if self._deaths >= MOST_DEATHS:
                raise
            return Elaboration(ok=False, ended="died")
        self._deaths = 0
        if isinstance(reply, str):
            return Elaboration(ok=False, ended="timeout")
        exported = reply.get("export")
        return Elaboration(
            ok=reply.get("ok") is True,
            errors=_complaints(reply),
            ms=_int(reply.get("ms")),
            in_context="prelude" in reply,
            export=json.dumps(exported) if exported else "",
        )

    async def root(self, statement: Statement) -> ProofState:
        """Return the state before the first tactic; raises SandboxError when the statement does not elaborate."""
        start = ProofState(statement=statement, path=(), goals=())
        state = await self._advance(start, HARD_WALL_S, CONFIRM_HEARTBEATS)
        if state == "timeout":  # the server may have been starting again meanwhile
            state = await self._advance(start, HARD_WALL_S, CONFIRM_HEARTBEATS)
        if isinstance(state, str):
            raise SandboxError(f"the statement of {statement.name} gives no goal: {state[:200]}")
        return state

    async def run_tactic(
        self,
        state: ProofState,
        tactic: str,
        *,
        heartbeats: int = HEARTBEATS,
        wall_s: float = 20.0,
    ) -> ProofState | str:
        """Run `tactic`, one or more lines, on the first goal; return the next state, or the error's text.

        States are values: the server remembers some hundred and makes forgotten ones again from their path.

        Raises:
            SandboxError: the checker died twice on this tactic.
        """
        then = ProofState(statement=state.statement, path=(*state.path, tactic), goals=())
        return await self._advance(then, wall_s, heartbeats)

    async def _advance(self, state: ProofState, wall_s: float, heartbeats: int) -> ProofState | str:
        request = {**state.statement.fields(), "op": "tactic"}
        request["path"] = list(state.path)
        request |= {"key": replace(state, path=()).key, "heartbeats": heartbeats}
        reply = await self._ask(request, wall_s)
        if isinstance(reply, str):
            return reply
        goals = reply.get("goals")
        if reply.get("ok") is not True or not isinstance(goals, list):
            found = _complaints(reply)
            return found[0].text if found else "no answer"
        return replace(state, goals=tuple(map(str, goals)), ms=_int(reply.get("ms")))

    async def theorems(self, context: Context) -> AsyncIterator[tuple[list[list[JSON]], float]]:
        """Yield rows (name, constants of conclusion and of hypotheses, heads), and which share of the library is read.

        Raises:
            SandboxError: it does not answer, so that not all rows were seen.
        """
        module = start = 0
        while True:
            request = {**context.fields(), "op": "premises", "module": module, "from": start}
            reply = await self._ask(request, HARD_WALL_S)
            found = reply.get("theorems") if isinstance(reply, dict) else None
            if isinstance(reply, dict) and reply.get("end") is True:
                return
            if not isinstance(reply, dict) or not isinstance(found, list):
                raise SandboxError("Lean was too slow to name its theorems")
            share = module / max(1, _int(reply.get("modules")))
            yield [row for row in found if isinstance(row, list)], share
            start = _int(reply.get("next"))
            module += not start

    async def symbols(self, state: ProofState) -> dict[str, tuple[str, ...]]:
        """Return the constants of a state's first goal: `target`, `context`, `behind` own definitions, `heads`."""
        request = {**state.statement.fields(), "op": "symbols"}
        request |= {"path": list(state.path), "key": replace(state, path=()).key}
        reply = await self._ask(request, HARD_WALL_S)
        found = reply if isinstance(reply, dict) else {}
        return {
            part: tuple(map(str, names))
            for part in ("target", "context", "behind", "heads")
            if isinstance(names := found.get(part), list)
        }

    async def gaps(self, context: Context, text: str) -> tuple[str, ...]:
        """Return the goal of every `sorry` in `text`; empty when it has none or does not elaborate."""
        reply = await self._ask(sketched(context, text), HARD_WALL_S)
        return goals_in(reply) if isinstance(reply, dict) else ()

    async def types(self, context: Context, names: Sequence[str]) -> list[str]:
        """Return the printed types of library declarations, empty for names that do not exist."""
        reply = await self._ask(
            {**context.fields(), "op": "types", "names": list(names)}, HARD_WALL_S
        )
        found = reply.get("types") if isinstance(reply, dict) else None
        return [str(text or "") for text in found] if isinstance(found, list) else []

    async def _ask(self, request: Mapping[str, JSON], wall_s: float) -> dict[str, JSON] | str:
        """Return the reply, or the word `timeout`."""
        payload = json.dumps(dict(request)).encode()
        if self._lost:
            # The next server starts on its own time, or it would be given up again and again.
            await self._service.request(b"{}")
            self._lost = False
        try:
            raw = await asyncio.wait_for(self._service.request(payload), wall_s)
        except TimeoutError:
            self._lost = True
            return "timeout"
        return parsed(raw)

    async def close(self) -> None:
        """End the server."""
        await self._service.close()


def sketched(context: Context, text: str) -> dict[str, JSON]:
    """Return the request for the goal of every `sorry` in `text`."""
    return {**context.fields(), "op": "sketch", "text": text, "heartbeats": CONFIRM_HEARTBEATS}


def goals_in(reply: Mapping[str, JSON]) -> tuple[str, ...]:
    """Return the goals in a reply, none where there are none."""
    found = reply.get("goals")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def parsed(raw: bytes) -> dict[str, JSON]:
    """Read a reply; raises SandboxError when it is no JSON object or reports a fault of the driver."""
    try:
        reply = json.loads(raw)
    except ValueError as error:
        raise SandboxError("the Lean checker's reply is no JSON") from error
    if not isinstance(reply, dict) or "fault" in reply:
        raise SandboxError(f"the Lean checker failed: {str(reply)[:300]}")
    return reply


def spec_of(
    toolchain: Toolchain, *, name: str, scope: Literal["run", "user"], level: str
) -> ServiceSpec:
    """Describe the server; without a control group address space is bounded, of which WebAssembly reserves much."""
    memory_mib = toolchain.memory_mib if "cgroup" in level else 65536
    return ServiceSpec(
        name=name,
        argv=toolchain.argv,
        scope=scope,
        ready_timeout_s=READY_S,
        request_timeout_s=HARD_WALL_S,
        recycle_requests=RECYCLE_REQUESTS,
        recycle_mib=RECYCLE_MIB if toolchain.resumed else STARTED_ANEW_RECYCLE_MIB,
        limits=Limits(
            wall_s=HARD_WALL_S,
            cpu_s=HARD_WALL_S,
            memory_mib=memory_mib,
            disk_mib=64,
            output_kib=65536,
            processes=64,
        ),
        files=dict(toolchain.files),
        env=dict(toolchain.env),
    )


async def started(
    sandbox: Sandbox, toolchain: Toolchain, *, name: str, scope: Literal["run", "user"]
) -> Service:
    """Start a server from the toolchain's image, without it where the image is of no use, and wait until it is ready.

    Raises:
        SandboxError: it does not start.
    """
    chain = await image.prepared(sandbox, toolchain)
    spec = spec_of(chain, name=name, scope=scope, level=sandbox.level)
    try:
        return await sandbox.fresh(inputs=chain.inputs).service(spec)
    except SandboxError:
        if chain.resumed is None:
            raise
    spec = spec_of(toolchain, name=name, scope=scope, level=sandbox.level)
    service = await sandbox.fresh(inputs=toolchain.inputs).service(spec)
    image.forget(chain)  # only now is it known that the image was at fault, not the machine
    return service


async def open_checker(sandbox: Sandbox, toolchain: Toolchain) -> Checker:
    """Start an elaborator for one run and wait until it is ready; raises SandboxError when it does not start."""
    service = await started(sandbox, toolchain, name="lean elaborator", scope="run")
    return Checker(service, toolchain)


def _complaints(reply: Mapping[str, JSON]) -> tuple[Complaint, ...]:
    every = [reply.get(key) for key in ("prelude", "errors")]
    items = [item for found in every if isinstance(found, list) for item in found]
    places = [(i, _int(i.get("line")), _int(i.get("column"))) for i in items if isinstance(i, dict)]
    return tuple(Complaint(line=n, column=m, text=str(i.get("text", ""))) for i, n, m in places)


def _int(value: JSON | Sequence[JSON]) -> int:
    return value if isinstance(value, int) else 0
