"""Resident interpreter of the fork server; runs inside the sandbox and is never imported by the product.

Usage: python3 -I zygote_main.py LIBRARY CONTROL_FD SECCOMP_FD
"""

import atexit
import contextlib
import ctypes
import gc
import os
import sys
import traceback
import types
from pathlib import Path

PRELOADED = (
    "bisect collections copy dataclasses datetime decimal enum fractions functools heapq io itertools json math "
    "operator random re string struct threading time typing"
)
_FLAGS = frozenset(("-I", "-B", "-u", "-S", "-E", "-s"))


def _program(argv: list[str]) -> tuple[str, str, list[str], set[str]] | None:
    """Return file name, source, `sys.argv` and flags; None for what needs an interpreter of its own."""
    words = argv[1:]
    flags = set()
    while words and words[0] in _FLAGS:
        flags.add(words.pop(0))
    if not words:
        return None
    if words[0] == "-c" and len(words) > 1:
        return "<string>", words[1], ["-c", *words[2:]], flags
    if words[0].startswith("-"):
        return None
    try:
        return words[0], Path(words[0]).read_text(encoding="utf-8"), words, flags
    except (OSError, UnicodeDecodeError):
        return None  # let an interpreter of its own say what is wrong


def _become_main(name: str, argv: list[str], flags: set[str]) -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=name, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    sys.argv = argv
    if "-I" not in flags:
        sys.path.insert(0, "" if name == "<string>" else str(Path(name).resolve().parent))
    if "-u" in flags:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    return main


def _run(argv: list[str], environment: dict[str, str]) -> int:
    """Run `argv` as a new interpreter would; return its exit status."""
    program = _program(argv)
    if program is None:
        os.execvpe(argv[0], argv, environment)
    name, source, words, flags = program
    os.environ.clear()
    os.environ.update(environment)
    main = _become_main(name, words, flags)
    sys.excepthook = _report
    atexit.register(_leave)
    try:
        exec(compile(source, name, "exec"), main.__dict__)
    except SystemExit as request:
        _Ending.status = _status_of(request.code)
    return _Ending.status


class _Ending:
    """How this interpreter will end."""

    status = 0


def _status_of(code: object) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _leave() -> None:
    """End without tearing the interpreter down, which would copy every page that it shares; runs last of all."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(_Ending.status)


def _report(
    kind: type[BaseException], error: BaseException, trace: types.TracebackType | None
) -> None:
    """Print a traceback without the frames of this file."""
    _Ending.status = 1
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)


def _words(address: "ctypes.Array[ctypes.c_char_p]") -> list[str]:
    words = []
    for word in address:
        if word is None:
            break
        words.append(os.fsdecode(word))
    return words


def main() -> int:
    """Serve requests until the control socket closes, or be the payload of one of them."""
    for name in PRELOADED.split():
        __import__(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page that holds an object
    library = ctypes.PyDLL(sys.argv[1])
    control, seccomp = int(sys.argv[2]), int(sys.argv[3])
    if library.zygote_serve(control, seccomp) < 0:
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Child()
    vector = ctypes.POINTER(ctypes.c_char_p)
    argv = _words(vector.in_dll(library, "payload_argv"))  # type: ignore[arg-type]
    pairs = _words(vector.in_dll(library, "payload_environment"))  # type: ignore[arg-type]
    return _run(argv, dict(pair.split("=", 1) for pair in pairs))


if __name__ == "__main__":
    sys.exit(main())
