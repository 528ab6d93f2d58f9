"""What must hold for every text that a parser is given: one function per parser, called with the parser's module.

The module is a parameter so that the same check judges a copy with a planted bug. A check returns normally or raises
ProofsmithError or the parser's documented error; an AssertionError or anything else is a finding.
"""

import asyncio
import json
import math
import os
import random
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import BaseModel, Field

from proofsmith.executors.capture import Capture
from proofsmith.planners.plan_lines import PlanLine, PlanReader
from proofsmith.tools import syntax
from proofsmith.types import ToolCall

FILES = {
    "src/a.c": "int a;\nint f(int n)\n{\n    return n + 1;\n}\n",
    "b.h": "#define B 2\nint b;",
    "fixed.c": "int fixed;\n",
}
EDITABLE = ("src/a.c", "b.h")
KERNEL = """void axpy(int n, int m, double alpha, const double *x, double *y, int *at) {
  for (int i = 0; i < n; i++) y[i] += alpha * x[i]; }"""
ODD_KERNELS = """void f(int n, double **rows) {} struct p g(int n) { } real h(struct p x) { }
static long k(real *x, char) {}
real l(const real *x, unsigned n) { return 0; }"""
FUNCTION = syntax.functions(syntax.parse(KERNEL))[0]
ODD_FUNCTIONS = syntax.functions(syntax.parse(ODD_KERNELS))


class Edit(BaseModel):
    """Arguments of a tool, with every kind of field that tools use."""

    path: str
    line: int = Field(ge=0, default=0)
    factors: list[int] = []
    kind: Literal["tile", "unroll"] = "tile"
    options: dict[str, float] = {}


class _Tool:
    name = "edit"
    description = "change a file"
    arguments = Edit


def one_line(message: str) -> None:
    assert message
    assert "\n" not in message, f"not one line: {message!r}"


def fences(module: ModuleType, text: str, _rng: random.Random) -> None:
    found = list(module.blocks(text))
    assert all(block.closed for block in found[:-1]), "an open block is not the last"
    inside = "".join(block.text for block in found)
    assert set(inside.split("\n")) <= {*text.split("\n"), ""}, "a block holds a line of its own"
    again = list(module.blocks("before\n" + module.fenced(text, "c") + "\nafter\n"))
    assert [b.info for b in again] == [None, "c", None], "candidate output closes its fence"
    assert again[1].text == text.removesuffix("\n") + "\n", "a fenced text comes back changed"


def patches(module: ModuleType, text: str, rng: random.Random) -> None:
    lines = [rng.choice(("a\n", "b\n", "c\n", "\n", "@@\n")) for _ in range(rng.randrange(40))]
    before = {"f": "".join(lines) + rng.choice(("", "d"))}
    for _ in range(rng.randrange(5)):
        at = rng.randrange(len(lines) + 1)
        lines[at : at + rng.randrange(3)] = rng.choice((["x\n"], ["-- y\n", "z\n"], [], ["\\\n"]))
    changed = {"f": "".join(lines)}
    after = rng.choice(
        (changed, changed, changed, changed, {"f": text}, {"g h": text, **before}, {})
    )
    written = module.diff(before, after)
    if written:
        try:
            assert module.apply(written, before) == after, "apply does not undo diff"
        except module.EditError as error:
            raise AssertionError(f"our own diff does not apply: {error}") from error
    for change in module.parse(text):
        assert all(hunk.header.startswith("@@") for hunk in change.hunks)
    module.apply(text, FILES)


def edits(module: ModuleType, text: str, rng: random.Random) -> None:
    create = rng.randrange(4) == 0
    editable = EDITABLE if rng.randrange(2) else EDITABLE[:1]
    try:
        merged = module.read_reply(text, FILES, editable, create=create)
    except module.EditError as error:
        assert "\n" not in error.message.strip() or "\n" in text, "the message is not one line"
        raise
    assert merged != FILES, "no change is reported as one"
    assert merged["fixed.c"] == FILES["fixed.c"], "a protected file changed"
    assert create or merged.keys() == FILES.keys(), "a file was made without leave"
    assert not any(".." in path.split("/") or path.startswith("/") for path in merged), (
        "left the jail"
    )
    if len(editable) == 1:
        assert merged["b.h"] == FILES["b.h"], "a file that may not be edited changed"


