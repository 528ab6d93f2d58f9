"""Compile kernels and the trusted harness inside the sandbox; results are cached by content."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Literal

from proofsmith.domains.kernels import elf
from proofsmith.domains.kernels.host import cpu_model
from proofsmith.domains.kernels.keep import Keep
from proofsmith.errors import SandboxError, UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Limits, Problem, digest

LIMITS = Limits(
    wall_s=60.0, cpu_s=60.0, memory_mib=2048, disk_mib=256, output_kib=256, processes=32
)
SOURCES = (".c", ".cc", ".cpp", ".cxx")
_SHARED = ("-shared", "-fPIC", "-nostartfiles", "-Wl,-z,relro,-z,now,-z,noexecstack")
# -nostartfiles: nothing but the kernel's own code is linked in, above all no start file that -ffast-math brings along
# to flush denormals in the whole process; so every constructor found in the object is the kernel's.
_FLAG = re.compile(
    r"-(O[0-3sgz]?|Ofast|f(?!plugin|dump|profile|sanitize|lto|save|compare|callgraph|stack-usage)[a-z0-9=,:+.-]+"
    r"|m[a-z0-9=,:+.-]+|std=[a-z0-9+:]+|[DU]\w+(=[^@]*)?|I[\w./-]*|W[a-z0-9=+-]*|g[0-3]?|pthread|w|pedantic)"
)
_PAIRED = re.compile(r"--?param[= ]?|-mllvm")
_KEPT = re.compile(
    r"-(m(arch|tune|cpu|avx|sse|fma|bmi|f16c|popcnt|prefer)|fopenmp|std=|[DUI]|fwrapv|fno-strict)"
)


RunnerKind = Literal["plain", "sanitized", "coverage", "threaded"]
_RUNNER: dict[RunnerKind, tuple[str, ...]] = {
    "plain": (),
    "sanitized": ("-DSANITIZED", "-fsanitize=address,undefined"),
    "coverage": ("-DCOVERAGE", "-rdynamic"),
    "threaded": ("-DSANITIZED", "-fsanitize=thread"),
}


@dataclass(frozen=True, slots=True)
class Build:
    """What a compiler made: the object, None when it refused, and what it printed."""

    binary: bytes | None
    log: str
    argv: tuple[str, ...]

    @property
    def error(self) -> str:
        """First line that names an error, else the first line."""
        lines = [line for line in self.log.splitlines() if line.strip()]
        return next((line for line in lines if "error" in line), (lines or ["no message"])[0])

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return sum("warning:" in line for line in self.log.splitlines())


def flags_of(problem: Problem, candidate: Candidate) -> tuple[str, ...]:
    """Return the compiler flags of a candidate, the user's own included; raises UsageError for unsafe ones."""
    given = [
        *_texts(problem.options.get("cflags")),
        *_texts(candidate.settings.get("cflags", ["-O2"])),
    ]
    for flag, before in zip(given, ["", *given], strict=False):
        paired = _PAIRED.fullmatch(before) or before == "-Xclang"
        if not (_FLAG.fullmatch(flag) or _PAIRED.match(flag) or paired):
            raise UsageError(
                f"compiler flag '{flag}' is not allowed",
                hint="optimisation, -m, -f, -D, -U, -I, -std and -W flags are",
            )
    if problem.options.get("exact"):
        given.append("-ffp-contract=off")
    return tuple(given)


def _texts(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list | tuple) else []


def base_of(problem: Problem) -> Candidate:
    """Return the problem's own files under gcc -O2, which every candidate is compared with."""
    return Candidate(files=problem.files, settings={"compiler": "gcc", "cflags": ["-O2"]})


def entry_symbol(build: Build, entry: str) -> str | None:
    """Return the global symbol of function `entry`, its C++ mangled name included; None when it is not defined.

    Raises ValueError for a build without an object.
    """
    image = elf.parse(build.binary or b"")
    mangled = f"_Z{len(entry)}{entry}"
    found = (n for n in sorted(image.functions) if n == entry or n.startswith(mangled))
    return next(found, None)


def merged(problem: Problem, candidate: Candidate) -> dict[str, str]:
    """Return the complete set of files of a candidate."""
    return {**problem.files, **candidate.files}


def driver(compiler: str, paths: Sequence[str]) -> str:
    """Return the compiler driver for the language of `paths`."""
    plus = any(PurePosixPath(p).suffix in SOURCES[1:] for p in paths)
    known = {"gcc": "g++" if plus else "gcc", "clang": "clang++" if plus else "clang"}
    if compiler not in known:
        raise UsageError(f"unknown compiler '{compiler}'", hint="use gcc or clang")
    return known[compiler]


def harness(name: str) -> str:
    """Return the text of a trusted C file."""
    return files("proofsmith.domains.kernels").joinpath(f"harness/{name}").read_text()


