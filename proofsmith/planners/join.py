"""Read a joiner's decision: finish with an answer, or ask for another plan."""

import re
from dataclasses import dataclass
from typing import Literal

_DECISION = re.compile(r"\b(finish|replan)\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the joiner wants; `text` is the answer or the reason."""

    action: Literal["finish", "replan"]
    text: str


def parse_join(reply: str) -> Decision:
    r"""Return the decision in `reply`; a reply without one finishes with its whole text.

    The answer runs to the last closing parenthesis, so it may hold parentheses itself.

    >>> parse_join("Thought: done\nAction: Finish(f(x) = 2 (exact))")
    Decision(action='finish', text='f(x) = 2 (exact)')
    """
    found = [*_DECISION.finditer(reply)]
    heads = [m for m in found if _starts_line(reply, m.start())] or found
    if not heads:
        return Decision("finish", reply.strip())
    head = heads[0]
    body = reply[head.end() :]
    end = body.rfind(")")
    text = (body[:end] if end >= 0 else body).strip()
    return Decision("replan" if head[1].lower() == "replan" else "finish", text)


def _starts_line(text: str, position: int) -> bool:
    before = text[text.rfind("\n", 0, position) + 1 : position].strip().lower()
    return before in ("", "action:")
