"""No sandbox at all: for trusted code only, and only when the user asked for it by name."""

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from proofsmith.errors import SandboxError
from proofsmith.executors.limits import (
    ENVIRONMENT,
    INPUT_DIRECTORY,
    MIB,
    WORK_DIRECTORY,
    cpu_seconds,
    over_cpu,
)
from proofsmith.executors.process import Finished, Launch, supervise
from proofsmith.executors.staging import Staging, anonymous_file, checked_path
from proofsmith.protocols import Service, ServiceSpec
from proofsmith.types import ExecResult, Limits

LEVEL = "unsafe-local"


class LocalSandbox:
    """`protocols.Sandbox` without isolation: a temporary folder, a wall limit and per-process limits."""

    level = LEVEL

    def __init__(self, inputs: Mapping[str, Path] | None = None) -> None:
        """Start with nothing staged; paths below `/input` in argv and env are rewritten to `inputs`."""
        self._staging = Staging()
        self._inputs = {name: path.resolve() for name, path in (inputs or {}).items()}

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "LocalSandbox":
        """Return an empty one."""
        return LocalSandbox(inputs)

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Stage a file."""
        self._staging.write(path, data, executable=executable)

    async def read(self, path: str, *, max_kib: int = 16384) -> bytes:
        """Return a staged file."""
        return self._staging.read(path, max_kib=max_kib)

    async def service(self, spec: ServiceSpec) -> Service:
        """Refuse: services need a sandbox."""
        raise SandboxError(
            f"cannot start '{spec.name}' without a sandbox", hint="use --sandbox bubblewrap"
        )

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        stdin: bytes = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        observe: Sequence[str] = (),
    ) -> ExecResult:
        """Run `argv` in a temporary folder that holds a copy of the staged files."""
        wanted = [checked_path(name) for name in outputs]
        folder = Path(tempfile.mkdtemp(prefix="proofsmith-local-"))
        try:
            result = await self._exec_in(folder, [*observe, *argv], limits, stdin, cwd, env or {})
            found, tampered = _collect(folder / "job", wanted, limits.disk_mib * MIB)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._staging.add_outputs(found)
        return _result(result, limits, found, tampered)

    async def _exec_in(
        self,
        folder: Path,
        argv: Sequence[str],
        limits: Limits,
        stdin: bytes,
        cwd: str,
        env: Mapping[str, str],
    ) -> Finished:
        work = folder / "job"
        work.mkdir()
        for name, (data, mode) in self._staging.files().items():
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(mode)
        moved = {WORK_DIRECTORY: str(work)} | {
            f"{INPUT_DIRECTORY}/{name}": str(path) for name, path in self._inputs.items()
        }
        environment = ENVIRONMENT | {"HOME": str(work), "TMPDIR": str(folder)} | dict(env)
        given = anonymous_file(stdin) if stdin else os.open("/dev/null", os.O_RDONLY)
        program = [_rewritten(word, moved) for word in argv]
        launch = Launch(
            argv=[*_limits(limits), "env", "-C", str(work / cwd), *program],
            env={name: _rewritten(value, moved) for name, value in environment.items()},
            stdin=given,
            pass_fds=(),
            close_fds=(given,),
        )
        return await supervise(launch, limits)


def _rewritten(word: str, moved: Mapping[str, str]) -> str:
    for seen, real in moved.items():
        word = word.replace(seen, real)
    return word


def _limits(limits: Limits) -> list[str]:
    """Return the programs of util-linux that limit whatever follows them."""
    cpu, size = cpu_seconds(limits), limits.disk_mib * MIB
    pin = [] if limits.pin is None else ["taskset", "-c", str(limits.pin)]
    return [*pin, "prlimit", f"--cpu={cpu}:{cpu + 1}", f"--fsize={size}", "--core=0", "--"]


def _collect(
    work: Path, names: Sequence[str], room: int
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    found: dict[str, bytes] = {}
    tampered = []
    for name in names:
        path = work / name
        try:
            about = path.lstat()
        except OSError:
            continue
        inside = path.parent.resolve().is_relative_to(work.resolve())
        if stat.S_ISREG(about.st_mode) and inside and about.st_size <= room:
            found[name] = path.read_bytes()
            room -= about.st_size
        else:
            tampered.append(name)
    return found, tuple(tampered)


def _result(
    finished: Finished, limits: Limits, found: dict[str, bytes], tampered: tuple[str, ...]
) -> ExecResult:
    code, by = finished.returncode, finished.ended_by
    ended_signal = -code if code < 0 and not by else None
    return ExecResult(
        exit_code=code if code >= 0 and not by else None,
        signal=ended_signal,
        stdout=finished.stdout.data(),
        stderr=finished.stderr.data(),
        wall_s=finished.wall_s,
        cpu_s=finished.cpu_s,
        peak_mib=finished.peak_mib,
        exceeded="cpu"
        if over_cpu(finished.cpu_s, ended_signal, limits)
        else "output"
        if by == "output"
        else "wall"
        if by
        else "",
        truncated=finished.stdout.truncated or finished.stderr.truncated,
        outputs=found,
        tampered=tampered,
        level=LEVEL,
    )
