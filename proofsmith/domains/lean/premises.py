"""Library lemmas for a goal: all theorems read once per toolchain and imports, ranked by what they share with it."""

import asyncio
import gzip
import json
import math
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, Field

from proofsmith.domains.lean import image
from proofsmith.domains.lean.checker import Checker, Context, ProofState, Statement
from proofsmith.domains.lean.source import document_of
from proofsmith.domains.lean.toolchain import DRIVER, Toolchain
from proofsmith.errors import SandboxError
from proofsmith.protocols import Sandbox
from proofsmith.tools.notices import tell
from proofsmith.types import JSON, Problem, digest

MACHINERY = re.compile(
    r"^(?:Lean|Std\.(?:Internal|Tactic)|_private|Int\.Linear|Nat\.Linear|Nat\.ToInt|Nat\.SOM|Int\.Nonneg|Int\.OfNat)\.|"
    r"(?:^|\.)(?:_\w+|eq_\d+|eq_def|injEq|inj|sizeOf_spec|congr_simp|hcongr_\d+|match_\d+\S*|noConfusion\S*|rec|elim|"
    r"(?:fun_cases|induct|mutual_induct)\S*|proof_\d+|brecOn\S*|inst[A-Z]\w*|to(?:Is|Lawful)[A-Z]\w*)$"
)
"""Theorems that decision procedures, the compiler of definitions and type classes have for themselves."""
WEIGHTS = {"target": 1.0, "context": 0.5, "behind": 0.7}
"""What a constant counts for by where it stands: in the goal, in a hypothesis, in definitions of the file's own."""
MISS = 0.5
"""What a constant counts against a lemma that speaks of it while the goal does not."""
DAMPING = 40.0
COMMON = 0.25
"""Share of the lemmas from which a constant that they speak of says nothing."""
SAME_HEAD, KNOWN_HEAD = 0.15, 0.15
MOST_USED = 8
MOST_TARGETS = 3
"""Open theorems that one call looks at."""


TOLD_EVERY_S = 4.0
READING = ("/-! The library's theorems", "/-- Constants read on one request")
"""Where the driver says what a theorem's row is."""


class Premises:
    """An index of theorems by the constants that they speak of."""

    def __init__(self, rows: Sequence[Sequence[JSON]]) -> None:
        """Take rows as `Checker.theorems` yields them."""
        self._rows = [
            (str(name), frozenset(_names(said)), frozenset(_names(given)), _names(heads))
            for name, said, given, heads in rows
            if not MACHINERY.search(str(name))
        ]
        count = Counter(word for _, said, given, _ in self._rows for word in said | given)
        total = len(self._rows) + 1
        self._rarity = {word: math.log(total / (1 + n)) ** 2 for word, n in count.items()}
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        for number, (_, said, _, _) in enumerate(self._rows):
            for word in said:
                self._by_word[word].append(number)
        self._at = {row[0]: number for number, row in enumerate(self._rows)}
        self._whole = [
            sum(self._rarity[word] for word in said | given) for _, said, given, _ in self._rows
        ]

    def __len__(self) -> int:
        """Count the theorems."""
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        """Say whether a lemma is indexed."""
        return name in self._at

    def words(self, name: str) -> frozenset[str]:
        """Return the constants that an indexed lemma speaks of."""
        _, said, given, _ = self._rows[self._at[name]]
        return said | given

    def near(self, symbols: Mapping[str, Collection[str]], most: int = 10) -> list[str]:
        """Return the names of the lemmas nearest to a goal with these constants, as `Checker.symbols` names them."""
        known: dict[str, float] = {}
        for part, weight in WEIGHTS.items():
            for word in symbols.get(part, ()):
                known.setdefault(word, weight)
        hits: defaultdict[int, float] = defaultdict(float)
        for word, weight in known.items():
            found = self._by_word.get(word, ())
            if 0 < len(found) < COMMON * len(self._rows):
                for number in found:
                    hits[number] += weight * self._rarity[word]
        heads = list(symbols.get("heads", ()))
        scored = [
            (-self._score(number, hit, known, heads), len(self._rows[number][0]), number)
            for number, hit in hits.items()
        ]
        return [self._rows[number][0] for _, _, number in sorted(scored)[:most]]

    def _score(
        self, number: int, hit: float, known: Mapping[str, float], heads: Sequence[str]
    ) -> float:
        _, said, given, own = self._rows[number]
        shared = sum(self._rarity[word] for word in said | given if word in known)
        hit += sum(known[word] * self._rarity[word] for word in given - said if word in known)
        score = hit / (hit + MISS * (self._whole[number] - shared) + DAMPING)
        if len(own) == 3:
            score += SAME_HEAD * (list(own[:2]) == heads[:2]) + KNOWN_HEAD * (own[1] in known)
        return score


def _names(value: JSON) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


_loaded: dict[Path, Premises] = {}
_aside: dict[Path, "asyncio.Task[None]"] = {}


