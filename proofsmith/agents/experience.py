"""What finished runs teach later ones: patterns and lessons, recalled, shown, counted by what came of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proofsmith.memory.embedding import local
from proofsmith.memory.ledger import Ledger
from proofsmith.memory.lessons import Counts, Lesson, Lessons, Recalled
from proofsmith.tools.feedback import clip
from proofsmith.tools.fences import blocks
from proofsmith.tools.patches import diff
from proofsmith.types import JSON, Outcome, Profile, Reply, Report

LESSONS = "lessons.sqlite"
"""File of the lessons of all runs of a user, below the cache folder."""
FACT = "lessons"
"""Name of recalled lessons among the gathered facts."""
SHOWN = 3
"""Free lessons that a prompt has room for."""
SHOWN_CHARS = 800
IDEA_CHARS = 300
CHANGE_CHARS = 1200
_RULE = re.compile(r"rule:([\w-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """The lessons of a user as the runs of one machine use them; every method raises StoreError for a broken store."""

    path: Path
    machine: str

    def win_rates(self, domain: str) -> dict[str, float]:
        """Return how often each catalogue pattern won on this machine, as far as lessons were counted."""
        if not self.path.is_file():
            return {}
        with Lessons(self.path, self.machine) as lessons:
            return {name: counts.rate for name, counts in lessons.win_rates(domain).items()}

    def recall(self, domain: str, text: str, behaviour: Iterable[str] = ()) -> tuple[Recalled, ...]:
        """Return the free lessons that fit best, at most SHOWN; patterns of the catalogue are ranked by `win_rates`."""
        if not self.path.is_file():
            return ()
        with Lessons(self.path, self.machine, local()) as lessons:
            found = lessons.recall(domain, text=text, behaviour=behaviour, limit=8 * SHOWN)
        return tuple(r for r in found if not r.lesson.pattern)[:SHOWN]

    def count(self, report: Report, confirmed: Iterable[Outcome]) -> dict[str, bool]:
        """Count one application of every rule that the run tried; return which of them won.

        A pattern won when a version that it had a part in was shown to be better by the confirmation, on new
        measurements and unseen inputs; what only looked better in the search counts as lost.
        """
        known = {outcome.candidate.id: outcome for outcome in report.attempts}
        won = {name for o in confirmed if o.improved for name in _patterns(o, known)}
        tried = {name for outcome in report.attempts for name in _patterns(outcome, known)}
        found = {name: name in won for name in sorted(tried | won)}
        with Lessons(self.path, self.machine) as lessons:
            for name, better in found.items():
                lesson = Lesson(
                    domain=report.problem.domain,
                    pattern=name,
                    text=f"apply {name}",
                    behaviour=symptoms(report.profile),
                )
                lessons.count(lesson, won=better)
        return found

    def credit(self, ledger: Ledger, won: Mapping[str, bool]) -> None:
        """Count the lessons that were shown under each key of `won` for or against them."""
        shown: Mapping[str, list[list[str]]] = ledger.all("shown lessons", list)
        told = [(row, better) for key, better in won.items() for row in shown.get(key, [])]
        if not told:
            return
        with Lessons(self.path, self.machine) as lessons:
            for (domain, text), better in told:
                lessons.count(Lesson(domain=domain, text=text), won=better)

    def teach(self, lesson: Lesson) -> None:
        """Keep a lesson for later runs."""
        with Lessons(self.path, self.machine) as lessons:
            lessons.add(lesson)


def show(ledger: Ledger, key: str, recalled: Sequence[Recalled]) -> list[JSON]:
    """Write recalled lessons for the prompts of `key`, and record that they were shown there."""
    if recalled:
        ledger.put("shown lessons", key, [[r.lesson.domain, r.lesson.text] for r in recalled])
    return [f"{clip(found.lesson.text, SHOWN_CHARS)}{_record(found.counts)}" for found in recalled]


def with_lessons(brief: str, facts: Mapping[str, JSON]) -> str:
    """Add the recalled lessons to a brief; without any it stays as it is."""
    lines = facts.get(FACT)
    if not isinstance(lines, list) or not lines:
        return brief
    said = "\n".join(f"- {line}" for line in lines)
    return f"{brief}\n\n# Learned in earlier runs (nothing of it is required)\n{said}"


def of_change(report: Report, ledger: Ledger) -> Lesson | None:
    """Return what a model's confirmed change teaches: its reason and the change; None when a rule's came out best."""
    best = report.best
    if best is None or not best.improved:
        return None
    reply = ledger.get("reply", best.candidate.move.partition(":")[2], Reply)
    if reply is None:
        return None
    prose = " ".join(block.text for block in blocks(reply.text) if block.info is None)
    changed = diff(report.problem.files, {**report.problem.files, **best.candidate.files})
    lines = [
        line
        for line in changed.splitlines()
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    ]
    low = best.comparisons[0].low if best.comparisons else None
    gain = f"Confirmed at least {low:.2f} times as good:" if low else "Confirmed:"
    idea, change = clip(" ".join(prose.split()), IDEA_CHARS), clip("\n".join(lines), CHANGE_CHARS)
    return Lesson(
        domain=report.problem.domain,
        text=f"{idea}\n{gain}\n{change}".strip(),
        behaviour=symptoms(report.profile),
    )


def symptoms(profile: Profile | None) -> tuple[str, ...]:
    """Return what a profile complains of, in the catalogue's words."""
    found = profile.facts.get("symptoms") if profile else None
    return tuple(sorted(str(name) for name in found)) if isinstance(found, list) else ()


def _record(counts: Counts) -> str:
    applied = counts.wins + counts.losses
    return f" (helped {counts.wins} of {applied} times here)" if applied else ""


def _patterns(outcome: Outcome, known: Mapping[str, Outcome]) -> set[str]:
    """Return the rules that made a version, those of its ancestors included."""
    names: set[str] = set()
    todo, seen = [outcome], {outcome.candidate.id}
    while todo:
        candidate = todo.pop().candidate
        names.update(_RULE.findall(candidate.move))
        for parent in candidate.parents:
            if parent in known and parent not in seen:
                seen.add(parent)
                todo.append(known[parent])
    return names
