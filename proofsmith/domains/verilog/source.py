"""Turn a user's design or specification into a problem: files, includes, top, clock, reset, bench, reference."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from proofsmith.domains.verilog import gate, lexicon, liberty, scale, synthesis
from proofsmith.domains.verilog.design import INCLUDE, Design, Interface
from proofsmith.domains.verilog.elaborate import Elaborator, elaborate
from proofsmith.domains.verilog.options import listed, refuse, refuse_names
from proofsmith.domains.verilog.specification import Specification, clocked, parse, reset_of
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Goal, Problem, Status, digest

LARGEST_BYTES = 4 * 1024 * 1024
NO_BENCH = """\
// No bench yet: a module {top}_bench without ports that instantiates {top} by the names of its ports, applies inputs,
// compares every output with what the specification demands, prints PASS or FAIL once, and ends with $finish.
"""
_DATA = re.compile(r'\$readmem[bh]\s*\(\s*"([^"\n]+)"')
BENCH = "bench"
REFERENCE = "reference"
SPECIFICATION = "specification"
OWN_BENCH = "own-bench"
"""Option that names the file in which a version brings its bench along, where nothing else says what is right."""
"""Prefixes of the keys of `Problem.checks`: `bench/tb.sv`, `reference/adder.v`, `specification/adder.md`."""


async def read(source: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox) -> Problem:
    """Return the problem in `source`; raises UsageError, one line and a hint, for what the user can correct."""
    refuse(options)
    if options.get("liberty"):
        liberty.load(Path(str(options["liberty"])))
    if source.suffix == ".md":
        spec = await _read_header(parse(text_of(source), source, options), options, sandbox)
        checks = _checks(options, {f"{spec.top}.v", f"{spec.top}.sv"})
        checks[f"{SPECIFICATION}/{source.name}"] = spec.text
        refuse_names(options, spec.interface, "", spec.top)
        return _specified(spec, goal, options, checks)
    files = _files(source, options)
    checks = _checks(options, files.keys())
    for path, text in files.items():
        found = gate.unsupported(text) if path.endswith((".v", ".sv", ".vh", ".svh")) else ""
        if found:
            raise UsageError(f"{path}: not supported: {found}", hint="give a synthesisable design")
    design = design_of_files(files, options)
    if options.get("by-bench") and not checks:
        raise UsageError("--by-bench without a bench", hint="name one with --testbench FILE")
    scale.announced(design.top, (design.files[p] for p in design.sources))
    if checks and (goal is Goal.SOLVE or options.get("by-bench")):
        own = await elaborate(design, sandbox)
    else:
        own = await Elaborator(sandbox).read(design)
    refuse_names(options, own.interface, own.text, design.top)
    scale.introduced(own, synthesis.LIMITS)
    return _problem(design, own.interface, goal, options, checks)


async def _read_header(
    spec: Specification, options: Mapping[str, JSON], sandbox: Sandbox
) -> Specification:
    """Return a specification with the ports of its header as a tool reads them, parameters in their ranges included."""
    if not spec.header:
        return spec
    design = Design(files={f"{spec.top}.sv": spec.skeleton()}, top=spec.top)
    found = await elaborate(design, sandbox)
    ports = spec.interface.ports if found.trouble else found.interface.ports
    if not ports:
        hint = "list ports as `- input [7:0] a`, or correct the module header in its fence"
        raise UsageError(f"the specification names no ports {found.complaint}".strip(), hint=hint)
    return replace(spec, interface=clocked(ports, options))


def design_of(problem: Problem, files: Mapping[str, str] | None = None) -> Design:
    """Return the design in `problem`, or the one whose editable files are replaced by `files`."""
    chosen = dict({**problem.files, **files} if files is not None else problem.files)
    chosen.pop(str(problem.options.get(OWN_BENCH)), None)
    reset = problem.options.get("reset_port")
    name, level = reset if isinstance(reset, list) else ("", 1)
    return Design(
        files=chosen,
        top=str(problem.options["top"]),
        defines=tuple(listed(problem.options.get("define"))),
        parameters=_parameters(problem.options),
        clock=str(problem.options.get("clock_port") or ""),
        reset=str(name),
        reset_level=int(str(level)),
    )


def checked(problem: Problem, kind: str) -> dict[str, str]:
    """Return the texts of kind `BENCH` or `REFERENCE` by their own names."""
    prefix = f"{kind}/"
    return {k.removeprefix(prefix): v for k, v in problem.checks.items() if k.startswith(prefix)}


def reference_of(problem: Problem) -> Design | None:
    """Return the design that the user names as the one that is right; None when there is none."""
    given, own = checked(problem, REFERENCE), design_of(problem)
    if not given:
        return None
    wanted = own.with_files(given)
    tops = lexicon.tops(lexicon.bare("\n".join(given.values())))
    return wanted if own.top in tops or len(tops) != 1 else replace(wanted, top=tops[0])


def design_of_files(files: Mapping[str, str], options: Mapping[str, JSON]) -> Design:
    """Return the design that the user named, with its top; raises UsageError when that cannot be told."""
    top = options.get("top")
    text = "\n".join(t for p, t in files.items() if not p.endswith((".vh", ".svh")))
    known = lexicon.modules(lexicon.bare(text))
    if top is None:
        top = _only_top(text)
    elif top not in known:
        raise UsageError(f"no module '{top}'", hint=f"modules: {', '.join(known) or 'none'}")
    reset, level = reset_of(options.get("reset"))
    return Design(
        files=files,
        top=str(top),
        defines=tuple(listed(options.get("define"))),
        parameters=_parameters(options),
        clock=str(options.get("clock") or ""),
        reset=reset,
        reset_level=level,
    )


def text_of(path: Path) -> str:
    """Return the text in `path`, read as UTF-8 or else Latin-1; raises UsageError when it is no text."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{path} is larger than 4 MiB", hint="name a source file")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check its name") from None
    if b"\0" in data:
        raise UsageError(f"{path} is not text", hint="name a Verilog file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _only_top(text: str) -> str:
    found = lexicon.tops(lexicon.bare(text))
    if not found:
        hint = "name a file with `module ... endmodule`"
        raise UsageError("no module in this text", hint=hint)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} modules can be the top: {', '.join(found)}", hint="--top NAME"
        )
    return found[0]


