"""A seeded stand-in for a model with known statistics, so that claims about search can be tested without one.

It simulates one problem. Its programs are three lines of text that name their behaviour, which a simulated domain
reads back with `behaviour_of`; its structured replies mint ideas (`idea:1f3a9c`) and tests (`test:9b2e41:valid`).
A prompt that quotes ideas gets a program made from exactly these; one that quotes none gets the model's own idea.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proofsmith.model import structured
from proofsmith.model.accounting import Prices, estimate_input
from proofsmith.model.specimen import specimen
from proofsmith.tools.request import Answering, Request
from proofsmith.types import Reply, Usage, canonical, digest

IDEA = re.compile(r"idea:[0-9a-f]{6}")
BEHAVIOUR = re.compile(r"^behaviour: (\S+)$", re.M)
RIGHT = "right"
PROBABILITIES = (
    "solve_probability",
    "polarisation",
    "mode_correlation",
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
    """Correlation of two programs of one idea (beta-binomial): 0 = ideas do not matter, 1 = an idea always or
    never works."""
    mode_correlation: float = 0.6
    """Chance that a program without given ideas uses the model's favourite idea, and that a wrong program
    behaves as the other wrong programs of its idea."""
    repair_probability: float = 0.2
    """Chance that a program shown back as wrong comes back right."""
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

    async def answer(self, asked: Request) -> Reply:
        """Return a program, or JSON of the schema; raises ModelError when structured output stays malformed."""
        return await structured.complete(self._reply, asked)

    def probability(self, idea: str) -> float:
        """Return the chance that a program made from `idea` is right."""
        knobs = self.knobs
        mean, rho = knobs.solve_probability, knobs.polarisation
        rng = self._rng("idea", idea)
        if rho == 0 or mean in (0, 1):
            return mean
        if rho == 1:
            return float(rng.random() < mean)
        weight = (1 - rho) / rho
        return rng.betavariate(mean * weight, (1 - mean) * weight)

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
        idea = self._idea(prompt, rng)
        behaviour = self._behaviour(idea, prompt, rng)
        variant = f"{rng.getrandbits(24):06x}"
        program = f"behaviour: {behaviour}\n{idea}\nvariant: {variant}\n"
        return f"```text path={self.knobs.path}\n{program}```\n"

    def _idea(self, prompt: str, rng: random.Random) -> str:
        given = sorted(set(IDEA.findall(prompt)))
        if given:
            return " ".join(given)
        own = rng.random() >= self.knobs.mode_correlation
        return f"idea:{rng.getrandbits(24):06x}" if own else f"idea:{digest(str(self._seed))[:6]}"

    def _behaviour(self, idea: str, prompt: str, rng: random.Random) -> str:
        shown = BEHAVIOUR.search(prompt)
        repair = shown is not None and shown[1] != RIGHT
        right = self.knobs.repair_probability if repair else self.probability(idea)
        if rng.random() < right:
            return RIGHT
        shared = rng.random() < self.knobs.mode_correlation
        return (
            f"wrong-{self._rng('wrong', idea).randrange(self.knobs.wrong_behaviours)}"
            if shared
            else f"wrong-{rng.getrandbits(24):06x}"
        )

    def _word(self, field: str, rng: random.Random) -> str:
        token = f"{rng.getrandbits(24):06x}"
        if "test" not in field.lower():
            return f"idea:{token}"
        return f"test:{token}:{'valid' if rng.random() < self.knobs.test_validity else 'invalid'}"

    def _rng(self, *parts: str) -> random.Random:
        return random.Random(digest(str(self._seed), *parts))


def behaviour_of(program: str) -> str | None:
    r"""Return what a simulated program does: `right`, a way of being wrong, or None when it is no such program.

    >>> behaviour_of("behaviour: wrong-2\nidea:00ff00\n")
    'wrong-2'
    """
    found = BEHAVIOUR.search(program)
    return found[1] if found else None
