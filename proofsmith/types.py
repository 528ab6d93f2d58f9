"""Frozen records that cross the seams; units are in the names and every record is a plain value."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from typing_extensions import TypeAliasType

JSON = TypeAliasType("JSON", "None | bool | int | float | str | list[JSON] | dict[str, JSON]")
"""What `json.dumps` accepts and `json.loads` returns; a named alias, so that pydantic can read it too."""


class Status(StrEnum):
    """How strongly a candidate is known to be right, weakest first; compared by `at_least`."""

    FAILED = "failed"
    UNDECIDED = "undecided"
    TESTED = "tested"
    BOUNDED = "bounded"
    PROVED = "proved"

    @property
    def rank(self) -> int:
        """Position in the order FAILED < UNDECIDED < TESTED < BOUNDED < PROVED."""
        return list(Status).index(self)

    def at_least(self, level: "Status") -> bool:
        """Say whether this status is as strong as `level`."""
        return self.rank >= level.rank


class Goal(StrEnum):
    """What a run is asked for; weighted products such as `area*delay` are in `Problem.options["goal"]`."""

    SOLVE = "solve"
    REFUTE = "refute"
    SPEED = "speed"
    MEMORY = "memory"
    SIZE = "size"
    ENERGY = "energy"
    AREA = "area"
    DELAY = "delay"
    POWER = "power"
    ASSERTIONS = "assertions"


class Depth(StrEnum):
    """QUICK during search; FULL at confirmation: fresh sandbox, inputs that the search never saw."""

    QUICK = "quick"
    FULL = "full"


class Conclusion(StrEnum):
    """How a run ended for the user."""

    SOLVED = "solved"
    IMPROVED = "improved"
    DISPROVED = "disproved"
    NONE = "none"


def digest(*parts: str | bytes) -> str:
    """Hash `parts` unambiguously (length-prefixed SHA-256) to 64 hex digits."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.hexdigest()


def canonical(value: JSON | Mapping[str, JSON]) -> str:
    """Write `value` as JSON with sorted keys and no spaces, so that equal values have equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one sandboxed execution."""

    wall_s: float = 10.0
    cpu_s: float = 10.0
    memory_mib: int = 512
    disk_mib: int = 64
    output_kib: int = 4096
    processes: int = 64
    pin: int | None = None
    """CPU to run on; None leaves the scheduler free."""


