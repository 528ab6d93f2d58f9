"""Find statements of a candidate that no test ran: what was never executed was never tested."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proofsmith.domains.kernels.compile import LIMITS, SOURCES, Compiler, driver, flags_of, merged
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.tools import syntax
from proofsmith.types import Candidate, Problem

_MARKER = re.compile(r'^# \d+ "([^"]*)"')
_CALL = re.compile(r"^\s*([0-9a-f]+):\s.*<__sanitizer_cov_trace_pc", re.MULTILINE)
_ADDRESS = re.compile(r"^\s*([0-9a-f]+):\t", re.MULTILINE)
_ASKS = re.compile(
    r"__OPTIMIZE\w*|__SANITIZE_\w+|__has_feature|__clang\w*|__COUNTER__|__TIME\w*|__DATE__|__NO_INLINE__"
    r"|__builtin_(?:return_address|frame_address|extract_return_addr|dwarf_cfa|LINE|FILE|FUNCTION)"
    r"|__builtin_constant_p|__BASE_FILE__|__INCLUDE_LEVEL__|__FILE\w*|__LINE__|__builtin_is_constant_evaluated"
)
_BRANCHES = {
    "if_statement": ("consequence",),
    "while_statement": ("body",),
    "do_statement": ("body",),
    "for_statement": ("body",),
    "for_range_loop": ("body",),
    "conditional_expression": ("consequence", "alternative"),
}
_ALLOCATES = r"(?:malloc|calloc|realloc|aligned_alloc|memalign|reallocarray|new)\b"


@dataclass(frozen=True, slots=True)
class Layout:
    """Preprocessed text with one branch per line; `own` holds the 1-based lines that the user wrote."""

    text: str
    own: frozenset[int]


def asks(text: str) -> str:
    """Return the name by which source text could tell a test from real use, empty when there is none.

    >>> asks("#ifdef __OPTIMIZE__")
    '__OPTIMIZE__'
    """
    found = _ASKS.search(text)
    return found[0] if found else ""


def layout(expanded: str, own_files: Iterable[str], language: syntax.Language) -> Layout:
    """Lay preprocessed text out with every branch of the user's own code on a line of its own."""
    chunks: list[tuple[bool, list[str]]] = []
    known, own = set(own_files), False
    for line in expanded.splitlines():
        marker = _MARKER.match(line)
        if marker:
            own = marker[1].removeprefix("./") in known
        elif chunks and chunks[-1][0] == own:
            chunks[-1][1].append(line)
        else:
            chunks.append((own, [line]))
    written: list[str] = []
    marked: set[int] = set()
    for mine, lines in chunks:
        body = _split("\n".join(lines), language).splitlines() if mine else lines
        if mine:
            marked.update(range(len(written) + 1, len(written) + len(body) + 1))
        written += body
    return Layout("\n".join(written) + "\n", frozenset(marked))


def _split(text: str, language: syntax.Language) -> str:
    """Begin a new line at every statement and every operand that may be skipped."""
    starts: set[int] = set()
    for node in syntax.parse(text, language).walk():
        for name in _BRANCHES.get(node.kind, ()):
            branch = node.field(name)
            starts.update([branch.start] if branch is not None else [])
        if node.kind == "else_clause" and node.children:
            starts.add(node.children[-1].start)
        if node.kind in ("compound_statement", "case_statement"):
            starts.update(child.start for child in node.children)
            starts.update([node.end - 1] if node.kind == "compound_statement" else [])
        operator = node.field("operator") if node.kind == "binary_expression" else None
        right = node.field("right")
        if operator is not None and operator.text in ("&&", "||") and right is not None:
            starts.add(right.start)
    lines = _directives(text)
    legal = [s for s in starts if not any(a <= s < b for a, b in lines)]
    return syntax.splice(text, [syntax.Edit(s, s, "\n") for s in legal])


def _directives(text: str) -> list[tuple[int, int]]:
    """Return the byte ranges of `#` lines, which must stay whole."""
    found, at = [], 0
    for line in text.encode().splitlines(keepends=True):
        if line.lstrip().startswith(b"#"):
            found.append((at, at + len(line)))
        at += len(line)
    return found


def sites(disassembly: str) -> tuple[int, ...]:
    """Return the return addresses of the calls that mark basic blocks."""
    addresses = [int(a, 16) for a in _ADDRESS.findall(disassembly)]
    following = dict(zip(addresses, addresses[1:], strict=False))
    return tuple(following.get(int(a, 16), 0) for a in _CALL.findall(disassembly))


def excused(laid: Layout, line: int, known: frozenset[str]) -> bool:
    """Say whether a line that never ran is harmless: the base has it, no memory was left, or it ends the program."""
    lines = laid.text.splitlines()
    text = plain(lines[line - 1])
    if text in known or not re.search(r"\w", text) or text.startswith("#pragma"):
        return True
    if re.fullmatch(r"(abort|__builtin_unreachable|__builtin_trap|__assert_fail)\(.*", text):
        return True
    return _without_memory(laid.text, lines, line)


def _without_memory(text: str, lines: Sequence[str], line: int) -> bool:
    """Say whether `line` lies in a branch that is taken only when an allocation failed."""
    start = len("\n".join(lines[: line - 1]).encode()) + (line > 1)
    end = start + len(lines[line - 1].encode())
    for node in syntax.parse(text, syntax.Language.CPP).find("if_statement"):
        branch, condition = node.field("consequence"), node.field("condition")
        if branch is None or condition is None:
            continue
        if not (branch.start - 1 <= start and end <= branch.end + 1):
            continue
        tests = re.split(r"\|\|", condition.text.strip("() \n"))
        if all(_tests_allocation(text, t.strip("() \n")) for t in tests):
            return True
    return False