def plan_lines(module: ModuleType, text: str, rng: random.Random) -> None:
    whole, parts = module.PlanReader(), module.PlanReader()
    found = [*whole.feed(text), *whole.close()]
    split, at = [], 0
    while at < len(text):
        end = at + rng.choice((1, 3, 17, 400))
        split += parts.feed(text[at:end])
        at = end
    split += parts.close()
    assert found == split, "the lines depend on how the stream was cut"
    for line in found:
        if isinstance(line, module.Fault):
            assert line.reason
        else:
            assert 1 <= line.most <= 64
            assert line.id >= 0
            json.dumps([dict(line.named), list(line.positional)], ensure_ascii=False).encode()


def dag(module: ModuleType, text: str, rng: random.Random) -> None:
    reader = PlanReader()
    plan = module.Plan({"edit": Edit, "time": Edit}, latency_s={"time": 2.0}, most_tasks=12)
    ready: list[int] = []
    for line in [*reader.feed(text), *reader.close()]:
        if not isinstance(line, PlanLine):
            if line.id is not None:
                plan.declare_broken(line.id)
            continue
        fault, more = plan.add(line)
        assert fault is None or fault.reason
        ready += more
        if ready and rng.randrange(3) == 0:
            ready = _advance(module, plan, ready, rng)
    for lost in range(12):
        plan.lose(lost, "unreadable") if lost not in plan.tasks else None
    steps = 0
    while ready:
        ready = _advance(module, plan, ready, rng)
        steps += 1
        assert steps < 1000, "the plan never ends"
    assert not plan.open_ids, f"tasks {plan.open_ids} were never ready and never ended"
    assert all(math.isfinite(end) for end in plan.finish_times({}, {}).values())
    assert len(plan.finish_times({}, {})) == len(plan.tasks), "the graph holds a cycle"


def _advance(module: ModuleType, plan: Any, ready: list[int], rng: random.Random) -> list[int]:
    task, *rest = ready
    if task not in plan.tasks or task in plan.observations:
        return rest
    assert all(plan.observations[need].ok for need in plan.tasks[task].needs), (
        "ran before its inputs"
    )
    state = rng.choice(("done", "done", "failed"))
    if plan.wanted(task):
        try:
            for arguments in plan.calls(task):
                plan.bind(task, arguments)
        except (module.ReferenceFault, ValueError):
            state = "failed"
    plan.learn(plan.tasks[task].tool, 0.5)
    value = rng.choice(({"a": [1, {"b": "x"}], "path": "p"}, [1, 2], "p", 3, None))
    seen = module.Observation(state=state, value=value if state == "done" else None, cause="c")
    assert plan.tail_s(task) > 0
    return rest + plan.finish(task, seen)


def references(module: ModuleType, text: str, _rng: random.Random) -> None:
    values = {1: {"a": [1, {"b": "x"}]}, 2: "$1", 3: None, "item": [4, 5]}
    named = [str(reference) for reference in module.references({"k": [text]})]
    try:
        found = module.resolve({"k": [text]}, values)["k"][0]
    except module.ReferenceFault as fault:
        assert named, "a text without references does not resolve"
        assert str(fault)
        return
    assert named or found == text.replace("$$", "$"), "a text without references changed"


def join(module: ModuleType, text: str, _rng: random.Random) -> None:
    decision = module.parse_join(text)
    assert decision.action in ("finish", "replan")
    assert decision.text in text
    assert decision.text == decision.text.strip()
    spoken = module.parse_join(f"Thought: ok\nAction: Replan({text.replace(chr(10), ' ')})")
    assert spoken.action == "replan"
    assert spoken.text == text.replace("\n", " ").strip()


