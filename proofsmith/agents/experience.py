"""Count what a finished run showed about each pattern that it tried: won or not, on this machine."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from proofsmith.memory.lessons import Lesson, Lessons
from proofsmith.types import Outcome, Profile, Report

LESSONS = "lessons.sqlite"
"""File of the lessons of all runs of a user, below the cache folder."""
_RULE = re.compile(r"rule:([\w-]+)")


def count(
    report: Report, confirmed: Iterable[Outcome], path: Path, machine: str
) -> dict[str, bool]:
    """Count one application of every rule that the run tried; return which of them won.

    A pattern won when a version that it had a part in was shown to be better by the confirmation, on new measurements
    and unseen inputs; what only looked better in the search counts as lost.

    Raises:
        StoreError: the store cannot be used.
    """
    known = {outcome.candidate.id: outcome for outcome in report.attempts}
    won = {name for outcome in confirmed if outcome.improved for name in _patterns(outcome, known)}
    tried = {name for outcome in report.attempts for name in _patterns(outcome, known)}
    symptoms = _symptoms(report.profile)
    found = {name: name in won for name in sorted(tried | won)}
    with Lessons(path, machine) as lessons:
        for name, better in found.items():
            lesson = Lesson(
                domain=report.problem.domain,
                pattern=name,
                text=f"apply {name}",
                behaviour=symptoms,
            )
            lessons.count(lesson, won=better)
    return found


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


def _symptoms(profile: Profile | None) -> tuple[str, ...]:
    found = profile.facts.get("symptoms") if profile else None
    return tuple(sorted(str(name) for name in found)) if isinstance(found, list) else ()
