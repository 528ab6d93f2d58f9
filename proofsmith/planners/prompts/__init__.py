"""Prompt texts, one Markdown file per kind of move."""

from functools import cache
from importlib.resources import files
from string import Template


@cache
def _template(name: str) -> Template:
    text = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return Template(text.rstrip("\n"))


def fill(name: str, **values: str) -> str:
    """Return the prompt `name` with its `$fields` set; raises KeyError when one is missing.

    Values are inserted once: a `$` inside one stays as it is.
    """
    return _template(name).substitute(values)
