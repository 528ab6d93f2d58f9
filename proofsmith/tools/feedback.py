"""Turn what an execution showed into text for a model: capped sections, head and tail kept, instruction last."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

CHARS_PER_TOKEN = 4
"""Rough size of a token in source text; caps are in tokens."""
CAP_TOKENS: Mapping[str, int] = {
    "Verdict": 120,
    "First divergence": 300,
    "Smallest failing input": 400,
    "Values around it": 500,
    "Baseline against candidate": 400,
    "Profile change": 300,
    "Changed since the parent": 500,
    "Log": 500,
    "Budget left": 40,
}
"""The sections in the order in which they are printed, with the cap of each; the verdict needs no heading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What one attempt taught; empty fields are left out."""

    verdict: str
    first_divergence: str = ""
    """Where expected and actual part first: place, indices, expected, got, the last write to it."""
    failing_input: str = ""
    """The smallest input known to fail."""
    values: str = ""
    """Variables, signals, rows or goals around the divergence."""
    baseline: str = ""
    """The same observation on the baseline and on the candidate."""
    profile: str = ""
    changed: str = ""
    """Difference to the parent."""
    log: str = ""
    budget: str = ""
    instruction: str = ""

    def text(self, *, cap_tokens: int = 2500) -> str:
        """Return the report, at most `cap_tokens` long; the instruction is never cut and stands last."""
        bodies = (
            self.verdict,
            self.first_divergence,
            self.failing_input,
            self.values,
            self.baseline,
            self.profile,
            self.changed,
            self.log,
            self.budget,
        )
        shown = [
            (title, clip(body, CAP_TOKENS[title] * CHARS_PER_TOKEN))
            for title, body in zip(CAP_TOKENS, bodies, strict=True)
            if body.strip()
        ]
        sections = [body if title == "Verdict" else f"## {title}\n{body}" for title, body in shown]
        room = max(0, cap_tokens * CHARS_PER_TOKEN - len(self.instruction) - 2)
        report = clip("\n\n".join(sections), room)
        return "\n\n".join(part for part in (report, self.instruction) if part)


def headed(complaint: str, *, rest: str) -> Feedback:
    r"""Return the report on a complaint: its first line as the verdict, what follows as the section named `rest`.

    >>> print(headed("line 3: unsolved goals\nn : Nat", rest="values").text())
    line 3: unsolved goals
    <BLANKLINE>
    ## Values around it
    n : Nat
    """
    first, _, more = complaint.partition("\n")
    if len(first) > CAP_TOKENS["Verdict"] * CHARS_PER_TOKEN:  # nothing of a long line is lost
        more = complaint
    return replace(Feedback(verdict=first), **{rest: more})


def extended(report: str, **sections: str) -> str:
    """Add sections to a report that is text already, each capped and under its heading; empty ones are left out.

    >>> print(extended("wrong", budget="3 of 9 attempts are left"))
    wrong
    <BLANKLINE>
    ## Budget left
    3 of 9 attempts are left
    """
    added = Feedback(verdict="", **sections).text()
    return "\n\n".join(part for part in (report, added) if part)


def core(report: str) -> str:
    r"""Return what a report says of the candidate itself, without what depends on its parent or on the budget.

    >>> core(extended("wrong", failing_input="n = 0", changed="-a", budget="nothing"))
    'wrong\n\n## Smallest failing input\nn = 0'
    """
    for title in ("Changed since the parent", "Budget left"):
        head, _, tail = report.partition(f"\n\n## {title}\n")
        following = tail.find("\n\n## ")
        report = head + (tail[following:] if following >= 0 else "")
    return report


def clip(text: str, most_chars: int) -> str:
    r"""Return `text` with its middle left out when it is longer than `most_chars`; head and tail survive.

    >>> clip("a" * 60 + "b" * 60, 64)
    'aaaaaaaaaaaaaaaaaaa\n[... 82 characters ...]\nbbbbbbbbbbbbbbbbbbb'
    >>> clip("short", 64)
    'short'
    """
    if len(text) <= most_chars:
        return text
    note = f"\n[... {len(text)} characters ...]\n"
    keep = most_chars - len(note)
    if keep < 2:
        return text[:most_chars]
    head, tail = keep - keep // 2, keep // 2
    left = len(text) - head - tail
    return f"{text[:head]}\n[... {left} characters ...]\n{text[len(text) - tail :]}"
