"""The verb `config`: get, set, path and explain settings."""

import os
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
    """Print a setting. Of the endpoint's key it says only whether it is set."""
    from proofsmith import config

    if name == config.API_KEY:
        typer.echo(_key()[0])
        return 0
    config.require_known(name, "the command line")
    typer.echo(config.resolve({}).shown(name))
    return 0


def keep(
    name: Annotated[str, NAME],
    value: Annotated[str | None, typer.Argument(help="asked for when left out")] = None,
) -> int:
    """Keep a setting in your own file. `api_key` goes into a 0600 file of its own."""
    from proofsmith import config

    if value is None:
        value = str(typer.prompt(name, hide_input=name == config.API_KEY, err=True))
    path = config.write_key(value) if name == config.API_KEY else config.write(name, value)
    typer.echo(f"{name} kept in {path}")
    return 0


def path() -> int:
    """Print the paths of the settings files, yours first."""
    from proofsmith import config

    typer.echo(config.user_path())
    project = config.project_path(Path.cwd())
    if project is not None:
        typer.echo(project)
    return 0


def explain(
    name: Annotated[str | None, typer.Argument(help="all of them when left out")] = None,
) -> int:
    """Print each setting, where it came from and what it means."""
    from proofsmith import config

    resolved = config.resolve({})
    if name not in (None, config.API_KEY):
        config.require_known(str(name), "the command line")
    for key, field in config.Settings.model_fields.items():
        if name in (None, key):
            value = resolved.shown(key) or "unset"
            typer.echo(f"{key} = {value}    from {resolved.origin(key)}: {field.description}")
    if name in (None, config.API_KEY):
        value, origin = _key()
        typer.echo(
            f"{config.API_KEY} = {value}    from {origin}: key of the endpoint, never printed"
        )
    return 0


def _key() -> tuple[str, str]:
    """Say whether the endpoint's key is set, and where."""
    from proofsmith import config

    variable = f"{config.ENV_PREFIX}{config.API_KEY.upper()}"
    if os.environ.get(variable):
        return "set", f"environment variable {variable}"
    path = config.key_path()
    return ("set", str(path)) if path.is_file() else ("unset", "default")