def replies(module: ModuleType, text: str, _rng: random.Random) -> None:
    found = module.read_object(text)
    assert isinstance(found, dict)
    for name in (*found, "plan"):
        assert isinstance(module.items(found, name), list)
        assert math.isfinite(module.number_of(found, name, 1.0))
        assert len(module.text_of(found, name, "plan")) <= module.MOST_CLAIM_CHARS
        assert len(module.stated(found, name)) <= module.MOST_INPUT_CHARS
    assert module.text_of(text, "plan") == text.strip()[: module.MOST_CLAIM_CHARS]
    assert module.text_of(found, "no such name") == module.text_of([text], "plan") == ""
    assert module.stated({"plan": [text]}, "plan")
    json.dumps(found, ensure_ascii=False).encode()
    print_of = module.fingerprint(text)
    assert print_of == module.fingerprint(f"{text} {text}".upper()), "repetition or case counts"
    assert not module.alike(f"{print_of} one two", "three")
    assert not print_of or module.alike(print_of, print_of)
    inner = json.dumps({"plan": text})
    assert module.read_object(f"Sure.\n```json\n{inner}\n```") == {"plan": text}


def schema(module: ModuleType, text: str, _rng: random.Random) -> None:
    try:
        edit = module.parse(Edit, text)
    except module.Misfit as misfit:
        one_line(str(misfit))
        assert len(str(misfit)) < 4000
        return
    assert edit.line >= 0
    if not all(map(math.isfinite, edit.options.values())):
        return  # JSON has no text for it
    wrapped = f"Sure, [here] it is:\n```json\n{edit.model_dump_json()}\n```\nAnything else? {{}}"
    assert module.parse(Edit, wrapped) == edit, "a fenced value is not found"


def registry(module: ModuleType, text: str, rng: random.Random) -> None:
    tools = module.Registry([_Tool()])
    name = "edit" if rng.randrange(8) else text[:20]
    try:
        tool, arguments = tools.read(ToolCall(id="1", name=name, arguments=text))
    except module.Misfit as misfit:
        one_line(str(misfit).replace(name, "")) if "\n" not in text[:20] else None
        return
    assert tool.name == name == "edit"
    assert isinstance(arguments, Edit)


def counters(module: ModuleType, text: str, _rng: random.Random) -> None:
    samples = module.offsets(text, "k.so")
    assert all(count > 0 for count in samples.values())
    known = module.places(text, [*samples] or [1, 2, 3])
    assert all(line > 0 and "/" not in path for path, line in known.values())
    said = module.remarks(text)
    assert all(remark.text and len(remark.text) <= 160 for remark in said)
    known |= {n: (remark.path, remark.line) for n, remark in enumerate(said)}
    spots = module.hot_spots(samples or dict.fromkeys(known, 1), known, said)
    assert sum(spot.share for spot in spots) <= 1 + 1e-9
    code = module.instructions(text)
    hottest = module.hottest_loop(code[:40], dict.fromkeys((i.address for i in code[:9]), 1))
    mixed = module.mix(hottest or code)
    assert mixed["packed"] + mixed["scalar"] <= mixed["instructions"]
    assert module.assembly(code).count("\n") >= len(code) + 1
    summary = module.mca(text)
    assert all(math.isfinite(v) for v in summary.values() if isinstance(v, float))
    assert len(module.clipped(text.split("\n"), 50).encode(errors="replace")) <= 50


def records(module: ModuleType, text: str, _rng: random.Random) -> None:
    report, given = module.from_json(text), json.loads(text)
    given["report"].setdefault("samples", {})  # earlier releases did not write them
    assert json.loads(module.to_json(report)) == given, "reading and writing changes it"


def header(module: ModuleType, text: str, rng: random.Random) -> None:
    toml = module.text_of(text)
    if toml is None:
        toml = text
    entry = module.entry_of(toml)
    assert entry is None or isinstance(entry, str)
    function = rng.choice((*[FUNCTION] * 12, *ODD_FUNCTIONS))
    made = module.parse(toml, function, {"real": "double"})
    pointers = {parameter.name for parameter in function.parameters if parameter.pointers}
    assert made.arrays.keys() == pointers, "a pointer is no array"
    every = [*made.sizes, *made.arrays, *made.scalars]
    assert sorted(every) == sorted(made.parameters), "a parameter stands in no table or in two"
    assert made.measure_sizes.keys() == made.sizes.keys()
    for size in made.sizes.values():
        assert all(v >= size.minimum and v % size.multiple == 0 for v in size.test)
    assert all(a.align & (a.align - 1) == 0 for a in made.arrays.values())


