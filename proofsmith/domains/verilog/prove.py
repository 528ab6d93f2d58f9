"""Judge a candidate against a reference design: gates, reading, ports, refutation, proof, bound, simulation."""

import random
import secrets
from dataclasses import replace

from proofsmith.domains.verilog import (
    correspondence,
    definedness,
    engines,
    exercise,
    form,
    formality,
    gate,
    product,
    replay,
    scale,
    tristate,
)
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated, elaborate
from proofsmith.domains.verilog.engines import Decision
from proofsmith.domains.verilog.equality import Terms, meaning, offers, ports_differ
from proofsmith.domains.verilog.finding import TIMED, Finding, verdict
from proofsmith.domains.verilog.gates import circuit_of, reads
from proofsmith.domains.verilog.product import Machine, Setting
from proofsmith.domains.verilog.reference import Reference
from proofsmith.protocols import Sandbox
from proofsmith.tools.notices import tell
from proofsmith.types import JSON, Depth, Status, Verdict

CYCLES = {Depth.QUICK: 2_000, Depth.FULL: 20_000}
AGREEMENT_STEPS, LEAST_BOUND = 200, 20
LEAST_TOGGLED = 0.8
"""Share of the reference's output bits that must take both values for a simulation to count."""
_SEED = 20_000


async def prove(
    reference: Design,
    candidate: Design,
    sandbox: Sandbox,
    depth: Depth = Depth.QUICK,
    *,
    terms: Terms | None = None,
    command: tuple[str, ...] = (),
) -> Verdict:
    """Return how strongly `candidate` is known to equal `reference`.

    Raises:
        SandboxError: a needed tool is missing.
    """
    known = Reference(reference, await elaborate(reference, sandbox))
    return await judged(known, candidate, sandbox, depth, terms=terms, command=command)


async def judged(
    reference: Reference,
    candidate: Design,
    sandbox: Sandbox,
    depth: Depth,
    *,
    terms: Terms | None = None,
    command: tuple[str, ...] = (),
) -> Verdict:
    """Judge a candidate against a reference that was read before."""
    found = Comparison(reference, candidate, sandbox, depth, terms or Terms())
    return verdict(await found.found(), command)


