"""The product machine: a reference and a candidate under the same inputs, and what would show that they differ.

The reference is evaluated in dual rail (may be 1, may be 0), so that x is known as such; the candidate in plain logic,
with any value in every register without an initial one and in every x. Both start with the declared reset.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig, Latch, at
from proofsmith.domains.verilog.circuit import Circuit, Step

RESET_STEPS = {Step.CYCLE: 2, Step.EVENT: 6}
"""How many steps the reset is held before outputs are compared."""
Rails = tuple[int, int]
"""Literals of *may be 1* and *may be 0*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Under which inputs two machines are compared."""

    step: Step
    reset: str = ""
    reset_level: int = 1
    clocks: tuple[str, ...] = ()
    """Clock inputs, which toggle during the reset when a step is an event."""
    valid: tuple[tuple[str, str], ...] = ()
    """(data, valid) pairs of outputs: data counts only while valid is 1."""
    latency: int = 0
    """Outputs of the candidate come this many steps later; the reset then acts at the start alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A sequential graph with properties that must stay 0, and the meaning of its inputs."""

    graph: Aig
    latches: tuple[Latch, ...]
    bad: int
    started: int
    ports: tuple[tuple[str, int] | None, ...]
    """What each input of the graph is: bit of a port, or None for a free value of the candidate."""
    defined: Mapping[str, tuple[int, ...]]
    """For each output bit of the reference: 1 where it is known and compared."""
    powerup: Mapping[int, tuple[str, str]]
    """Inputs, by literal, that are the value at power-up of a register: side (`reference`, `candidate`) and name."""
    zeroed: tuple[str, ...]
    """Registers of the reference without an initial value that start at 0, since any value would do."""
    rest: Mapping[int, int]
    """Inputs, by literal, with the value that random simulation gives them most of the time."""


class Product:
    """Builds machines over one set of input ports."""

    def __init__(self, inputs: Mapping[str, int], setting: Setting, *, sequential: bool) -> None:
        """Make the inputs, `name` to width, and the chain that holds the reset when anything is `sequential`."""
        self.graph = Aig()
        self.latches: list[Latch] = []
        self._setting = setting
        self._ports: dict[int, tuple[str, int]] = {}
        self._powerup: dict[int, tuple[str, str]] = {}
        self._zeroed: list[str] = []
        self._first_done = 0
        self.started = self._started() if sequential and setting.reset else TRUE
        self.inputs = {name: self._port(name, width) for name, width in inputs.items()}

    def _started(self) -> int:
        """Return 1 once the reset was held for its steps."""
        literal = TRUE
        for _ in range(RESET_STEPS[self._setting.step]):
            follows, literal = literal, self.graph.latch()
            self.latches.append(Latch(literal, follows))
        return literal

    def _port(self, name: str, width: int) -> list[int]:
        word = [self.graph.input() for _ in range(width)]
        self._ports.update({bit >> 1: (name, index) for index, bit in enumerate(word)})
        setting, graph = self._setting, self.graph
        if self.started == TRUE:
            return word
        if name == setting.reset:
            forced = TRUE if setting.reset_level else FALSE
            later = forced ^ 1 if setting.latency else word[0]
            return [graph.mux(self.started, later, forced)]
        if name in setting.clocks and setting.step is Step.EVENT:
            toggle = graph.latch()
            self.latches.append(Latch(toggle, toggle ^ 1))
            return [graph.mux(self.started, word[0], toggle)]
        return word

    @property
    def first_done(self) -> int:
        """Literal that is 0 in the very first step and 1 ever after."""
        if not self._first_done:
            self._first_done = self.graph.latch()
            self.latches.append(Latch(self._first_done, TRUE))
        return self._first_done

    def plain(
        self, circuit: Circuit, *, free: bool = True, side: str = "candidate"
    ) -> dict[str, list[int]]:
        """Add a circuit in two-valued logic and return its outputs.

        `free`: registers without an initial value and unknowns may be anything; otherwise they are 0.
        """
        values = {0: FALSE, **self._bound(circuit)}
        states = []
        for register in circuit.registers:
            latch = self.graph.latch()
            value = latch ^ (register.initial or 0)
            if register.initial is None and not free:
                self._zeroed.append(register.name)
            if register.initial is None and free:
                initial = self.graph.input()
                self._powerup[initial] = side, register.name
                value = self.graph.mux(self.first_done, latch, initial)
            values[register.output >> 1] = value ^ (register.output & 1)
            states.append((register, latch))
        self._copy(circuit, values, self.graph.input if free else lambda: FALSE)
        for register, latch in states:
            self.latches.append(Latch(latch, at(values, register.next) ^ (register.initial or 0)))
        return {n: [at(values, bit) for bit in word] for n, word in circuit.outputs.items()}

    def _copy(self, circuit: Circuit, values: dict[int, int], unknown: Callable[[], int]) -> None:
        roots = [bit for word in circuit.outputs.values() for bit in word]
        roots += [register.next for register in circuit.registers]
        for node in circuit.graph.cone(roots):
            if node in values:
                continue
            if node in circuit.unknowns or circuit.graph.left[node] < 0:
                values[node] = unknown()
            else:
                values[node] = self.graph.gate(circuit.graph, node, values)

    def _bound(self, circuit: Circuit) -> dict[int, int]:
        return {
            bit >> 1: mine
            for name, word in circuit.inputs.items()
            for bit, mine in zip(word, self.inputs[name], strict=True)
        }

    def rails(self, circuit: Circuit) -> dict[str, list[Rails]]:
        """Add a circuit in ternary logic and return its outputs in dual rail."""
        graph = self.graph
        values: dict[int, Rails] = {0: (FALSE, TRUE)}
        values.update({node: (bit, bit ^ 1) for node, bit in self._bound(circuit).items()})
        states = []
        for register in circuit.registers:
            latch = (graph.latch(), graph.latch())
            flip = (register.initial != 0, register.initial != 1)
            values[register.output >> 1] = (latch[0] ^ flip[0], latch[1] ^ flip[1])
            states.append((register, latch, flip))
        left, right = circuit.graph.left, circuit.graph.right
        roots = [bit for word in circuit.outputs.values() for bit in word]
        for node in circuit.graph.cone([*roots, *(r.next for r in circuit.registers)]):
            if node in values:
                continue
            if left[node] < 0:
                values[node] = (TRUE, TRUE)
                continue
            (ah, al), (bh, bl) = _rail(values, left[node]), _rail(values, right[node])
            values[node] = (graph.and_(ah, bh), graph.or_(al, bl))
        for register, latch, flip in states:
            follows = _rail(values, register.next)
            self.latches += [
                Latch(one, rail ^ inverted)
                for one, rail, inverted in zip(latch, follows, flip, strict=True)
            ]
        return {n: [_rail(values, bit) for bit in word] for n, word in circuit.outputs.items()}

    def delayed(self, rails: list[Rails], steps: int) -> list[Rails]:
        """Return the same signals `steps` later, unknown before."""
        for _ in range(steps):
            later = []
            for may_1, may_0 in rails:
                pair = (self.graph.latch(), self.graph.latch())
                self.latches += [Latch(pair[0], may_1 ^ 1), Latch(pair[1], may_0 ^ 1)]
                later.append((pair[0] ^ 1, pair[1] ^ 1))
            rails = later
        return rails

    def orderly(self) -> int:
        """Return 1 as long as no clock changed together with another input after the reset."""
        changed = {True: FALSE, False: FALSE}
        for name, word in self.inputs.items():
            for bit in word:
                before = self.graph.latch()
                self.latches.append(Latch(before, bit))
                of_clock = name in self._setting.clocks
                moved = self.graph.xor(bit, before)
                changed[of_clock] = self.graph.or_(changed[of_clock], moved)
        both = self.graph.all([changed[True], changed[False], self.started, self.first_done])
        was = self.graph.latch()
        disorder = self.graph.or_(was, both)
        self.latches.append(Latch(was, disorder))
        return disorder ^ 1

    def machine(self, bad: int, defined: Mapping[str, tuple[int, ...]]) -> Machine:
        """Return what was built, with `bad` guarded by the end of the reset."""
        return Machine(
            graph=self.graph,
            latches=tuple(self.latches),
            bad=self.graph.and_(self.started, bad),
            started=self.started,
            ports=tuple(self._ports.get(literal >> 1) for literal in self.graph.inputs),
            defined=defined,
            powerup=dict(self._powerup),
            zeroed=tuple(self._zeroed),
            rest=self._rest(),
        )

    def _rest(self) -> dict[int, int]:
        quiet = [bit for bit, port in self._ports.items() if port[0] == self._setting.reset]
        return {2 * bit: 1 - self._setting.reset_level for bit in quiet}


def miter(
    reference: Circuit,
    candidate: Circuit,
    setting: Setting,
    *,
    ternary: bool,
    free: bool = False,
    orderly: bool = False,
) -> Machine:
    """Return the machine that is bad where a defined output bit of the reference differs from the candidate's.

    `ternary` False takes the reference in plain logic: with any value of its unknowns when `free`, else with 0 for
    them, which is the same where it was proved to be always defined. `orderly`: until a clock changes together with
    another input, which simulators take in either order.
    """
    made = Product(_widths(reference), setting, sequential=_sequential(reference, candidate))
    if ternary:
        expected = made.rails(reference)
    else:
        plain = made.plain(reference, free=free, side="reference")
        expected = {n: [(bit, bit ^ 1) for bit in word] for n, word in plain.items()}
    if setting.latency:
        expected = {n: made.delayed(word, setting.latency) for n, word in expected.items()}
    got = made.plain(candidate)
    graph, wrong = made.graph, []
    defined: dict[str, tuple[int, ...]] = {}
    qualifier = dict(setting.valid)
    for name, word in expected.items():
        known = tuple(graph.xor(may_1, may_0) for may_1, may_0 in word)
        defined[name] = known
        counts = TRUE
        if name in qualifier:
            # Unknown validity counts as valid: data must then agree.
            counts = graph.any(may_1 for may_1, _ in expected[qualifier[name]])
        for (may_1, _), sure, bit in zip(word, known, got[name], strict=True):
            differs = graph.and_(sure, graph.xor(may_1, bit))
            wrong.append(graph.and_(counts, differs))
    before = made.orderly() if orderly else TRUE
    return made.machine(graph.and_(before, graph.any(wrong)), defined)


def definedness(reference: Circuit, setting: Setting) -> Machine:
    """Return the machine that is bad where an output bit of the reference is unknown after the reset."""
    made = Product(_widths(reference), setting, sequential=_sequential(reference))
    graph = made.graph
    defined = {
        name: tuple(graph.xor(may_1, may_0) for may_1, may_0 in word)
        for name, word in made.rails(reference).items()
    }
    return made.machine(graph.all(b for word in defined.values() for b in word) ^ 1, defined)


def _sequential(*circuits: Circuit) -> bool:
    return any(circuit.registers for circuit in circuits)


def _widths(circuit: Circuit) -> dict[str, int]:
    return {name: len(word) for name, word in circuit.inputs.items()}


def _rail(values: Mapping[int, Rails], literal: int) -> Rails:
    may_1, may_0 = values[literal >> 1]
    return (may_0, may_1) if literal & 1 else (may_1, may_0)
