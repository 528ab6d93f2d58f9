"""Ask the verdict cache by what Verilog and SQL candidates become, as a search does, for variants and mutants.

Part of `python -m benchmarks.memory`. Beside what the text form is asked, operands that commute and statements
that do not touch are exchanged: the text's normal form keeps those apart, what the text becomes does not. A mutant that
is served all the same is put to another judge: simulation of its text beside the original's.
"""

import asyncio
import random
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.variants import mutants, reformatted, renamed, reordered, rows
from proofsmith.domains.sql import source
from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.design import Interface
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.source import design_of
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.memory.cache import VerdictCache
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Evidence, Goal, Problem, Status, Verdict

EVENTS = 4000
"""Changes of the clock, or draws of the inputs, under which a mutant that was served is simulated."""
MUTANTS = 12
"""One-token mutants asked of each text."""
VERDICT = Verdict(
    status=Status.TESTED,
    evidence=(Evidence(check="c", status=Status.TESTED, command=("true",)),),
)
_COMMUTES = {
    ".v": r"(?<=[=(]) *\b([a-zA-Z]\w*) (&|\||\^|==|!=|&&|\|\|) ([a-zA-Z]\w*)(?=\s*[;)])",
    ".sql": r"(?<=AND )([a-z]\w*) (=|<>) ([a-z]\w*)(?=\n)",
}
_STATEMENTS = {
    ".v": (
        r"^[ \t]*(\w+) *<= *[^;=<]*;[ \t]*\n",
        r"^[ \t]*assign (\w+) *= *[^;]*;[ \t]*\n",
    ),
    ".sql": (r"^[ \t]*AND \w+ (?:=|<>|<|>|<=|>=) (?:\w+|'[^'\n]*')[ \t]*\n",),
}


