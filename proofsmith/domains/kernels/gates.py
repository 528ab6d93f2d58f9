"""Refuse, from the object alone, kernels that could keep state, run early or reach outside."""

import re
from collections.abc import Callable, Iterator

from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.elf import Image

_REAL = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp10 exp2 expm1 fabs fdim floor "
    "fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf "
    "nan nearbyint nextafter pow remainder remquo rint round scalbln scalbn sin sincos sinh sqrt tan tanh tgamma trunc "
    "fpclassify isnan isinf finite signbit j0 j1 y0 y1"
)
_COMPLEX = "cabs carg cexp cimag clog conj cpow cproj creal csin csqrt ccos ctan"
_MATH = {f"{name}{suffix}" for name in f"{_REAL} {_COMPLEX}".split() for suffix in ("", "f", "l")}
_MEMORY = (
    "memcpy memmove memset memcmp memchr memrchr mempcpy memccpy strlen strnlen strcmp strncmp strchr strrchr strcpy "
    "strncpy strcat strncat strstr strspn strcspn strpbrk stpcpy bcmp bzero bcopy rawmemchr strchrnul "
    "malloc calloc realloc free aligned_alloc posix_memalign memalign reallocarray "
    "abs labs llabs div ldiv lldiv qsort bsearch abort __assert_fail __stack_chk_fail __cxa_finalize "
    "_ITM_deregisterTMCloneTable _ITM_registerTMCloneTable __gmon_start__ _GLOBAL_OFFSET_TABLE_ __tls_get_addr "
    "__isnan __isnanf __isinf __isinff __finite __finitef __fpclassify __fpclassifyf __signbit __signbitf "
    "toupper tolower isalpha isdigit isspace isalnum isupper islower __ctype_b_loc __ctype_tolower_loc "
    "__ctype_toupper_loc"
)
_QUERIES = (
    "omp_get_thread_num|omp_get_num_threads|omp_get_max_threads|omp_get_num_procs|omp_in_parallel|omp_get_level"
    "|omp_get_dynamic|omp_get_nested|omp_get_max_active_levels|omp_get_thread_limit|omp_get_num_places"
    "|omp_get_ancestor_thread_num|omp_get_team_size|omp_get_active_level|omp_get_team_num|omp_get_num_teams"
    "|omp_(init|destroy|set|unset|test)(_nest)?_lock"
)
_RUNTIME = re.compile(
    rf"{_QUERIES}"
    r"|GOMP_(?!parallel_start|parallel_loop_\w*_start|parallel_sections_start|target|offload|plugin)\w+"
    r"|__kmpc_(?!omp_target|omp_reg_task_with_affinity|proxy)\w+"
    r"|__(mul|div|udiv|mod|umod|add|sub|fix|float|extend|trunc|pow|neg|ashl|ashr|lshr|cmp|ucmp|ffs|clz|ctz|popcount"
    r"|parity|bswap|eq|ne|lt|le|gt|ge|unord|udivmod|divmod)\w*[sdtxhq][ficm]\w*"
    r"|__(mul|div)[sdtxh]c3|_ZGV[bcdeN]N\w+|__(mem|str)\w+_chk|__cpu_model|__cpu_indicator_init|__powi[sdxt]f2"
    r"|_Zn[wa]m\w*|_Zd[la]Pv\w*|_ZSt\d+__throw_\w+|__cxa_(begin_catch|end_catch|rethrow|throw_bad_array_new_length)"
    r"|__gxx_personality_v0|_Unwind_Resume|_ZSt9terminate\w*|__\w+_finite"
)
_REPLACED = re.compile(
    r"(clock|time|gettimeofday|nanosleep|exit|_exit|abort|write|read|open|close|mmap|munmap|sched|pthread|omp|GOMP|kmp"
    r"|dl|sig|get|set|fe)\w*|clock_\w+|malloc|calloc|realloc|free|mem(cpy|set|move|cmp)|proofsmith\w*"
)
_INSTRUCTION = re.compile(
    r"\t(?P<name>syscall|sysenter|int\s+\$0x80|rdtscp?|rdpmc|rdrand|rdseed|rdpid|cpuid|v?ldmxcsr|wrfsbase|wrgsbase"
    r"|wrpkru|xrstors?|fxrstor|fldenv|frstor|xbegin|std|in|out)(64)?\b"
)


def symbols(image: Image, base: Image, contract: Contract) -> list[str]:
    """Return the external symbols that a candidate may not use, sorted."""
    known = base.undefined | set(contract.allow) | _MATH | set(_MEMORY.split())
    return sorted(
        s.split("@")[0]
        for s in image.undefined
        if s.split("@")[0] not in known and not _RUNTIME.fullmatch(s.split("@")[0])
    )


def faults(image: Image, base: Image, contract: Contract) -> Iterator[str]:
    """Yield every reason, in words, why the object of a candidate is refused; none when it may be run."""
    unknown = symbols(image, base, contract)
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        names = ", ".join(unknown[:5]) + more
        yield f"uses external symbols that the base does not use and the contract does not allow: {names}"
    checks: tuple[Callable[[Image, Image], str], ...] = (_kept, _startup, _code, _replaced)
    yield from filter(None, (check(image, base) for check in checks))


def _kept(image: Image, base: Image) -> str:
    new = sorted(image.kept - base.kept)
    if new:
        name, size = new[0]
        return (
            f"keeps writable static data that the base does not have: '{name}' of {size} bytes; "
            "use local variables or const tables"
        )
    if image.kept_bytes > base.kept_bytes + 64:
        return f"keeps {image.kept_bytes} bytes of writable static data, the base {base.kept_bytes}"
    return ""


def _startup(image: Image, base: Image) -> str:
    new = sorted(set(image.startup) - set(base.startup))
    return f"runs code when it is loaded or unloaded: {', '.join(new)}" if new else ""


def _code(image: Image, base: Image) -> str:
    new = sorted(set(image.writable_code) - set(base.writable_code))
    return f"asks for memory that is writable and executable: {', '.join(new)}" if new else ""


_TO_HALF = re.compile(r"\tv?cvt(sd2sh|ss2sh|ps2ph)\w*\b")
_TO_SINGLE = re.compile(r"\tv?cvt(sd2ss|pd2psx?|si2ss|usi2ss|dq2ps)\w*\b")


def narrowing(disassembly: str, *, single: bool) -> frozenset[str]:
    """Return the kinds of instruction in objdump's output that round to a narrower floating-point type.

    `single`: the kernel's own values are of single precision, so rounding to that is no loss. Scalar and vector forms
    are one kind: a base that rounds one at a time may be vectorised.
    """
    kinds = {"cvt to half precision": _TO_HALF} | (
        {} if single else {"cvt to single precision": _TO_SINGLE}
    )
    return frozenset(kind for kind, pattern in kinds.items() if pattern.search(disassembly))


def _replaced(image: Image, base: Image) -> str:
    new = sorted(f for f in image.functions - base.functions if _REPLACED.fullmatch(f))
    return f"replaces the library function '{new[0]}'" if new else ""


def instructions(disassembly: str) -> frozenset[str]:
    """Return the instructions in objdump's output by which code leaves the process, reads clocks or sets modes."""
    return frozenset(found["name"] for found in _INSTRUCTION.finditer(disassembly))
