"""The texts that agents send to a model, one file for each kind."""

from functools import cache
from importlib import resources


@cache
def text(name: str) -> str:
    """Return the text of `name`.md, without the newline at its end."""
    return resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8").rstrip("\n")
