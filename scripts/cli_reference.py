"""Write docs/cli.md from the command line itself: `python scripts/cli_reference.py [FILE]`, stdout without one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from proofsmith.cli import application
from proofsmith.cli.exits import Exit

HEAD = """\
# Command line

Generated from the program by `make docs`; do not edit.

The result goes to stdout, progress and messages to stderr. A mistake is one line and a hint. Settings come from
defaults, your own file, the project's file (`proofsmith.toml` or `[tool.proofsmith]`), `PROOFSMITH_*` variables and
flags, later ones winning; `proofsmith config explain` prints each value with its origin.

## Exit codes

| code | meaning |
|---|---|
"""


def reference() -> str:
    """Return the whole page."""
    root = typer.main.get_command(application())
    lines = [f"| {code.value} | {code.meaning} |" for code in Exit]
    return HEAD + "\n".join(lines) + "\n" + "".join(_commands(root, "proofsmith"))


def _commands(command, name: str) -> Iterator[str]:
    """Yield a section for each verb below `command`."""
    for verb, child in sorted(getattr(command, "commands", {}).items()):
        full = f"{name} {verb}"
        if hasattr(child, "commands"):
            yield from _commands(child, full)
            continue
        yield f"\n## {full}\n\n{(child.help or '').strip()}\n\n"
        usage = " ".join(_argument(p) for p in child.params if p.param_type_name == "argument")
        yield f"    {full} {usage}".rstrip() + " [OPTIONS]\n"
        rows = [_option(p) for p in child.params if p.param_type_name == "option"]
        if rows:
            yield "\n| option | meaning |\n|---|---|\n" + "".join(rows)


def _argument(parameter) -> str:
    name = (parameter.metavar or parameter.name).strip("{}[]").upper()
    many = "..." if parameter.nargs == -1 or parameter.multiple else ""
    return f"{name}{many}" if parameter.required else f"[{name}{many}]"


def _option(parameter) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    metavar = (parameter.metavar or "").replace("|", "\\|")
    value = f" `{metavar}`" if metavar else ""
    return f"| {names}{value} | {parameter.help} |\n"


if __name__ == "__main__":
    page = reference()  # whole before anything is written
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page, "utf-8")
    else:
        sys.stdout.write(page)
