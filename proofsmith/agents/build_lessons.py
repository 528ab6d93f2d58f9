"""What builds teach later builds: how a failed step was made to pass, recalled for steps that read alike."""

import re

from proofsmith.agents.evaluator import Judgement, Result
from proofsmith.agents.experience import Experience, show
from proofsmith.agents.site import Site
from proofsmith.memory.files import Write
from proofsmith.memory.instructions import Instruction, State
from proofsmith.memory.lessons import Lesson
from proofsmith.tools.feedback import clip
from proofsmith.tools.patches import diff

DOMAIN = "build"
"""Under which lessons and reports of builds are kept."""
GOAL_CHARS = 160
EVIDENCE_CHARS = 300
CHANGE_CHARS = 900
_ATTEMPT = re.compile(r"#(\d+)")


def recalled(site: Site, step: Instruction) -> str:
    """Return lessons for the prompt of a step's attempt, and remember which; empty when none fits."""
    if site.experience is None:
        return ""
    found = site.experience.recall(DOMAIN, f"{step.goal} {' '.join(step.outputs)}")
    lines = show(site.ledger, f"{step.id}#{step.attempts}", found)
    return "\n".join(f"- {line}" for line in lines)


def learn(site: Site, experience: Experience) -> None:
    """Keep what this build's failed and then passed steps teach, and count the lessons that were shown.

    Done once, at the end: steps of the same build never depend on when another one finished.

    Raises:
        StoreError: a store cannot be used.
    """
    if site.ledger.get("lessons", "counted", str) is not None:
        return
    site.ledger.put("lessons", "counted", "yes")
    won = {
        key: judged.result is Result.PASS
        for key, judged in site.ledger.all("judgement", Judgement).items()
        if judged.result in (Result.PASS, Result.FAIL)
    }
    experience.credit(site.ledger, won)
    for step in site.registry.program.values():
        if step.state is State.PASSED and step.attempts > 1:
            lesson = _overcome(site, step)
            if lesson is not None:
                experience.teach(lesson)


def _overcome(site: Site, step: Instruction) -> Lesson | None:
    """Return what the last failed attempt at a step lacked; None when nothing was recorded of it."""
    failed = site.ledger.get("judgement", f"{step.id}#{step.attempts - 1}", Judgement)
    if failed is None or failed.result is not Result.FAIL:
        return None
    before, after = {}, {}
    for path in step.outputs:
        writes = [w for w in site.store.history(path) if w.digest is not None]
        earlier = [w for w in writes if _attempt(w) < step.attempts]
        if earlier and writes[-1] != earlier[-1]:
            before[path] = site.store.read(path, at=earlier[-1].version).decode(errors="replace")
            after[path] = site.store.read(path, at=writes[-1].version).decode(errors="replace")
    change = diff(before, after)
    if not change:
        return None
    return Lesson(
        domain=DOMAIN,
        text=(
            f"{clip(step.goal, GOAL_CHARS)}\nfailed with: {clip(failed.detail, EVIDENCE_CHARS)}\n"
            f"and passed after:\n{clip(change, CHANGE_CHARS)}"
        ),
    )


def _attempt(write: Write) -> int:
    """Return the attempt that made a write; what the user gave is older than any."""
    found = _ATTEMPT.search(write.author)
    return int(found[1]) if found else 0
