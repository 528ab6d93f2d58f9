"""What this machine was like while something was measured on it."""

import os
import platform
from pathlib import Path

from proofsmith.types import JSON


def cpu_model() -> str:
    """Return the processor's name as the kernel tells it, the machine type when it does not.

    >>> bool(cpu_model())
    True
    """
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model\t")):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.machine()
    return platform.machine()


def vector_extensions() -> list[str]:
    """Return the vector instruction sets that the processor reports, by their compiler names, narrowest first.

    >>> set(vector_extensions()) <= {"sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl"}
    True
    """
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return []
    flags = next((set(x.split()) for x in text.splitlines() if x.startswith("flags")), set[str]())
    known = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl")
    return [name.replace("_", ".") for name in known if name in flags]


def facts(level: str) -> dict[str, JSON]:
    """Return CPU, cores, kernel, load and isolation `level`, as recorded beside every comparison."""
    load = os.getloadavg()
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": [round(x, 2) for x in load],
        "sandbox": level,
        "energy": "not measured: no counter is readable"
        if not energy_counters()
        else f"not measured: {energy_counters()[0]} counts the whole package",
    }


def energy_counters() -> list[str]:
    """Return the RAPL counters that can be read here."""
    root = Path("/sys/class/powercap")
    if not root.is_dir():
        return []
    return [str(p) for p in sorted(root.glob("*/energy_uj")) if os.access(p, os.R_OK)]
