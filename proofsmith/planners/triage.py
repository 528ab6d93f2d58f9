"""Judge a problem before the first move: how hard it looks, what the budget pays for, and how arms are mixed for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from proofsmith.planners.best_of import Plan
from proofsmith.types import Status

DIRECT = "direct"
FLOORS: Mapping[str, float] = {DIRECT: 0.2, "plansearch": 0.05, "rethink": 0.6}
"""Least share of the tokens that an arm is given until something is right, chosen on simulated problems."""
FEW = 6
"""Programs below which ideas do not pay: PLANSEARCH is behind repeated sampling until about ten."""
SHORT, LONG = 30, 120
"""Lines of code up to which a problem looks easy, and from which it looks hard."""
CHARS_PER_TOKEN = 4
THOUGHT_TOKENS = 500
"""What a reply holds beside the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixing:
    """How arms are chosen."""

    opening: int = 3
    """Direct programs before any other arm may start: easy problems end here."""
    first: Literal["cheap", "strong"] = "cheap"
    """How much thinking each of these is worth."""
    window: int = 12
    """Latest programs of an arm that its outlook is judged by."""
    deep_after: int = 24
    """Programs in a row without an improvement after which ideas are worth much thinking."""
    patience: int = 150
    """Programs in a row without an improvement that end the search."""
    floors: Mapping[str, float] = field(default_factory=lambda: FLOORS)
    """Least share of the tokens by arm until a program is right: before that, coming close tells little about which arm
    will get there, so that an outlook may steer only what the floors leave."""
    margin: float = 0.003
    """What counts as better among right programs, on the scale of values."""
    turns: bool = False
    """Let the arms take turns instead of drawing: one strategy beside the rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """What a problem looks like before anything was tried; costs no model call."""

    difficulty: Literal["easy", "usual", "hard"]
    why: str
    programs: int | None
    """Programs of the model that the budget pays for at most; None without a cap."""

    @property
    def mixing(self) -> Mixing:
        """Few programs are all direct ones; a hard problem begins with the strong model and thinks deeply sooner."""
        plain = Mixing()
        if self.difficulty == "hard":
            plain = replace(plain, opening=2, first="strong", deep_after=12)
        if self.programs is not None and self.programs < FEW:
            plain = replace(plain, opening=plain.patience)
        return plain

    @property
    def text(self) -> str:
        """Say it in one line.

        >>> Triage(difficulty="easy", why="9 lines, checked by tests", programs=4).text
        'triage: easy (9 lines, checked by tests), at most 4 programs: direct ones alone'
        """
        most = "" if self.programs is None else f", at most {self.programs} programs"
        way = self.mixing
        course = f"{way.opening} direct ones first, {way.first} model"
        if way.opening >= way.patience:
            course = "direct ones alone"
        return f"triage: {self.difficulty} ({self.why}){most}: {course}"


def triage(plan: Plan) -> Triage:
    """Judge `plan` by the length of its code, the strength of its checks, and its budget."""
    lines = sum(bool(line.strip()) for text in plan.files.values() for line in text.splitlines())
    proving = plan.required is Status.PROVED
    strength = "proved by a checker" if proving else "checked by tests"
    difficulty: Literal["easy", "usual", "hard"] = "usual"
    if lines >= LONG or (proving and plan.solving):
        difficulty = "hard"
    elif lines <= SHORT and not proving:
        difficulty = "easy"
    return Triage(
        difficulty=difficulty, why=f"{lines} lines, {strength}", programs=_affordable(plan)
    )


def _affordable(plan: Plan) -> int | None:
    """Return how many programs of the model the caps allow: half of the attempts beside rules, whole prompts."""
    caps = []
    if plan.attempts is not None:
        caps.append((plan.attempts + 1) // 2 if plan.rules else plan.attempts)
    if plan.tokens is not None:
        code = sum(map(len, plan.files.values()))
        each = (len(plan.brief) + 2 * code) // CHARS_PER_TOKEN + THOUGHT_TOKENS
        caps.append(plan.tokens // each)
    return min(caps, default=None)
