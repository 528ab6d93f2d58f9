"""The verb `prove` on an informal claim: a model's translation into a formal statement, labelled as unverified."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from proofsmith.cli.exits import Exit
from proofsmith.cli.flags import Common, Judging, Searching
from proofsmith.errors import UsageError
from proofsmith.tools.terminal import visible

if TYPE_CHECKING:
    from proofsmith.protocols import Translation

SUFFIXES = (".md", ".txt")
LABEL = "unverified translation"
CAUTION = "a model wrote it, and nothing shows that it says what the claim says"
LARGEST_BYTES = 64 * 1024


def is_informal(source: Path, domain: str | None) -> bool:
    """Say whether a file holds a claim in words."""
    return source.suffix in SUFFIXES and domain in (None, "lean") and source.is_file()


def formalise(
    source: Path, searching: Searching, common: Common, given: Mapping[str, object]
) -> int:
    """Print the translation and what was found of it; the exit code never says that the claim is proved."""
    from proofsmith.cli.drive import drive
    from proofsmith.cli.engine import task

    todo = task(source, replace(common, domain="lean"), Judging(), given, searching)

    async def translated() -> "Translation":
        from proofsmith import api
        from proofsmith.cli.budget import parse_budget
        from proofsmith.cli.engine import model_of

        model = model_of(todo.settings, wanted=not searching.no_model)
        if model is None:
            raise UsageError(
                "a claim in words needs a model that states it in Lean",
                hint="add --base-url URL --model NAME, or name a .lean file",
            )
        async with model:
            return await api.translate(
                _claim_in(source),
                model=model,
                budget=parse_budget([todo.settings.budget]),
                options=todo.options,
                sandbox=await todo.sandbox(),
            )

    found = drive(translated)
    if searching.out is not None and found.text and not found.fault:
        searching.out.write_text(_labelled(found, source), "utf-8")
    _show(found, source, searching.out, as_json=common.json)
    return Exit.NOT_SO


def _claim_in(source: Path) -> str:
    data = source.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 text", hint="save it as UTF-8") from None
    if not text.strip() or "\0" in text or len(data) > LARGEST_BYTES:
        raise UsageError(f"{source} holds no claim", hint="write the claim in a few sentences")
    return text


def _labelled(found: "Translation", source: Path) -> str:
    return f"-- {LABEL} of {source.name}: {CAUTION}\n\n{found.text}"


def _show(found: "Translation", source: Path, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        facts = {
            "label": LABEL,
            "status": "undecided",
            "statement": found.text,
            "fault": found.fault,
            "checks": dict(found.checks),
            "model_calls": found.calls,
        }
        typer.echo(json.dumps({"schema_version": 1, **facts}, indent=1, ensure_ascii=False))
        return
    told = {"True": "yes", "False": "no"}
    lines = [f"{LABEL} of {source.name}: {CAUTION}"]
    checks = {name: told.get(str(value), str(value)) for name, value in found.checks.items()}
    lines += [f"  {name:34} {value}" for name, value in checks.items()]
    lines += [f"  no translation stands: {found.fault}"] if found.fault else []
    lines += ["", found.text.rstrip()] if found.text else []
    if not found.fault:
        name = str(out) if out else f"{source.stem}.lean"
        lines += ["", f"read it; then: proofsmith prove {name}" + ("" if out else ", once saved")]
    typer.echo(visible("\n".join(lines)))