Exceeded = Literal["", "wall", "cpu", "memory", "output", "disk", "processes"]
"""Names of the limits of one execution; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What one sandboxed execution did; a candidate's failure is here, never an exception."""

    exit_code: int | None
    """Exit status of the payload itself; None when a signal or a limit ended it."""
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    exceeded: Exceeded = ""
    """Limit that ended the payload; empty when none did."""
    truncated: bool = False
    """True when stdout or stderr lost its middle; head and tail are kept."""
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    """Files named in `exec(outputs=...)` that exist as regular files within the cap."""
    tampered: tuple[str, ...] = ()
    """Named outputs that were links, devices, FIFOs or too large, and were therefore not read."""
    level: str = ""
    """Isolation level that ran it, e.g. `bubblewrap+cgroup`."""

    @property
    def ok(self) -> bool:
        """True when the payload ended by itself with exit code 0 inside every limit."""
        return self.exit_code == 0 and not self.exceeded

    @property
    def timed_out(self) -> bool:
        """True when the wall or CPU limit ended it."""
        return self.exceeded in ("wall", "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to solve, optimise or prove, read from the user's files."""

    id: str
    domain: str
    goal: Goal
    text: str
    files: Mapping[str, str]
    inputs: Mapping[str, Path] = field(default_factory=dict)
    """Large read-only things bound into the sandbox under this name."""
    editable: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, JSON] = field(default_factory=dict)
    required: Status = Status.TESTED
    """The status that counts as right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A proposed version: files that replace the problem's, and settings such as compiler flags."""

    files: Mapping[str, str]
    settings: Mapping[str, JSON] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    move: str = ""
    """What made it, e.g. `rule:interchange(i,j)` or the id of a model move."""

    @property
    def id(self) -> str:
        """Digest of normalised files and settings: 16 hex digits, independent of who made it.

        >>> a = Candidate(files={"k.c": "int f;  "}, move="x")
        >>> a.id == Candidate(files={"k.c": "int f;"}, move="y").id
        True
        """
        parts = [canonical(self.settings)]
        for name in sorted(self.files):
            text = "\n".join(line.rstrip() for line in self.files[name].splitlines()).strip("\n")
            parts += [name, text]
        return digest(*parts)[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One check that was made, and the cold command that repeats it."""

    check: str
    status: Status
    command: tuple[str, ...]
    """Self-contained argv that earns this evidence again; `runs replay` runs it."""
    exit_code: int | None = 0
    wall_s: float = 0.0
    log_tail: str = ""
    artifacts: tuple[str, ...] = ()
    facts: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How strongly a candidate is known to be right, why, and what to tell its author."""

    status: Status
    evidence: tuple[Evidence, ...] = ()
    feedback: str = ""

    def __post_init__(self) -> None:
        """Refuse a claim that nothing supports."""
        if self.status.rank > Status.UNDECIDED.rank and not self.evidence:
            raise ValueError(f"a verdict of {self.status} needs evidence")
        if any(not e.status.at_least(self.status) for e in self.evidence):
            raise ValueError("a verdict cannot be stronger than its weakest evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Samples of one metric on one version."""

    metric: str
    unit: str
    samples: tuple[float, ...]
    smaller_is_better: bool = True


class ComparisonVerdict(StrEnum):
    """The six outcomes of comparing a candidate with its base."""

    FASTER = "faster"
    SLOWER = "slower"
    DIFFERENT = "different"
    NO_DIFFERENCE = "no difference"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against base on one metric: `ratio` is base / candidate, above 1 when the candidate is better."""

    metric: str
    verdict: ComparisonVerdict
    ratio: float | None
    low: float | None
    high: float | None
    pairs: int
    method: str
    reason: str = ""
    host: Mapping[str, JSON] = field(default_factory=dict)
    base_samples: tuple[float, ...] = ()
    candidate_samples: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HotSpot:
    """A place that costs time; `share` is 0..1 of the total."""

    path: str
    line: int
    share: float
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Where the time goes: a summary of at most 2 kB for a model, and structured facts."""

    summary: str
    hot: tuple[HotSpot, ...] = ()
    facts: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A candidate with everything that is known about it."""

    candidate: Candidate
    verdict: Verdict
    comparisons: tuple[Comparison, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    states: tuple[str, ...] = ()
    """Open goals, for domains that prove."""

    @property
    def gain(self) -> float:
        """Lower bound of the ratio on the goal's metric (the first comparison); 0 when nothing valid was measured."""
        if not self.comparisons or self.comparisons[0].verdict is ComparisonVerdict.INVALID:
            return 0.0
        return self.comparisons[0].low or 0.0

    @property
    def improved(self) -> bool:
        """True when the goal's metric is shown to be better: only *faster* ever counts."""
        return bool(self.comparisons) and self.comparisons[0].verdict is ComparisonVerdict.FASTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step that a strategy asks for: a prompt for the model, or kind `rule` for the domain's next proposal."""

    id: str
    kind: str
    prompt: str = ""
    parents: tuple[str, ...] = ()
    tier: Literal["cheap", "strong", "deep"] = "strong"
    """How much thinking it is worth: little, on a cheap model if there is one; the model's own measure; or much."""
    temperature: float = 0.8
    sample: int = 0  # keeps repeated equal prompts apart
    max_output_tokens: int = 4096
    doubts: bool = False  # ask for `Reply.doubts`
    answer: Literal["code", "text"] = "code"
    """`text`: the reply is for the strategy alone and is never read as a candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money of one or more model calls; an unknown price is None, never 0."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    estimated: bool = False
    """True when the endpoint did not count: tokens are then estimated and the cost is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model wants made; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Literal["stop", "length", "tool_calls", "refusal", "empty"] = "stop"
    """`length`: cut off by the output limit; `refusal`: the model or a filter declined; `empty`: nothing was said."""
    doubts: tuple[
        int, ...
    ] = ()  # offsets in `text` of unlikely tokens, where the endpoint tells them
    usage: Usage = field(default_factory=Usage)
    latency_s: float = 0.0
    model: str = ""
    cached: bool = (
        False  # from a store of earlier replies: `usage` was paid then, nothing is paid now
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Hard caps of one run; None means that nobody set this cap."""

    wall_s: float | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What a run used; `cost_usd` is None when any call had an unknown price."""

    wall_s: float = 0.0
    tokens: int = 0
    cost_usd: float | None = 0.0
    attempts: int = 0
    model_calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a run, with what a stranger needs to repeat it."""

    run_id: str
    problem: Problem
    conclusion: Conclusion
    ended_by: str
    """`finished`, `budget:<resource>`, `interrupted`, `model`."""
    baseline: Outcome | None
    best: Outcome | None
    attempts: tuple[Outcome, ...] = ()
    profile: Profile | None = None
    facts: Mapping[str, JSON] = field(default_factory=dict)
    """What was gathered about the original, by the tool that found it."""
    explanation: tuple[str, ...] = ()
    """Why the result is what it is; when nothing was found: what was tried and what bounds it."""
    spend: Spend = field(default_factory=Spend)
    manifest: Mapping[str, JSON] = field(default_factory=dict)
    samples: Mapping[str, JSON] = field(default_factory=dict)
    """Independent samples of the model: `count`, `right`, estimates `pass@k` and `eff@k`; empty for less than two."""
