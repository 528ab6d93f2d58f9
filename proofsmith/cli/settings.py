"""The verb `config`: get, set, path and explain settings."""

from pathlib import Path
from typing import Annotated

import typer

NAME = typer.Argument(help="name of a setting, e.g. base_url", show_default=False)


def group() -> typer.Typer:
    """Return the sub-commands of `config`."""
    app = typer.Typer(help="Read and write settings.", no_args_is_help=True)
    for verb in (get, keep, path, explain):
        app.command("set" if verb is keep else verb.__name__)(verb)
    return app


def get(name: Annotated[str, NAME]) -> int:
    """Print the value of a setting; a secret only as set or unset."""
    from proofsmith import config

    resolved = config.resolve({})
    config.require_known(name, "the command line")
    typer.echo(resolved.shown(name))
    return 0


def keep(name: Annotated[str, NAME], value: Annotated[str | None, typer.Argument()] = None) -> int:
    """Keep a setting in your own settings file; a key is asked for and goes into a 0600 file."""
    from proofsmith import config

    secret = name in config.SECRETS
    if value is None:
        value = typer.prompt(name, hide_input=secret, err=True)
    typer.echo(f"{name} kept in {config.write(name, value)}")
    return 0


def path() -> int:
    """Print the paths of the settings files, the user's first, then the project's."""
    from proofsmith import config

    typer.echo(config.user_path())
    project = config.project_path(Path.cwd())
    if project is not None:
        typer.echo(project)
    return 0


def explain(name: Annotated[str | None, typer.Argument(help="all when left out")] = None) -> int:
    """Print the value of each setting, where it came from and what it means."""
    from proofsmith import config

    resolved = config.resolve({})
    if name is not None:
        config.require_known(name, "the command line")
    for key, field in config.Settings.model_fields.items():
        if name in (None, key):
            value = resolved.shown(key) or "unset"
            typer.echo(f"{key} = {value}    from {resolved.origin(key)}: {field.description}")
    return 0
