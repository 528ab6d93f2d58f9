"""A verb over a folder, a log or a set: one search a file, one table, advice that several files share."""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from proofsmith import domains
from proofsmith.cli import suite
from proofsmith.cli.exits import Exit
from proofsmith.cli.flags import options_of
from proofsmith.errors import UsageError
from proofsmith.spec import DomainSpec
from proofsmith.tools.terminal import visible
from proofsmith.types import Conclusion, digest

if TYPE_CHECKING:
    from proofsmith.types import Report


FILES = {".log": "sql", ".jsonl": "lean"}
"""Suffixes of files that hold several problems, and the domain that takes them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file with its report, or with why there is none."""

    path: Path
    report: "Report | None" = None
    refused: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times faster the best version is, None when there is no better one."""
        report = self.report
        if report is None or report.conclusion is not Conclusion.IMPROVED or report.best is None:
            return None
        return report.best.comparisons[0].ratio if report.best.comparisons else None

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.report is not None and self.report.ended_by == "interrupted"

    @property
    def settled(self) -> bool:
        """Whether a first version was found, or it is known that there is none."""
        settled = (Conclusion.SOLVED, Conclusion.DISPROVED)
        return self.report is not None and self.report.conclusion in settled

    @property
    def line(self) -> str:
        """The file, what was found and how strongly it is known, in one line."""
        if self.report is None:
            return f"{self.path.name:24} refused: {self.refused}"
        best, ratio = self.report.best, self.ratio
        if self.settled:
            return f"{self.path.name:24} {self.report.conclusion}  ({self.report.run_id})"
        if best is None or ratio is None:
            return f"{self.path.name:24} nothing better found  ({self.report.run_id})"
        from proofsmith.agents.report.summary import gained

        told = f"{gained(best.comparisons[0])}, {best.verdict.status}, {best.candidate.move}"
        return f"{self.path.name:24} {told}  ({self.report.run_id})"


def is_workload(source: Path, domain: str | None) -> bool:
    """Say whether `source` is a folder, or a file that its domain takes apart."""
    taker = FILES.get(source.suffix) if source.is_file() else None
    return source.is_dir() or taker is not None and domain in (None, taker)


def parts(source: Path, domain: str | None, given: Mapping[str, object]) -> list[Path]:
    """Return the files of a folder or a log, one problem each.

    Raises:
        UsageError: no domain, or several, take such files, or there is none of them.
    """
    takers = [s for s in domains.specs() if s.workload and domain in (None, s.name)]
    if source.is_dir():
        takers = [s for s in takers if any(p for x in s.suffixes for p in source.glob(f"*{x}"))]
    else:
        takers = [s for s in takers if s.name == FILES.get(source.suffix)]
    if len(takers) != 1:
        raise UsageError(
            f"{source} is a folder" if source.is_dir() else f"no domain handles '{source.name}'",
            hint="name a source file, or a folder of .sql or .lean files",
        )
    return _split(takers[0], source, given)


def _split(spec: DomainSpec, source: Path, given: Mapping[str, object]) -> list[Path]:
    from proofsmith import config

    function: Callable[..., list[Path]] = domains.implementation(spec, spec.workload)
    home = config.resolve({}).settings.runs_dir.parent / "workloads"
    place = home / digest(str(source.resolve()))[:12]
    return function(source, options_of(spec, given), place)


def searched(files: list[Path], search: Callable[[Path], "Report"], *, quiet: bool) -> list[Row]:
    """Search each file; one that cannot be used is noted and does not stop the others, Ctrl-C does."""
    rows = []
    for path in files:
        try:
            row = Row(path=path, report=search(path))
        except UsageError as error:
            row = Row(path=path, refused=error.message)
        rows.append(row)
        if row.interrupted:
            break
        if not quiet:
            sys.stderr.write(visible(row.line) + "\n")
    return rows


def shared_advice(rows: list[Row]) -> list[str]:
    """Return each piece of advice with the files that it helps, most files first.

    Advice comes from the fact `advised` of a profile: records of a statement and the ratio that was measured with it.
    """
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        profile = row.report.profile if row.report is not None else None
        listed = profile.facts.get("advised") if profile is not None else None
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, dict) and isinstance(item.get("ratio"), float):
                ratio = item["ratio"]
                assert isinstance(ratio, float)
                found[str(item["statement"])].append((row.path.name, ratio))
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), -max(r for _, r in item[1])))
    return [
        f"{statement}: {', '.join(f'{name} {ratio:.1f}x' for name, ratio in helped)}"
        for statement, helped in ranked
    ]


def show(rows: list[Row], *, as_json: bool, place: Path | None = None) -> int:
    """Print the table, the advice and the `place` of files that were made; return the exit code.

    It is 0 when some file got better or was solved.
    """
    advice = shared_advice(rows)
    found = suite.figures([row.report for row in rows])
    if as_json:
        listed = [
            {
                "file": str(row.path),
                "run_id": row.report.run_id if row.report else None,
                "conclusion": row.report.conclusion.value if row.report else None,
                "ratio": row.ratio,
                "refused": row.refused,
            }
            for row in rows
        ]
        facts = {"schema_version": 1, "files": listed, "advice": advice}
        facts |= {"set": found} if found else {}
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        lines = [row.line for row in rows]
        lines += [f"the files are in {place}"] if place is not None else []
        lines += ["advice that is no rewrite, measured alone:"] if advice else []
        lines += [f"  {line}" for line in advice]
        typer.echo(visible("\n".join([*lines, *suite.lines(found)])))
    if all(row.report is None for row in rows):
        return Exit.USAGE
    done = any(row.ratio or row.settled for row in rows)
    return Exit.DONE if done else Exit.NOT_SO
