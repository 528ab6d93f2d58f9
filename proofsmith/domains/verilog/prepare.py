"""One text of a design for every tool: macros expanded once, comments and attributes gone."""

import re
from dataclasses import dataclass

from proofsmith.domains.verilog import lexicon, toolchain
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.toolchain import ToolStatus
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox

PLAIN = frozenset({"`timescale", "`default_nettype", "`resetall", "`celldefine", "`endcelldefine"})
"""Directives that every tool understands by itself."""
_CHOICES = frozenset({"`ifdef", "`ifndef", "`elsif"})
LARGEST_CHARS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The text that the tools see, or why there is none."""

    text: str = ""
    complaint: str = ""


async def prepared(design: Design, sandbox: Sandbox) -> Prepared:
    """Return the design as one text without macros, comments and attributes; lines keep their numbers.

    Conditional parts are chosen here, under `design.defines` alone: no tool defines a macro of its own.
    """
    if all(_plain(design.files[p]) for p in design.sources):
        text = "\n".join(design.files[p] for p in design.sources)
    else:
        done = await _expanded(design, sandbox)
        if not done.ok:
            return Prepared(complaint=f"preprocessing failed: {done.trouble}")
        expanded = done.outputs.get(toolchain.EXPANDED, b"").decode(errors="replace")
        text = re.sub(r"^`line\b.*$", "", expanded, flags=re.MULTILINE)
    if len(text) > LARGEST_CHARS:
        return Prepared(complaint="the text is larger than 16 MiB")
    return Prepared(text=lexicon.bare(text))


def chosen(design: Design, text: str) -> Design:
    """Return `design` as its prepared `text` where macros choose parts: a bench that runs beside it may define some."""
    if not any(t.text in _CHOICES for p in design.files for t in lexicon.tokens(design.files[p])):
        return design
    data = {p: t for p, t in design.files.items() if p not in design.sources}
    return design.with_files({f"{design.top}.sv": text, **data})


def _plain(text: str) -> bool:
    return "`" not in text or all(
        t.text in PLAIN for t in lexicon.tokens(text) if t.kind == "directive"
    )


async def _expanded(design: Design, sandbox: Sandbox) -> toolchain.ToolResult:
    flags = [f"-D{macro}" for macro in design.defines]
    done = await toolchain.preprocessed(sandbox, design.sources, design.files, flags=flags)
    if done.status is ToolStatus.MISSING:
        raise SandboxError(done.trouble, hint=toolchain.INSTALL["iverilog"])
    return done
