"""C and C++ kernels: a function, a contract in its header comment, and evidence for every faster version."""

from proofsmith.spec import DomainSpec, Option, Probe

SPEC = DomainSpec(
    name="kernels",
    summary="C and C++ kernels, OpenMP allowed: differential testing, sanitizers, interleaved timing",
    suffixes=(".c", ".cc", ".cpp", ".cxx"),
    entry="proofsmith.domains.kernels.domain:KernelsDomain",
    options=(
        Option(name="entry", help="function to optimise or judge", metavar="NAME"),
        Option(name="cflags", help="compiler flags that the file needs, e.g. '-DN=4 -Iinclude'"),
        Option(name="files", help="further source or header file", kind="path", many=True),
        Option(
            name="compile-commands", help="compile_commands.json to take flags from", kind="path"
        ),
    ),
    probes=(
        Probe(
            name="gcc",
            command=("gcc", "--version"),
            install="apt-get install gcc g++",
            purpose="compile kernels",
        ),
        Probe(
            name="clang",
            command=("clang", "--version"),
            install="apt-get install clang libomp-dev",
            purpose="second compiler in the flag grid, polly",
            needed=False,
        ),
        Probe(
            name="perf",
            command=("perf", "--version"),
            install="apt-get install linux-perf",
            purpose="hot spots by sampling",
            needed=False,
        ),
        Probe(
            name="llvm-mca",
            command=("llvm-mca", "--version"),
            install="apt-get install llvm",
            purpose="static throughput of hot loops",
            needed=False,
        ),
        Probe(
            name="objdump",
            command=("objdump", "--version"),
            install="apt-get install binutils",
            purpose="symbol gate and instruction facts",
        ),
    ),
)
