"""Name what a version of a kernel is made of, from its machine code and loops: vectors, blocking, memory, threads."""

import re
from collections.abc import Mapping

from proofsmith.tools import syntax

_PACKED = re.compile(
    r"\tv?(?:(?:add|sub|mul|div|max|min|sqrt|fn?m(?:add|sub)\d+)p[sd]|p(?:add|sub|mull|max|min|cmp)\w+)\b[^\n]*%xmm"
)
_LOOPS = ("for_statement", "while_statement", "do_statement", "for_range_loop")
_MARKS: Mapping[str, re.Pattern[str]] = {
    "threads": re.compile(r"<(?:GOMP_|__kmpc_)\w+"),
    "heap": re.compile(r"<(?:malloc|calloc|realloc|aligned_alloc|posix_memalign|memalign)\b"),
    "gather": re.compile(r"\tv?p?gather\w+"),
    "streaming": re.compile(r"\tv?movnt\w+"),
    "prefetch": re.compile(r"\tprefetch\w+"),
    "fused": re.compile(r"\tvfn?m(?:add|sub)\w*"),
}


def of(disassembly: str, base: Mapping[str, str], files: Mapping[str, str]) -> list[str]:
    r"""Return the patterns of a version, most telling first: its vectors, then what it does that is worth a name.

    `disassembly` is objdump's; a version whose loops are nested deeper than the original's is `blocked`.

    >>> of("1:\tvaddpd %ymm0,%ymm1,%ymm1", {}, {})
    ['ymm']
    """
    width = next((w for w in ("zmm", "ymm") if f"%{w}" in disassembly), "")
    found = [width or ("xmm" if _PACKED.search(disassembly) else "scalar")]
    if depth(files) > depth(base):
        found.append("blocked")
    return found + [name for name, mark in _MARKS.items() if mark.search(disassembly)]


def depth(files: Mapping[str, str]) -> int:
    r"""Return how deep the loops of some files are nested.

    >>> depth({"k.c": "void f(int n) { for (;;) while (n) n--; }"})
    2
    """
    nodes = [syntax.parse(text, syntax.language_of(path)) for path, text in files.items()]
    return max(map(_depth, nodes), default=0)


def _depth(node: syntax.Node) -> int:
    return (node.kind in _LOOPS) + max(map(_depth, node.children), default=0)
