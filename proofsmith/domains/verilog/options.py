"""Refuse options that name nothing of the design, before anything is searched or judged under them."""

import re
from collections.abc import Mapping
from pathlib import Path

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.design import Interface
from proofsmith.domains.verilog.specification import reset_of
from proofsmith.errors import UsageError
from proofsmith.types import JSON

MOST_CYCLES = 64
"""By so many cycles outputs may come later."""
_MACRO = re.compile(r"[A-Za-z_]\w*(=.*)?")


def listed(value: JSON) -> list[str]:
    """Return an option that may be given many times as a list."""
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [] if value is None else [str(value)]


def refuse(options: Mapping[str, JSON]) -> None:
    """Raise UsageError for options that are wrong whatever the design is."""
    for folder in listed(options.get("include")):
        if not Path(folder).is_dir():
            raise UsageError(f"--include {folder} is no folder", hint="name a folder of headers")
    for macro in listed(options.get("define")):
        if not _MACRO.fullmatch(macro):
            raise UsageError(f"--define {macro} is no macro", hint="write --define NAME=VALUE")
    cycles = options.get("latency")
    if cycles is not None and not (isinstance(cycles, int) and 0 <= cycles <= MOST_CYCLES):
        hint = f"0 to {MOST_CYCLES} cycles"
        raise UsageError(
            f"--latency {cycles}: outputs come no earlier and not that late", hint=hint
        )


def refuse_names(options: Mapping[str, JSON], shape: Interface, text: str, top: str) -> None:
    """Raise UsageError for options that name a port or a parameter which `top` in `text` does not have."""
    inputs = {p.name: p.width for p in shape.inputs}
    outputs = {p.name: p.width for p in shape.outputs}
    asked = [
        ("clock", str(options.get("clock") or "")),
        ("reset", reset_of(options.get("reset"))[0]),
    ]
    for option, name in asked:
        if name and shape.ports and inputs.get(name) != 1:
            shown = ", ".join(n for n, width in inputs.items() if width == 1) or "none"
            raise UsageError(
                f"--{option} {name}: {top} has no such input of one bit", hint=f"there are: {shown}"
            )
    for pair in listed(options.get("valid")):
        data, _, flag = pair.partition("=")
        if shape.ports and (data not in outputs or outputs.get(flag) != 1):
            hint = f"write --valid DATA=FLAG with outputs of {top}: {', '.join(outputs) or 'none'}"
            raise UsageError(f"--valid {pair}: no output and its flag of one bit", hint=hint)
    words = {t.name for t in lexicon.modules(text).get(top, ())}
    for item in listed(options.get("parameter")):
        name = item.partition("=")[0]
        if words and name not in words:
            raise UsageError(f"{top} has no parameter {name}", hint="--parameter NAME=VALUE")