def commuted(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` with the operands of one symmetric operator exchanged."""
    found = list(re.finditer(_COMMUTES[Path(path).suffix], text))
    if not found:
        return None
    match = rng.choice(found)
    return f"{text[: match.start()]} {match[3]} {match[2]} {match[1]}{text[match.end() :]}"


def exchanged(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` with two neighbouring conditions, or assignments to different signals, exchanged."""
    pairs = []
    for pattern in _STATEMENTS[Path(path).suffix]:
        lines = list(re.finditer(pattern, text, re.M))
        for one, two in zip(lines, lines[1:], strict=False):
            if one.end() == two.start() and (not one.groups() or one[1] != two[1]):
                pairs.append((one, two))
    if not pairs:
        return None
    one, two = rng.choice(pairs)
    return text[: one.start()] + two[0] + one[0] + text[two.end() :]


MAKERS = {
    "rename": renamed,
    "reorder": reordered,
    "reformat": reformatted,
    "commute": commuted,
    "exchange": exchanged,
}
FUNCTIONAL = ("commute", "exchange")


async def verilog_problems(data: Path, folder: Path, sandbox: Sandbox) -> list[Problem]:
    """Return the RTLLM references as problems of their own."""
    domain, found = VerilogDomain(), []
    for row in rows(data / "verilog/rtllm_v2.jsonl"):
        path = folder / "m.v"
        path.write_text(row["ref"])
        try:
            found.append(await domain.read(path, Goal.SIZE, {"top": row["ref_top"]}, sandbox))
        except UsageError as error:
            print(f"  {row['id']} is not read: {error.message}")
    return found


def sql_problems(data: Path) -> list[Problem]:
    """Return the TPC queries as problems."""
    return [
        source.problem("q.sql", row["sql"], ddl, "duckdb", Goal.SPEED, {})
        for suite in ("tpch", "tpcds")
        for ddl in [(data / f"sql/{suite}_schema.sql").read_text()]
        for row in rows(data / f"sql/{suite}_queries.jsonl")
    ]


class Asked:
    """Counts what the cache serves, asked by text and then by behaviour."""

    def __init__(
        self, domain: SqlDomain | VerilogDomain, cache: VerdictCache, sandbox: Sandbox
    ) -> None:
        """Ask `cache` about candidates of `domain`."""
        self._domain, self._cache, self._sandbox = domain, cache, sandbox
        self.served = {kind: [0, 0] for kind in MAKERS}
        self.of_named = [0, 0]
        """Hits and questions of the kinds that only what a text becomes can answer, for texts that have a name."""
        self.named = self.texts = self.mutants = 0
        self.suspects: list[tuple[Problem, str]] = []

    async def known(self, problem: Problem, text: str) -> bool:
        """Say whether a verdict is served for a version of the problem's file."""
        candidate = Candidate(files={problem.editable[0]: text})
        if self._cache.get(problem, candidate, Depth.QUICK) is not None:
            return True
        name = await self._domain.behaviour(problem, candidate, self._sandbox)
        found = name and self._cache.get(problem, candidate, Depth.QUICK, behaviour=name)
        return bool(found)

    async def ask(self, problem: Problem, rng: random.Random) -> None:
        """Keep a verdict for the original, then ask for its variants and mutants."""
        path, base = problem.editable[0], Candidate(files={problem.editable[0]: problem.text})
        name = await self._domain.behaviour(problem, base, self._sandbox)
        self.texts, self.named = self.texts + 1, self.named + bool(name)
        self._cache.put(problem, base, Depth.QUICK, VERDICT, behaviour=name)
        for kind, variant in variants(path, problem.text, rng):
            hit = await self.known(problem, variant)
            counts = [self.served[kind], *([self.of_named] if name and kind in FUNCTIONAL else [])]
            for count in counts:
                count[0] += hit
                count[1] += 1
        found = list(mutants(path, problem.text))
        for mutant in rng.sample(found, min(MUTANTS, len(found))):
            self.mutants += 1
            if await self.known(problem, mutant):
                self.suspects.append((problem, mutant))


def variants(path: str, text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield each kind of neutral variant that `text` has."""
    for kind, make in MAKERS.items():
        variant = make(path, text, rng)
        if variant is not None and variant != text:
            yield kind, variant


async def differs(problem: Problem, mutant: str, sandbox: Sandbox) -> bool:
    """Say whether simulation tells a mutant from the original: their printed outputs under the same random inputs."""
    if problem.domain == "sql":
        return True
    read = await elaborate(design_of(problem), sandbox)
    printed: list[str] = []
    for text in (problem.text, mutant):
        files = {"design.sv": text, "bench.sv": bench(str(problem.options["top"]), read.interface)}
        done = await toolchain.iverilog(sandbox, list(files), files, top="bench")
        printed.append(done.stdout if done.ok else f"{len(printed)}: {done.trouble}")
    return printed[0] != printed[1] or not printed[0]


def bench(top: str, shape: Interface) -> str:
    """Return a bench that resets, then draws the inputs anew before every change of the clock."""
    clock = shape.clocks[0][0] if shape.clocks else ""
    drawn = [p for p in shape.inputs if p.name not in (clock, shape.reset)]
    words = [f"reg [{p.width - 1}:0] {p.name} = 0;" for p in shape.inputs]
    words += [f"wire [{p.width - 1}:0] {p.name};" for p in shape.outputs]
    words.append(f"{top} dut({', '.join(f'.{p.name}({p.name})' for p in shape.ports)});")
    words.append(f"integer i, seed = 1; initial for (i = 0; i < {EVENTS}; i = i + 1) begin")
    words += [
        f"{p.name} = {{{', '.join(['$random(seed)'] * (p.width // 32 + 1))}}};" for p in drawn
    ]
    if shape.reset:
        level = shape.reset_level
        words.append(f"{shape.reset} = (i < 9 || i % 97 == 0) ? {level} : {1 - level};")
    words += ["#1;", f"{clock} = !{clock};" if clock else "", "#1;"]
    shown = ", ".join(p.name for p in shape.outputs)
    words.append(f'$display("{" %b" * len(shape.outputs)}", {shown}); end')
    return "module bench;\n" + "\n".join(words) + "\nendmodule\n"


async def measured(folder: Path, data: Path, rng: random.Random, quick: bool, bars: Bars) -> None:
    """Print and judge hits and false hits of both languages."""
    sandbox = await open_sandbox()
    hardware = await verilog_problems(data, folder, sandbox)
    pairs: tuple[tuple[SqlDomain | VerilogDomain, list[Problem]], ...] = (
        (SqlDomain(), sql_problems(data)),
        (VerilogDomain(), hardware),
    )
    for domain, problems in pairs:
        name = domain.name
        cache = VerdictCache(folder / f"{name}_behaviour.sqlite", "here")
        asked = Asked(domain, cache, sandbox)
        for problem in rng.sample(problems, min(len(problems), 10)) if quick else problems:
            await asked.ask(problem, rng)
        cache.close()
        wrong = [m for p, m in asked.suspects if await differs(p, m, sandbox)]
        told = ", ".join(f"{kind} {a}/{b}" for kind, (a, b) in asked.served.items())
        print(f"{name} by behaviour, {asked.named} of {asked.texts} texts named: {told}")
        equal = len(asked.suspects) - len(wrong)
        print(f"  mutants served {len(wrong)}/{asked.mutants}, besides {equal} that simulate alike")
        for text in wrong[:3]:
            print(text)
        plain = [v for kind, v in asked.served.items() if kind not in FUNCTIONAL]
        for title, counts in (("variants", plain), ("functional_variants", [asked.of_named])):
            hits, count = (sum(v[i] for v in counts) for i in (0, 1))
            bars.at_least(f"{name}_{title}_hit_by_behaviour", hits / max(count, 1), 0.95)
        bars.at_most(f"{name}_mutants_served_by_behaviour", len(wrong), 0)


def behaviour_bars(folder: Path, data: Path, rng: random.Random, quick: bool, bars: Bars) -> None:
    """Measure both languages when their texts are here."""
    if not (data / "verilog/rtllm_v2.jsonl").exists():
        print("behaviour: no data; set PROOFSMITH_DATA")
        return
    asyncio.run(measured(folder, data, rng, quick, bars))
