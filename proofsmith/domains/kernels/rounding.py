"""Estimate how far rounding may move each result of the base, by Monte Carlo arithmetic on a copy with wide numbers."""

import re
import struct
from array import array as Buffer
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from proofsmith.domains.kernels import jobs
from proofsmith.domains.kernels.compile import SOURCES, Compiler, harness
from proofsmith.domains.kernels.contract import Contract, Element
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.runs import together
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits, Problem

RETURNED = "the returned value"
UNIT = {"double": 2.0**-53, "float": 2.0**-24}
SHARE = 0.6
"""Part of the time for all estimates that either half of the cases may take."""
_FRAME = struct.Struct("<5Q")
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Estimate:
    """Per element of one written array: the result in 64-bit precision and the root mean square rounding error.

    For integers `error` is the share of perturbed runs, squared and averaged, that gave another value.
    """

    centre: "Buffer[float]"
    error: "Buffer[float]"


class Shadow:
    """The base with every floating-point operation perturbed; absent when the base cannot be compiled that way."""

    def __init__(self, problem: Problem, contract: Contract, compiler: Compiler) -> None:
        """Estimate for the base of `problem`."""
        self._problem = problem
        self._contract = contract
        self._compiler = compiler

    @property
    def units(self) -> tuple[float, ...]:
        """Relative errors of one operation to try, smallest first: those of the types that the base names."""
        text = "\n".join(self._problem.files.values())
        named = [u for t, u in UNIT.items() if re.search(rf"\b{t}\b", text)]
        return tuple(named) or (UNIT["double"],)

    async def estimate(
        self, cases: Sequence[Case], unit: float, sandbox: Sandbox, *, cpu_s: float
    ) -> Mapping[int, Mapping[str, Estimate]] | None:
        """Return estimates by index of case, the smallest first, as far as `cpu_s` goes; None without a shadow."""
        binary = await self._build(unit, sandbox)
        if binary is None:
            return None
        order = sorted(range(len(cases)), key=lambda i: sum(map(len, cases[i].arrays.values())))
        halves = [order[::2], order[1::2]]  # one for either core
        runs = ([cases[i] for i in half] for half in halves)
        parts = await together(
            *(self._half(binary, chosen, sandbox, SHARE * cpu_s) for chosen in runs)
        )
        found: dict[int, Mapping[str, Estimate]] = {}
        for half, part in zip(halves, parts, strict=True):
            if part is None:
                return None
            found |= {half[position]: arrays for position, arrays in part.items()}
        return found

    async def _half(
        self, binary: bytes, chosen: Sequence[Case], sandbox: Sandbox, cpu_s: float
    ) -> dict[int, dict[str, Estimate]] | None:
        """Run the shadow on cases of ascending size; None when it fails."""
        nonce = jobs.nonce()
        job = jobs.encode(self._contract, chosen, nonce=nonce)
        box = sandbox.fresh()
        await box.write("shadow", binary, executable=True)
        await box.write("job.bin", job)
        limits = Limits(
            wall_s=20.0 + 20.0 * cpu_s,
            cpu_s=10.0 + 4.0 * cpu_s,
            memory_mib=1024 + 16 * len(job) // _MIB,
            disk_mib=64 + 6 * len(job) // _MIB,
            output_kib=64,
        )
        command = ("./shadow", "job.bin", "out.bin", str(cpu_s))
        done = await box.exec(command, limits=limits, outputs=("out.bin",))
        if not done.ok:
            return None
        return self._read(chosen, done.outputs.get("out.bin", b""))

    def _read(self, cases: Sequence[Case], data: bytes) -> dict[int, dict[str, Estimate]]:
        found: dict[int, dict[str, Estimate]] = {}
        at = 0
        while len(data) - at >= _FRAME.size:
            tag, call, _, _, length = _FRAME.unpack_from(data, at)
            at += _FRAME.size
            if tag != 1 or call >= len(cases) or length % 16 or at + length > len(data):
                break
            values: Buffer[float] = Buffer("d")
            values.frombytes(data[at : at + length])
            at += length
            found[call] = self._split(cases[call], values)
        return found

    def _split(self, case: Case, values: "Buffer[float]") -> dict[str, Estimate]:
        arrays, start = {}, 0
        for name in self._contract.parameters:
            array = self._contract.arrays.get(name)
            if array is not None and array.access != "in":
                end = start + 2 * self._contract.elements(array, case.sizes)
                arrays[name] = Estimate(values[start:end:2], values[start + 1 : end : 2])
                start = end
        if self._contract.result is not None:
            arrays[RETURNED] = Estimate(values[start::2], values[start + 1 :: 2])
        return arrays

    async def _build(self, unit: float, sandbox: Sandbox) -> bytes | None:
        sources: dict[str, str | bytes] = dict(self._problem.files)
        main = str(self._problem.options["path"])
        wrapped = []
        for path in self._problem.files:
            if PurePosixPath(path).suffix in SOURCES:
                name = f"shadow_of_{path.replace('/', '_')}"
                text = f'#include "shadow.h"\n#include "{path}"\n'
                sources[name] = text + (self._caller(unit) if path == main else "")
                wrapped.append(name)
        ours = {name: harness(name) for name in ("shadow.c", "shadow.h")}
        plain = ("-O2", "-w", "-fno-builtin", "-ffp-contract=off")
        part = await self._compiler.trusted(sandbox, ours, ("gcc", *plain, "-c", "shadow.c"))
        sources |= {"shadow.o": part, "shadow.h": ours["shadow.h"]}
        given = self._problem.options.get("cflags")
        flags = [str(f) for f in given] if isinstance(given, list) else []
        flags = [f for f in flags if re.match(r"-[DUI]|-std=", f)]
        plus = ["-lstdc++"] if any(not name.endswith(".c") for name in wrapped) else []
        argv = ("gcc", "-O2", "-w", *flags, "-fpermissive", "-fno-builtin", "-ffp-contract=off")
        argv = tuple(a for a in argv if a != "-fpermissive" or plus)
        build = await self._compiler.build(
            sandbox, sources, (*argv, "shadow.o", *wrapped, "-lm", *plus)
        )
        return build.binary

    def _caller(self, unit: float) -> str:
        """Return the call of the entry over slots, in the language of the base."""
        contract, given, widths = self._contract, [], []
        for index, name in enumerate(contract.parameters):
            array = contract.arrays.get(name)
            item = array or contract.sizes.get(name) or contract.scalars[name]
            ctype = _wide(item.element)
            pointer = f"SHADOW_POINTER({ctype}) slots[{index}]"
            given.append(pointer if array else f"*({ctype} *)slots[{index}]")
            widths.append(_width(item.element))
        call = f"{contract.entry}({', '.join(given)})"
        if contract.result is not None:
            call = f"*({_wide(contract.result)} *)result = {call}"
        widths.append(_width(contract.result) if contract.result else 0)
        return (
            "#undef double\n#undef float\n"
            '#ifdef __cplusplus\n#define SHADOW_POINTER(type) (type *)\nextern "C" {\n'
            "#else\n#define SHADOW_POINTER(type)\n#endif\n"
            f"extern const int proofsmith_width[];\nextern const double proofsmith_unit;\n"
            f"const int proofsmith_width[] = {{{', '.join(map(str, widths))}}};\n"
            f"const double proofsmith_unit = {unit!r};\n"
            "void proofsmith_call(void **slots, void *result);\n"
            f"void proofsmith_call(void **slots, void *result) {{ (void)slots, (void)result; {call}; }}\n"
            "#ifdef __cplusplus\n}\n#endif\n"
        )


def _wide(element: Element) -> str:
    return "__float128" if element.kind == "float" else element.ctype


def _width(element: Element) -> int:
    return element.bytes if element.kind == "float" else -element.bytes
