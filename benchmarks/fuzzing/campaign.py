"""Run a parser against mutated texts: findings, slowest input, branch coverage, the planted bug."""

import importlib
import importlib.util
import json
import random
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import coverage

from benchmarks.fuzzing import checks, readers
from benchmarks.fuzzing.mutator import mutated
from proofsmith.errors import ProofsmithError

ROOT = Path(__file__).parents[2]
_FOLDER = Path(__file__).parent
CORPORA = {"corpus.toml": checks, "readers.toml": readers}
"""Each with the module whose functions judge its parsers."""


@dataclass(frozen=True, slots=True)
class Parser:
    """A parser, what it is fed and what is planted in a copy of it."""

    name: str
    module: str
    seeds: tuple[str, ...]
    words: tuple[str, ...]
    sound: str
    bug: str
    functions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    tree: str = ""
    share: float = 1.0
    judges: ModuleType = checks

    @property
    def check(self) -> Callable[[ModuleType, str, random.Random], None]:
        """The function that judges this parser."""
        found: Callable[[ModuleType, str, random.Random], None] = getattr(self.judges, self.name)
        return found

    def source(self) -> Path:
        """Path of the module's file."""
        return ROOT / Path(*self.module.split(".")).with_suffix(".py")

    def planted(self) -> ModuleType:
        """Return a copy of the module with the bug; the package itself stays as it is."""
        text = self.source().read_text(encoding="utf-8")
        if text.count(self.sound) != 1:
            raise ValueError(f"{self.name}: the sound text occurs {text.count(self.sound)} times")
        name = f"planted_{self.name}"
        spec = importlib.util.spec_from_loader(name, loader=None)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        module.__file__ = str(self.source())  # beside which it looks for its data
        sys.modules[name] = module  # dataclasses look their module up
        exec(compile(text.replace(self.sound, self.bug), name, "exec"), module.__dict__)
        return module


@dataclass(slots=True)
class Outcome:
    """What a run of inputs showed."""

    inputs: int = 0
    accepted: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    findings: dict[str, str] = field(default_factory=dict)
    """Kind and place of a failure, with the first input that showed it."""


def parsers() -> list[Parser]:
    """Read the corpora."""
    return [
        _parser(name, row, judges)
        for corpus, judges in CORPORA.items()
        for name, row in tomllib.loads(_FOLDER.joinpath(corpus).read_text("utf-8")).items()
    ]


def _parser(name: str, row: Mapping[str, Any], judges: ModuleType) -> Parser:
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    one = Parser(name=name, judges=judges, **{**row, **lists})
    texts = [p.read_text(encoding="utf-8") for f in one.files for p in sorted(ROOT.glob(f))]
    return replace(one, seeds=(*one.seeds, *texts))


def attack(
    parser: Parser, module: ModuleType, inputs: int, seed: int, *, until_found: bool = False
) -> Outcome:
    """Feed `inputs` texts to the parser in `module`."""
    rng = random.Random(f"{seed}:{parser.name}")
    check, out = parser.check, Outcome()
    for _ in range(inputs):
        text = mutated(rng, parser.seeds, parser.words, tree=parser.tree)
        started = time.process_time()
        out.inputs += 1
        try:
            check(module, text, rng)
            out.accepted += 1
        except ProofsmithError:
            pass
        except Exception as error:  # whatever it is, it is a finding
            out.findings.setdefault(_place(error), text)
            if until_found:
                return out
        spent = time.process_time() - started
        if spent > out.slowest_s:
            out.slowest_s, out.slowest = spent, text
    return out


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else "?"
    return f"{type(error).__name__} at {where}: {str(error)[:120]!r}"


def branch_coverage(parser: Parser, inputs: int, seed: int) -> tuple[float, list[str]]:
    """Return the share of the parser's branches that `inputs` texts take, and what is missed."""
    file = str(parser.source())
    measured = coverage.Coverage(branch=True, include=[file], data_file=None)
    module = importlib.import_module(parser.module)
    measured.start()
    try:
        attack(parser, module, inputs, seed)
    finally:
        measured.stop()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(path))
        (report,) = json.loads(path.read_text())["files"].values()
    regions = report["functions"]
    wanted = parser.functions or [name for name in regions if name]
    taken = sum(regions[name]["summary"]["covered_branches"] for name in wanted)
    every = sum(regions[name]["summary"]["num_branches"] for name in wanted)
    missed = [f"{a}->{b}" for name in wanted for a, b in regions[name]["missing_branches"]]
    return taken / every if every else 1.0, missed
