"""A seeded stand-in for a model with known statistics, so that claims about search can be tested without one.

It simulates one problem. Its programs are three lines of text that name their behaviour, which a simulated domain
reads back with `behaviour_of`; its structured replies mint ideas (`idea:1f3a9c`) and tests (`test:9b2e41:valid`).
A prompt that quotes ideas gets a program made from exactly these, even if it shows a program of fewer to start
from; one that quotes none gets the model's own idea.
A prompt that ends a task with `Answer with JSON only` and a line of JSON gets that shape back, filled with ideas.

Behind every set of ideas is a normal quality score: the set works when the score is in the top `solve_probability`,
and a wrong program passes more tests the higher its score is.
"""

import asyncio
import json
import math
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import NormalDist

from proofsmith.model import structured
from proofsmith.model.accounting import Prices, estimate_input
from proofsmith.model.specimen import specimen
from proofsmith.tools.request import Answering, Request
from proofsmith.types import JSON, Reply, Usage, canonical, digest

IDEA = re.compile(r"idea:[0-9a-f]{6}")
NUMBERED = re.compile(r"^(\d+)\. .*?(idea:[0-9a-f]{6})", re.M)
SHAPE = re.compile(r"^Answer with JSON only[^\n]*\n(\{.*\})$", re.M)
BEHAVIOUR = re.compile(r"^behaviour: (\S+)$", re.M)
SHOWN = re.compile(r"^behaviour: \S+\n(.*)$", re.M)
PASSES = re.compile(r"^passes: (\d+)/(\d+)$", re.M)
RIGHT = "right"
LISTED = (3, 6)
"""Elements of a list in a JSON reply."""
PROBABILITIES = (
    "solve_probability",
    "polarisation",
    "mode_correlation",
    "composition",
    "localisation",
    "repair_probability",
    "test_validity",
    "malformed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """The statistics of a simulated model on one problem; every probability is in 0..1."""

    solve_probability: float = 0.3
    """Mean over all ideas that a program made from an idea is right."""
    polarisation: float = 0.8
    """Correlation of two programs of one idea: 0 = ideas do not matter, 1 = an idea always or never works."""
    favourite_probability: float | None = None
    """The same mean for the model's favourite idea; None when it is as good as any other."""
    mode_correlation: float = 0.6
    """Chance that a program without given ideas uses the model's favourite idea, and that a wrong program
    behaves as the other wrong programs of its idea."""
    composition: float = 0.0
    """Share of the quality of a set of ideas that comes from the ideas one by one, not from their combination."""
    insight: int = 1
    """A thought written in view of a failure is the best of this many."""
    repair_probability: float = 0.2
    """Chance that a program shown back as wrong comes back right, when its idea works or ideas do not matter; the more
    ideas matter and the fewer tests it passes, the less a program of an idea that does not work can be repaired."""
    localisation: float = 0.9
    """Chance that the thought blamed for a failure is the worst of them."""
    tests: int = 10
    """Visible tests, of which a wrong program passes a part."""
    test_validity: float = 0.7
    """Share of model-written tests that are true of right programs."""
    wrong_behaviours: int = 4
    """Ways of being wrong that ideas share."""
    malformed: float = 0.0
    """Share of replies from which no program or JSON can be read."""
    latency_s: float = 4.0
    """Mean; gamma distributed with shape 4."""
    output_tokens: int = 600
    """Mean; gamma distributed with shape 4."""
    path: str = "solution.txt"
    """File that programs are written to."""
    prices: Prices | None = None

    def __post_init__(self) -> None:
        """Refuse probabilities outside 0..1."""
        for name in PROBABILITIES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in 0..1")


class SimulatedModel(Answering):
    """A `protocols.Model` whose replies depend on `knobs`, `seed` and the request, never on the order of calls."""

    def __init__(
        self,
        knobs: Knobs | None = None,
        *,
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Simulate the problem and model that `seed` stands for; `sleep` takes the latency in seconds."""
        self.knobs, self._seed, self._sleep = knobs or Knobs(), seed, sleep
        self._scores: dict[tuple[str, ...], float] = {}

    async def answer(self, asked: Request) -> Reply:
        """Return a program, or JSON of the schema; raises ModelError when structured output stays malformed."""
        return await structured.complete(self._reply, asked)

    def quality(self, idea: str) -> float:
        """Return the score of a set of ideas, standard normal over all sets."""
        parts = IDEA.findall(idea) or [idea]
        own = sum(self._score(part) for part in parts) / math.sqrt(len(parts))
        weight = self.knobs.composition
        joint = self._score(" ".join(sorted(parts)), "joint")
        return math.sqrt(weight) * own + math.sqrt(1 - weight) * joint

    def probability(self, idea: str) -> float:
        """Return the chance that a program made from `idea` is right."""
        knobs = self.knobs
        mean = knobs.solve_probability
        if idea == self.favourite and knobs.favourite_probability is not None:
            mean = knobs.favourite_probability
        works = NormalDist().cdf(self.quality(idea)) > 1 - mean
        spread = math.sqrt(knobs.polarisation)
        return mean + spread * (1 - mean) if works else mean - spread * mean

    @property
    def favourite(self) -> str:
        """The idea that this model has first on this problem."""
        return f"idea:{digest(str(self._seed))[:6]}"

    async def _reply(self, asked: Request) -> Reply:
        knobs = self.knobs
        rng = self._rng("request", canonical(asked.as_json()))
        latency_s = rng.gammavariate(4, knobs.latency_s / 4)
        tokens = max(1, round(rng.gammavariate(4, knobs.output_tokens / 4)))
        await self._sleep(latency_s)
        input_tokens = estimate_input(asked.messages)
        cut_off = tokens > asked.max_output_tokens
        tokens = min(tokens, asked.max_output_tokens)
        cost = knobs.prices.cost_usd(input_tokens, 0, tokens) if knobs.prices else None
        return Reply(
            text=self._text(asked, rng),
            finish="length" if cut_off else "stop",
            usage=Usage(input_tokens=input_tokens, output_tokens=tokens, cost_usd=cost),
            latency_s=latency_s,
            model="simulated",
        )

    def _text(self, asked: Request, rng: random.Random) -> str:
        malformed = rng.random() < self.knobs.malformed
        if asked.schema is not None:
            text = canonical(specimen(asked.schema.model_json_schema(), rng, self._word))
            return text[: len(text) // 2] if malformed else text
        if malformed:
            return "I would first look at the inner loop, and then decide."
        prompt = asked.messages[-1].content
        shape = SHAPE.search(prompt)
        if shape:
            return canonical(self._filled(json.loads(shape[1]), "", prompt, rng))
        idea = self._idea(prompt, rng)
        behaviour = self._behaviour(idea, prompt, rng)
        variant = f"{rng.getrandbits(24):06x}"
        passes = self._passes(idea, behaviour, rng)
        program = f"behaviour: {behaviour}\n{idea}\n{passes}\nvariant: {variant}\n"
        return f"```text path={self.knobs.path}\n{program}```\n"

    def _filled(self, shape: JSON, field: str, prompt: str, rng: random.Random) -> JSON:
        """Return a value of the same shape: texts become ideas, numbers 0..1, lists several elements."""
        if field == "blame":
            return self._blame(prompt, rng)
        if isinstance(shape, dict):
            return {name: self._filled(part, name, prompt, rng) for name, part in shape.items()}
        if isinstance(shape, list):
            many = rng.randint(*LISTED)
            return [self._filled(part, field, prompt, rng) for part in shape for _ in range(many)]
        if isinstance(shape, str):
            return self._thought(field, prompt, rng)
        return rng.random() if isinstance(shape, float) else shape

    def _thought(self, field: str, prompt: str, rng: random.Random) -> str:
        """Return a thought: after a failure the best of several, for a plan from nothing the model's own idea."""
        if field == "plan" and not IDEA.search(prompt):
            return self._idea("", rng)
        shown = BEHAVIOUR.search(prompt)
        failed = shown is not None and shown[1] != RIGHT
        words = [self._word(field, rng) for _ in range(self.knobs.insight if failed else 1)]
        return max(words, key=self._score)

    def _blame(self, prompt: str, rng: random.Random) -> int:
        """Return the number of the worst of the numbered thoughts in a prompt, by `localisation`; else of any."""
        numbered = NUMBERED.findall(prompt)
        if not numbered or rng.random() >= self.knobs.localisation:
            return rng.randint(1, max(1, len(numbered)))
        return int(min(numbered, key=lambda pair: self._score(pair[1]))[0])

    def _idea(self, prompt: str, rng: random.Random) -> str:
        given = sorted(set(IDEA.findall(prompt)))
        if given:
            return " ".join(given)
        own = rng.random() >= self.knobs.mode_correlation
        return f"idea:{rng.getrandbits(24):06x}" if own else self.favourite

    def _behaviour(self, idea: str, prompt: str, rng: random.Random) -> str:
        knobs, shown = self.knobs, BEHAVIOUR.search(prompt)
        right = self.probability(idea)
        if shown is not None and shown[1] != RIGHT and not _extends(prompt):
            right = self._repaired(right, prompt)
        if rng.random() < right:
            return RIGHT
        shared = rng.random() < knobs.mode_correlation
        return (
            f"wrong-{self._rng('wrong', idea).randrange(knobs.wrong_behaviours)}"
            if shared
            else f"wrong-{rng.getrandbits(24):06x}"
        )

    def _repaired(self, right: float, prompt: str) -> float:
        """Return the chance of a repair: an idea that works needs one step, another one luck and closeness."""
        knobs = self.knobs
        if knobs.solve_probability == 0:
            return 0.0
        passed, tests = passed_of(prompt) if PASSES.search(prompt) else (1, 1)
        lucky = (1 - knobs.polarisation) ** 2 * (passed / tests) ** 2
        return knobs.repair_probability * max(lucky, knobs.polarisation * right)

    def _passes(self, idea: str, behaviour: str, rng: random.Random) -> str:
        tests = self.knobs.tests
        score = NormalDist().cdf(self.quality(idea) + rng.gauss(0, 0.3))
        passed = tests if behaviour == RIGHT else min(tests - 1, int(tests * score))
        return f"passes: {passed}/{tests}"

    def _word(self, field: str, rng: random.Random) -> str:
        token = f"{rng.getrandbits(24):06x}"
        if "test" not in field.lower():
            return f"idea:{token}"
        return f"test:{token}:{'valid' if rng.random() < self.knobs.test_validity else 'invalid'}"

    def _score(self, *parts: str) -> float:
        """Return the standard normal score that belongs to `parts`."""
        known = self._scores.get(parts)
        if known is None:
            bits = int(digest(str(self._seed), "score", *parts)[:12], 16)
            known = self._scores[parts] = NormalDist().inv_cdf((bits + 0.5) / 2**48)
        return known

    def _rng(self, *parts: str) -> random.Random:
        return random.Random(int(digest(str(self._seed), *parts)[:16], 16))


def _extends(prompt: str) -> bool:
    """Say whether a prompt asks for ideas that the program it shows does not have: then that is only a start."""
    program = SHOWN.search(prompt)
    return program is not None and not set(IDEA.findall(prompt)) <= set(IDEA.findall(program[1]))


def behaviour_of(program: str) -> str | None:
    r"""Return what a simulated program does: `right`, a way of being wrong, or None when it is no such program.

    >>> behaviour_of("behaviour: wrong-2\nidea:00ff00\n")
    'wrong-2'
    """
    found = BEHAVIOUR.search(program)
    return found[1] if found else None


def passed_of(program: str) -> tuple[int, int]:
    """Return visible tests passed and visible tests of a simulated program; (0, 1) when it is none."""
    found = PASSES.search(program)
    return (int(found[1]), int(found[2])) if found else (0, 1)
