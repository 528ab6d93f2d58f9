"""Verdicts that were earned before, served again only in exactly the same environment."""

from pathlib import Path

from pydantic import ValidationError

from proofsmith.memory.rows import Table, adapter
from proofsmith.tools import normal_form
from proofsmith.types import Candidate, Depth, Problem, Status, Verdict, canonical, digest


def problem_digest(problem: Problem) -> str:
    """Hash what a verdict depends on: goal, files, checks, options, required level, and the inputs' state on disk."""
    parts = [problem.domain, problem.goal, problem.text, problem.required]
    parts += [canonical(dict(problem.files)), canonical(dict(problem.checks))]
    parts += [canonical(problem.options), *problem.editable]
    for name in sorted(problem.inputs):
        path = problem.inputs[name]
        stat = path.stat() if path.exists() else None
        parts += [name, str(path), f"{stat.st_size} {stat.st_mtime_ns}" if stat else "absent"]
    return digest(*parts)


def meaning(problem: Problem, candidate: Candidate) -> str:
    """Name what `candidate` does: equal for versions that differ in layout, comments or names of locals only.

    Names that the problem's checks or its other files mention are known outside and count.
    """
    others = (text for path, text in problem.files.items() if path not in candidate.files)
    kept = frozenset[str]().union(*map(normal_form.mentioned, (*problem.checks.values(), *others)))
    return digest(canonical(candidate.settings), normal_form.names(candidate.files, kept))


def settled(verdict: Verdict) -> bool:
    """Say whether a verdict holds for whatever is the same: not when the load of the machine may have decided it."""
    loaded = any("exceeded" in evidence.facts for evidence in verdict.evidence)
    return verdict.status is not Status.UNDECIDED and not loaded


class VerdictCache:
    """Verdicts by problem, meaning of the candidate, depth and environment; losing it costs time, never truth.

    `environment` is the digest of all that could change a verdict: product and compiler versions, machine and
    isolation level. Another environment never sees these verdicts.
    """

    def __init__(self, path: Path, environment: str) -> None:
        """Open or create the cache at `path`; raises StoreError when that is impossible."""
        self._environment = environment
        self._table = Table(path, "verdicts")
        self.until: int | None = None
        """The last row that is served: a run is not to depend on what it finds out itself meanwhile; None for all."""

    @property
    def newest(self) -> int:
        """Number of the row that was written last."""
        return self._table.newest

    def close(self) -> None:
        """Release the file."""
        self._table.close()

    def get(
        self, problem: Problem, candidate: Candidate, depth: Depth, *, behaviour: str = ""
    ) -> Verdict | None:
        """Return the verdict that was earned here before, None when there is none or it is unreadable.

        `behaviour`: what the candidate becomes, see `protocols.Behavioural`; asked for instead of its text when given.
        """
        payload = self._table.get(self._key(problem, candidate, depth, behaviour), until=self.until)
        try:
            return adapter(Verdict).validate_json(payload) if payload else None
        except ValidationError:
            return None

    def put(
        self,
        problem: Problem,
        candidate: Candidate,
        depth: Depth,
        verdict: Verdict,
        *,
        behaviour: str = "",
    ) -> None:
        """Keep a verdict, by text and by behaviour when that is known, unless load could have decided it."""
        if not settled(verdict):
            return
        payload = adapter(Verdict).dump_json(verdict).decode()
        for known in {"", behaviour}:
            self._table.put(self._key(problem, candidate, depth, known), payload)

    def _key(self, problem: Problem, candidate: Candidate, depth: Depth, behaviour: str) -> str:
        does = ("becomes", behaviour) if behaviour else ("means", meaning(problem, candidate))
        return digest(self._environment, problem_digest(problem), *does, depth)