class Comparison:
    """One candidate against one reference."""

    def __init__(
        self, reference: Reference, candidate: Design, sandbox: Sandbox, depth: Depth, terms: Terms
    ) -> None:
        """Compare under `terms`."""
        self._reference = reference
        self._design = candidate
        self._sandbox = sandbox
        self._depth = depth
        self._terms = terms
        self._facts: dict[str, JSON] = {"depth": str(depth)}
        self._rng = random.Random(_SEED)
        self._refused = False

    async def found(self) -> Finding:
        """Climb the ladder, cheap gates first, and stop at the first failure."""
        mine = self._reference.read
        if mine.trouble:
            return self._undecided("reference", f"the reference does not read: {mine.complaint}")
        refused = gate.complaint(self._design, self._reference.design, frozenset())
        if refused and not gate.harmless_to_run(refused):
            return Finding(status=Status.FAILED, check="text gate", complaint=refused)
        self._refused = bool(refused)
        found = await self._read(mine)
        if not refused:
            return found
        # What it computes is told as well, when it differs; it stays refused for what it says.
        facts = found.facts if found.status is Status.FAILED else {}
        return Finding(status=Status.FAILED, check="text gate", complaint=refused, facts=facts)

    async def _read(self, mine: Elaborated) -> Finding:
        """Read the candidate and compare ports, then behaviour."""
        theirs = await self._reference.reading(self._design, self._sandbox)
        if theirs.trouble == "time":
            complaint = f"timed out: the reference is read in {mine.wall_s:.1f} s, this not in {theirs.wall_s:.0f} s"
            self._facts.update(TIMED)
            return self._undecided("read", complaint)
        if theirs.trouble == "limit":
            return self._undecided("read", f"too large or too deep: {theirs.complaint}")
        if theirs.trouble:
            return await self._unread(mine, theirs)
        wrong = ports_differ(mine, theirs, by_name=self._terms.by_name)
        if wrong:
            return Finding(status=Status.FAILED, check="ports", complaint=wrong)
        slip = form.complaint(self._design, theirs)
        if slip:
            return Finding(status=Status.FAILED, check="form", complaint=slip)
        notes: list[JSON] = [f"the reference was {note}" for note in mine.notes if mine.plain]
        notes += [*theirs.notes, *(f"latch inferred for {name}" for name in theirs.latches)]
        if notes:
            self._facts["notes"] = notes
        found = await self._compared(theirs)
        if found.status is not Status.PROVED and "replayed" not in found.facts:
            return found
        doubt = await self._reference.doubt((mine, theirs), self._sandbox)
        return self._undecided("read", doubt) if doubt else found

    async def _unread(self, mine: Elaborated, theirs: Elaborated) -> Finding:
        """Tell a text that is wrong from one that only yosys does not read: the latter runs in Icarus and agrees."""
        wrong = Finding(status=Status.FAILED, check="read", complaint=theirs.complaint)
        if theirs.trouble != "syntax" or not theirs.text:
            return wrong
        setting = self._setting(replace(mine, design=theirs.design, text=theirs.text))
        steps = CYCLES[self._depth]
        played = await replay.random_run(mine, theirs, setting, self._sandbox, self._seed(), steps)
        agrees = not played.complaint
        if played.step is not None or not (agrees or theirs.legal):
            return wrong
        why = f"yosys does not read it ({theirs.complaint}); simulation agrees for {steps} steps"
        return self._undecided("read", why if agrees else f"no tool reads it: {theirs.complaint}")

    def _undecided(self, check: str, why: str) -> Finding:
        return Finding(status=Status.UNDECIDED, check=check, complaint=why, facts=self._facts)

    def _setting(self, theirs: Elaborated) -> Setting:
        mine = self._reference.read
        flops = mine.flops | theirs.flops
        cycles = mine.one_clock and theirs.one_clock and len(flops) <= 1
        step = Step.CYCLE if cycles and not self._clock_is_data(flops) else Step.EVENT
        return Setting(
            step=step,
            reset=mine.interface.reset,
            reset_level=mine.interface.reset_level,
            clocks=tuple(sorted({name for name, _ in flops if name})),
            valid=self._terms.valid,
            latency=self._terms.latency,
        )

    def _clock_is_data(self, flops: frozenset[tuple[str, str]]) -> bool:
        """Say whether the reference computes with its clock; a candidate that does is found by its circuit."""
        circuit = self._reference.circuit(Step.CYCLE)
        return isinstance(circuit, Circuit) and any(reads(circuit, name) for name, _ in flops)

    async def _compared(self, theirs: Elaborated) -> Finding:
        setting = self._setting(theirs)
        mine, its = self._reference.circuit(setting.step), circuit_of(theirs, setting.step)
        computes = isinstance(its, Circuit) and any(reads(its, n) for n in setting.clocks)
        if computes and setting.step is Step.CYCLE:
            setting = replace(setting, step=Step.EVENT)
            mine, its = self._reference.circuit(Step.EVENT), circuit_of(theirs, Step.EVENT)
        informal = formality.lacking(self._reference.read, theirs, refused=self._refused)
        informal = informal or next((c for c in (mine, its) if isinstance(c, str)), "")
        if informal or isinstance(mine, str) or isinstance(its, str):
            if informal == formality.FLOATING and await self._driven(theirs):
                return Finding(status=Status.PROVED, check="equivalence", facts=self._facts)
            self._facts["no proof because"] = informal
            return await self._simulated(theirs, setting, None)
        return await self._proved(theirs, setting, mine, its)

    async def _driven(self, theirs: Elaborated) -> bool:
        """Say whether both designs are proved equal with 0 and with 1 in place of every z."""
        reference = self._reference.read
        for value in (0, 1):
            mine = tristate.driven(reference.design, reference.text, value)
            its = tristate.driven(theirs.design, theirs.text, value)
            same = mine == reference.design and its == theirs.design
            if mine is None or its is None or same:
                return False
            known = Reference(mine, await elaborate(mine, self._sandbox))
            again = Comparison(known, its, self._sandbox, self._depth, self._terms)
            found = await again.found()
            if found.status is not Status.PROVED:
                return False
            said = f"{found.facts['meaning']}; z where the reference is z"
            self._facts.update({**found.facts, "meaning": said})
        return True

    async def _proved(
        self, theirs: Elaborated, setting: Setting, mine: Circuit, its: Circuit
    ) -> Finding:
        if scale.large(mine, its):
            return await self._large(theirs, setting, mine, its)
        always = await self._always_defined(mine, setting)
        machine = product.miter(mine, its, setting, ternary=not always)
        decision = await self._divided(machine, theirs, setting, mine, its, ternary=not always)
        self._facts.update({"engine": decision.engine, "meaning": meaning(setting, always=always)})
        if decision.status == "refuted":
            found = await self._refuted(theirs, setting, machine, decision)
            race = found.status is Status.UNDECIDED and setting.step is Step.EVENT
            return await self._ordered(theirs, setting, mine, its, found) if race else found
        if decision.status == "open":
            self._facts["open"] = list(decision.notes)
            return await self._simulated(theirs, setting, machine)
        if not always:
            gap = await self._gap(theirs, setting, mine, its)
            if gap is not None:
                return gap
        return await self._agreed(theirs, setting)

    async def _large(
        self, theirs: Elaborated, setting: Setting, mine: Circuit, its: Circuit
    ) -> Finding:
        """Judge what is too large for the engines: by corresponding registers, or else by simulation alone."""
        self._facts.update(scale.stated(theirs.design.top, mine, its))
        if self._terms == Terms(by_name=self._terms.by_name):
            pair = ((self._reference.read, theirs), (mine, its))
            sure = await correspondence.between(*pair, setting.step, self._sandbox)
            if sure == mine.outputs.keys():
                self._facts.update({"engine": "register correspondence", "meaning": scale.MEANING})
                return await self._agreed(theirs, setting)
        self._facts["not run"] = scale.NOT_RUN
        tell("registers that do not correspond, or outputs that differ: simulating")
        return await self._simulated(theirs, setting, None)

    async def _ordered(
        self, theirs: Elaborated, setting: Setting, mine: Circuit, its: Circuit, race: Finding
    ) -> Finding:
        """Look for a difference that is no race: one without a clock and another input that change at once."""
        machine = product.miter(mine, its, setting, ternary=True, orderly=True)
        found = await self._decided(machine)
        if found.status != "refuted":
            return race
        self._facts["engine"] = found.engine
        return await self._refuted(theirs, setting, machine, found)

    async def _decided(self, machine: Machine) -> Decision:
        trace = engines.sampled(machine, self._rng)
        if trace:
            return Decision(status="refuted", engine="random simulation", trace=trace)
        return await engines.decide(machine, self._sandbox)

    async def _divided(
        self,
        machine: Machine,
        theirs: Elaborated,
        setting: Setting,
        mine: Circuit,
        its: Circuit,
        *,
        ternary: bool,
    ) -> Decision:
        """Decide `machine`; outputs that agree for every state are proved first and left out of what remains."""
        trace = engines.sampled(machine, self._rng)
        if trace:
            return Decision(status="refuted", engine="random simulation", trace=trace)
        small = engines.enumerated(machine)
        if small is not None:
            return small
        sure = frozenset[str]()
        if self._terms == Terms(by_name=self._terms.by_name):
            pair = ((self._reference.read, theirs), (mine, its))
            sure = await correspondence.between(*pair, setting.step, self._sandbox)
        rest = [name for name in mine.outputs if name not in sure]
        if not rest:
            return Decision(status="proved", engine="register correspondence")
        if not sure:
            return await engines.asked(machine, self._sandbox)
        shown = [replace(c, outputs={n: c.outputs[n] for n in rest}) for c in (mine, its)]
        machine = product.miter(shown[0], shown[1], setting, ternary=ternary)
        return await engines.decide(machine, self._sandbox)

    async def _always_defined(self, mine: Circuit, setting: Setting) -> bool:
        """Say whether the reference is proved to be known in every step after the reset, once for all candidates."""
        key = replace(setting, valid=(), latency=0)
        if key not in self._reference.defined:
            machine = product.definedness(mine, key)
            self._reference.defined[key] = await self._decided(machine)
        return self._reference.defined[key].status == "proved"

    async def _gap(
        self, theirs: Elaborated, setting: Setting, mine: Circuit, its: Circuit
    ) -> Finding | None:
        """Look at what ternary logic called unknown and did not compare; None when nothing speaks against equality."""
        strong = product.miter(mine, its, setting, ternary=False, free=True)
        if not engines.sampled(strong, self._rng):
            found = await engines.decide(strong, self._sandbox, (engines.THOROUGH,))
            if found.status == "proved":
                self._facts["meaning"] = (
                    meaning(setting, always=True) + ", any power-up state of both"
                )
                return None
        seen = definedness.compared(mine, its, setting, self._rng)
        known = any(seen.shares.values()) or (await self._decided(seen.hidden)).status == "refuted"
        if not known:
            return self._undecided("equivalence", "every output of the reference is x for ever")
        self._facts["undefined"] = {n: round(1 - s, 4) for n, s in seen.shares.items() if s < 1}
        for suspect in seen.suspects:
            sure = definedness.settled(mine, seen.machine, suspect, setting)
            if (await engines.decide(sure, self._sandbox)).status == "proved":
                self._facts["engine"] = "power-up sampling"
                found = Decision(status="refuted", engine="power-up sampling", trace=suspect.trace)
                return await self._refuted(theirs, setting, seen.machine, found)
        return None

    async def _refuted(
        self, theirs: Elaborated, setting: Setting, machine: Machine, decision: Decision
    ) -> Finding:
        """Replay a counter-example in Icarus; only what happens there as well is a failure."""
        played = await replay.replayed(
            self._reference.read, theirs, setting, machine, decision.trace, self._sandbox
        )
        self._facts["trace"] = played.table
        if played.step is None:
            return self._undecided(
                "equivalence",
                f"the counter-example of {decision.engine} does not show in simulation{played.complaint}",
            )
        self._facts.update(
            {"step": played.step, **({"replayed": played.note} if played.note else {})}
        )
        if self._depth is Depth.FULL and self._terms == Terms(by_name=self._terms.by_name):
            self._facts["offers"] = await self._offers(theirs, setting)
        facts, wrong = self._facts, played.text
        return Finding(status=Status.FAILED, check="equivalence", complaint=wrong, facts=facts)

    async def _offers(self, theirs: Elaborated, setting: Setting) -> JSON:
        """Return options under which the designs seem equal, for the user to choose."""
        mine = self._reference.read
        runs, shape = await replay.runs(mine, theirs, setting, self._sandbox, _SEED), mine.interface
        return list(offers(runs[0], runs[1], shape, setting)) if len(runs) == 2 else []

    async def _simulated(
        self, theirs: Elaborated, setting: Setting, machine: Machine | None
    ) -> Finding:
        """Compare by random simulation, then by bounded search where there are gates."""
        mine, seed = self._reference.read, self._seed()
        for steps in scale.steps(theirs, CYCLES[self._depth]):
            played = await replay.random_run(mine, theirs, setting, self._sandbox, seed, steps)
            if played.complaint or played.step is not None or played.toggled >= LEAST_TOGGLED:
                break
        self._facts.update({"steps": steps, "trace": played.table})
        if played.complaint:
            return self._undecided("simulation", played.complaint.lstrip(" :;"))
        if played.step is not None:
            facts, wrong = self._facts, played.text
            return Finding(status=Status.FAILED, check="simulation", complaint=wrong, facts=facts)
        if played.toggled < LEAST_TOGGLED:
            share = f"{played.toggled:.0%} of the reference's outputs toggled"
            return self._undecided("simulation", f"{steps} steps agree, but only {share}")
        self._facts["toggled"] = played.toggled
        if machine is not None and machine.latches:
            limit = await engines.bound(machine, self._sandbox)
            if limit.status == "refuted":
                return await self._refuted(theirs, setting, machine, limit)
            self._facts["bound"] = limit.frames
            if limit.notes:
                self._facts["not run"] = list(limit.notes)
            if limit.frames > LEAST_BOUND:
                return Finding(status=Status.BOUNDED, check="bounded search", facts=self._facts)
        run = (mine, theirs.text, setting, seed, steps)
        self._facts.update(await exercise.worth(*run, self._sandbox, self._depth))
        return Finding(status=Status.TESTED, check="simulation", facts=self._facts)

    async def _agreed(self, theirs: Elaborated, setting: Setting) -> Finding:
        """Ask whether simulation sees what was proved: it reads sensitivity lists and races, gates do not."""
        run = (setting, self._sandbox, _SEED, AGREEMENT_STEPS, self._reference.played)
        played = await replay.agreed(self._reference.read, theirs, *run)
        if played.step is not None:
            self._facts["trace"] = played.table
            return self._undecided(
                "equivalence", f"equal as gates, but simulation differs: {played.text}"
            )
        if played.complaint:
            self._facts["not simulated"] = played.complaint.lstrip(" :;")
        return Finding(status=Status.PROVED, check="equivalence", facts=self._facts)

    def _seed(self) -> int:
        return _SEED if self._depth is Depth.QUICK else secrets.randbits(32)
