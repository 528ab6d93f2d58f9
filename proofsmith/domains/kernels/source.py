"""Turn a user's source file, its local headers and further files into a problem with a contract."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from proofsmith.domains.kernels import header, inference
from proofsmith.domains.kernels.compile import LIMITS, SOURCES, driver
from proofsmith.domains.kernels.contract import Contract, load
from proofsmith.errors import SandboxError, UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools import syntax
from proofsmith.types import JSON, Goal, Problem, digest

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_MARKER = re.compile(r'^# \d+ "([^"]*)"')
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
_LARGEST_BYTES = 4 * 1024 * 1024


async def read(
    source: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox
) -> tuple[Problem, Contract]:
    """Return the problem that `source` and `options` (entry, cflags, files, compile-commands) describe.

    Raises UsageError, one line and a hint, for everything that the user can correct.
    """
    text = _text(source)
    files = _files(source, text, options)
    cflags = _cflags(source, options)
    expanded = await _expand(files, source.name, cflags, sandbox)
    function = _choose(source, text, expanded, options.get("entry"))
    types = _types(expanded, syntax.language_of(source.name))
    toml = header.text_of(text)
    known = inference.infer if toml is None else partial(header.parse, toml)
    contract = known(function, types)
    seed = options.get("seed")
    made = problem(
        source.name, files, cflags, goal, contract, seed if isinstance(seed, int) else None
    )
    return made, contract


def problem(
    path: str,
    files: Mapping[str, str],
    cflags: Sequence[str],
    goal: Goal,
    contract: Contract,
    seed: int | None = None,
) -> Problem:
    """Return the problem whose main file is `files[path]`, under the user's own `cflags`."""
    parts = (p for item in sorted(files.items()) for p in item)
    return Problem(
        id=digest(*parts, contract.entry, *cflags)[:16],
        domain="kernels",
        goal=goal,
        text=files[path],
        files=files,
        editable=tuple(p for p in files if PurePosixPath(p).suffix in SOURCES),
        options={
            "entry": contract.entry,
            "path": path,
            "cflags": list(cflags),
            "contract": contract.dump(),
            "exact": contract.tolerance.policy == "exact",
            "seed": seed,
            "inferred": inference.render(contract) if contract.inferred else None,
        },
    )


def contract_of(problem: Problem) -> Contract:
    """Return the contract of a problem that `read` made."""
    data = problem.options["contract"]
    if not isinstance(data, dict):
        raise UsageError("this problem holds no contract", hint="read it again from its source")
    return load(data)


def _text(source: Path) -> str:
    if not source.is_file():
        raise UsageError(f"no such file: {source}", hint="name a C or C++ source file")
    if source.stat().st_size > _LARGEST_BYTES:
        raise UsageError(f"{source} is larger than 4 MiB", hint="name a source file")
    try:
        text = source.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{source} is not text", hint="name a C or C++ source file") from error
    if "\0" in text:
        raise UsageError(f"{source} is not text", hint="name a C or C++ source file")
    return text


def _listed(value: JSON) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(v) for v in value] if isinstance(value, list | tuple) else []


def _files(source: Path, text: str, options: Mapping[str, JSON]) -> dict[str, str]:
    """Return the file, what --files names, and every local header that they include, by relative path."""
    files = {source.name: text}
    for given in _listed(options.get("files")):
        path = Path(given)
        files[path.name] = _text(path)
    pending = [(source.resolve().parent, "", text)]
    while pending:
        folder, prefix, body = pending.pop()
        for name in _INCLUDE.findall(body):
            path = folder / name
            relative = str(PurePosixPath(prefix) / name)
            if relative in files or not path.is_file():
                continue
            if ".." in PurePosixPath(relative).parts:
                hint = f"put it beside {source.name}"
                raise UsageError(f"local header '{name}' lies outside the folder", hint=hint)
            files[relative] = _text(path)
            pending.append((path.parent, str(PurePosixPath(relative).parent), files[relative]))
    return files


def _cflags(source: Path, options: Mapping[str, JSON]) -> tuple[str, ...]:
    given = options.get("cflags")
    flags = _split(given) if isinstance(given, str) else _listed(given)
    commands = options.get("compile-commands", options.get("compile_commands"))
    return (*(recorded_flags(Path(str(commands)), source) if commands else ()), *flags)


