"""The exit codes of every verb: the only table; docs/cli.md is generated from it."""

from enum import IntEnum


class Exit(IntEnum):
    """What the exit code of a command says."""

    DONE = 0
    NOT_SO = 1
    USAGE = 2
    MACHINERY = 3
    MODEL = 4
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """The sentence of the table."""
        return MEANINGS[self]


MEANINGS = {
    Exit.DONE: "solved, improved; `check` at the required level; `measure` says faster; every replayed claim holds",
    Exit.NOT_SO: (
        "finished, but not so: no improvement, failed, undecided, disproved, not faster, a claim fell, "
        "the budget spent without a verified answer; the report says which"
    ),
    Exit.USAGE: "usage or bad input",
    Exit.MACHINERY: "machinery: sandbox, toolchain, store, or a defect of ours",
    Exit.MODEL: "the model endpoint failed and no rule could go on",
    Exit.INTERRUPTED: "interrupted; a search or build goes on where it stopped with the same command",
}
