"""What one check gave, and the verdict with evidence that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proofsmith.tools.feedback import headed
from proofsmith.types import JSON, Evidence, Status, Verdict

LOG_CHARS = 2000
FEEDBACK_TOKENS = 600
PLAYED = frozenset({"equivalence", "simulation"})
"""Checks that end with a run of both designs: their complaints go on with the signals around the difference."""
TIMED: Mapping[str, JSON] = {"exceeded": "time"}
"""Marks a finding that the load of the machine may have decided, so that no cache keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one comparison gave, before it becomes a verdict."""

    status: Status
    check: str
    complaint: str = ""
    facts: Mapping[str, JSON] = field(default_factory=dict)


def verdict(found: Finding, command: tuple[str, ...]) -> Verdict:
    """Return a finding as a verdict with its evidence."""
    evidence = Evidence(
        check=found.check,
        status=found.status,
        command=command,
        exit_code=0 if found.status is Status.PROVED else 1,
        log_tail=found.complaint[:LOG_CHARS],
        facts=found.facts,
    )
    return Verdict(status=found.status, evidence=(evidence,), feedback=feedback(found))


def feedback(found: Finding) -> str:
    """Report a finding to the author of a design: what is wrong in the first line, then signals or what a tool said."""
    if not found.complaint:
        return ""
    rest = "values" if found.check in PLAYED else "log"
    return headed(f"{found.check}: {found.complaint}", rest=rest).text(cap_tokens=FEEDBACK_TOKENS)