class Compiler:
    """Compiles in the sandbox and remembers what it compiled."""

    def __init__(self, keep: Keep | None = None) -> None:
        """Start with nothing remembered but the harness programs in `keep`, the user's cache when left out."""
        self._built: dict[str, Build] = {}
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._keep = keep or Keep()
        self._ours: dict[str, bytes] = {}
        self._versions: dict[str, str] = {}

    async def kernel(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox, extra: Sequence[str] = ()
    ) -> Build:
        """Compile a candidate into a shared object with its own compiler and flags; `extra` flags come last."""
        sources = merged(problem, candidate)
        units = [p for p in sources if PurePosixPath(p).suffix in SOURCES]
        tool = driver(str(candidate.settings.get("compiler", "gcc")), units)
        flags = (*flags_of(problem, candidate), *extra, "-Wall", "-Wextra")
        return await self.build(sandbox, sources, (tool, *flags, *_SHARED, *units, "-lm"))

    async def sanitized(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Build:
        """Compile a candidate with address and undefined-behaviour checks, by gcc."""
        sources = merged(problem, candidate)
        units = [p for p in sources if PurePosixPath(p).suffix in SOURCES]
        flags = [f for f in flags_of(problem, candidate) if _KEPT.match(f)]
        checks = (
            "-Og",
            "-g1",
            "-w",
            "-fsanitize=address,undefined",
            "--param=asan-instrumentation-with-call-threshold=0",  # compiles twice as fast
            "-fno-sanitize=float-divide-by-zero,float-cast-overflow",
            "-ftrivial-auto-var-init=pattern",
        )
        argv = (driver("gcc", units), *flags, *checks, "-shared", "-fPIC", *units, "-lm")
        return await self.build(sandbox, sources, argv)

    async def threaded(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Build:
        """Compile an OpenMP candidate for gcc's race detector, over a runtime in threads that it understands."""
        sources = merged(problem, candidate)
        units = [p for p in sources if PurePosixPath(p).suffix in SOURCES]
        flags = [f for f in flags_of(problem, candidate) if _KEPT.match(f)]
        team = "proofsmith_team.c"
        sources |= {team: harness("team.c")}
        checks = ("-O1", "-g1", "-w", "-fsanitize=thread", "-shared", "-fPIC", "-Wl,--as-needed")
        plus = ("-x", "c", team, "-x", "none")
        argv = (driver("gcc", units), *flags, *checks, *units, *plus, "-lm")
        return await self.build(sandbox, sources, argv)

    async def runner(self, shim: str, sandbox: Sandbox, *, kind: RunnerKind = "plain") -> bytes:
        """Compile the trusted runner around `shim`; raises SandboxError when that fails."""
        argv = ("gcc", "-O1", "-w", *_RUNNER[kind], "-fno-builtin")
        ours = {"runner.c": harness("runner.c")}
        part = await self.trusted(sandbox, ours, (*argv, "-c", "runner.c"))
        sources: dict[str, str | bytes] = {"runner.o": part, "shim.c": shim}
        return await self.trusted(sandbox, sources, (*argv, "runner.o", "shim.c", "-ldl", "-lm"))

    async def trusted(
        self, sandbox: Sandbox, sources: Mapping[str, str | bytes], argv: Sequence[str]
    ) -> bytes:
        """Compile a program of ours, or take it from the user's cache; raises SandboxError when it does not compile.

        The cache knows programs by sources, command, compiler and processor.
        """
        parts = (*argv, *(part for item in sorted(sources.items()) for part in item))
        version = await self._version(argv[0], sandbox)
        name = f"harness-{digest(version, cpu_model(), *parts)[:32]}.bin"
        known = self._ours.get(name) or self._keep.read(name)
        if known is not None:
            return self._ours.setdefault(name, known)
        build = await self.build(sandbox, sources, argv)
        if build.binary is None:
            raise SandboxError(
                f"{min(sources)} does not compile: {build.error}",
                hint="apt-get install gcc libc6-dev",
            )
        self._keep.write(name, build.binary)
        return build.binary

    async def _version(self, tool: str, sandbox: Sandbox) -> str:
        """Return what a compiler of the sandbox says of itself, its distribution's revision included."""
        key = f"{sandbox.level} {tool}"
        if key not in self._versions:
            done = await sandbox.fresh().exec((tool, "-v"), limits=LIMITS)
            self._versions[key] = f"{key} {done.stderr.decode(errors='replace')}"
        return self._versions[key]

    async def build(
        self, sandbox: Sandbox, sources: Mapping[str, str | bytes], argv: Sequence[str]
    ) -> Build:
        """Run `argv` plus `-o` over `sources` in a fresh sandbox, or return the remembered result."""
        key = digest(*argv, *(part for item in sorted(sources.items()) for part in item))
        async with self._busy[key]:
            if key not in self._built:
                self._built[key] = await _built(sandbox, sources, argv)
        return self._built[key]


async def _built(
    sandbox: Sandbox, sources: Mapping[str, str | bytes], argv: Sequence[str]
) -> Build:
    box = sandbox.fresh()
    for path, text in sources.items():
        await box.write(path, text if isinstance(text, bytes) else text.encode())
    command = (*argv, "-o", "made.bin")
    done = await box.exec(command, limits=LIMITS, outputs=("made.bin",))
    log = (done.stderr + done.stdout).decode(errors="replace")
    if done.timed_out or done.exceeded:
        log = f"error: the compiler exceeded its {done.exceeded} limit\n{log}"
    binary = done.outputs.get("made.bin") if done.ok else None
    if done.exit_code == 127 or (not done.ok and "fork/exec" in log):
        raise SandboxError(f"'{argv[0]}' does not start", hint="apt-get install gcc g++")
    return Build(binary, log, command)
