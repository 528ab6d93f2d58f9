"""What one check gave, and the verdict with evidence that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proofsmith.types import JSON, Evidence, Status, Verdict

FEEDBACK_BYTES = 2000
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
        log_tail=found.complaint[:FEEDBACK_BYTES],
        facts=found.facts,
    )
    feedback = f"{found.check}: {found.complaint}" if found.complaint else ""
    return Verdict(
        status=found.status,
        evidence=(evidence,),
        feedback=feedback.encode()[:FEEDBACK_BYTES].decode(errors="ignore"),
    )
