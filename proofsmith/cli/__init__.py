"""Parse the command line, call the API, print, return an exit code (see `exits`)."""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from proofsmith import __version__
from proofsmith.cli import build, chat, judge, machine, runs, search, settings
from proofsmith.cli.exits import Exit
from proofsmith.cli.flags import expand
from proofsmith.errors import ModelError, ProofsmithError, UsageError
from proofsmith.tools.terminal import visible

_RESUMED = ("demo", "optimize", "solve", "prove", "build")


def application() -> typer.Typer:
    """Assemble the verbs; loads neither an engine nor a domain's implementation."""
    app = typer.Typer(
        name="proofsmith",
        epilog="Start with: proofsmith demo",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich would double the time that --help takes
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    searches = (search.demo, search.optimize, search.solve, search.prove)
    verbs = (*searches, judge.check, judge.measure, judge.init, build.build, chat.chat)
    for verb in verbs:
        app.command(verb.__name__)(expand(verb))
    app.command("doctor")(expand(machine.doctor))
    app.add_typer(runs.group(), name="runs")
    app.add_typer(machine.sandbox_group(), name="sandbox")
    app.add_typer(settings.group(), name="config")
    return app


def main(argv: Sequence[str]) -> int:
    """Carry out `argv` and return the exit code; user errors are one line and a hint on stderr."""
    try:
        code = application()(list(argv), prog_name="proofsmith", standalone_mode=False)
    except typer.TyperException as error:
        message = error.format_message()
        if message.startswith("Usage: "):  # a group without a verb: the help is the message
            sys.stdout.write(f"{message}\n")
            return Exit.USAGE
        return _say(message, "proofsmith --help", Exit.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(argv)
    except Exception as error:
        return _failed(error, argv)
    if code == Exit.INTERRUPTED:  # what typer makes of KeyboardInterrupt
        return _interrupted(argv)
    return int(code) if isinstance(code, int) else Exit.DONE


def _interrupted(argv: Sequence[str]) -> int:
    again = "goes on where it stopped" if argv[:1] and argv[0] in _RESUMED else "begins anew"
    return _say("interrupted", f"the same command {again}", Exit.INTERRUPTED)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"proofsmith {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Search for faster or correct code, and show evidence that anyone can replay."""


def _failed(error: BaseException, argv: Sequence[str] = ()) -> int:
    """Report an exception in one line; keep the traceback of what we did not raise on purpose."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, KeyboardInterrupt):
        return _interrupted(argv)
    if isinstance(error, ProofsmithError):
        code = {UsageError: Exit.USAGE, ModelError: Exit.MODEL}.get(type(error), Exit.MACHINERY)
        return _say(error.message, error.hint, code)
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return _say(
            f"{error.strerror or error}{where}", "check space and permissions", Exit.MACHINERY
        )
    return _say(f"internal error: {error!r}", f"traceback saved in {_saved(error)}", Exit.MACHINERY)


def _saved(error: BaseException) -> str:
    """Write the traceback to a file of its own and return its path."""
    handle, path = tempfile.mkstemp(prefix="proofsmith-", suffix=".log")
    with os.fdopen(handle, "w") as file:
        file.writelines(traceback.format_exception(error))
    return path


def _say(message: str, hint: str, code: int) -> int:
    """Print one line, and a hint when there is one, to stderr; return `code`."""
    sys.stderr.write(f"proofsmith: {visible(' '.join(message.split()))}\n")
    if hint:
        sys.stderr.write(f"  hint: {visible(' '.join(hint.split()))}\n")
    return code