def _split(flags: str) -> list[str]:
    try:
        return shlex.split(flags)
    except ValueError as error:
        raise UsageError(f"cannot read the flags {flags!r}: {error}", hint="close it") from None


def recorded_flags(database: Path, source: Path) -> tuple[str, ...]:
    """Return the flags that matter from the entry for `source` in a compile_commands.json; raises UsageError."""
    try:
        entries = json.loads(database.read_text(encoding="utf-8"))
        for entry in entries:
            if (Path(entry["directory"]) / entry["file"]).resolve() == source.resolve():
                words = entry.get("arguments") or shlex.split(entry["command"])
                kept = re.compile(r"-(D|U|std=|f(?!plugin)|m|W\w)")
                return tuple(w for w in words[1:] if kept.match(w) and not w.startswith("-MF"))
    except _UNREADABLE as error:
        raise UsageError(f"cannot read {database}: {error}", hint="pass --cflags") from error
    raise UsageError(f"{database} has no entry for {source.name}", hint="pass --cflags")


async def _expand(
    files: Mapping[str, str], main: str, cflags: tuple[str, ...], sandbox: Sandbox
) -> str:
    """Compile once to learn whether that works, and return the user's own lines with macros expanded."""
    box = sandbox.fresh()
    for path, text in files.items():
        await box.write(path, text.encode())
    tool = driver("gcc", [main])
    script = '"$0" "$@" -fsyntax-only "$MAIN" && exec "$0" "$@" -E "$MAIN" -o expanded.i'
    argv = ("sh", "-c", script, tool, *cflags)
    done = await box.exec(argv, limits=LIMITS, env={"MAIN": main}, outputs=("expanded.i",))
    log = done.stderr.decode(errors="replace")
    if done.exit_code == 127:
        raise SandboxError(
            f"no compiler: '{tool}' is not installed", hint="apt-get install gcc g++"
        )
    if not done.ok:
        lines = [line for line in log.splitlines() if "error" in line] or ["it exceeds the limits"]
        raise UsageError(
            f"does not compile: {lines[0].strip()}", hint="correct it or pass --cflags"
        )
    return _own_lines(done.outputs["expanded.i"].decode(errors="replace"), files)


def _own_lines(expanded: str, files: Mapping[str, str]) -> str:
    kept, own = [], True
    for line in expanded.splitlines():
        marker = _MARKER.match(line)
        if marker:
            own = str(PurePosixPath(marker[1])) in files
        elif own:
            kept.append(line)
    return "\n".join(kept)


def _choose(source: Path, text: str, expanded: str, entry: JSON) -> syntax.Function:
    """Return the function that the user, the header or the file itself names."""
    language = syntax.language_of(source.name)
    found = {f.name: f for f in syntax.functions(syntax.parse(expanded, language))}
    if not found:
        raise UsageError(f"no function in {source.name}", hint="name a file that defines one")
    toml = header.text_of(text)
    named = entry or (header.entry_of(toml) if toml is not None else None)
    public = [f for f in found.values() if not f.static and f.name != "main"]
    if named is None and len(public) != 1:
        if not public:
            raise UsageError(
                f"{source.name} has no function that can be called from outside: {', '.join(found)}",
                hint="drop `static`, or name another file",
            )
        names = ", ".join(f.name for f in public)
        raise UsageError(f"{source.name} has {len(public)} functions: {names}", hint="--entry NAME")
    function = found.get(str(named)) if named is not None else public[0]
    if function is None:
        raise UsageError(
            f"no function '{named}' in {source.name}", hint=f"it has: {', '.join(found)}"
        )
    if function.static:
        raise UsageError(
            f"'{function.name}' is static and cannot be called from outside", hint="drop `static`"
        )
    return function


def _types(expanded: str, language: syntax.Language) -> dict[str, str]:
    """Return the file's own names of arithmetic types."""
    found = {}
    for node in syntax.parse(expanded, language).find("type_definition", "alias_declaration"):
        kind, name = node.field("type"), node.field("declarator") or node.field("name")
        if kind is not None and name is not None and name.kind == "type_identifier":
            found[name.text] = " ".join(kind.text.split())
    return found
