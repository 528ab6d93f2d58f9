"""How much of a design a bench moves: bits that took both values, read from a waveform; lines and branches that ran.

The waveform is of Icarus and cheap. Lines, branches and toggles are counted by Verilator, which compiles C++ for them.
"""

import re
import secrets
from collections.abc import Iterator

from proofsmith.domains.verilog import lexicon, toolchain
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.trial import Bench, arguments
from proofsmith.protocols import Sandbox
from proofsmith.tools.feedback import clip
from proofsmith.types import JSON

WAVE = "wave.vcd"
LARGEST_BYTES = 32 * 1024 * 1024
NAMED = 6
"""Signals that never moved and are named."""
_VARIABLE = re.compile(r"\$var\s+(?:reg|wire|logic|integer)\s+(\d+)\s+(\S+)\s+(\S+)[^$]*\$end")


async def toggled(bench: Bench, design: Design, sandbox: Sandbox) -> dict[str, JSON]:
    """Return the facts `coverage` (0 to 1) and `never moved`; nothing when the bench gives no waveform."""
    instance = _instance(bench)
    if not instance:
        return {}
    name = f"dump_{secrets.token_hex(8)}"
    dump = f'module {name}; initial begin $dumpfile("{WAVE}"); $dumpvars(0, {bench.root}); end endmodule\n'
    files, sources, flags = arguments(bench, design)
    files[f"{name}.sv"] = dump
    done = await toolchain.iverilog(
        sandbox,
        [*sources, f"{name}.sv"],
        files,
        top=bench.root,
        flags=[*flags, "-s", name],
        outputs=(WAVE,),
    )
    data = done.outputs.get(WAVE, b"")
    if not done.ok or not 0 < len(data) <= LARGEST_BYTES:
        return {}
    moved = moves(data.decode(errors="replace"), instance)
    bits = [bit for signal in moved.values() for bit in signal]
    still = sorted(name for name, signal in moved.items() if not any(signal))
    facts: dict[str, JSON] = {"coverage": round(sum(bits) / len(bits), 4)} if bits else {}
    if still and bits:
        facts["never moved"] = clip(", ".join(still[:NAMED]), 200)
    return facts


async def lines_run(bench: Bench, design: Design, sandbox: Sandbox) -> dict[str, JSON]:
    """Return what Verilator counts of the design under the bench, as shares from 0 to 1, or why it did not run."""
    files, sources, flags = arguments(bench, design)
    given = [flag for flag in flags if flag.startswith("-D")]
    done = await toolchain.verilated(
        sandbox,
        sources,
        files,
        top=bench.root,
        flags=["-Idut", *given, "--coverage"],
        outputs=(toolchain.COUNTS,),
    )
    data = done.outputs.get(toolchain.COUNTS, b"").decode(errors="replace")
    if not done.ok or not data:
        return {
            "coverage by Verilator": f"not run: {clip(done.trouble or 'it counted nothing', 160)}"
        }
    return counted(data)


def counted(data: str) -> dict[str, JSON]:
    r"""Return the shares of the points that were reached in files of the design, by kind, and the lines that were not.

    >>> point = "C '\x01f\x02dut/a.sv\x01l\x02{}\x01page\x02v_line/a\x01h\x02TOP' {}"
    >>> counted("\n".join([point.format(3, 1), point.format(7, 0)]))
    {'line coverage': 0.5, 'lines that never ran': 'a.sv:7'}
    """
    points: dict[str, list[bool]] = {}
    still = []
    for text, count in re.findall(r"^C '(.*)' (\d+)$", data, re.MULTILINE):
        words = (word.partition("\x02") for word in text.split("\x01"))
        found = {key: value for key, _, value in words}
        path, kind = found.get("f", ""), found.get("page", "").removeprefix("v_").partition("/")[0]
        if path.startswith("dut/"):
            points.setdefault(kind, []).append(count != "0")
            if count == "0" and kind != "toggle":
                still.append(f"{path.removeprefix('dut/')}:{found.get('l')}")
    facts: dict[str, JSON] = {
        f"{kind} coverage": round(sum(seen) / len(seen), 4) for kind, seen in sorted(points.items())
    }
    if still:
        facts["lines that never ran"] = clip(", ".join(dict.fromkeys(still)), 200)
    return facts


def _instance(bench: Bench) -> str:
    """Return the name under which the bench instantiates the design; empty when that cannot be told."""
    text = "\n".join(lexicon.bare(bench.files[p]) for p in bench.sources)
    found = re.search(
        rf"\b{re.escape(bench.top)}\b\s*(?:#\s*\((?:[^()]|\([^()]*\))*\)\s*)?([A-Za-z_]\w*)\s*\(",
        text,
    )
    return found[1] if found else ""


def moves(wave: str, instance: str) -> dict[str, list[bool]]:
    r"""Return for every signal inside of `instance`, and below it, which of its bits were both 0 and 1.

    >>> head = "$scope module tb $end $scope module u $end $var wire 1 ! y $end $upscope $end $upscope $end"
    >>> moves(head + " $enddefinitions $end\n#0\n0!\n#5\n1!\n", "u")
    {'u.y': [True]}
    """
    head, _, body = wave.partition("$enddefinitions $end")
    names = dict(_signals(head, instance))
    seen = {code: [0] * width for code, (_, width) in names.items()}
    for line in body.splitlines():
        value, code = (
            (line[1:].split() + [""])[:2] if line[:1] in ("b", "B") else (line[:1], line[1:])
        )
        if code not in seen or not value:
            continue
        bits = seen[code]
        fill = value[0] if value[0] in "xXzZ" else "0"
        for index, bit in enumerate(value.rjust(len(bits), fill)):
            if bit in "01" and index < len(bits):
                bits[index] |= 1 << int(bit)
    return {names[code][0]: [bit == 3 for bit in bits] for code, bits in seen.items()}


def _signals(head: str, instance: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield (code, (path, width)) of the signals inside of `instance`; a net of several names counts once."""
    path: list[str] = []
    for command in re.findall(r"\$(?:scope|upscope|var)\b.*?\$end", head, re.DOTALL):
        words = command.split()
        if words[0] == "$scope":
            path.append(words[2])
        elif words[0] == "$upscope":
            path.pop()
        elif instance in path:
            found = _VARIABLE.match(command)
            if found:
                inner = ".".join([*path[path.index(instance) :], found[3]])
                yield found[2], (inner, int(found[1]))
