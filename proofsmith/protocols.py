"""The seams between the parts, and nothing else; at most six methods each."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from proofsmith.types import (
    JSON,
    Budget,
    Candidate,
    Comparison,
    Depth,
    ExecResult,
    Goal,
    Limits,
    Message,
    Move,
    Outcome,
    Problem,
    Profile,
    Reply,
    Report,
    Spend,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A long-lived server that a domain describes and never starts itself."""

    name: str
    argv: tuple[str, ...]
    scope: Literal["run", "user"] = "run"
    """`run`: ends with its run, the rule for whatever has seen candidate text; `user`: trusted input only."""
    protocol: Literal["lines", "socket"] = "lines"
    """`lines`: one request line, one reply line framed by a nonce; `socket`: a private Unix socket."""
    ready_timeout_s: float = 60.0
    request_timeout_s: float = 30.0
    recycle_requests: int | None = None
    recycle_mib: int | None = None
    spare: bool = False
    limits: Limits = field(default_factory=Limits)
    files: Mapping[str, bytes] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands; told to whoever watches, after every step that changes it."""

    phase: Literal["baseline", "gather", "search", "confirm", "report"]
    best: Comparison | None = None
    """Best verified comparison so far; a screening one until `confirm`."""
    spend: Spend = field(default_factory=Spend)
    budget: Budget = field(default_factory=Budget)
    note: str = ""
    """One line worth keeping in a log, e.g. `rule:interchange(i,k) tested, 3.1x`; empty for a mere tick."""


class Service(Protocol):
    """A running server of a `ServiceSpec`."""

    async def request(self, payload: bytes) -> bytes:
        """Send one request, return its reply; raises SandboxError when the server died or missed the deadline."""

    async def address(self) -> str:
        """Return the path of the private socket of a ready `socket` service."""

    async def close(self) -> None:
        """End the server and everything that it started."""


class Sandbox(Protocol):
    """A staging area for files and the isolation level that runs programs over a copy of it.

    Every `exec` starts from fresh namespaces and a fresh, size-limited work directory that holds a copy of what was
    written; nothing survives it but the outputs that were asked for, which are staged for later calls too.
    """

    @property
    def level(self) -> str:
        """Isolation level in words, e.g. `bubblewrap+cgroup`; recorded in every result."""

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        stdin: bytes = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        observe: Sequence[str] = (),
    ) -> ExecResult:
        """Run `argv` in a fresh namespace over the staged files.

        `outputs`: paths below the work directory to bring back and stage. `observe`: argv of a trusted program that
        is run *outside* around the sandbox (a sampling profiler), empty for none. Whatever the payload does is in the
        result; SandboxError means that the machinery itself failed.
        """

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Stage a file; `path` is relative, without `..`; raises UsageError otherwise."""

    async def read(self, path: str, *, max_kib: int = 16384) -> bytes:
        """Return a staged file; raises SandboxError when it is absent or larger than `max_kib`."""

    async def service(self, spec: ServiceSpec) -> Service:
        """Start, or join where its scope allows, the service and wait until it is ready."""

    def fresh(self, *, inputs: Mapping[str, Path] | None = None) -> "Sandbox":
        """Return an empty sandbox of the same level; `inputs` are bound read-only at `/input/<name>`."""


class Tool(Protocol):
    """A call that a plan or a model may make."""

    name: str
    description: str
    arguments: type[BaseModel]

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Carry out the call; raises ProofsmithError when it cannot."""


@runtime_checkable
class Repeatable(Protocol):
    """A tool whose calls change nothing and wait for a process or a disk: a late one may be made a second time."""

    repeatable: bool


class Domain(Protocol):
    """Everything the product knows about one kind of code."""

    name: str
    suffixes: tuple[str, ...]
    image: str
    """Folder or digest of the container image that `--sandbox docker` uses."""
    tools: Sequence[Tool]

    async def read(
        self, source: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox
    ) -> Problem:
        """Turn a user's file into a problem; raises UsageError with a hint when that is impossible."""

    def brief(self, problem: Problem, facts: Mapping[str, JSON]) -> str:
        """Say what a model must know, in at most 2 000 tokens."""

    def propose(
        self,
        problem: Problem,
        parent: Candidate | None,
        tried: frozenset[str],
        sandbox: Sandbox,
    ) -> AsyncIterator[Candidate]:
        """Yield rule-made candidates lazily, best guess first; `parent` None starts from the problem itself.

        `tried` holds candidate ids that need not be yielded again. Deterministic for equal arguments.
        """

    async def verify(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox, depth: Depth
    ) -> Verdict:
        """Judge a candidate, cheap gates first, stopping at the first failure."""

    async def measure(
        self,
        problem: Problem,
        base: Candidate,
        candidate: Candidate,
        sandbox: Sandbox,
        depth: Depth,
    ) -> tuple[Comparison, ...]:
        """Compare a verified candidate with `base`; QUICK screens with few pairs, FULL is what may be published."""

    async def profile(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox
    ) -> Profile | None:
        """Say where the time goes, or None when this domain has no such notion."""


@runtime_checkable
class Closing(Protocol):
    """A domain whose servers outlive a call unless it is told that no other one follows."""

    async def close(self) -> None:
        """End the servers that belong to the running event loop."""


