"""Busy Beaver problems of any size and seed, each with its known answer: a small machine, and a claim about its run.

The family of problems is that of "Lean Meets Theoretical Computer Science" (2025); the rows and the model of the
machine are our own.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.lean.endless import repetition
from proofsmith.domains.lean.machines import Tape, table

KINDS = ("steps", "halts", "ones", "broken", "runs")
LONGEST_STEPS = 400
HALTING_STATE = 99
_TRIES = 10_000

MODEL = """\
inductive Dir where | L | R
structure TM where
  n : Nat
  step : Nat → Nat → Option (Nat × Dir × Nat)
structure Cfg where
  q : Nat
  left : List Nat
  head : Nat
  right : List Nat
def Cfg.next (m : TM) (c : Cfg) : Option Cfg :=
  match m.step c.q c.head with
  | none => none
  | some (w, .R, q) => some (match c.right with
    | [] => ⟨q, w :: c.left, 0, []⟩
    | h :: t => ⟨q, w :: c.left, h, t⟩)
  | some (w, .L, q) => some (match c.left with
    | [] => ⟨q, [], 0, w :: c.right⟩
    | h :: t => ⟨q, t, h, w :: c.right⟩)
def run (m : TM) : Nat → Cfg → Cfg
  | 0, c => c
  | k + 1, c => match c.next m with
    | none => c
    | some d => run m k d
def halted (m : TM) (c : Cfg) : Bool := (m.step c.q c.head).isNone
def ones (c : Cfg) : Nat :=
  (c.left.filter (· == 1)).length + (c.right.filter (· == 1)).length + (if c.head == 1 then 1 else 0)
def start : Cfg := ⟨0, [], 0, []⟩
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineProblem:
    """A claim about the run of a two-symbol machine from a blank tape."""

    name: str
    prelude: str
    """Model of the machine, and the machine `m` itself."""
    statement: str
    """What follows `theorem NAME` in Lean."""
    truth: bool
    kind: str
    steps: int
    """After how many steps the machine halts; 0 when it never does."""
    ones: int
    """Ones on the tape then."""


def problems(count: int, *, seed: int, states: int = 3, least: int = 2) -> Iterator[MachineProblem]:
    """Yield `count` problems about machines, one kind in five of which never halts; equal arguments, equal problems.

    Args:
        count: how many.
        seed: of all random choices.
        states: of every machine, at least 1.
        least: steps that every machine that halts takes at least, at most LONGEST_STEPS; raises ValueError when random
            machines of that size hardly ever run so long.
    """
    rng = random.Random(f"{seed} {states} {least}")
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        made = _running(rng, states) if kind == "runs" else _halting(rng, states, least)
        machine, steps, tape = made
        yield MachineProblem(
            name=f"bb_{states}_{seed}_{number}",
            prelude=MODEL + machine,
            statement=_claim(rng, kind, steps, tape.ones()),
            truth=kind != "broken",
            kind=kind,
            steps=steps,
            ones=tape.ones(),
        )


def _claim(rng: random.Random, kind: str, steps: int, ones: int) -> str:
    if kind == "steps":
        after = f"halted m (run m {steps} start) = true"
        return f": {after} ∧ halted m (run m {steps - 1} start) = false"
    if kind == "runs":
        return "(k : Nat) : halted m (run m k start) = false"
    if kind == "halts":
        return ": ∃ k, halted m (run m k start) = true"
    told = ones if kind == "ones" else ones + rng.choice((1, 2, 3))
    return f": ones (run m {steps} start) = {told}"


def _halting(rng: random.Random, states: int, least: int) -> tuple[str, int, Tape]:
    """Return a machine that halts after `least` to LONGEST_STEPS steps, its steps and its tape then."""
    for _ in range(_TRIES):
        machine = _machine(rng, states)
        rules, tape = table(machine), Tape()
        steps = 0
        while steps <= LONGEST_STEPS and tape.step(rules):
            steps += 1
        if least <= steps <= LONGEST_STEPS:
            return machine, steps, tape
    raise ValueError(f"no machine of {states} states found that takes {least} steps and halts")


def _running(rng: random.Random, states: int) -> tuple[str, int, Tape]:
    """Return a machine that provably repeats itself for ever."""
    while True:
        machine = _machine(rng, states)
        if repetition(machine) is not None:
            return machine, 0, Tape()


def _machine(rng: random.Random, states: int) -> str:
    """Write a random transition table; one of its rows halts."""
    places = [(state, symbol) for state in range(states) for symbol in (0, 1)]
    halting = rng.choice(places)
    rows = []
    for state, symbol in places:
        to = HALTING_STATE if (state, symbol) == halting else rng.randrange(states)
        write = 1 if to == HALTING_STATE else rng.randrange(2)
        rows.append(f"  | {state}, {symbol} => some ({write}, .{rng.choice('LR')}, {to})")
    body = "\n".join(rows)
    return f"def m : TM := ⟨{states}, fun q s => match q, s with\n{body}\n  | _, _ => none⟩\n"