async def load(
    checker: Checker, context: Context, clock: Callable[[], float] = time.monotonic
) -> Premises:
    """Return the index of what `context` imports: from the user's cache, or read from Lean now and kept there."""
    path = place_of(checker.toolchain, context)
    reading = _aside.get(path)
    if reading is not None and not reading.done():
        tell("the search goes on when the library's theorems are read")
        await asyncio.wait([reading])
    if path not in _loaded:
        rows = await asyncio.to_thread(_kept, path)
        _loaded[path] = Premises(rows or await _read(checker, context, clock))
    return _loaded[path]


def is_ready(checker: Checker, context: Context) -> bool:
    """Say whether `load` would return an index at once, or nearly so."""
    path = place_of(checker.toolchain, context)
    return path in _loaded or path not in _aside and path.is_file()


def begin_aside(
    opening: Callable[[], Awaitable[Checker]], toolchain: Toolchain, context: Context
) -> "asyncio.Task[None] | None":
    """Begin to read an index that is not there yet with a checker of its own, while a search has another one."""
    path = place_of(toolchain, context)
    if path in _loaded or path.is_file():
        return None

    async def read() -> None:
        with suppress(SandboxError):  # whoever needs the index reads it then
            checker = await opening()
            try:
                await _read(checker, context)
            finally:
                await checker.close()

    _aside[path] = asyncio.create_task(read())
    _aside[path].add_done_callback(lambda _: _aside.pop(path, None))
    return _aside[path]


def _kept(path: Path) -> list[list[JSON]]:
    try:
        found = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, ValueError, EOFError):
        return []
    return found if isinstance(found, list) else []


async def _read(
    checker: Checker, context: Context, clock: Callable[[], float] = time.monotonic
) -> list[list[JSON]]:
    """Return the rows, telling how far it is; all of them are kept, what is known before a fault serves this run."""
    rows: list[list[JSON]] = []
    said = clock()
    with suppress(SandboxError):
        async for found, share in checker.theorems(context):
            rows += found
            if (now := clock()) > said + TOLD_EVERY_S:
                said = now
                tell(f"reading the library's theorems, once for these imports: {share:.0%}")
        await asyncio.to_thread(_keep, place_of(checker.toolchain, context), rows)
    return rows


def place_of(chain: Toolchain, context: Context) -> Path:
    """Return the file of an index: another one for another Lean, way to read it, project or list of imports."""
    parts = [chain.name, *(f"{k} {v}" for k, v in sorted(chain.inputs.items()))]
    driver = chain.files.get(DRIVER, b"").decode("utf-8")
    parts.append(driver.partition(READING[0])[2].partition(READING[1])[0])
    return image.place_of(chain) / f"premises-{digest(*parts, *context.imports)[:16]}.json.gz"


def _keep(path: Path, rows: Sequence[Sequence[JSON]]) -> None:
    """Write an index, all of it or nothing; a user without a writable cache reads Lean again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(gzip.compress(json.dumps(rows, ensure_ascii=False).encode(), 3))
        Path(file.name).replace(path)
    except OSError:
        return


async def near(
    premises: Premises, checker: Checker, state: ProofState, most: int = 10
) -> list[str]:
    """Return lemmas near to the first goal of a state."""
    return premises.near(await checker.symbols(state), most)


async def of_statement(statement: Statement, checker: Checker, most: int = MOST_USED) -> list[str]:
    """Return lemmas near to a statement, none where Lean cannot say."""
    try:
        index = await load(checker, statement.context)
        return await near(index, checker, await opened(checker, statement), most)
    except SandboxError:
        return []


class Wanted(BaseModel):
    """Arguments of `premises`."""

    count: int = Field(default=10, ge=1, le=30, description="lemmas per theorem")


class Retrieval:
    """Library lemmas near to the goals of the open theorems, with their types."""

    name = "premises"
    description = "library lemmas that speak of what the open theorems speak of, nearest first"
    arguments: type[BaseModel] = Wanted
    repeatable = True

    def __init__(self, checker: Callable[[Problem, Sandbox], Awaitable[Checker]]) -> None:
        """Ask the domain's elaborator."""
        self._checker = checker

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return types by name."""
        count = arguments.count if isinstance(arguments, Wanted) else 10
        checker = await self._checker(problem, sandbox)
        found: dict[str, JSON] = {}
        for target in document_of(problem).targets[:MOST_TARGETS]:
            names = await of_statement(target.statement, checker, count)
            types = await checker.types(target.statement.context, names)
            found |= {n: " ".join(t.split()) for n, t in zip(names, types, strict=True) if t}
        return found


async def opened(checker: Checker, statement: Statement) -> ProofState:
    """Return the state in which hypotheses have names; raises SandboxError when the statement gives no goal."""
    state = await checker.root(statement)
    then = await checker.run_tactic(state, "intros")
    return state if isinstance(then, str) else then
