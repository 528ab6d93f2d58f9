"""Why gates do not say all about a design: z, delays, controls without a rank, events that are left out."""

from proofsmith.domains.verilog import controls, gate, moving_parts, sensitivity
from proofsmith.domains.verilog.elaborate import Elaborated

FLOATING = "something drives z"


def lacking(reference: Elaborated, candidate: Elaborated, *, refused: bool) -> str:
    """Return why gates do not say all about one of the designs; empty when they do."""
    if reference.floating or candidate.floating:
        return FLOATING
    if reference.far or candidate.far:
        return "a shift by a negative or a huge constant, which yosys misreads"
    timed = gate.timed(reference.text) or gate.timed(candidate.text, refused=refused)
    for asked in (controls.unclear, moving_parts.unclear):
        timed = timed or asked(reference.text) or asked(candidate.text)
    if timed:
        return timed
    missing = sensitivity.incomplete(candidate.text, candidate.nets)
    if missing:
        return f"sensitivity list incomplete ({missing[0]}): simulation and synthesis differ"
    return ""
