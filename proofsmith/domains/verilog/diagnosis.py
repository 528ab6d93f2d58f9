"""Say what was wrong with a design that was repaired: in one sentence on its timing, and as a waveform."""

from collections.abc import Mapping

from proofsmith.domains.verilog import prove, timing_graph, timing_picture
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.equality import Terms
from proofsmith.domains.verilog.pictures import waveform
from proofsmith.domains.verilog.reference import Reference
from proofsmith.domains.verilog.repair.search import timings
from proofsmith.domains.verilog.simulation import Circuit
from proofsmith.domains.verilog.timing_graph import Fault
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Depth, Status


async def diagnosed(
    reference: Reference, broken: Design, sandbox: Sandbox, terms: Terms
) -> dict[str, JSON]:
    """Return facts about a broken design: `what was wrong`, `timing` and `pictures`; nothing when none is known."""
    found = await prove.Comparison(reference, broken, sandbox, Depth.QUICK, terms).found()
    if found.status is not Status.FAILED:
        return {}
    facts: dict[str, JSON] = {"what was wrong": found.complaint.partition("\n")[0]}
    both = await timings(reference.read, broken, sandbox)
    shape = reference.read.interface
    faults = tuple(timing_graph.faults(*both, shape.reset, shape.reset_level)) if both else ()
    if faults:
        facts["timing"] = [fault.text for fault in faults]
    picture = drawn(found.facts.get("trace"), [fault.text for fault in faults])
    graph = _graph(both, faults) if both else None
    if picture or graph:
        facts["pictures"] = [p for p in (picture, graph) if p]
    return facts


def _graph(both: tuple[Circuit, Circuit], faults: tuple[Fault, ...]) -> dict[str, JSON] | None:
    expected, found = (timing_graph.distances(circuit) for circuit in both)
    return timing_picture.drawn(expected, found, faults)


def drawn(table: JSON, notes: list[str]) -> dict[str, JSON]:
    """Draw a counter-example, inputs first and then the outputs that differ; empty without one.

    >>> drawn({"inputs": {"a": ["1"]}, "reference": {"y": ["0"]}, "candidate": {"y": ["1"]}}, [])["title"]
    'Waveform of the original'
    """
    if not isinstance(table, Mapping):
        return {}
    sides = [table.get(name) for name in ("inputs", "reference", "candidate")]
    inputs, wanted, got = (
        {k: _words(v) for k, v in s.items()} if isinstance(s, Mapping) else {} for s in sides
    )
    rows = dict(inputs)
    for name in wanted:
        if wanted[name] != got.get(name):
            rows |= {f"{name} wanted": wanted[name], f"{name} got": got.get(name, [])}
    if len(rows) == len(inputs):
        return {}
    last = max(len(values) for values in rows.values()) - 1
    note = "; ".join(notes[:3]) or "The marked step is the first in which an output differs."
    return {"title": "Waveform of the original", "note": note, "svg": waveform(rows, last)}


def _words(values: JSON) -> list[int | str]:
    return [str(value) for value in values] if isinstance(values, list) else []