@runtime_checkable
class Drafter(Protocol):
    """A domain that can write a first problem header: what `proofsmith init` asks for."""

    async def draft(self, source: Path, options: Mapping[str, JSON], sandbox: Sandbox) -> str:
        """Return the whole file text with an inferred header; raises UsageError when nothing can be inferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A formal statement that a model wrote for an informal claim: unverified, whatever its checks found."""

    text: str
    """The whole file; empty when no reply had one."""
    fault: str = ""
    """What speaks against it; empty when nothing was found."""
    checks: Mapping[str, JSON] = field(default_factory=dict)
    calls: int = 0
    """Calls of the model."""


@runtime_checkable
class Translating(Protocol):
    """A domain that can have a model state an informal claim formally."""

    async def translate(
        self,
        claim: str,
        model: "Model",
        options: Mapping[str, JSON],
        sandbox: Sandbox,
        more: Callable[[], bool] = lambda: True,
    ) -> Translation:
        """Return the statement and what speaks against it, so far as `more` leaves time to look; raises ModelError.

        A model may raise BudgetSpent: then what was found so far is returned.
        """


@runtime_checkable
class Behavioural(Protocol):
    """A domain that can name what a candidate becomes: equal names, equal machine code, netlist or query plan."""

    async def behaviour(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> str:
        """Return a digest that trusted tools computed, empty when it is not known; costs less than a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Which tests, brought along by versions, each version passes; `reason` says why there is nothing to count."""

    passed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tests by the id of the version that passes them."""
    trust: Mapping[str, Literal["written", "checked"]] = field(default_factory=dict)
    """Tests as a model wrote them, or those that also tell a fault from a version and agree with other tests."""
    reason: str = ""


@runtime_checkable
class Polled(Protocol):
    """A domain whose versions bring tests along where nobody else says what is right: all are held against all."""

    async def poll(
        self, problem: Problem, candidates: Sequence[Candidate], sandbox: Sandbox
    ) -> Poll | None:
        """Run every test on every version; None when something else says what is right."""

    async def elect(
        self, problem: Problem, candidate: Candidate, poll: Poll, reason: str, sandbox: Sandbox
    ) -> Verdict:
        """Return the verdict, TESTED at most, of the version that the vote chose."""


@runtime_checkable
class Recalling(Protocol):
    """A domain that builds on what earlier runs verified, whatever their problem was."""

    def remember(self, verified: Sequence[Outcome]) -> None:
        """Take note of right versions, those of the latest run first; they replace what was noted before."""


@runtime_checkable
class Divisible(Protocol):
    """A domain whose texts have clauses: places at which a candidate may be kept so far and written anew."""

    def boundaries(self, problem: Problem) -> Mapping[str, str]:
        """Return, by editable file, a regular expression that matches where a clause begins."""


@runtime_checkable
class Completing(Protocol):
    """A domain whose files hold more than what replies are asked for."""

    def completed(self, problem: Problem, files: Mapping[str, str]) -> Mapping[str, str]:
        """Return the files of a reply with what it left out of the problem's put back."""


@runtime_checkable
class Probing(Protocol):
    """A domain that can run one stated input through original and candidate: what a critic's claim is put to."""

    def form(self, problem: Problem) -> str:
        """Say how an input is stated, with an example, in a few lines that a prompt can quote."""

    async def probe(
        self, problem: Problem, candidate: Candidate, text: str, sandbox: Sandbox
    ) -> str:
        """Return how the candidate goes wrong on the stated input, empty when it does not.

        UsageError: the input cannot be read or is not allowed, so it says nothing about the candidate.
        """


class Model(Protocol):
    """A chat model."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_output_tokens: int,
        temperature: float,
        seed: int,
        sample: int = 0,
        schema: type[BaseModel] | None = None,
        tools: Sequence[Tool] | None = None,
        effort: Literal["low", "medium", "high"] | None = None,
        doubts: bool = False,
    ) -> Reply:
        """Return one reply; with `schema` its text is JSON of that model, `doubts` asks for `Reply.doubts`.

        Raises ModelError.
        """

    def stream(
        self, messages: Sequence[Message], *, max_output_tokens: int, temperature: float, seed: int
    ) -> AsyncIterator[str]:
        """Yield the reply's text as it arrives; raises ModelError."""


class Strategy(Protocol):
    """A search: pure, synchronous and seeded; equal replies give equal moves."""

    def ask(self, limit: int) -> Sequence[Move]:
        """Return up to `limit` moves; empty means wait while attempts are in flight, else finished."""

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Report a finished move; `reply` is None for rule moves, `outcome` None when no candidate came of it."""

    def dump(self) -> Mapping[str, JSON]:
        """Return the whole state as JSON."""

    def load(self, state: Mapping[str, JSON]) -> None:
        """Continue from a dumped state with identical next moves."""


class Store(Protocol):
    """The append-only log of moves and outcomes."""

    async def append(
        self, problem_id: str, move: Move, reply: Reply | None, outcome: Outcome | None
    ) -> None:
        """Record a finished move durably before anyone acts on it."""

    def recall(self, problem: Problem, *, limit: int) -> AsyncIterator[Outcome]:
        """Yield earlier outcomes for this problem, best first."""


class Suite(Protocol):
    """A benchmark: problems, a hidden grader, a score."""

    name: str
    revision: str

    def problems(self, root: Path) -> Iterator[Problem]:
        """Yield the problems from the data folder `root`; raises UsageError when the data are missing."""

    async def grade(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Verdict:
        """Judge a submitted answer with hidden tests; never called inside a search."""

    def score(self, reports: Sequence[Report]) -> Mapping[str, float]:
        """Summarise a batch."""
