"""Read the public suites: problems, their references and benches, recorded answers, mutants; grade and score."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.bench import connected_by_name
from proofsmith.domains.verilog.design import Design, Interface, Port
from proofsmith.domains.verilog.equality import Terms
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.specification import Specification
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Goal, Problem, Report, Status, Verdict, digest

FILES = {"verilogeval": "verilogeval_v2.jsonl", "rtllm": "rtllm_v2.jsonl"}
ANSWERS = "replay_candidates.jsonl"
MUTANTS = "hdlbits_mutants.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One problem of a suite."""

    id: str
    text: str
    """The task in words."""
    completion: str
    """The same as a text to complete; empty where the suite has none."""
    reference: Design
    top: str
    """What an answer's module is called; the reference may have another name."""
    interface: Interface | None
    bench: str
    bench_top: str
    bench_files: Mapping[str, str]

    @property
    def terms(self) -> Terms:
        """What the bench leaves open: the order of ports that it connects by name."""
        return Terms(by_name=connected_by_name(self.bench, self.top))

    def answer(self, code: str) -> Design:
        """Return an answer as a design."""
        return Design(files={f"{self.top}.sv": code}, top=self.top)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A recorded answer or mutant, with what others found out about it."""

    problem: str
    number: int
    code: str
    bench: str
    """What the suite's own bench said: pass or survives, R or killed, C or compile error, T."""
    label: str
    """EQ, NEQ, UNK, port_mismatch, gate_read_fail, gold_read_fail, or empty."""


def entries(root: Path) -> dict[str, Entry]:
    """Return all problems below `root` by id; raises UsageError when the data are missing."""
    return {row["id"]: _entry(row) for name in FILES.values() for row in _rows(root / name)}


def answers(root: Path, name: str = ANSWERS) -> list[Answer]:
    """Return the recorded answers, or the mutants when `name` says so."""
    return [
        Answer(
            problem=row["id"],
            number=int(row["sample"] if "sample" in row else row["mutant"]),
            code=row["code"],
            bench=row["icarus11"],
            label=row["formal"] or "",
        )
        for row in _rows(root / name)
    ]


def pass_at(k: int, n: int, right: int) -> float:
    """Return the unbiased estimate of pass@k from `right` of `n` samples.

    >>> pass_at(1, 5, 2)
    0.4
    """
    return 1.0 - comb(n - right, k) / comb(n, k)


class VerilogSuite:
    """VerilogEval v2 and RTLLM 2.0, graded by equivalence with the hidden reference."""

    name = "verilog"
    revision = "verilogeval-v2, rtllm-2.0"

    def __init__(self, *, completion: bool = False) -> None:
        """`completion` shows VerilogEval's code-complete prompts instead of its specifications."""
        self._completion = completion
        self._known: dict[str, Entry] = {}

    def problems(self, root: Path) -> Iterator[Problem]:
        """Yield the problems; neither bench nor reference is in them."""
        self._known = entries(root)
        for entry in self._known.values():
            if entry.interface is not None:
                yield self._problem(entry, entry.interface)

    def _problem(self, entry: Entry, interface: Interface) -> Problem:
        text = entry.completion if self._completion and entry.completion else entry.text
        skeleton = Specification(text=text, top=entry.top, interface=interface).skeleton()
        return Problem(
            id=digest(entry.id, text)[:16],
            domain="verilog",
            goal=Goal.SOLVE,
            text=text,
            files={f"{entry.top}.sv": skeleton},
            editable=(f"{entry.top}.sv",),
            options={
                "top": entry.top,
                "suite_id": entry.id,
                "interface": interface.dump(),
                "specification": True,
            },
            required=Status.TESTED,
        )

    async def grade(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Verdict:
        """Judge an answer against the hidden reference."""
        entry = self._known[str(problem.options["suite_id"])]
        design = Design(files=candidate.files, top=entry.top)
        return await prove(entry.reference, design, sandbox, Depth.FULL, terms=entry.terms)

    def score(self, reports: Sequence[Report]) -> Mapping[str, float]:
        """Return the share of problems solved, by the level of evidence."""
        total = max(1, len(reports))
        found = [r.best.verdict.status for r in reports if r.best is not None]
        return {
            f"solved:{level}": sum(s.at_least(level) for s in found) / total
            for level in (Status.TESTED, Status.BOUNDED, Status.PROVED)
        }


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except OSError:
        raise UsageError(f"no {path.name} in {path.parent}", hint="name the data folder") from None


def _entry(row: Mapping[str, Any]) -> Entry:
    shape = row["interface"]
    reset = (shape or {}).get("reset") or ("", "1")
    top = row["top"]
    return Entry(
        id=row["id"],
        text=row["prompt"],
        completion=row.get("code_complete") or "",
        reference=Design(
            files={"reference.sv": row["ref"], **(row.get("tb_files") or {})},
            top=row["ref_top"],
            reset=reset[0],
            reset_level=int(reset[1]),
        ),
        top=top,
        interface=_interface(shape) if shape else None,
        bench=row["testbench"],
        bench_top=row.get("tb_top") or lexicon.tops(lexicon.bare(row["testbench"]))[-1],
        bench_files=row.get("tb_files") or {},
    )


def _interface(shape: Mapping[str, Any]) -> Interface:
    reset = shape["reset"] or ("", "1")
    return Interface(
        ports=tuple(Port(p["name"], p["dir"], p["width"]) for p in shape["ports"]),
        clocks=tuple((c[0], "posedge" if c[1] == "1" else "negedge") for c in shape["clocks"]),
        reset=reset[0],
        reset_level=int(reset[1]),
    )
