"""Read what profilers and compilers print into records: perf, addr2line, objdump, vectorisation remarks, llvm-mca."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proofsmith.types import JSON, HotSpot

SUMMARY_BYTES = 2000
"""Longest summary of a profile: it is part of every prompt."""
_MAPPING = re.compile(
    r"PERF_RECORD_MMAP2 (\d+)/\d+: \[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (0x[0-9a-f]+|0) .*?\]: r-xp (\S+)"
)
_SAMPLE = re.compile(r"^\s*(\d+)\s+([0-9a-f]+) ")
_REMARK = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: (?P<kind>optimized|missed|remark): +(?P<text>[^\n]*?)(?: \[-R[\w=-]+\])?$",
    re.MULTILINE,
)
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
_VECTOR = {"z": 64, "y": 32, "x": 16}


@dataclass(frozen=True, slots=True)
class Remark:
    """What a compiler said about vectorising the code at a line."""

    path: str
    line: int
    vectorised: bool
    text: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """One disassembled instruction; `operands` in AT&T order."""

    address: int
    name: str
    operands: str

    @property
    def target(self) -> int | None:
        """Address that a jump goes to, None for other instructions."""
        if not self.name.startswith("j"):
            return None
        first = self.operands.split(" ")[0]
        return int(first, 16) if re.fullmatch(r"[0-9a-f]+", first) else None


def offsets(script: str, name: str) -> Counter[int]:
    """Count samples by file offset in the mapped file called `name`, from `perf script -F pid,ip,sym,dso`.

    >>> text = '''7 PERF_RECORD_MMAP2 7/7: [0x5000(0x1000) @ 0x1000 00:35 9 0]: r-xp /tmp/job/k.so
    ...     7            5010 f (/tmp/job/k.so)'''
    >>> offsets(text, "k.so")
    Counter({4112: 1})
    """
    found: Counter[int] = Counter()
    ranges: dict[int, list[tuple[int, int, int]]] = {}
    for line in script.splitlines():
        mapped = _MAPPING.search(line)
        if mapped:
            start, length = int(mapped[2], 16), int(mapped[3], 16)
            if mapped[5].rpartition("/")[2] == name:
                own = ranges.setdefault(int(mapped[1]), [])
                own.append((start, start + length, int(mapped[4], 16)))
            continue
        sample = _SAMPLE.match(line)
        if sample:
            ip = int(sample[2], 16)
            for start, end, offset in ranges.get(int(sample[1]), ()):
                if start <= ip < end:
                    found[ip - start + offset] += 1
    return found


def library_calls(script: str, library: str) -> Counter[str]:
    """Count samples by function inside the mapped file whose name begins with `library`, from the same text.

    >>> library_calls("    7   7f01 __sin_fma (/lib/libm.so.6)", "libm.")
    Counter({'__sin_fma': 1})
    """
    found = re.findall(
        r"^\s*\d+\s+[0-9a-f]+ (\S+)(?: \[.*?\])? \(\S*/(\S+)\)$", script, re.MULTILINE
    )
    return Counter(name for name, path in found if path.startswith(library))


def places(output: str, addresses: Sequence[int]) -> dict[int, tuple[str, int]]:
    """Return (file, line) of `addresses` from the output of `addr2line`, one line each; unknown ones are left out.

    >>> places("/tmp/job/k.c:12 (discriminator 3)", [4112])
    {4112: ('k.c', 12)}
    """
    found = {}
    for address, line in zip(addresses, output.splitlines(), strict=False):
        path, _, rest = line.rpartition(":")
        number = re.match(r"\d+", rest)
        if number and int(number[0]) > 0:
            found[address] = (path.rpartition("/")[2], int(number[0]))
    return found


def remarks(log: str) -> tuple[Remark, ...]:
    """Read vectorisation remarks of gcc (`-fopt-info-vec`) and clang (`-Rpass=loop-vectorize`).

    gcc names the loop first and then the statement that is in the way: the remark stands at the loop.

    >>> text = "k.c:9:5: missed: couldn't vectorize loop" + chr(10) + "k.c:11:7: missed: not vectorized: a call."
    >>> remarks(text)
    (Remark(path='k.c', line=9, vectorised=False, text='a call'),)
    """
    found, loop = [], 0
    for match in _REMARK.finditer(log):
        path, line = match["path"].rpartition("/")[2], int(match["line"])
        text = match["text"].strip().rstrip(".;")
        if "couldn't vectorize loop" in text:
            loop = line
        elif "vectorized loop" in text or "loop vectorized using" in text:
            found.append(Remark(path, line, True, text[:160]))
        elif refused := re.search(r"not vectorized\W*(.*)", text):
            found.append(Remark(path, loop or line, False, refused[1][:160] or "no reason given"))
            loop = 0
    return tuple(found)


def cause(path: str, line: int, known: Iterable[Remark]) -> str:
    """Return what the compiler said about the loop nearest above a line, empty when nothing."""
    above = [r for r in known if r.path == path and r.line <= line]
    if not above:
        return ""
    nearest = max(r.line for r in above)
    said = [r for r in above if r.line == nearest]
    told = next((r for r in said if r.vectorised), said[-1])
    return told.text if told.vectorised else f"not vectorised: {told.text}"


def hot_spots(
    samples: Mapping[int, int],
    known: Mapping[int, tuple[str, int]],
    said: Sequence[Remark],
    *,
    most: int = 6,
) -> tuple[HotSpot, ...]:
    """Return the lines with the most samples, each with what the compiler said about its loop."""
    total = sum(samples.values())
    lines: Counter[tuple[str, int]] = Counter()
    for address, count in samples.items():
        if address in known:
            lines[known[address]] += count
    return tuple(
        HotSpot(path=path, line=line, share=count / total, cause=cause(path, line, said))
        for (path, line), count in lines.most_common(most)
        if count >= 0.02 * total
    )


def instructions(disassembly: str) -> tuple[Instruction, ...]:
    """Read `objdump -d --no-show-raw-insn`."""
    found = []
    for line in disassembly.splitlines():
        match = _INSTRUCTION.match(line)
        if match:
            operands = match[3].partition("#")[0].strip()
            found.append(Instruction(int(match[1], 16), match[2], operands))
    return tuple(found)


def hottest_loop(
    code: Sequence[Instruction], samples: Mapping[int, int]
) -> tuple[Instruction, ...]:
    """Return the smallest loop, a jump back and what lies between, that holds half of the samples; empty when none."""
    total = sum(samples.values())
    best: tuple[Instruction, ...] = ()
    for jump in code:
        target = jump.target
        if target is None or target > jump.address:
            continue
        inside = sum(n for a, n in samples.items() if target <= a <= jump.address)
        if 2 * inside < total:
            continue
        body = tuple(i for i in code if target <= i.address <= jump.address)
        if not best or len(body) < len(best):
            best = body
    return best


def mix(loop: Sequence[Instruction]) -> dict[str, JSON]:
    """Count what a loop is made of: packed and scalar floating-point arithmetic, widest vectors in bytes, branches.

    >>> mix([Instruction(0, "vfmadd231pd", "(%rax),%ymm1,%ymm2"), Instruction(5, "jne", "0")])["vector_bytes"]
    32
    """
    arithmetic = re.compile(
        r"v?(f[n]?m(add|sub)\w*|add|sub|mul|div|sqrt|min|max)(?P<kind>[ps])[sdh]$"
    )
    packed = scalar = widest = memory = branches = 0
    for one in loop:
        match = arithmetic.match(one.name)
        if match and match["kind"] == "p":
            packed += 1
            widths = [_VECTOR[w] for w in re.findall(r"%([xyz])mm", one.operands)]
            widest = max([widest, *widths])
        elif match:
            scalar += 1
        elif re.match(r"vp?(add|sub|mull|min|max|and|or|xor|cmp)", one.name):
            widths = [_VECTOR[w] for w in re.findall(r"%([xyz])mm", one.operands)]
            widest = max([widest, *widths])
            packed += 1
        memory += "(" in one.operands and not one.name.startswith(("lea", "nop"))
        branches += one.name.startswith("j")
    return {
        "instructions": len(loop),
        "packed": packed,
        "scalar": scalar,
        "vector_bytes": widest,
        "memory": memory,
        "branches": branches,
    }


def assembly(loop: Sequence[Instruction]) -> str:
    """Write a loop as assembler text for llvm-mca: jumps go to one label."""
    lines = ["loop:"]
    for one in loop:
        operands = "loop" if one.name.startswith("j") else re.sub(r"<[^>]*>", "", one.operands)
        lines.append(f"{one.name} {operands}".strip())
    return "\n".join([*lines, ""])


def mca(output: str) -> dict[str, JSON]:
    r"""Read the summary of llvm-mca: cycles per iteration and what limits them.

    >>> mca("Iterations: 100\nTotal Cycles: 400\nBlock RThroughput: 2.0\n")
    {'cycles_per_iteration': 4.0, 'throughput_bound_cycles': 2.0, 'limited_by': 'latency of a dependency chain'}
    """
    numbers = dict(
        re.findall(
            r"^(Iterations|Total Cycles|Block RThroughput):\s+(\d{1,15}(?:\.\d{1,15})?)\b",
            output,
            re.M,
        )
    )
    if len(numbers) < 3 or not float(numbers["Iterations"]):
        return {}
    cycles = float(numbers["Total Cycles"]) / float(numbers["Iterations"])
    bound = float(numbers["Block RThroughput"])
    chain = cycles > 1.3 * bound
    return {
        "cycles_per_iteration": round(cycles, 2),
        "throughput_bound_cycles": bound,
        "limited_by": "latency of a dependency chain" if chain else "throughput of the units",
    }


def clipped(lines: Iterable[str], limit: int = SUMMARY_BYTES) -> str:
    """Join whole lines up to `limit` bytes.

    >>> clipped(["ab", "cd"], 4)
    'ab'
    """
    kept, used = [], 0
    for line in lines:
        used += len(line.encode()) + 1
        if used > limit + 1:
            break
        kept.append(line)
    return "\n".join(kept)