def _tests_allocation(text: str, test: str) -> bool:
    if re.match(r"posix_memalign\s*\(", test):
        return True
    found = re.fullmatch(r"!\s*(\w+)|(\w+)\s*==\s*(?:NULL|0|nullptr|\(\(void \*\)0\)?)", test)
    if found is None:
        return False
    name = found[1] or found[2]
    return re.search(rf"\b{name}\s*=[^;]*{_ALLOCATES}", text) is not None


def plain(text: str) -> str:
    """Return a line in the form in which lines are compared and shown."""
    return " ".join(text.split()).strip("{}; ")


class Instrument:
    """Builds candidates so that every basic block reports itself."""

    def __init__(self, compiler: Compiler) -> None:
        """Compile with `compiler`."""
        self._compiler = compiler

    async def layouts(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox
    ) -> dict[str, Layout]:
        """Return every compiled file laid out; raises SandboxError when a file that compiles cannot be expanded."""
        sources = merged(problem, candidate)
        units = [p for p in sources if p.endswith(SOURCES)]
        tool = driver("gcc", units)
        flags = self._flags(problem, candidate)
        found = {}
        for unit in units:
            box = sandbox.fresh()
            for path, text in sources.items():
                await box.write(path, text.encode())
            argv = (tool, *flags, "-w", "-E", unit, "-o", "expanded.i")
            done = await box.exec(argv, limits=LIMITS, outputs=("expanded.i",))
            if not done.ok:
                hint = (
                    f"it reached its {done.exceeded} limit"
                    if done.exceeded
                    else "is the disk full?"
                )
                raise SandboxError(f"cannot expand {unit}", hint=hint)
            text = done.outputs["expanded.i"].decode(errors="replace")
            found[unit] = layout(text, sources, syntax.language_of(unit))
        return found

    def _flags(self, problem: Problem, candidate: Candidate) -> tuple[str, ...]:
        kept = re.compile(
            r"-(m(arch|tune|cpu|avx|sse|fma|bmi|f16c|popcnt|prefer|rd)|fopenmp|std=|[DUI])"
        )
        return (*(f for f in flags_of(problem, candidate) if kept.match(f)), "-O0")

    def names(self, laid: Mapping[str, Layout]) -> list[str]:
        """Return the names under which laid-out files are compiled, in order."""
        return [u.replace("/", "_") + (".i" if u.endswith(".c") else ".ii") for u in laid]

    async def build(
        self,
        problem: Problem,
        candidate: Candidate,
        laid: dict[str, Layout],
        sandbox: Sandbox,
    ) -> bytes | None:
        """Return the instrumented object, None when it does not compile without optimisation."""
        names = self.names(laid)
        argv = (
            driver("gcc", list(laid)),
            *self._flags(problem, candidate),
            "-g1",
            "-w",
            "-fsanitize-coverage=trace-pc",
            "-shared",
            "-fPIC",
            *names,
            "-lm",
        )
        files = {name: text.text for name, text in zip(names, laid.values(), strict=True)}
        return (await self._compiler.build(sandbox, files, argv)).binary

    async def places(self, binary: bytes, sandbox: Sandbox) -> dict[int, tuple[str, int]]:
        """Return laid-out file and line of every block by the return address of its mark; lines unknown are 0."""
        box = sandbox.fresh()
        await box.write("kernel.so", binary)
        shown = await box.exec(("objdump", "-d", "--no-show-raw-insn", "kernel.so"), limits=_LONG)
        found = sites(shown.stdout.decode(errors="replace"))
        if not shown.ok or shown.truncated or not found:
            raise SandboxError("objdump does not run", hint="apt-get install binutils")
        asked = "\n".join(hex(site - 1) for site in found).encode()
        named = await box.exec(("addr2line", "-e", "kernel.so"), limits=LIMITS, stdin=asked)
        told = named.stdout.decode(errors="replace").splitlines()
        if not named.ok or len(told) != len(found):
            raise SandboxError("addr2line does not run", hint="apt-get install binutils")
        places = {}
        for site, text in zip(found, told, strict=True):
            path, _, line = text.split(" ")[0].rpartition(":")
            places[site] = (path.rsplit("/", 1)[-1], int(line) if line.isdigit() else 0)
        return places

    async def untested(
        self, binary: bytes, seen: frozenset[int], sandbox: Sandbox
    ) -> dict[str, frozenset[int]]:
        """Return, per laid-out file, the lines whose first block is not among the `seen` return addresses."""
        first: dict[tuple[str, int], int] = {}
        for site, place in sorted((await self.places(binary, sandbox)).items()):
            # Later blocks of a line are joins after it, to which the compiler gives no line of their own.
            first.setdefault(place, site)
        lines: dict[str, set[int]] = {}
        for (path, line), site in first.items():
            if site not in seen and line:
                lines.setdefault(path, set()).add(line)
        return {path: frozenset(numbers) for path, numbers in lines.items()}


_LONG = LIMITS.__class__(
    wall_s=60.0, cpu_s=60.0, memory_mib=1024, disk_mib=256, output_kib=64 * 1024, processes=32
)
