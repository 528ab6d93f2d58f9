"""Ask before something is written; nobody there to answer means no."""

import typer


def consents(question: str) -> bool:
    """Ask on stderr and return the answer; the end of input is a no. Ctrl-C raises typer.Abort."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise
        typer.echo(err=True)
        return False
