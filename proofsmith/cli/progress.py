"""Show a run while it goes on, on stderr: a live line on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from proofsmith.protocols import Progress
from proofsmith.tools.terminal import visible
from proofsmith.types import Budget, Comparison, Spend


class Watcher:
    """Take Progress records and show them; a context manager that restores the terminal at its end."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        """Show nothing when `quiet`; `stream` is stderr unless given."""
        self._stream = stream or sys.stderr
        self._console = Console(file=self._stream, stderr=stream is None, highlight=False)
        self._quiet = quiet
        self._live: Live | None = None
        self._phase = ""

    def __enter__(self) -> Self:
        """Take over the last line of a terminal."""
        if not self._quiet and self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""
        self.close()

    def close(self) -> None:
        """Give the terminal back now, for a question; later records come as plain lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def told(self, text: str) -> None:
        """Show what a long step says before it starts."""
        if self._live is not None:
            self._console.print(Text(f"  {visible(text)}", style="dim"))
        elif not self._quiet:
            self._stream.write(f"{visible(text)}\n")
            self._stream.flush()

    def __call__(self, progress: Progress) -> None:
        """Show one record."""
        if self._quiet:
            return
        changed = progress.phase != self._phase
        self._phase = progress.phase
        if self._live is not None:
            if progress.note:
                self.told(progress.note)
            self._live.update(Spinner("dots", Text(status(progress))))
        elif progress.note or changed:
            stamp = f"[{progress.spend.wall_s:6.1f} s]"
            told = (
                f"{progress.phase}: {visible(progress.note)}" if progress.note else status(progress)
            )
            self._stream.write(f"{stamp} {told}\n")
            self._stream.flush()


def status(progress: Progress) -> str:
    """Say in one line where a run stands."""
    parts = [progress.phase, f"{progress.spend.attempts} attempts"]
    if progress.best is not None:
        parts.append(f"best {_ratio(progress.best)}")
    left = remaining(progress.budget, progress.spend)
    return "  ".join([*parts, f"left: {left}"] if left else parts)


def remaining(budget: Budget, spend: Spend) -> str:
    """Say what is left of each cap that was set; empty when none was."""
    parts = []
    if budget.wall_s is not None:
        parts.append(f"{max(0.0, budget.wall_s - spend.wall_s):.0f} s")
    if budget.attempts is not None:
        parts.append(f"{max(0, budget.attempts - spend.attempts)} attempts")
    if budget.tokens is not None:
        parts.append(f"{max(0, budget.tokens - spend.tokens)} tokens")
    if budget.cost_usd is not None and spend.cost_usd is not None:
        parts.append(f"${max(0.0, budget.cost_usd - spend.cost_usd):.2f}")
    return ", ".join(parts)


def _ratio(best: Comparison) -> str:
    if best.ratio is None:
        return str(best.verdict)
    interval = "" if best.low is None or best.high is None else f" ({best.low:.2f}-{best.high:.2f})"
    bound = "at least " if best.low is not None and best.high is None else ""
    return f"{bound}{best.ratio:.2f}x{interval}"
