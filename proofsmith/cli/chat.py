"""The verb `chat`: questions about a file, answered by a model that may look, check, measure and search."""

import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proofsmith.cli.exits import Exit
from proofsmith.cli.flags import Common, Judging, Searching, Spending
from proofsmith.errors import ModelError, UsageError
from proofsmith.tools.terminal import visible

if TYPE_CHECKING:
    import asyncio

    from proofsmith.agents.chat import Chat

FILE = typer.Argument(metavar="FILE", help="the file to talk about", show_default=False)
PROMPT = "> "
HINT = "Ask about the file; a line is a question. Ctrl-C stops an answer, Ctrl-D ends."


def chat(
    source: Annotated[Path, FILE],
    spending: Spending,
    common: Common,
    domain_options: Mapping[str, object],
) -> int:
    """Talk about a file with a model that looks and tries."""
    import asyncio

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            talk = runner.run(_opened(stack, source, spending, common, domain_options))
            return _converse(runner, talk, common)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            runner.run(stack.aclose())


async def _opened(
    stack: AsyncExitStack,
    source: Path,
    spending: Spending,
    common: Common,
    given: Mapping[str, object],
) -> "Chat":
    from proofsmith import domains
    from proofsmith.agents.chat import conversation
    from proofsmith.agents.request import Request
    from proofsmith.cli.budget import parse_budget
    from proofsmith.cli.engine import model_of, task
    from proofsmith.types import Budget, Goal

    names = {name: getattr(spending, name) for name in Spending.__slots__}
    todo = task(source, common, Judging(), given, Searching(**names))
    model = model_of(todo.settings, wanted=True)
    if model is None:
        raise UsageError(
            "a conversation needs a model",
            hint="add --base-url URL --model NAME, or: proofsmith config set base_url URL",
        )
    request = Request(
        source=source,
        goal=Goal.SPEED,
        domain=domains.load(todo.spec),
        sandbox=await todo.sandbox(),
        options=todo.options,
        budget=parse_budget(spending.budget) if spending.budget else Budget(),
        model=await stack.enter_async_context(model),
        identity=model.identity,
        prices=model.prices,
        runs_dir=todo.settings.runs_dir,
        cache_dir=todo.settings.cache_dir,
        seed=todo.settings.seed,
        width=todo.settings.jobs,
    )
    return await stack.enter_async_context(conversation(request))


def _converse(runner: "asyncio.Runner", talk: "Chat", common: Common) -> int:
    """Answer line after line until the input ends; returns the exit code."""
    typed = sys.stdin.isatty()
    if typed and not common.quiet:
        sys.stderr.write(f"{HINT}\n")
    code = Exit.DONE
    while True:
        line = _line(typed=typed)
        if line is None:
            return code
        if not line.strip():
            continue
        try:
            runner.run(_answered(talk, line.strip(), common))
        except ModelError as error:
            if common.json:
                _print({"question": line.strip(), "error": error.message})
            sys.stderr.write(f"proofsmith: {visible(error.message)}\n")
            code = Exit.MODEL
        except KeyboardInterrupt:
            if not typed:
                raise
            sys.stderr.write("\nstopped\n")


def _line(*, typed: bool) -> str | None:
    """Return the next line, None at the end of the input; a terminal is shown a prompt."""
    if not typed:
        return sys.stdin.readline() or None
    import readline  # noqa: F401  (its import gives `input` editing and history)

    try:
        return input(PROMPT)
    except EOFError:
        sys.stdout.write("\n")
        return None


async def _answered(talk: "Chat", question: str, common: Common) -> None:
    """Answer one question on stdout, as it arrives or as one JSON object; say on stderr what was called."""
    found = await talk.look(question)
    if (found.facts or found.failures) and not common.quiet:
        called = ", ".join(f"{s.tool} {s.end_s - s.start_s:.1f} s" for s in found.trace.spans)
        failed = "".join(f"; {name}: {why}" for name, why in found.failures.items())
        sys.stderr.write(f"  [{visible(called + failed)}]\n")
    told = []
    async for chunk in talk.answer(question):
        told.append(chunk)
        if not common.json:
            sys.stdout.write(visible(chunk))
            sys.stdout.flush()
    if not common.json:
        sys.stdout.write("\n")
        return
    spend = talk.run.budget.spend
    _print(
        {
            "question": question,
            "answer": "".join(told),
            "facts": dict(found.facts),
            "failures": dict(found.failures),
            "tokens": spend.tokens,
            "model_calls": spend.model_calls,
        }
    )


def _print(value: Mapping[str, object]) -> None:
    sys.stdout.write(visible(json.dumps(value, ensure_ascii=False)) + "\n")
    sys.stdout.flush()
