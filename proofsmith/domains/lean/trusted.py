"""The replay checker: judges text exports in a process that never elaborates a candidate."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from proofsmith.domains.lean.checker import Context, Statement, goals_in, parsed, sketched, started
from proofsmith.domains.lean.toolchain import Toolchain
from proofsmith.protocols import Sandbox, Service
from proofsmith.types import JSON

STANDARD_AXIOMS = frozenset({"propext", "Classical.choice", "Quot.sound"})
COMPILER_AXIOMS = frozenset({"Lean.ofReduceBool", "Lean.trustCompiler", "Lean.ofReduceNat"})
LARGEST_EXPORT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the kernel said of an export."""

    ok: bool
    reason: str = ""
    axioms: tuple[str, ...] = ()
    ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Whether a statement elaborates, and its first error when not; `in_prelude`: in the text before it."""

    ok: bool
    error: str = ""
    line: int = 0
    in_prelude: bool = False


class Referee:
    """One warm replay checker; sees statements, which the user wrote, and exports, which it only parses."""

    def __init__(self, service: Service) -> None:
        """Talk to a service that `open_referee` described."""
        self._service = service

    async def read(self, statement: Statement) -> Reading:
        """Elaborate the statement; raises SandboxError when the checker cannot answer."""
        reply = await self._ask({**statement.fields(), "op": "statement"})
        if reply.get("ok") is True:
            return Reading(ok=True)
        items = reply.get("prelude") or reply.get("errors")
        first = items[0] if isinstance(items, list) and items else {}
        found = first if isinstance(first, dict) else {}
        line = found.get("line")
        return Reading(
            ok=False,
            error=str(found.get("text", "unknown error")),
            line=line if isinstance(line, int) else 0,
            in_prelude=bool(reply.get("prelude")),
        )

    async def gaps(self, context: Context, text: str) -> tuple[str, ...]:
        """Return the goal of every `sorry` in the user's own `text`."""
        return goals_in(await self._ask(sketched(context, text)))

    async def judge(
        self,
        statement: Statement,
        export: str,
        *,
        target: str,
        negate: bool = False,
        earlier: frozenset[str] = frozenset(),
    ) -> Ruling:
        """Replay `export` through the kernel, compare the type of `target` with the statement's, list its axioms.

        With `negate`, `target` must prove that the statement does not hold. `earlier`: theorems of the statement's own
        context whose proofs, still open there, are not looked into.

        Raises:
            SandboxError: the checker cannot answer within its limits.
        """
        if len(export) > LARGEST_EXPORT_BYTES:
            return Ruling(ok=False, reason="the proof's export is larger than 32 MiB")
        request: dict[str, JSON] = {**statement.fields(), "op": "judge", "target": target}
        request |= {"negate": negate, "earlier": [*sorted(earlier)]}
        payload = json.dumps(request)[:-1] + ', "export": ' + export + "}"
        reply = parsed(await self._service.request(payload.encode()))
        axioms = reply.get("axioms")
        ms = reply.get("ms")
        return Ruling(
            ok=reply.get("ok") is True,
            reason=str(reply.get("reason", "")) or _first(reply, "prelude"),
            axioms=tuple(sorted(map(str, axioms))) if isinstance(axioms, list) else (),
            ms=ms if isinstance(ms, int) else 0,
        )

    async def _ask(self, request: Mapping[str, JSON]) -> dict[str, JSON]:
        return parsed(await self._service.request(json.dumps(request).encode()))

    async def close(self) -> None:
        """Leave the service."""
        await self._service.close()


def _first(reply: Mapping[str, object], key: str) -> str:
    """Return the first message of a list in a reply, empty when there is none."""
    items = reply.get(key)
    first = items[0] if isinstance(items, list) and items else {}
    return str(first.get("text", "")) if isinstance(first, dict) else ""


async def open_referee(
    sandbox: Sandbox, toolchain: Toolchain, *, scope: Literal["run", "user"] = "user"
) -> Referee:
    """Start the replay checker of this toolchain, or join it: it sees nothing of candidates but exports, as text.

    Raises:
        SandboxError: it does not start.
    """
    return Referee(await started(sandbox, toolchain, name="lean replay checker", scope=scope))