def contract(module: ModuleType, text: str, rng: random.Random) -> None:
    sizes = {"n": 4, "m": 0}
    written = f"{rng.choice(('n', '3', '(n + 1)'))} {rng.choice('+-*%')} {rng.choice(('2', '7'))}"
    assert module.number(written, sizes) == eval(written, {}, dict(sizes)), "wrong arithmetic"
    element = module.element(text)
    assert element is None or element.bytes in (1, 2, 4, 8)
    if element is not None and element.kind != "float":
        low, high = element.limits
        assert low <= 0 < high
    unknown = module.names(text) - sizes.keys()
    value = module.number(text, sizes)
    assert not unknown, f"{unknown} have no value"
    assert isinstance(value, int | float)
    if all(c in "0123456789+-*()nm " for c in text):
        assert value == eval(text.strip(), {"__builtins__": {}}, dict(sizes)), "wrong arithmetic"
    assert module.integer(text, sizes) == value


def init_report(module: ModuleType, text: str, rng: random.Random) -> None:
    data = text.encode("latin-1", "replace")
    report = module.Report(("a", "b"), captures=(Capture(64), Capture(64)))
    at = 0
    while at < len(data):
        end = at + rng.choice((1, 7, 1000))
        report.feed(data[at:end])
        at = end
    whole = module.Report(("a", "b"), captures=(Capture(64), Capture(64)))
    whole.feed(data)
    for name in ("outputs", "tampered", "wait_status", "complete", "started", "broken"):
        assert getattr(whole, name) == getattr(report, name), f"{name} depends on the chunks"
    assert set(report.outputs) | set(report.tampered) <= {"a", "b"}
    assert report.ended_by in module.ENDED_BY


class _Echo:
    """The writing end of a server that answers every request with the lines of a script."""

    def __init__(self, reader: asyncio.StreamReader, noise: bytes, answer: bytes | None) -> None:
        self.reader, self.noise, self.answer = reader, noise, answer

    def write(self, line: bytes) -> None:
        nonce = line.split(b" ")[0]
        said = b"" if self.answer is None else nonce + b" " + self.answer + b"\n"
        self.reader.feed_data(self.noise + b"\n" + said)
        self.reader.feed_eof()

    async def drain(self) -> None:
        return None


_LOOP = asyncio.new_event_loop()


async def _nothing() -> None:
    return None


def service(module: ModuleType, text: str, rng: random.Random) -> None:
    noise = text.encode(errors="replace")
    reader = asyncio.StreamReader(limit=256, loop=_LOOP)
    answer = b" ".join(noise.split())[:100].strip() if rng.randrange(6) else None
    running = module.Running(
        reader=reader, writer=_Echo(reader, noise, answer), stderr=Capture(64), memory_mib=float,
        stop=_nothing, socket_folder=None,
    )  # fmt: skip
    try:
        reply = _LOOP.run_until_complete(running.ask(b"request"))
    except module.ServerDied as died:
        long = max(map(len, noise.split(b"\n"))) > 100
        assert answer is None or long, f"a good reply is lost: {died}"
        return
    assert reply == answer, "noise is taken for the reply"
    assert running.served == 1


def budget(module: ModuleType, text: str, _rng: random.Random) -> None:
    read = module.parse_budget([text])
    given = [v for v in (read.wall_s, read.tokens, read.cost_usd, read.attempts) if v is not None]
    assert given, "an empty budget was accepted"
    assert all(0 < value < math.inf for value in given)
    assert len(given) == text.count(",") + 1


def compile_commands(module: ModuleType, text: str, _rng: random.Random) -> None:
    descriptor = os.memfd_create("compile_commands.json")  # leaves nothing, even when we are killed
    try:
        os.write(descriptor, text.encode("utf-8", "surrogatepass"))
        database = Path(f"/proc/self/fd/{descriptor}")
        flags = module.recorded_flags(database, Path("/project/src/a.c"))
    finally:
        os.close(descriptor)
    assert all(isinstance(flag, str) and flag.startswith("-") for flag in flags)
    assert not any(flag.startswith(("-fplugin", "-o", "-I", "-B", "-MF")) for flag in flags)