def _files(source: Path, options: Mapping[str, JSON]) -> dict[str, str]:
    """Return the named files, every file they include and every memory image they load, by relative path."""
    named = [source, *(Path(p) for p in listed(options.get("files")))]
    folders = [*{p.resolve().parent: None for p in named}]
    folders += [Path(p) for p in listed(options.get("include"))]
    files: dict[str, str] = {}
    for path in named:
        if path.name in files:
            raise UsageError(f"two files are called {path.name}", hint="rename one")
        files[path.name] = text_of(path)
    if not any(text.strip() for text in files.values()):
        raise UsageError(f"{source} is empty", hint="name a file that holds a module")
    pending = list(files.values())
    while pending:
        text = pending.pop()
        for name in (*INCLUDE.findall(text), *_DATA.findall(text)):
            if name not in files:
                found = _found(name, folders)
                if found is not None:
                    files[name] = found
                    pending.append(found)
                elif name in _DATA.findall(text):
                    hint = "put it beside the design, or name its folder with --include"
                    raise UsageError(f"{name}, which the design loads, was not found", hint=hint)
    return files


def _found(name: str, folders: Sequence[Path]) -> str | None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise UsageError(
            f'`include "{name}"` leaves the folder', hint="put the file beside it, or use --include"
        )
    for folder in folders:
        if (folder / name).is_file():
            return text_of(folder / name)
    return None


