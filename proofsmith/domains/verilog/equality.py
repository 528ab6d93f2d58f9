"""In which sense two designs are equal: ports, qualifiers, latency; which weaker sense would explain a difference."""

from dataclasses import dataclass, replace

from proofsmith.domains.verilog import product, source, stimulus
from proofsmith.domains.verilog.bench import connected_by_name
from proofsmith.domains.verilog.circuit import Step
from proofsmith.domains.verilog.design import Interface
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.options import listed
from proofsmith.domains.verilog.product import Setting
from proofsmith.domains.verilog.stimulus import Simulated
from proofsmith.types import Problem

_FLAGS = ("valid", "vld", "done", "ready", "rdy", "en", "enable")
MOST_LATENCY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the user allows beyond strict equality."""

    valid: tuple[tuple[str, str], ...] = ()
    latency: int = 0
    by_name: bool = False
    """Whoever instantiates the design connects its ports by name, so their order does not matter."""


def terms_of(problem: Problem) -> Terms:
    """Return what the user allows beyond strict equality."""
    pairs = (item.partition("=") for item in listed(problem.options.get("valid")))
    latency = problem.options.get("latency")
    benches = source.checked(problem, source.BENCH).values()
    top = str(problem.options["top"])
    return Terms(
        by_name=any(connected_by_name(text, top) for text in benches),
        valid=tuple((data, flag) for data, _, flag in pairs),
        latency=latency if isinstance(latency, int) else 0,
    )


def meaning(setting: Setting, *, always: bool) -> str:
    """Say in which sense two designs are equal.

    >>> meaning(Setting(step=Step.CYCLE, reset="rst_n", reset_level=0), always=True)
    'in every cycle for every input, from reset rst_n=0 for 2 cycles on, any power-up state, any later reset'
    """
    unit = "cycle" if setting.step is Step.CYCLE else "event"
    words = [f"in every {unit} for every input"]
    if setting.reset:
        held = product.RESET_STEPS[setting.step]
        words.append(f"from reset {setting.reset}={setting.reset_level} for {held} {unit}s on")
    words.append("any power-up state" if setting.reset else "from power-up on, any state of it")
    if setting.reset:
        words.append("no later reset" if setting.latency else "any later reset")
    if not always:
        words.append("wherever the reference is defined")
    words += [f"{data} only while {flag}" for data, flag in setting.valid]
    if setting.latency:
        words.append(f"latency: +{setting.latency} {unit}s")
    return ", ".join(words)


def ports_differ(
    mine: Elaborated, theirs: Elaborated, *, by_name: bool = False, widths: bool = True
) -> str:
    """Return how the ports of a candidate differ from the reference's, `widths` included; empty when they do not."""
    wanted, got = mine.interface.ports, theirs.interface.ports
    if not widths:
        wanted, got = (tuple(replace(p, width=1) for p in ports) for ports in (wanted, got))
    if wanted == got:
        return ""
    missing = [str(p) for p in wanted if p not in got]
    extra = [str(p) for p in got if p not in wanted]
    if missing or extra:
        return f"wanted {', '.join(missing) or 'nothing more'}; got {', '.join(extra) or 'nothing'}"
    if by_name:
        return ""
    return f"the ports stand in another order: wanted {', '.join(p.name for p in wanted)}"


def offers(
    reference: Simulated, candidate: Simulated, interface: Interface, setting: Setting
) -> tuple[str, ...]:
    """Return options under which two simulations would agree: data only while a flag is 1, or a constant latency.

    They are offers and no verdicts: each must still be proved.
    """
    found = []
    for flag in _flags(reference, candidate, interface):
        pairs = [(p.name, flag) for p in interface.outputs if p.name != flag]
        fewest = [
            pair for pair in pairs if not _agree(reference, candidate, interface, setting, pair[0])
        ]
        qualified = replace(setting, valid=tuple(fewest))
        if (
            fewest
            and stimulus.difference(reference, candidate, interface, qualified, strict=False)
            is None
        ):
            found.append(" ".join(f"--valid {data}={valid}" for data, valid in fewest))
    for latency in range(1, MOST_LATENCY + 1):
        late = replace(setting, latency=latency)
        if stimulus.difference(reference, candidate, interface, late, strict=False) is None:
            found.append(f"--latency {latency}")
            break
    return tuple(found)


def _flags(reference: Simulated, candidate: Simulated, interface: Interface) -> list[str]:
    """Return one-bit outputs that are called like a flag, always agree and take both values."""
    found = []
    for index, port in enumerate(interface.outputs):
        named = any(word in port.name.lower() for word in _FLAGS)
        mine = [step[index] for step in reference.steps]
        if port.width == 1 and named and {"0", "1"} <= set(mine):
            pairs = zip(mine, (step[index] for step in candidate.steps), strict=True)
            found += [port.name] if all(a == b or a == "x" for a, b in pairs) else []
    return found


def _agree(
    reference: Simulated,
    candidate: Simulated,
    interface: Interface,
    setting: Setting,
    output: str,
) -> bool:
    index = [p.name for p in interface.outputs].index(output)
    shown = Interface(ports=(interface.outputs[index],))
    sides = [
        Simulated(steps=tuple((step[index],) for step in s.steps)) for s in (reference, candidate)
    ]
    return (
        stimulus.difference(sides[0], sides[1], shown, replace(setting, valid=()), strict=False)
        is None
    )
