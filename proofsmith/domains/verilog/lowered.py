"""Have what yosys does not read of SystemVerilog printed again as vectors and unrolled loops.

slang elaborates the text inside the sandbox, where it can neither hang nor fill the memory of this process.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from proofsmith.domains.verilog import syntax
from proofsmith.domains.verilog.design import Design
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

LIMITS = Limits(wall_s=60, cpu_s=20, memory_mib=1024, disk_mib=64, output_kib=16384)
_PACKAGE = __package__ or ""
_START = f"""import runpy, sys, types
sys.path.insert(0, "/input")
for name in {[_PACKAGE.rsplit(".", n)[0] for n in (2, 1)]} + ["{_PACKAGE}"]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = ["/input/verilog"]
runpy.run_module("{_PACKAGE}.lowering", run_name="__main__")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A design as one module of vectors, or the construct that has no rule."""

    text: str = ""
    nets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The signals of every module of the original."""
    construct: str = ""
    error: str = ""
    """What is wrong with the text, as slang says it."""
    line: int = 0

    def complaint(self, others: str) -> str:
        """Say why there is no text, where `others` is what yosys says."""
        if self.error:
            return f"line {self.line}: {self.error}"
        return (
            f"line {self.line}: not supported: {self.construct} ({others})"
            if self.construct
            else others
        )


async def lowered(text: str, design: Design, sandbox: Sandbox, limits: Limits = LIMITS) -> Lowered:
    """Return the prepared `text` of `design` without what only slang reads; empty where slang does not either."""
    if not syntax.grammatical(text):
        return Lowered()
    inputs, python = _interpreter()
    asked = {"text": text, "top": design.top, "parameters": dict(design.parameters)}
    done = await sandbox.fresh(inputs=inputs).exec(
        (python, "-I", "-c", _START), limits=limits, stdin=json.dumps(asked).encode()
    )
    if done.exit_code != 0 or done.exceeded or done.truncated:
        return Lowered()
    found = json.loads(done.stdout)
    nets = {name: frozenset(names) for name, names in found.get("nets", {}).items()}
    return Lowered(
        text=found.get("text", ""),
        nets=nets,
        construct=found.get("construct", ""),
        error=found.get("error", ""),
        line=found.get("line", 0),
    )


def _interpreter() -> tuple[dict[str, Path], str]:
    """Return the folders that slang needs inside of a sandbox, and this interpreter as it is called there."""
    specs = {name: find_spec(name) for name in ("pyslang", "nanobind_backend")}
    folders = {n: Path(s.origin).parent for n, s in specs.items() if s is not None and s.origin}
    name, base = f"bin/python3.{sys.version_info.minor}", Path(sys.base_prefix)
    if base == Path("/usr"):
        return {"verilog": Path(__file__).parent, **folders}, f"/usr/{name}"
    return {"verilog": Path(__file__).parent, "python": base, **folders}, f"/input/python/{name}"
