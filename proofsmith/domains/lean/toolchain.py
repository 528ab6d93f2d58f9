"""Which Lean runs, and how it is started inside a sandbox: a native one where there is one, else WebAssembly."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from proofsmith.domains.lean import embedded
from proofsmith.errors import SandboxError, UsageError

NATIVE_VARIABLE = "PROOFSMITH_LEAN"
DRIVER = "Driver.lean"
LOADER = "loader.js"
STACK_KIB = 8000
KEEP = "keep"
V8_FLAGS = (
    f"--stack-size={STACK_KIB}",
    # Of 10^5 functions a checker calls few: those are compiled when first called.
    "--wasm-lazy-compilation",
    "--wasm-lazy-validation",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """How to start the driver: what is bound into the sandbox, what is staged there, and the command."""

    name: str
    inputs: Mapping[str, Path]
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    memory_mib: int = 6144
    embedded: bool = False
    resumed: "Toolchain | None" = None
    """The toolchain as it starts anew, where this one goes on from an image of it."""


def find(project: Path | None = None) -> Toolchain:
    """Return the toolchain for `project`, or for files that need none but the core library.

    Raises:
        UsageError: the project's own Lean is not installed.
        SandboxError: neither a native Lean nor the embedded one is installed.
    """
    native = _native(project)
    if native is not None:
        return _of_native(native, project)
    found = embedded.find()
    if project is not None and not reads_text(project):
        raise UsageError(
            f"the project wants {_wanted(project) or 'a native Lean'}, which is not installed"
            + (f"; the embedded Lean is {embedded.LEAN_VERSION}" if found else ""),
            hint="install it with elan (https://elan.lean-lang.org), then `lake build`",
        )
    if found is None:
        raise SandboxError("no Lean and no Node with the embedded Lean", hint=embedded.INSTALL)
    return _of_embedded(found)


def reads_text(project: Path | None) -> bool:
    """Say whether the embedded Lean stands in for a project's: it reads modules as text, of its own version alone."""
    if project is None or _native(project) is not None or embedded.find() is None:
        return False
    wanted = _wanted(project)
    return not wanted or wanted.partition(":")[2].startswith(
        embedded.LEAN_VERSION.partition("-")[0], 1
    )


def _driver() -> bytes:
    return resources.files("proofsmith.domains.lean").joinpath(DRIVER).read_bytes()


def _of_embedded(found: embedded.Embedded) -> Toolchain:
    loader = resources.files("proofsmith.domains.lean").joinpath(LOADER).read_bytes()
    return Toolchain(
        name=f"lean {embedded.LEAN_VERSION} (WebAssembly)",
        inputs={"lean": found.folder, "node": found.node},
        argv=("/input/node", *V8_FLAGS, LOADER, "start", "/input/lean", ".", "--run", DRIVER),
        files={LOADER: loader, DRIVER: _driver()},
        embedded=True,
    )


def resuming(chain: Toolchain, image: Path) -> Toolchain:
    """Return the toolchain that goes on from the memory of a checker that was started before."""
    start = chain.argv.index("start")
    return replace(
        chain,
        inputs={**chain.inputs, "image": image},
        argv=(*chain.argv[:start], "resume", *chain.argv[start + 1 : start + 3], "/input/image"),
        resumed=chain,
    )


def _native(project: Path | None) -> Path | None:
    """Return the `bin/lean` of a native toolchain: named by the environment, on PATH, or one of elan's."""
    given = os.environ.get(NATIVE_VARIABLE)
    if given:
        return Path(given).resolve()
    elan = Path.home() / ".elan"
    on_path = shutil.which("lean")
    if on_path and not Path(on_path).resolve().name.startswith("elan"):
        return Path(on_path).resolve()
    wanted = _wanted(project) or _elan_default(elan)
    place = elan / "toolchains" / wanted.replace("/", "--").replace(":", "---") / "bin" / "lean"
    return place if wanted and place.is_file() else None


def _wanted(project: Path | None) -> str:
    pinned = project / "lean-toolchain" if project else None
    return pinned.read_text("utf-8").strip() if pinned and pinned.is_file() else ""


def _elan_default(elan: Path) -> str:
    settings = elan / "settings.toml"
    if not settings.is_file():
        return ""
    for line in settings.read_text("utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "default_toolchain":
            return value.strip().strip('"')
    return ""


def _of_native(program: Path, project: Path | None) -> Toolchain:
    """Describe a native start; a project's compiled modules are found where Lake leaves them."""
    inputs = {"lean": program.parent.parent}
    paths = []
    if project is not None:
        inputs["project"] = project
        built = [project / ".lake/build/lib/lean", project / ".lake/build/lib"]
        built += sorted(project.glob(".lake/packages/*/.lake/build/lib/lean"))
        paths = [f"/input/project/{p.relative_to(project)}" for p in built if p.is_dir()]
    return Toolchain(
        name=f"lean at {program}",
        inputs=inputs,
        argv=("/input/lean/bin/lean", "--run", DRIVER),
        env={"LEAN_PATH": ":".join(paths), "LEAN_NUM_THREADS": "1"},
        files={DRIVER: _driver()},
        memory_mib=12288 if project else 4096,
    )
