"""Settings of the command line: defaults, then user file, project file, environment and flags, each with its origin."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proofsmith.errors import UsageError

ENV_PREFIX = "PROOFSMITH_"
USER_FILE = "config.toml"
KEY_FILE = "api-key"
PROJECT_FILE = "proofsmith.toml"
API_KEY = "api_key"
"""Not a setting: the endpoint's key stands in PROOFSMITH_API_KEY or alone in a 0600 file, and is never printed."""


class Settings(BaseModel):
    """What a user can set once instead of on every command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field("", description="address of an OpenAI-compatible endpoint; empty: none")
    model: str = Field("", description="model name that the endpoint knows; empty: no model")
    cheap_base_url: str = Field("", description="endpoint of the cheap model; empty: base_url")
    cheap_model: str = Field(
        "", description="model for moves that need little effort; empty: the same for all"
    )
    input_usd_per_million: float | None = Field(
        None, ge=0, description="price of a million input tokens; unset: unknown"
    )
    output_usd_per_million: float | None = Field(
        None, ge=0, description="price of a million output tokens; unset: unknown"
    )
    cheap_input_usd_per_million: float | None = Field(
        None, ge=0, description="the cheap model's price of a million input tokens"
    )
    cheap_output_usd_per_million: float | None = Field(
        None, ge=0, description="the cheap model's price of a million output tokens"
    )
    budget: str = Field("60s", description="what a run may spend, e.g. '20s', '50 attempts', '$1'")
    jobs: int = Field(2, ge=1, le=256, description="attempts alive at once")
    seed: int = Field(0, ge=0, description="seed of every random choice of a run")
    sandbox: Literal["auto", "bubblewrap", "zygote", "docker"] = Field(
        "auto", description="isolation; running without it takes --unsafe-local, every time"
    )
    image: str = Field(
        "", description="image of --sandbox docker, by name or digest; empty: the domain's own"
    )
    depth: Literal["quick", "full"] = Field("full", description="how deep `check` looks")
    runs_dir: Path = Field(Path(".proofsmith/runs"), description="folder that keeps the runs")
    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("proofsmith")),
        description="folder of verdicts and compiled objects that can be made again",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Values from one source, as found; `origin` is what `config explain` prints."""

    origin: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Settings and, for each name, where its value came from."""

    settings: Settings
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, name: str) -> str:
        """Return the source of `name`: a path, a variable, a flag, or `default`."""
        return self.origins.get(name, "default")

    def shown(self, name: str) -> str:
        """Return the value of `name` as text; empty when it is unset."""
        value = getattr(self.settings, name)
        return "" if value is None else str(value)


def user_path() -> Path:
    """Return the path of the user's settings file (it need not exist)."""
    return Path(platformdirs.user_config_dir("proofsmith")) / USER_FILE


def key_path() -> Path:
    """Return the path of the file that holds the endpoint's key and nothing else (it need not exist)."""
    return user_path().with_name(KEY_FILE)


def project_path(start: Path) -> Path | None:
    """Return the nearest settings file at or above `start`: proofsmith.toml, or a pyproject.toml with our table."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and "proofsmith" in _toml(pyproject).get("tool", {}):
            return pyproject
    return None


def resolve(
    flags: Mapping[str, object], *, env: Mapping[str, str] = os.environ, start: Path | None = None
) -> Resolved:
    """Combine all sources; a flag that is None was not given.

    Raises:
        UsageError: a file is unreadable, a name unknown, a value out of range, a key where none may be.
    """
    layers = [*_files(start or Path.cwd()), _environment(env)]
    layers.append(Layer(origin="flag", values={k: v for k, v in flags.items() if v is not None}))
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.values.items():
            require_known(name, layer.origin)
            values[name] = value
            origins[name] = _label(layer.origin, name)
    try:
        return Resolved(settings=Settings.model_validate(values), origins=origins)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise UsageError(
            f"setting '{name}' from {origins.get(name, 'default')}: {first['msg']}",
            hint=f"proofsmith config explain {name}",
        ) from None


def write(name: str, value: str) -> Path:
    """Keep `value` in the user's settings file and return its path.

    Raises:
        UsageError: the name is unknown or the value not valid for it.
    """
    require_known(name, "the command line")
    path = user_path()
    kept = _toml(path) if path.is_file() else {}
    kept[name] = value
    try:
        Settings.model_validate(kept)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"setting '{name}': {message}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} = {_literal(kept[key])}\n" for key in sorted(kept)))
    return path


def write_key(key: str) -> Path:
    """Keep the endpoint's key in a file that only the user can read, and return its path."""
    path = key_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(key + "\n")
    return path


def _files(start: Path) -> list[Layer]:
    """Read the user's and the project's files, weakest first."""
    layers = []
    user = user_path()
    if user.is_file():
        layers.append(Layer(origin=str(user), values=_without_key(_toml(user), user)))
    project = project_path(start)
    if project is not None:
        table = _toml(project)
        if project.name == "pyproject.toml":
            table = table["tool"]["proofsmith"]
        layers.append(Layer(origin=str(project), values=_without_key(table, project)))
    return layers


def _environment(env: Mapping[str, str]) -> Layer:
    """Return the settings among the PROOFSMITH_* variables; variables of other meaning are left alone."""
    found = {}
    for name in Settings.model_fields:
        value = env.get(ENV_PREFIX + name.upper())
        if value is not None:
            found[name] = value
    return Layer(origin="environment", values=found)


def _label(origin: str, name: str) -> str:
    """Name the exact variable or flag that gave a value."""
    if origin == "environment":
        return f"environment variable {ENV_PREFIX}{name.upper()}"
    return f"flag --{name.replace('_', '-')}" if origin == "flag" else origin


def require_known(name: str, origin: str) -> None:
    """Raise UsageError, with the nearest known name, when `name` is not a setting."""
    if name not in Settings.model_fields:
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        known = ", ".join(sorted(Settings.model_fields))
        hint = f"did you mean '{near[0]}'?" if near else f"known settings: {known}"
        raise UsageError(f"unknown setting '{name}' in {origin}", hint=hint)


def _without_key(table: dict[str, Any], path: Path) -> dict[str, Any]:
    if API_KEY in table:
        raise UsageError(
            f"{path} holds '{API_KEY}': keys do not belong into settings files",
            hint=f"remove it; then: export {ENV_PREFIX}API_KEY=... or: proofsmith config set {API_KEY}",
        )
    return table


def _toml(path: Path) -> dict[str, Any]:  # values are checked by Settings
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", hint="correct or remove it") from None


def _literal(value: object) -> str:
    """Write a string or number as TOML; JSON's string escapes are a subset of TOML's."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
