"""Prompt texts, one Markdown file per kind of move; sections are capped, the instruction comes last."""

from functools import cache
from importlib.resources import files
from string import Template

from proofsmith.tools.feedback import CHARS_PER_TOKEN, clip
from proofsmith.tools.fences import fenced
from proofsmith.tools.terminal import visible

CAP_TOKENS = {
    "brief": 3000,
    "code": 8000,
    "program": 8000,
    "feedback": 2500,
    "plan": 2000,
    "results": 4000,
}
"""Longest form of a section; its head and tail are kept. Sections that are not listed come whole."""


@cache
def _template(name: str) -> Template:
    text = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return Template(text.rstrip("\n"))


def fill(name: str, **values: str) -> str:
    """Return the prompt `name` with its `$fields` set; raises KeyError when one is missing.

    Values are inserted once: a `$` inside one stays as it is. `feedback` quotes compilers and candidates, so it is
    fenced: nothing in it can pose as the rest of the prompt. `$form` says how to answer: with whole files, or with
    search/replace blocks when the code is too long to be shown whole.
    """
    shown = {key: _capped(key, value) for key, value in values.items()}
    cut = any(shown.get(name) != values.get(name) for name in ("code", "program"))
    form = _template("form_edits" if cut else "form_files").template
    return _template(name).substitute({"form": form, **shown})


def _capped(section: str, text: str) -> str:
    cap = CAP_TOKENS.get(section)
    shown = text if cap is None else clip(text, cap * CHARS_PER_TOKEN)
    return fenced(visible(shown), "text") if section == "feedback" else shown
