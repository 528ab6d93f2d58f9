"""Read the public suites: problems, their references and benches, recorded answers, mutants."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.bench import connected_by_name
from proofsmith.domains.verilog.design import Design, Interface, Port
from proofsmith.domains.verilog.equality import Terms
from proofsmith.errors import UsageError

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
        completion=(row.get("code_complete") or {}).get("prompt", ""),
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