def _parameters(options: Mapping[str, JSON]) -> dict[str, str]:
    found = {}
    for item in listed(options.get("parameter")):
        name, equals, value = item.partition("=")
        if (
            not equals
            or not re.fullmatch(r"[A-Za-z_]\w*", name)
            or not re.fullmatch(r"[\w']+", value)
        ):
            raise UsageError(
                f"--parameter {item} is not NAME=VALUE", hint="write --parameter WIDTH=8"
            )
        found[name] = value
    return found


def _checks(options: Mapping[str, JSON], own: Collection[str]) -> dict[str, str]:
    """Return benches and references with what they include and load; `own`: names of the design's files.

    A bench that includes the design is compiled beside the version that it judges: that line is left out.
    """
    found = {}
    for kind, option in ((BENCH, "testbench"), (REFERENCE, "reference")):
        for given in listed(options.get(option)):
            path = Path(given)
            folders = [path.resolve().parent, *(Path(p) for p in listed(options.get("include")))]
            pending = {path.name: text_of(path)}
            while pending:
                name, text = pending.popitem()
                if kind == BENCH:
                    text = INCLUDE.sub(
                        lambda m: "" if PurePosixPath(m[1]).name in own else m[0], text
                    )
                found[f"{kind}/{name}"] = text
                for more in (*INCLUDE.findall(text), *_DATA.findall(text)):
                    other = _found(more, folders) if f"{kind}/{more}" not in found else None
                    if other is not None:
                        pending[more] = other
                    elif f"{kind}/{more}" not in found and "`if" not in text:
                        hint = "put it beside that, or name its folder with --include"
                        raise UsageError(f"{more}, which {name} reads, was not found", hint=hint)
    return found


def _problem(
    design: Design,
    shape: Interface,
    goal: Goal,
    options: Mapping[str, JSON],
    checks: Mapping[str, str],
) -> Problem:
    kept = {
        k: options[k]
        for k in ("define", "parameter", "valid", "latency", "seed", "goal", "by-bench")
        if k in options
    }
    reset: JSON = [shape.reset, shape.reset_level] if shape.reset else None
    text = next(t for t in design.files.values())
    judged = goal is Goal.SOLVE or bool(options.get("by-bench"))
    return Problem(
        id=digest(design.key, *(w for item in sorted(checks.items()) for w in item))[:16],
        domain="verilog",
        goal=goal,
        text=text,
        files=design.files,
        editable=tuple(p for p in design.sources),
        checks=checks,
        options={
            **kept,
            "path": design.sources[0],
            "entry": design.top,
            "top": design.top,
            "clock_port": shape.clocks[0][0] if shape.clocks else "",
            "reset_port": reset,
            "interface": shape.dump(),
            "liberty": options.get("liberty"),
        },
        required=Status.PROVED if _referenced(checks) or not judged else Status.TESTED,
    )


def _referenced(checks: Mapping[str, str]) -> bool:
    """Say whether a design of the user's says what is right."""
    return any(key.startswith(f"{REFERENCE}/") for key in checks)


def _specified(
    spec: Specification, goal: Goal, options: Mapping[str, JSON], checks: Mapping[str, str]
) -> Problem:
    """Return the problem of a specification: its first version is the bare module header."""
    path = f"{spec.top}.sv"
    design = Design(files={path: spec.skeleton()}, top=spec.top)
    known = Status.PROVED if _referenced(checks) else Status.TESTED
    made = _problem(design, spec.interface, goal, {**options, "top": spec.top}, checks)
    more: dict[str, JSON] = {"specification": True, "widths": spec.widths}
    own = {}
    if goal is Goal.SOLVE and not (_referenced(checks) or any(map(_benched, checks))):
        own = {f"{spec.top}_bench.sv": NO_BENCH.format(top=spec.top)}
        more[OWN_BENCH] = next(iter(own))
    return Problem(
        id=digest(made.id, spec.text)[:16],
        domain=made.domain,
        goal=goal,
        text=spec.text,
        files={**made.files, **own},
        editable=(*made.editable, *own),
        checks=made.checks,
        options={**made.options, **more},
        required=known,
    )


def _benched(key: str) -> bool:
    return key.startswith(f"{BENCH}/")
