"""What the agent of one step may do: see the files it builds on, change its own outputs, run programs in a sandbox."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from proofsmith.agents.evaluator import RUN_LIMITS, Result, Task, evaluate, execute, shown
from proofsmith.agents.failpoints import Failpoints
from proofsmith.errors import SandboxError, UsageError
from proofsmith.memory.files import ConflictError, FileStore, Write, replaced
from proofsmith.memory.instructions import Instruction
from proofsmith.protocols import Sandbox
from proofsmith.tools.feedback import clip
from proofsmith.tools.paths import jailed

GIVEN = "given"
"""Author of the files that the user gave: an existing folder and the fixed files of the specification."""
READ_CHARS = 16_000
"""Longest part of a file that one `read` returns; `from_line` reads on."""


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Read(_Call):
    """Show a file, from `from_line` (1 is the first)."""

    tool: Literal["read"]
    path: str
    from_line: int = Field(default=1, ge=1)


class WriteFile(_Call):
    """Write a whole file."""

    tool: Literal["write"]
    path: str
    text: str


class Patch(_Call):
    """Replace the one place where `old` stands, exactly, by `new`."""

    tool: Literal["patch"]
    path: str
    old: str
    new: str


class Delete(_Call):
    """Remove a file."""

    tool: Literal["delete"]
    path: str


class ListFiles(_Call):
    """List the files with their sizes."""

    tool: Literal["list"]


class Execute(_Call):
    """Run a program over a copy of the files; what it writes is lost."""

    tool: Literal["run"]
    argv: list[str] = Field(min_length=1)


class Test(_Call):
    """Run unittest files; shows what fails."""

    tool: Literal["test"]
    paths: list[str] = Field(min_length=1)


def any_of(schema: dict[str, Any]) -> None:
    """Say `anyOf` where pydantic says `oneOf`: endpoints that enforce schemas know only the former."""
    schema["anyOf"] = schema.pop("oneOf")
    schema.pop("discriminator", None)


Call = Annotated[
    Read | WriteFile | Patch | Delete | ListFiles | Execute | Test,
    Field(discriminator="tool", json_schema_extra=any_of),
]


def step_of(author: str) -> str:
    """Return the step that an author's name stands for.

    >>> step_of("parser#2.5.0"), step_of("given")
    ('parser', 'given')
    """
    return author.partition("#")[0]


@dataclass(frozen=True, slots=True)
class View:
    """The files as some steps left them: the newest write of each path by one of `steps`, or by the user."""

    store: FileStore
    steps: frozenset[str]

    def writes(self) -> dict[str, Write]:
        """Return the write that made each file, by path."""
        found: dict[str, Write] = {}
        for write in self.store.history():
            if step_of(write.author) in self.steps or write.author == GIVEN:
                found[write.path] = write
        return {path: found[path] for path in sorted(found) if found[path].digest is not None}

    def read(self, path: str) -> bytes:
        """Return a file; raises UsageError when there is none."""
        write = self.writes().get(jailed(path))
        if write is None:
            raise UsageError(f"there is no file '{path}'", hint="list the files first")
        return self.store.read(write.path, at=write.version)

    def files(self) -> dict[str, bytes]:
        """Return every file."""
        return {path: self.store.read(path, at=w.version) for path, w in self.writes().items()}


@dataclass(slots=True)
class Workbench:
    """The tools of one attempt at one step.

    Every write bears an author of its own, so a call that is made again after a kill finds its work done. A file that
    another writer changed since this attempt began raises ConflictError inside and is told to the author.
    """

    view: View
    step: Instruction
    fixed: frozenset[str]
    """Files of the specification, which no step may change."""
    sandbox: Sandbox
    failpoints: Failpoints
    _seen: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Remember which version of every file this attempt builds on."""
        self._seen = dict(self.view.store.heads())

    async def carry_out(self, call: Call, author: str) -> str:
        """Do one call and return what to tell the model; a mistake of the model is told, not raised.

        Raises:
            SandboxError: the sandbox failed twice.
            StoreError: the store cannot be used.
        """
        try:
            match call:
                case Execute():
                    return await self._execute(call)
                case Test():
                    return await self._test(call)
                case Read():
                    return self._read(call)
                case ListFiles():
                    return self._listed()
                case _:
                    return self._change(call, author)
        except (UsageError, ConflictError) as error:
            return f"error: {error.message}" + (f" ({error.hint})" if error.hint else "")

    def _read(self, call: Read) -> str:
        text = self.view.read(call.path).decode(errors="replace")
        lines = text.splitlines()
        rest = "\n".join(lines[call.from_line - 1 :])
        if len(rest) <= READ_CHARS:
            return rest or "(empty)"
        part = rest[:READ_CHARS].rpartition("\n")[0] or rest[:READ_CHARS]
        following = call.from_line + part.count("\n") + 1
        return f"{part}\n[... {len(lines)} lines in all; go on with from_line={following}]"

    def _listed(self) -> str:
        rows = [f"{len(data):7} {path}" for path, data in self.view.files().items()]
        return "\n".join(rows) or "(no files)"

    def _change(self, call: WriteFile | Patch | Delete, author: str) -> str:
        path = jailed(call.path)
        if any(write.author == author for write in self.view.store.history(path)):
            return "done"  # before a kill
        if path in self.fixed:
            raise UsageError(f"'{path}' belongs to the specification and may not be changed")
        if path not in self.step.outputs:
            allowed = ", ".join(self.step.outputs)
            raise UsageError(f"'{path}' is not an output of this step", hint=f"outputs: {allowed}")
        self._record(call, path, author)
        self.failpoints.reach("build.written")
        return "done"

    def _record(self, call: WriteFile | Patch | Delete, path: str, author: str) -> None:
        store, expected = self.view.store, self._seen.get(path, 0)
        match call:
            case WriteFile():
                version = store.write(path, _bytes(call.text), author=author, expected=expected)
            case Patch():
                data = replaced(self.view.read(path), _bytes(call.old), _bytes(call.new), path)
                version = store.write(path, data, author=author, expected=expected)
            case Delete():
                self.view.read(path)
                store.delete(path, author=author, expected=expected)
                version = 0
        self._seen[path] = version

    async def _execute(self, call: Execute) -> str:
        files = self.view.files()
        done = await twice(lambda: execute(call.argv, files, self.sandbox, RUN_LIMITS))
        return shown(done)

    async def _test(self, call: Test) -> str:
        task = Task(files=self.view.files(), checks=("test " + " ".join(call.paths),))
        judged = await evaluate(task, self.sandbox)
        if judged.result is Result.INFRA_ERROR:
            raise SandboxError(judged.detail)
        return clip(f"{judged.result}: {judged.detail}", READ_CHARS)


async def twice(work: Callable[[], Any]) -> Any:
    """Await `work`, once more when the machinery failed; raises SandboxError when it failed again."""
    try:
        return await work()
    except SandboxError:
        return await work()


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the text is not valid Unicode: {error.reason}") from None
