"""Kernels with honest and cheating versions under tests/fixtures/kernels: NAME/base.*, good/*, bad/*."""

import re
from functools import cache
from pathlib import Path

from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal

ROOT = Path(__file__).parents[2] / "fixtures" / "kernels"
KERNELS = sorted(p.name for p in ROOT.iterdir() if (p / "good").is_dir())


def versions(kind):
    """Return (kernel, file) of every `good` or `bad` version."""
    return [(k, f) for k in KERNELS for f in sorted((ROOT / k / kind).iterdir())]


def name(value):
    return value.stem if isinstance(value, Path) else str(value)


def base(kernel):
    return next((ROOT / kernel).glob("base.*"))


def noted(path, key):
    """Return what a version says about itself in a `// key: ...` line."""
    found = re.search(rf"^// {key}: ?(.*)$", path.read_text(), re.MULTILINE)
    return found[1] if found else ""


def candidate(path):
    flags = noted(path, "cflags").split()
    settings = {"cflags": flags} if flags else {}
    return Candidate(files={base(path.parents[1].name).name: path.read_text()}, settings=settings)


@cache
def domain(kernel):
    """Share compiled bases and reference results between tests of one kernel."""
    return KernelsDomain()


async def judge(kernel, version, depth=Depth.QUICK):
    sandbox, engine = await open_sandbox(), domain(kernel)
    problem = await engine.read(base(kernel), Goal.SPEED, {}, sandbox)
    return await engine.verify(problem, version, sandbox, depth)
